"""Words that are shown as written and said as their caller wants them."""
import time
from itertools import pairwise

import pytest

from text.pronunciations import find
from text.spoken import read, utterance

ENTRIES = {"Kubernetes": "koo ber NET eez", "nginx": "engine x", "New York": "noo york",
           "New York City": "the big apple",
           "Polish": "POLE ish", "O'Neil": "oh neel", "你好": "nee how", "3M": "three em"}


def said(text: str, language: str = "en", normalize: bool = True) -> list[str]:
    return [token.said for token in read(text, language, normalize=normalize, pronunciations=ENTRIES)]


@pytest.mark.parametrize(("text", "expected"), [
    ("Kubernetes, now!", ["koo ber NET eez,", "now!"]),
    ("(Kubernetes)", ["(koo ber NET eez)"]),
    ("KUBERNETES is", ["koo ber NET eez", "is"]),
    ("kubernetes is", ["kubernetes", "is"]),
    ("Nginx and NGINX", ["engine x", "and", "engine x"]),
    ("nginx's and nginx’s", ["engine x's", "and", "engine x's"]),
    ("nginx-based nginxes", ["engine x-based", "nginxes"]),
    ("nginx/Kubernetes", ["engine x koo ber NET eez"]),
    ("to New York, then New York City.", ["to", "noo", "york,", "then", "the", "big", "apple."]),
    ("New\n York", ["noo", "york"]),
    ("polish the Polish one", ["polish", "the", "POLE ish", "one"]),
    ("O’Neil paid $5 to 3M", ["oh neel", "paid", "five dollars", "to", "three em"]),
])
def test_an_entry_is_said_as_given_and_all_else_as_before(text: str, expected: list[str]) -> None:
    assert said(text) == expected
    tokens = read(text, "en", pronunciations=ENTRIES)
    assert [token.text for token in tokens] == text.split()


def test_it_is_aligned_as_it_is_said() -> None:
    token = read("Kubernetes,", "en", pronunciations=ENTRIES)[0]
    assert token.spoken == ("koo", "ber", "net", "eez")
    assert token.text == "Kubernetes,"


def test_it_holds_without_normalizing_where_all_else_stays_as_written() -> None:
    assert said("Kubernetes for $5, nginx!", normalize=False) == ["koo ber NET eez", "for", "$5,", "engine x!"]


def test_an_entry_without_spaces_around_it_is_found_where_the_language_has_none() -> None:
    tokens = read("他说你好了。", "zh", pronunciations=ENTRIES)
    assert "".join(token.text for token in tokens) == "他说你好了。"
    assert "nee how" in utterance(tokens).text


def test_a_hundred_thousand_characters_and_two_hundred_entries_take_no_minute() -> None:
    entries = {f"word{n} again": "said" for n in range(200)}
    text = "word7 again word8 no " * 5000
    started = time.process_time()
    tokens = read(text, "en", pronunciations=entries)
    assert time.process_time() - started < 20
    assert [token.text for token in tokens] == text.split()
    assert tokens[0].said == "said"


@pytest.mark.parametrize(("text", "entry"), [
    ("Cafe\u0301 opens", "Café"), ("Café opens", "Cafe\u0301"), ("E\u0301mile says", "émile"),
    ("Émile says", "e\u0301mile"), ("Wi\u2011Fi works", "Wi-Fi"), ("Wi-Fi works", "Wi\u2010Fi"), ("क़लम है", "क़लम"),
])
def test_an_entry_is_found_in_each_form_of_its_letters(text: str, entry: str) -> None:
    found, = find(text, {entry: "said"})
    assert text[found.start:found.end] == text.split()[0]


def test_a_letter_with_a_mark_apart_is_another_letter() -> None:
    assert find("Cafe\u0301 opens", {"Cafe": "kayf"}) == []


def test_what_is_found_never_overlaps() -> None:
    found = find("New York City and New York and Kubernetes nginx", ENTRIES)
    assert len(found) == 4
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_entries_are_found_whatever_their_case_and_apostrophe() -> None:
    entries = {"ſoft": "soft", "o'neil": "oh neel", "ΣΑΣ": "sas"}
    assert len(find("Soft: O’neil, o'neil and ΣΑΣ.", entries)) == 4
