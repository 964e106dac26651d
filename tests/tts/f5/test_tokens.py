"""Tokens against upstream's own, over 2 000 sentences in six languages made of numbers, dates, names and phrases."""
from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from num2words import num2words
from pypinyin.phrases_dict import phrases_dict

from tts.f5 import tokens

FRAMES = {
    "en": ["It isn't {}; it's “{}”.", "Call 555-{}, or email me@host.com: {}?", "{} people said 'no' — {} said yes!"],
    "de": ["Schöne Grüße von {} Gästen, {} Mal.", "„{}“, fragte er, „oder {}?“"],
    "fr": ["Ça coûte {} euros : c'est {} de trop…", "L'été, {} élèves; l'hiver, {}."],
    "es": ["¿Cuántos? ¡{}! No {}.", "El niño tiene {} años y {} días."],
    "ru": ["Ему {} лет, а ей {}.", "Всего {} — не {}!"],
    "zh": ["我有{}个朋友，{}。", "{}、{}and OK？", "他说：“{}！”{}12.5%。"],
}


def sentences(language: str, count: int) -> list[str]:
    draw = random.Random(language)
    phrases = sorted(phrases_dict)

    def piece() -> str:
        if language == "zh":
            return "".join(draw.choice(phrases) for _ in range(draw.randrange(1, 4)))
        return str(num2words(draw.randrange(10**draw.randrange(1, 7)), lang=language))

    return [draw.choice(FRAMES[language]).format(piece(), piece()) for _ in range(count)]


def upstreams(texts: list[str]) -> list[list[str]]:
    from f5_tts.model.utils import convert_char_to_pinyin  # seconds, which only the process of this file needs to spend

    found: list[list[str]] = convert_char_to_pinyin(texts)
    return found


@pytest.mark.parametrize("language", FRAMES)
def test_sentences_have_upstreams_tokens(language: str) -> None:
    corpus = sentences(language, 335)
    assert len(set(corpus)) > 300
    for sentence, wanted in zip(corpus, upstreams(corpus), strict=True):
        assert tokens.tokenize(sentence) == wanted, sentence


@settings(max_examples=300, deadline=None)
@example("&𠀀𠀀")  # four bytes each, and with a letter of one as many as three Chinese characters
@example("二〇二六")
@given(text=st.text(max_size=40) | st.text("天地玄黄，宇宙。ab c'é；「ひらカタ한й", max_size=20))
def test_any_text_has_upstreams_tokens_wherever_upstream_survives_it(text: str) -> None:
    try:
        wanted = upstreams([text])[0]
    except IndexError:  # a run of characters that pypinyin has no reading for
        assert tokens.tokenize(text)
        return
    assert tokens.tokenize(text) == wanted
