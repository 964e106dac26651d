"""Text in a cloned voice by F5-TTS, with a network of our own over upstream's weights.

`checkpoint` reads the files, `network` computes, `prompt` says what is asked of it, `sampler` is the reference
loop, `batch` the packed one, `scheduler` decides which lines step together, `engine` composes them.
Nothing here imports upstream's package; it is where vocabulary and example clip come from, and the peer in tests.
"""
