"""Text -> F5-TTS's tokens: characters, and for Chinese a space and the syllable in pinyin with its tone.

The same tokens as upstream's convert_char_to_pinyin (model/utils.py): the network has learned its habits, such as
a space before a word of Latin letters that follows another word directly. jieba decides what a word is.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

import rjieba

_READABLE = re.compile("[\u3007\u3100-\u9fff\ue815-\ue864\ufa18\U00020000-\U0003ffff]")
"""What pypinyin may have a reading for (pypinyin/pinyin_dict.py)."""
_ALIKE = str.maketrans({";": ",", "“": '"', "”": '"', "‘": "'", "’": "'"})


def tokenize(text: str) -> list[str]:
    """Tokens in order; they need not be in the vocabulary."""
    tokens: list[str] = []
    for word in rjieba.cut(text.translate(_ALIKE)):
        n_bytes = len(word.encode())
        if n_bytes == len(word):
            if tokens and n_bytes > 1 and tokens[-1] not in " :'\"":
                tokens.append(" ")
            tokens += word
        elif n_bytes == 3 * len(word):
            for character, syllable in zip(word, _syllables(word), strict=True):
                tokens += (" ", syllable) if _is_chinese(character) else (syllable,)
        else:
            tokens += (token for character in word for token in _mixed(character))
    return tokens


def _mixed(character: str) -> Iterator[str]:
    if _is_chinese(character):
        yield " "
        yield from _syllables(character)
    else:
        yield character


def _is_chinese(character: str) -> bool:
    return "\u3100" <= character <= "\u9fff"


def _syllables(word: str) -> list[str]:
    """Pinyin with tone numbers, one entry a character; what has no reading stays as it is."""
    if not _READABLE.search(word):
        return list(word)
    from pypinyin import Style, lazy_pinyin  # 0.3 s and 40 MB, for Chinese alone

    syllables: list[str] = lazy_pinyin(word, style=Style.TONE3, tone_sandhi=True)
    if len(syllables) == len(word):  # a run of characters without a reading comes back as one entry
        return syllables
    return [syllable for character in word for syllable in lazy_pinyin(character, style=Style.TONE3)]


def one_line(text: str) -> str:
    """Composed letters, as the vocabulary has them, and a plain space for every kind of white space."""
    return re.sub(r"\s", " ", unicodedata.normalize("NFC", text)).strip()


def respell(text: str, vocabulary: Collection[str]) -> tuple[str, dict[str, str]]:
    """The text in characters that have tokens, and what each of the others became.

    Tried in turn: the lower-case letter, the base letter, its lower case; else a space.
    """
    replaced = {character: _nearest(character, vocabulary) for character in dict.fromkeys(text)
                if not _is_known(character, vocabulary)}
    if not replaced:
        return text, replaced
    spelt = "".join(replaced.get(character, character) for character in text)
    return re.sub(" {2,}", " ", spelt).strip(), replaced


def _nearest(character: str, vocabulary: Collection[str]) -> str:
    base = "".join(letter for letter in unicodedata.normalize("NFKD", character) if not unicodedata.combining(letter))
    for candidate in (character.lower(), base, base.lower()):
        if candidate and all(_is_known(letter, vocabulary) for letter in candidate):
            return candidate
    return " "


def _is_known(character: str, vocabulary: Collection[str]) -> bool:
    return all(token in vocabulary for token in tokenize(character))
