"""What is written in, what is said out.

`script` reads pauses and changes of speaker, `transcript` a file of words, `spoken` the display words of a text and
the spoken form of each; `english` and `languages` have the rules of a language, `phonemes` how a word sounds.
"""
