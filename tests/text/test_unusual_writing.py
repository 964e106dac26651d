"""Signs, spaces and codes as people paste them: what is said is the number that stands there, or a guess says so."""
from __future__ import annotations

import time

import pytest

from text.spoken import read, utterance

SAID = [
    ("de", "–7 °C, von –2 bis –9 Uhr", "minus sieben Grad Celsius, von minus zwei bis minus neun Uhr"),
    ("de", "Seite 4 –5 Bilder", "Seite vier –fünf Bilder"),
    ("en", "it was –12.", "it was minus twelve."),
    ("en", "at –12°C", "at minus twelve degrees Celsius"),
    ("en", "25\u00a0000 fans and 1\u202f250\u202f000 views",
     "twenty-five thousand fans and one million two hundred fifty thousand views"),
    ("ja", "30\u00a0000円", "三万円"),
    ("zh", "25\u202f000人", "两万五千人"),
    ("ja", "２，５００円と３．５倍", "二千五百円と三点五倍"),
    ("zh", "１２，３４５元", "一万两千三百四十五元"),
    ("zh", "买1，200克", "买一，二百克"),
    ("en", "③7 tips and ④", "three seven tips and four"),
    ("ja", "②3分待つ", "二、三分待つ"),
    ("de", "🔟 Tipps", "zehn Tipps"),
    ("de", "a² + 10⁻⁶, 7³ und m²", "a Quadrat plus zehn hoch minus sechs, sieben hoch drei und Quadratmeter"),
    ("fr", "y² et 2⁸", "y au carré et deux puissance huit"),
    ("ru", "x³, 10⁹", "x в кубе, десять в степени девять"),
    ("ko", "10⁴", "십의 사제곱"),
    ("zh", "10⁸", "十的八次方"),
    ("de", "¼kg, 3½h", "ein Viertel Kilogramm, dreieinhalb Stunden"),
    ("en", "¾lb, 2½kg", "three quarters pound, two and a half kilograms"),
    ("zh", "2½杯", "二又二分之一杯"),
    ("ko", "2¾컵", "이와 사분의 삼컵"),
    ("hi", "2½ किलो, 3½ घंटे", "ढाई किलो, साढ़े तीन घंटे"),
    ("fr", "2023-01-05T08:15:00Z", "cinq janvier deux mille vingt-trois, huit heures quinze"),
    ("en", "2023-01-05T08:15:00-05:00", "January fifth, twenty twenty-three, eight fifteen minus five"),
    ("de", "# Teil eins", "Teil eins"),
    ("de", "v4.2.1 und 1.2.3.4.5", "v vier Punkt zwei Punkt eins und eins Punkt zwei Punkt drei Punkt vier Punkt fünf"),
    ("ko", "4.2.1 버전", "사 점 이 점 일 버전"),
    ("zh", "版本4.2.1", "版本四点二点一"),
    ("ja", "iOS16.5.1で", "iOS十六点五点一で"),
    ("ja", "大阪市北区5-12-3です", "大阪市北区五の十二の三です"),
    ("zh", "3-2-401", "三杠二杠四零一"),
    ("pl", "31-042 Kraków", "trzy jeden zero cztery dwa Kraków"),
    ("nl", "0800-7000", "nul acht nul nul zeven nul nul nul"),
    ("es", "+1-800-PIZZAS", "más uno - ochocientos PIZZAS"),
    ("nl", "250 km2 en 8 m3", "tweehonderdvijftig vierkante kilometer en acht kubieke meter"),
    ("de", "Staffel 4x400 m", "Staffel vier mal vierhundert Meter"),
    ("ko", "33㎡(10평)", "삼십삼 제곱미터 (십 평)"),
    ("de", "IBAN AT61 1904 3002 3457 3201",
     "iban A T sechs eins eins neun null vier drei null null zwei drei vier fünf sieben drei zwei null eins"),
    ("fr", "1995 1996 1997 1998", ("mille neuf cent quatre-vingt-quinze mille neuf cent quatre-vingt-seize "
                                   "mille neuf cent quatre-vingt-dix-sept mille neuf cent quatre-vingt-dix-huit")),
    ("en", "a4:5e:60:b1:2c:0f", "A four five E six zero B one two C zero F"),
    ("fr", "2001:db8::ff00:42", "deux zéro zéro un D B huit F F zéro zéro quatre deux"),
    ("es", "#804000", "hashtag ocho cero cuatro cero cero cero"),
    ("de", "Salz &amp; Pfeffer, 3&nbsp;kg, &#8364;5", "Salz und Pfeffer, drei Kilogramm, fünf Euro"),
    ("ja", "+44 20 7946 0958", "プラス四四 二零 七九四六 零九五八"),
    ("hi", "भारत का GDP, NASA नहीं।", "भारत का G D P, nasa नहीं।"),
]


@pytest.mark.parametrize(("tag", "written", "expected"), SAID, ids=[f"{row[0]}: {row[1]}" for row in SAID])
def test_pasted_signs_are_said_as_the_number_they_write(tag: str, written: str, expected: str) -> None:
    assert utterance(read(written, tag)).text == expected


@pytest.mark.parametrize(("tag", "written", "word"), [
    ("de", "Das Team IV gewann.", ""), ("de", "die iv VII dort", "VII"), ("es", "con el VIII, claro", "VIII"),
    ("es", "la III Feria", ""), ("ru", "скидка 05.06 для всех", "05.06"), ("pl", "rabat 05.06 dla nas", "05.06"),
    ("pl", "o 12 w nocy", ""), ("fr", "le 3/4 à midi", "3/4"), ("zh", "5元/斤", ""), ("it", "Enrico VIII", ""),
])
def test_what_may_be_meant_otherwise_is_a_guess(tag: str, written: str, word: str) -> None:
    assert [token.text.strip(",.") for token in read(written, tag) if token.guessed] == [word] * bool(word)


@pytest.mark.parametrize("tag", ["en", "de", "ru", "ja"])
def test_odd_text_is_read_whole_and_in_time_that_grows_with_its_length(tag: str) -> None:
    text = ("–5 °C ③ 10\u00a0000 XIX–XX １，０００ 1½kg 4:3-a 25.12 &amp; a:b:1::2 〒100-0001 x² 1-2-3 5-x "
            "\u202e7 e\u0301 5' ")
    took = []
    for count in (10, 80):
        start = time.process_time()
        tokens = read(text * count, tag)
        took.append(time.process_time() - start)
        assert all((text * count)[token.char_start:token.char_end] == token.text for token in tokens)
    assert took[1] < 30 * took[0] + 0.5
