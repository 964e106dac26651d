"""Audio and the words that are said in it in, a time for each word out.

`align.align` asks one acoustic source after another (`whisperx`, `google`, `pocketsphinx`); `words` has the values
that leave this room.
"""
