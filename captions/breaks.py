"""Where a text may be broken well: how each word holds on to the next.

Punctuation, paragraphs and markup say it in every language; the short words of a phrase (articles,
prepositions, conjunctions, auxiliaries) in those that `PHRASE` and `LEANING` list.
Source: Netflix English (USA) Timed Text Style Guide, "Line treatment": break after punctuation, before
conjunctions and prepositions; not between article and noun, auxiliary and verb, first and last name.
"""
from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from text.dots import is_within_sentence

if TYPE_CHECKING:
    from timing.words import Timeline


class Seam(Enum):
    """What lies between a word and the next, from what must part them to what should hold them together."""

    MUST = "another speaker, a written pause or a new paragraph"
    SENTENCE = "a sentence ends"
    CLAUSE = "a comma or the like"
    PHRASE = "a conjunction or preposition follows"
    PLAIN = "nothing in particular"
    TIGHT = "article and noun, auxiliary and verb, first and last name"


SENTENCE_END = re.compile(r"""[.!?…。！？؟۔।॥][\]"'”’»)」』】）]*$""")
CLAUSE_END = re.compile(r"""[,;:—–，、；：،؛][\]"'”’»)」』】）]*$|^[-–—]+$|[\])」』】）]$""")
OPENING = re.compile(r"""^[\[(“«„「『【（]|^[-–—]""")
OPENERS = "\"'“‘«([{¿¡-–—"
SIGN_BEHIND = re.compile(r"^[!?;:»…%‰€$£¥₹₽°]+$")
SIGN_BEFORE = re.compile(r"^[«„“‘(¿¡€$£¥₹#]+$")
"""What belongs to its neighbour although a space parts them: « 15 % ! »"""

# Words that begin a phrase: a line is well broken before them, and badly after them.
PHRASE = {
    "en": """and or but nor so yet because although though while when where which who whom whose that if unless until
        since as than after before of in on at to from for with by about into onto over under between through during
        without within against among across behind beside toward towards upon like per via""",
    "de": """und oder aber denn sondern weil dass ob wenn als während obwohl in im an am auf aus bei mit nach seit von
        vom zu zum zur durch für gegen ohne um über unter vor hinter neben zwischen""",
    "fr": """et ou mais donc or ni car que qui dont où quand si comme parce lorsque puisque de à au aux en dans sur
        sous avec sans pour par chez vers entre pendant depuis""",
    "es": """y e o u pero sino que porque cuando donde si como aunque mientras de del a al en con sin por para sobre
        entre hasta desde según""",
    "it": """e o ma che perché quando dove se come mentre di del della dei a al alla in nel nella con senza per su sul
        tra fra da dal dalla""",
    "pt": """e ou mas que porque quando onde se como embora enquanto de do da dos das ao à em no na nos nas com sem
        por pelo pela para sobre entre até desde""",
}
# Words that lean on the one behind them: articles, possessives, pronouns, auxiliaries, negations, titles.
LEANING = {
    "en": """a an the this that these those my your his her its our their no every each some any i you he she we they
        am is are was were be been being have has had do does did will would shall should can could may might must not
        very too mr mrs ms dr i'm you're we're they're don't doesn't didn't won't can't""",
    "de": """der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser euer kein keine nicht
        ich du er sie es wir ist sind war hat haben wird werden kann muss soll sehr""",
    "fr": """le la les un une des du mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces
        je tu il elle on nous vous ils elles ne est sont a ont suis être avoir très""",
    "es": """el la los las un una unos unas mi tu su mis tus sus nuestro nuestra este esta estos estas ese esa no se
        me te lo le es son está están ha han muy""",
    "it": """il lo la i gli le un uno una mio tuo suo nostro vostro questo questa quel quella non si mi ti è sono ha
        hanno molto""",
    "pt": """o a os as um uma uns umas meu minha teu tua seu sua nosso nossa este esta esse essa não me te é são está
        estão tem muito""",
}


def seams(timeline: Timeline) -> list[Seam]:
    """What follows each word but the last."""
    language = timeline.language.partition("-")[0].lower()
    phrase, leaning = (frozenset(words.get(language, "").split()) for words in (PHRASE, LEANING))
    words = timeline.words
    return [_marked(words[at].text, words[at + 1].text, words[at - 1].text if at else "",
                    timeline.text[words[at].char_end:words[at + 1].char_start], language)
            or _worded(words[at].text, words[at + 1].text, phrase, leaning)
            for at in range(len(words) - 1)]


def _marked(text: str, following: str, before: str, between: str, language: str) -> Seam | None:
    """What the marks say, if they say anything."""
    # What is no space there is markup: a pause or another speaker.
    if between.strip() or between.count("\n") > 1:
        return Seam.MUST
    if "\n" in between:
        return Seam.SENTENCE
    begins = following.lstrip(OPENERS)
    is_short = text.endswith(".") and is_within_sentence(text.lstrip(OPENERS), begins, before, language)
    if is_short or SIGN_BEHIND.match(following) or SIGN_BEFORE.match(text):
        return Seam.TIGHT
    if SENTENCE_END.search(text) and not begins[:1].islower():
        return Seam.SENTENCE
    if CLAUSE_END.search(text) or SENTENCE_END.search(text) or OPENING.match(following):
        return Seam.CLAUSE
    return None


def _worded(text: str, following: str, phrase: frozenset[str], leaning: frozenset[str]) -> Seam:
    word = _bare(text)
    if word not in phrase and _bare(following) in phrase:
        return Seam.PHRASE
    return Seam.TIGHT if word in phrase or word in leaning or _is_name(text, following) else Seam.PLAIN


def _bare(text: str) -> str:
    return text.strip("\"'“”‘’«»()[]").lower().replace("’", "'")


def _is_name(text: str, following: str) -> bool:
    """Two capitalised words in a row, such as a first and a last name."""
    return text[:1].isupper() and following[:1].isupper() and len(text) > 1 and text[1:].islower()
