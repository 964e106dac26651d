"""Russian and Polish numbers in the case that their neighbours ask for; readings that say that they are a guess."""
import pytest

from text.languages.grammar import DATA
from text.spoken import doubts, read
from text.tables import rows

BENT = [
    ("ru", "около 20 км, до 70%", "около | двадцати | километров, | до | семидесяти процентов"),
    ("ru", "более 3 миллионов", "более | трёх | миллионов"),
    ("ru", "от 90 до 120 км/ч", "от | девяноста | до | ста двадцати | километров в час"),
    ("ru", "о 3 ошибках в 3 больших городах", "о | трёх | ошибках | в | трёх | больших | городах"),
    ("ru", "с 5 друзьями, с 9 до 21", "с | пятью | друзьями, | с | девяти | до | двадцати одного"),
    ("ru", "с 9:00 до 18:30", "с | девяти часов | до | восемнадцати тридцати"),
    ("ru", "до 2,5 кг", "до | двух целых пяти десятых | килограмма"),
    ("ru", "около 10 000 рублей", "около | десяти | тысяч | рублей"),
    ("ru", "до $100 и до $5 млн", "до | ста долларов | и | до | пяти | миллионов долларов"),
    ("ru", "до 99,50 руб. в месяц", "до | девяноста девяти рублей пятидесяти | копеек | в | месяц"),
    ("ru", "при 180 °C", "при | ста восьмидесяти | градусах Цельсия"),
    ("ru", "в 20 км от Москвы, на 20 м", "в | двадцати | километрах | от | Москвы, | на | двадцать | метров"),
    ("ru", "между 5 и 10", "между | пятью | и | десятью"),
    ("ru", "1 неделя, 21 страница, 1 место, за 1 минуту",
     "одна | неделя, | двадцать одна | страница, | одно | место, | за | одну | минуту"),
    ("ru", "В 1-й части, 2-м годом, 2-м доме", "В | первой | части, | вторым | годом, | втором | доме"),
    ("ru", "в 1990 г. он", "в | тысяча девятьсот девяностом | году | он"),
    ("ru", "к 2030 году, к 31 декабря", "к | две тысячи тридцатому | году, | к | тридцать первому | декабря"),
    ("ru", "в 1941–1945 гг. была",
     "в | тысяча девятьсот сорок первом тысяча девятьсот сорок пятом | годах | была"),
    ("ru", "с 2010 по 2015 год", "с | две тысячи десятого | по | две тысячи пятнадцатый | год"),
    ("ru", "20-летний, 100-процентный", "двадцатилетний, | стопроцентный"),
    ("ru", "31.01.06, в 13:05", "тридцать первого января две тысячи шестого года, | в | тринадцать ноль пять"),
    ("ru", "на 3 этаже, в 5 серии", "на | третьем | этаже, | в | пятой | серии"),
    ("ru", "с 1 по 5 мая, 21 января 2024", ("с | первого | по | пятое | мая, | двадцать первого | января | две тысячи "
     "двадцать четвёртого")),
    ("ru", "90-е, 30-е число", "девяностые, | тридцатое | число"),
    ("ru", "в 21 веке, №1", "в | двадцать первом | веке, | номер один"),
    ("ru", "10 с друзьями", "десять | с | друзьями"),
    ("ru", "100 Мбит/с, 5 ₽/кг", "сто | мегабит в секунду, | пять | рублей за килограмм"),
    ("pl", "do 180°C", "do | stu osiemdziesięciu stopni Celsjusza"),
    ("pl", "od 90 do 120 km/h", "od | dziewięćdziesięciu | do | stu dwudziestu | kilometrów na godzinę"),
    ("pl", "w 3 miastach po 5 minutach", "w | trzech | miastach | po | pięciu | minutach"),
    ("pl", "z 5 osobami i z 30 uczniów", "z | pięcioma | osobami | i | z | trzydziestu | uczniów"),
    ("pl", "2 wojny, 2 domy, 22 osoby, 5 uczniów",
     "dwie | wojny, | dwa | domy, | dwadzieścia dwie | osoby, | pięciu | uczniów"),
    ("pl", "1 osoba, 1 zdjęcie, 1 łyżkę", "jedna | osoba, | jedno | zdjęcie, | jedną | łyżkę"),
    ("pl", "do 99,99 zł", "do | dziewięćdziesięciu dziewięciu złotych dziewięćdziesięciu dziewięciu | groszy"),
    ("pl", "przy 200 °C", "przy | dwustu | stopniach Celsjusza"),
    ("pl", "w 1989 r. upadł, od 2010 do 2015 roku",
     ("w | tysiąc dziewięćset osiemdziesiątym dziewiątym | roku | upadł, | od | dwa tysiące dziesiątego | do | "
     "dwa tysiące piętnastego | roku")),
    ("pl", "1. edycja, w 2. części na 3. miejscu, z 2. sezonu",
     "pierwsza | edycja, | w | drugiej | części | na | trzecim | miejscu, | z | drugiego | sezonu"),
    ("pl", "w 5. minucie, na 2. stronę, 3:1", "w | piątej | minucie, | na | drugą | stronę, | trzy do jednego"),
    ("pl", "od 3 do 5 maja", "od | trzeciego | do | piątego | maja"),
    ("pl", "w latach 90. było", "w | latach | dziewięćdziesiątych. | było"),
    ("pl", "20-30 minut", "dwadzieścia do trzydziestu | minut"),
]


@pytest.mark.parametrize(("language", "text", "expected"), BENT, ids=[f"{row[0]}: {row[1]}" for row in BENT])
def test_a_number_stands_in_the_case_of_its_sentence(language: str, text: str, expected: str) -> None:
    assert " | ".join(token.said for token in read(text, language)) == expected


ONE = {"ru": {"g": "пяти", "d": "пяти", "i": "пятью", "p": "пяти"},
       "pl": {"g": "pięciu", "d": "pięciu", "i": "pięcioma", "l": "pięciu"}}


@pytest.mark.parametrize(("base", "word", "case"), rows(DATA / "cases.tsv"))
def test_a_word_before_a_number_bends_it(base: str, word: str, case: str) -> None:
    assert read(f"{word} 5", base)[1].said == ONE[base][case]


@pytest.mark.parametrize(("base", "sign", "name"), rows(DATA / "mathematics.tsv"))
def test_a_sign_is_said_before_or_between_numbers(base: str, sign: str, name: str) -> None:
    raised = f"x{sign}" if sign[1:] else f"2{sign}5"
    written = raised if sign[0] == "^" else f"{sign}5" if sign in "<>≤≥±~" else f"2{sign}5=3"
    assert all(piece in read(written, base)[0].said for piece in name.split("{}"))


@pytest.mark.parametrize(("base", "noun", "kind"), rows(DATA / "counted.tsv"))
def test_a_noun_bends_the_number_before_it(base: str, noun: str, kind: str) -> None:
    written, bent = (f"2 {noun}", "dwie") if kind == "f" else (f"5 {noun}", "pięciu")
    if base == "de":
        written, bent = f"2. {noun}", {"m": "zweiter", "f": "zweite", "n": "zweites"}[kind]
    assert read(written, base)[0].said == bent


GUESSES = [
    ("en", "born 03/04/2025", "03/04/2025"), ("en", "1850 people came", "1850"), ("en", "155 d later", "d"),
    ("ru", "с 50% скидкой", "50%"), ("ru", "В 2019 компания выросла", "2019"), ("ru", "Год: 1996.", "1996"),
    ("pl", "przed 2010 było", "2010"), ("de", "Teil 5/12 davon", "5/12"),
    ("es", "en 45:32.", "45:32"), ("es", "$1,200", "$1,200"), ("ja", "3/4は", "3/4は"),
    ("ja", "5-15", "5-15"), ("zh", "1-2", "1-2"),
]


@pytest.mark.parametrize(("language", "text", "word"), GUESSES, ids=[row[1] for row in GUESSES])
def test_a_guess_says_that_it_is_one(language: str, text: str, word: str) -> None:
    assert doubts(read(text, language)) == [f"text: said by a guess, write them as they should be said: {word}"]


@pytest.mark.parametrize(("language", "text"), [
    ("en", "In 1850 and 1999, 24/7, 5 km, 10 kPa, 1,850 people, 4K, C# and C++, #tag @me <3 *so* > he"),
    ("en-GB", "born 03/04/2025"), ("en", "born 13/04/2025"), ("ru", "в 1990 году 5 друзей, 2000 рублей, с 9 до 21"),
    ("pl", "w 2019 r. za 1999 zł"), ("de", "3/4 und/oder 31/12, 1999 5-10 kg, 50 % & mehr"), ("ja", "3/4と50%、2+2=4"),
])
def test_a_sure_reading_warns_of_nothing(language: str, text: str) -> None:
    assert doubts(read(text, language)) == []


def test_a_sign_without_a_name_is_named_once_and_not_in_a_flood() -> None:
    tokens = read("3 ≠ 5, 3 ≠ 6, 5 → 6", "de")
    assert doubts(tokens) == ["text: no name for a sign in these, the engine gets it as it is: ≠, →"]
    many = doubts(read(" ".join(f"0{day}/05/2025" for day in range(1, 10) if day != 5), "en"))
    assert many == [("text: said by a guess, write them as they should be said: 01/05/2025, 02/05/2025, 03/05/2025, "
                    "04/05/2025, 06/05/2025 and 3 more")]


def test_words_said_as_they_are_written_are_no_guess() -> None:
    assert not any(token.guessed for token in read("03/04/2025", "en", normalize=False))
