"""Display words and what is said for them, there and back.

`read` cuts a text into display words and returns for each what an engine is given and what an aligner matches;
`utterance` joins them to the string that is said and returns where each lies in it. Nothing is merged, reordered
or lost: every display word is a slice of the text, also when several are one number or one name.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import budoux

from text import english, languages
from text.capitals import small
from text.guesses import has_unnamed_sign, is_guessed
from text.pronunciations import find, respelled
from text.written import Written, peel, plain, signed


@dataclass(frozen=True, slots=True)
class Token:
    """One display word: `text` is the source's slice `[char_start:char_end]`, punctuation attached.

    `said` is what an engine is given for it, punctuation kept ("three dollars fifty,"; "" for an emoji).
    `spoken` are the words that an aligner matches, lower case, letters and apostrophes only; () when it has no sound.
    `guessed`: its writing leaves open what a narrator would say.
    """

    text: str
    char_start: int
    char_end: int
    said: str
    spoken: tuple[str, ...]
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Utterance:
    """`text[start:end]` of span i is what is said for token i."""

    text: str
    spans: tuple[tuple[int, int], ...]


def read(text: str, language: str, *, char_offset: int = 0, normalize: bool = True,
         pronunciations: Mapping[str, str] | None = None) -> tuple[Token, ...]:
    """The display words of `text` in order; `char_offset` is added to their places.

    `language` is a BCP 47 code; its region decides between 5/12 in May and in December. Without `normalize`
    the words are said as written, and `spoken` is still what they most likely sound like. `pronunciations` are
    said as they stand, in both cases.
    """
    places = list(_display_words(text, language))
    words = signed([peel(plain(text[start:end])) for start, end in places])
    sounding = _speak(words, language)
    said = sounding if normalize else [" ".join(text[start:end].split()) for start, end in places]
    if found := find(text, pronunciations or {}):
        sounding = respelled(text, places, sounding, found, lambda piece: _speak([peel(plain(piece))], language)[0])
        said = sounding if normalize else respelled(text, places, said, found, str)
    return tuple(
        Token(text[start:end], start + char_offset, end + char_offset, phrase, _spoken(sound, language),
              normalize and _is_guessed(words, at, phrase, language))
        for at, ((start, end), phrase, sound) in enumerate(zip(places, said, sounding, strict=True)))


def unread(tokens: Sequence[Token]) -> list[str]:
    """The display words whose digits nobody here could name for sure: an engine reads them as it likes."""
    return [token.text for token in tokens if _DIGIT.search(token.said)]


def doubts(tokens: Sequence[Token]) -> list[str]:
    """Warnings about what is said for a text that was read with `normalize`."""
    found = {
        "no sure reading of these numbers in this language, the engine gets their digits": unread(tokens),
        "said by a guess, write them as they should be said": [token.text for token in tokens if token.guessed],
        "no name for a sign in these, the engine gets it as it is": [
            token.text for token in tokens if has_unnamed_sign(token.text, token.said)],
    }
    return [f"text: {what}: {_first(words)}" for what, words in found.items() if words]


def _first(words: Sequence[str]) -> str:
    """The first five, each once."""
    once = list(dict.fromkeys(word.strip(".,;:!?…\"'()") for word in words))
    return ", ".join(word[:40] for word in once[:5]) + (f" and {len(once) - 5} more" if len(once) > 5 else "")


def utterance(tokens: Sequence[Token]) -> Utterance:
    """What is said: words joined by spaces, Chinese, Japanese and Thai without. An empty `said` takes no room."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    length, last = 0, None
    for token in tokens:
        if token.said and last is not None and not _runs_on(last, token):
            pieces.append(" ")
            length += 1
        spans.append((length, length + len(token.said)))
        if token.said:
            pieces.append(token.said)
            length += len(token.said)
            last = token
    return Utterance("".join(pieces), tuple(spans))


def _runs_on(before: Token, after: Token) -> bool:
    """Two pieces of one run of Chinese, Japanese or Thai, which has no spaces."""
    return before.char_end == after.char_start and bool(
        _UNSPACED.search(before.said[-1]) or _UNSPACED.search(after.said[0]))


def _speak(words: Sequence[Written], language: str) -> list[str]:
    if not _is_english(language):
        return languages.speak(words, language)
    return english.speak(words, british=_region(language) not in ("", "US", "CA", "PH"))


def _is_guessed(words: Sequence[Written], at: int, said: str, language: str) -> bool:
    if is_guessed(words, at, said, language):
        return True
    return bool(_NUMERIC.search(words[at].core)) and not _is_english(language) and languages.is_guessed(
        words, at, language)


def _is_english(language: str) -> bool:
    return re.match(r"en(?![a-z])", language.lower()) is not None


def _region(language: str) -> str:
    """GB of en-GB, "" of en."""
    return next((part.upper() for part in re.split("[-_]", language)[1:] if len(part) == 2), "")


# Display words

_WORD = re.compile("(?:\\S|(?<=\\d)[\u00a0\u202f\u2009](?=\\d{3}(?!\\d)))+")
"""What spaces part; the space within 10 000 that forbids a break is none."""
_HAN_KANA = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003134f"
_UNSPACED = re.compile(f"[{_HAN_KANA}\u0e00-\u0e7f、。，！？；：]")
_WITHIN_NUMBER = re.compile("\\d[：·]\\d|[０-９](?:，[０-９]{3}(?![０-９])|．[０-９])")
_ENDS_CLAUSE = "、。，！？；："
_CLAUSE = re.compile(f"[^{_ENDS_CLAUSE}]{{1,300}}[{_ENDS_CLAUSE}]*|[{_ENDS_CLAUSE}]+")
"""What the segmenter is given at once: its time grows with the square of a piece that it does not cut."""
_OPENING = frozenset("「『《【（〈“‘([{")
_CLOSING = frozenset(_ENDS_CLAUSE + "」』》】）〉”’)]}.,!?;:…—·ー々ゝゞ%％")


def _display_words(text: str, language: str) -> Iterator[tuple[int, int]]:
    for match in _WORD.finditer(text):
        if match[0].isascii() or not _UNSPACED.search(match[0]):
            yield match.span()
        else:
            yield from _segmented(match[0], match.start(), language)


def _segmented(run: str, offset: int, language: str) -> Iterator[tuple[int, int]]:
    """The words of a run without spaces. Numbers, Latin words and their punctuation stay whole."""
    parser = _segmenter(_segmenter_name(run, language))
    cuts, position, start = set(), 0, 0
    for clause in _CLAUSE.findall(run):
        for chunk in parser.parse(clause):
            position += len(chunk)
            cuts.add(position)
    quoted = False
    for cut in range(1, len(run)):
        quoted ^= run[cut - 1] == '"'
        if '"' in run[cut - 1:cut + 1] and (quoted or run[cut] not in _CLOSING):
            parts = not quoted
        elif run[cut - 1] in "：，．·" and _WITHIN_NUMBER.match(run, cut - 2):
            parts = False
        else:
            parts = _parts(run[cut - 1], run[cut], cut in cuts)
        if parts:
            yield offset + start, offset + cut
            start = cut
    yield offset + start, offset + len(run)


def _parts(before: str, after: str, proposed: bool) -> bool:
    """Whether a display word may end between two characters where the segmenter proposes it, or must."""
    if after in _CLOSING or before in _OPENING or before in "#@＃＠" or unicodedata.category(after)[0] == "M":
        return False
    if (before in _CLOSING and before not in "ー々ゝゞ%％") or after in _OPENING:
        return not (before.isascii() and after.isascii())
    first, second = bool(_UNSPACED.match(before)), bool(_UNSPACED.match(after))
    if first == second or before.isdigit():
        return second and proposed
    return True


@cache
def _segmenter(name: str) -> budoux.Parser:
    load = {"ja": budoux.load_default_japanese_parser, "th": budoux.load_default_thai_parser,
            "hant": budoux.load_default_traditional_chinese_parser,
            "hans": budoux.load_default_simplified_chinese_parser}
    return load[name]()


def _segmenter_name(run: str, language: str) -> str:
    if re.search("[\u0e00-\u0e7f]", run):
        return "th"
    if language[:2].lower() == "ja" or re.search("[\u3040-\u30ff]", run):
        return "ja"
    return "hant" if re.search(r"(?i)hant|[-_](?:tw|hk|mo)\b|^yue", language) else "hans"


# Spoken words


def _spoken(said: str, language: str) -> tuple[str, ...]:
    """Small letters and apostrophes. Digits that no reader knew are guessed to sound as long as in English."""
    letters = re.sub(r"\d+", lambda run: f" {english.number(run[0])} ", said)
    letters = small(letters, language)
    if not letters.isascii():
        letters = "".join(map(_ascii_letter if _is_english(language) else _letter, letters))
    return tuple(filter(None, (word.strip("'") for word in _NO_LETTER.split(letters))))


_NUMERIC = re.compile(r"\d|^[IVXL]{2,7}$")
_DIGIT = re.compile(r"\d")
_NO_LETTER = re.compile(r"[\x00-&(-@\[-`{-\x7f]+")
_FOLDED = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}


@lru_cache(4096)
def _letter(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return character if character.isascii() or category[0] == "M" or character.isalpha() else " "


@lru_cache(4096)
def _ascii_letter(character: str) -> str:
    """English aligners know no accents: é is e. Letters of other scripts stay."""
    base = unicodedata.normalize("NFKD", character)[0]
    if character in _FOLDED or base.isascii():
        return _FOLDED.get(character, base)
    return "" if unicodedata.combining(character) else _letter(character)
