"""How English is read aloud: numbers, money, dates, times, measures, abbreviations, acronyms, addresses.

`speak` first writes abbreviations out (`whitelist`), then reads each word by the first rule that knows it. `order` has
the rules and their order; one file holds the rules of one class of the text-normalisation literature, `data/` their
tables. A rule sees the word and its neighbours and returns one phrase for each display word that it reads; readings
that span several ("$1.2 billion", "5 km", "Henry VIII") give every word its own part. Rules look at most a few words
away, and words longer than `MAX_CORE` meet none of them, so time is linear in the text.
"""
from text.english.decimal import number
from text.english.reader import speak

__all__ = ["number", "speak"]
