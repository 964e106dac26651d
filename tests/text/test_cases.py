"""The public cases of two text normalisers and sentences of creators: what fits, and no display word changed."""
import random
import re

import pytest

from benchmarks.text import CASES, Case, cases, fits, key, languages, ours, ways
from text.spoken import read
from text.tables import rows

LANGUAGES = languages()
FOUND_WRONG = [
    ("(555)123-4567", "five five five, one two three, four five six seven"),
    ("$50.00-$100.00", "fifty dollars to one hundred dollars"),
    ("$0.005/1K", "zero point zero zero five dollars per one thousand"),
    ("22/3", "twenty-two thirds"),
    ("in S02E05", "in season two episode five"),
    ("It costs 3.50 USD", "It costs three U S dollars fifty"),
    ("$3.50 CAD or $20 USD", "three Canadian dollars fifty or twenty U S dollars"),
    ("EUR 5, USD 20 million and GBP 7.05", "five euros, twenty million U S dollars and seven pounds and five pence"),
    ("10÷2=5", "ten divided by two equals five"),
    ("2*8", "two times eight"),
    ("1-2=5", "one minus two equals five"),
    ("1½ tsp", "one and a half teaspoons"),
    ("4 1/2 lbs", "four and a half pounds"),
    ("12KG", "twelve kilograms"),
    ("3 mbps", "three megabits per second"),
    ("5 mi. away", "five miles away"),
    ("JAN 15", "January fifteenth"),
    ("born jul 25 2012", "born July twenty-fifth twenty twelve"),
    ("we may 5 times", "we may five times"),
    ("2.30 a.m.", "two thirty A M."),
    ("in Miami, FL, 95051", "in Miami, Florida, nine five zero five one"),
    ("2788 San Tomas Expy", "twenty-seven eighty-eight San Tomas expressway"),
    ("123 Laguna Ct", "one twenty-three Laguna court"),
    ("1211 E Arques Ave", "twelve eleven East Arques avenue"),
    ("vol. II", "volume two"),
    ("test.abc", "test dot abc"),
    ("401(k)", "four oh one K"),
    ("Apt. 4B", "apartment four B"),
    ("4B people", "four billion people"),
    ("b4 lunch", "before lunch"),
    ("ends 12/31", "ends December thirty-first"),
    ("#LearnOnTikTok", "hashtag Learn On Tik Tok"),
    ("@MrBeast_2", "at Mr Beast underscore two"),
    ("Eat 150g", "Eat one hundred fifty grams"),
    ("a 50 m2 flat", "a fifty square meter flat"),
    ("shot at 1/250s", "shot at one two hundred fiftieth of a second"),
    ("open 24/7/365", "open twenty-four seven three sixty-five"),
    ("bake 25-30 min. at 350", "bake twenty-five to thirty minutes at three hundred fifty"),
    ("an F-150", "an F one fifty"),
    ("221B Baker Street", "two twenty-one B Baker Street"),
    ("$.01 and $20.5", "one cent and twenty dollars fifty"),
    ("April 29th's", "April twenty-ninth's"),
    ("it is 4A.M.?-34 and $.01,here", "it is four A. M.? minus thirty-four and one cent, here"),
    ("a 1:27.097 lap", "a one twenty-seven point zero nine seven lap"),
    ("a 5.0L V8, v2 and V2.1", "a five point zero liter V eight, version two and version two point one"),
    ("5W-30 oil in a 737", "five W thirty oil in a seven hundred thirty-seven"),
    ("a Boeing 737-800", "a Boeing seven thirty-seven eight hundred"),
    ("₹1,25,000 or 3 crore", "one hundred twenty-five thousand rupees or three crore"),
    ("9.99,19.99 and 10:30,11:30", "nine point nine nine, nineteen point nine nine and ten thirty, eleven thirty"),
    ("4.5x10^3 at 51.5°N", "four point five times ten to the power of three at fifty-one point five degrees north"),
    ("29.9% APR for 72 mos.", "twenty-nine point nine percent A P R for seventy-two months."),
    ("f(x) = x² + 3x - 5", "f x equals x squared plus three X minus five"),
    ("hold for 30s, a 90s film", "hold for thirty seconds, a nineties film"),
    ("5.97e24", "five point nine seven times ten to the power of twenty-four"),
    ("1e-9", "one times ten to the power of minus nine"),
    ("$5-10/hr", "five to ten dollars per hour"),
    ("2.0 → 3.0", "two point zero to three point zero"),
    ("at 9/8c", "at nine eight central"),
    ("PIN 1234, your OTP is ab9453", "pin one two three four, your O T P is A B nine four five three"),
    ("boards at 0645", "boards at zero six forty-five"),
    ("at 40°42'46\"N", "at forty degrees forty-two minutes forty-six seconds north"),
    ("6.022×10^23", "six point zero two two times ten to the power of twenty-three"),
    ("O(n^2), x>5, p < 0.05", "O n squared, x greater than five, p less than zero point zero five"),
    ("Python >=3.10,<4 and 7.x", "Python at least three point one zero, less than four and seven point X"),
    ("$1.43 est. vs. est. 1987", "one dollar forty-three estimated versus established nineteen eighty-seven"),
    ("273 lb-ft and 255 hp", "two hundred seventy-three pound feet and two hundred fifty-five horsepower"),
    ("1:59 p.m.est, 2x8 m2", "one fifty-nine P M E S T, two by eight square meters"),
    ("124,444,234,854,823,834,553",
     ("one hundred twenty-four quintillion four hundred forty-four quadrillion two hundred thirty-four trillion "
     "eight hundred fifty-four billion eight hundred twenty-three million eight hundred thirty-four thousand "
     "five hundred fifty-three")),
]


@pytest.mark.parametrize(("written", "expected"), FOUND_WRONG, ids=[written for written, _ in FOUND_WRONG])
def test_what_was_found_wrong_is_said_as_a_narrator_says_it(written: str, expected: str) -> None:
    assert ours(written, "en") == expected


@pytest.mark.parametrize("tag", LANGUAGES)
def test_no_display_word_of_any_case_is_changed(tag: str) -> None:
    found = cases(tag)
    assert len(found) >= 35
    for case in found:
        tokens = read(case.written, tag)
        assert "".join(token.text for token in tokens) == "".join(case.written.split()) or "\u00a0" in case.written
        assert all(case.written[token.char_start:token.char_end] == token.text for token in tokens)


def test_words_of_the_cases_in_any_order_are_read_without_loss() -> None:
    chance = random.Random(8)
    words = {tag: [word for case in cases(tag) for word in case.written.split()] for tag in LANGUAGES}
    for _ in range(1000):
        tag, other = chance.choice(LANGUAGES), chance.choice(LANGUAGES)
        picked = [chance.choice(words[chance.choice((tag, tag, other))]) for _ in range(chance.randint(1, 8))]
        text = " ".join([*picked, chance.choice(("x", "/", "3h", "1 1/2", "-", "CNY", "12'30\""))])
        tokens = read(text, tag)
        assert [text[token.char_start:token.char_end] for token in tokens] == [token.text for token in tokens]
        assert "".join(token.text for token in tokens) == "".join(text.split()), (tag, text)


def share(found: list[Case]) -> float:
    return sum(fits(case, ours(case.written, case.language)) for case in found) / len(found)


def test_public_english_cases_fit() -> None:
    public = [case for case in cases("en") if not case.kind.startswith("creators")]
    assert len(public) > 550
    assert share(public) >= 0.99
    for kind in {case.kind for case in public}:
        assert share([case for case in public if case.kind == kind]) >= 0.97, kind


@pytest.mark.parametrize(("tag", "kinds"), [
    ("zh", "decimal fraction math measure money number sport whitelist word"),
    ("ja", "decimal math measure money ordinal sport time whitelist"),
])
def test_classes_where_a_peer_was_better_fit(tag: str, kinds: str) -> None:
    for kind in kinds.split():
        assert share([case for case in cases(tag) if case.kind == kind]) >= 0.96, kind


def test_sentences_of_creators_fit() -> None:
    assert share([case for case in cases("en") if case.kind == "creators, fixed on"]) == 1
    assert share([case for case in cases("en") if case.kind == "creators, held out"]) >= 0.94
    assert share([case for case in cases("en") if case.kind == "creators 2, held out"]) >= 0.97
    assert share([case for case in cases("en") if case.kind == "creators 3, held out"]) >= 0.93
    assert share([case for case in cases("en") if case.kind == "creators 4, held out"]) >= 0.96
    assert share([case for case in cases("en") if case.kind == "creators 5, held out"]) >= 0.97
    assert share([case for case in cases("en") if case.kind == "creators 6, held out"]) >= 0.97
    assert share([case for case in cases("en") if case.kind == "creators 7, held out"]) >= 0.98
    assert share([case for case in cases("en") if case.kind in ("creators 8, held out", "creators 9, held out")]) == 1


@pytest.mark.parametrize(("tag", "least"), [
    ("de", 0.9), ("es", 0.9), ("fr", 0.9), ("hi", 0.8), ("it", 0.95), ("ja", 0.95), ("ko", 0.9), ("nl", 0.95),
    ("pl", 0.8), ("pt", 0.9), ("ru", 0.85), ("zh", 0.95),
])
def test_sentences_of_creators_fit_in_other_languages(tag: str, least: float) -> None:
    assert share([case for case in cases(tag) if case.kind == "creators, held out"]) >= least
    third = [case for case in cases(tag) if case.kind.startswith("creators 3")]
    assert not third or share(third) >= 0.85
    latest = {"fr": "creators 2", "pt": "creators 2", "nl": "creators 3", "pl": "creators 3"}.get(tag, "creators 4")
    newest = [case for case in cases(tag) if case.kind.startswith(latest)]
    assert share(newest) >= 0.95
    dense = [case for case in cases(tag) if case.kind in ("creators 8, fixed on", "creators 9, fixed on")]
    assert not dense or share(dense) >= 0.96


@pytest.mark.parametrize(("tag", "written", "expected"), [
    ("de", "Nur 1 Stuhl und 1 Tasse, um 1 Uhr.", "Nur ein Stuhl und eine Tasse, um ein Uhr."),
    ("de", "Kapitel 1 Einleitung, Platz 1 Berlin", "Kapitel eins Einleitung, Platz eins Berlin"),
    ("de", "1,2 Mio. Aufrufe, 10 Min. Pause", "eins Komma zwei Millionen Aufrufe, zehn Minuten Pause"),
    ("de", "10 Min. Dann weiter.", "zehn Minuten. Dann weiter."),
    ("de", "In der 2. Minute, am Fr., 20 Uhr", "In der zweiten Minute, am Freitag, zwanzig Uhr"),
    ("de", "Frau Fr. Müller", "Frau Frau Müller"),
    ("es", "1 libro, 1 mesa y 1 problema", "un libro, una mesa y un problema"),
    ("es", "El capítulo 1 habla de 1 a 3.", "El capítulo uno habla de uno a tres."),
    ("es", "1,2 M de visitas y el mar.", "uno coma dos millones de visitas y el mar."),
    ("it", "1 sedia, Formula 1 oggi", "una sedia, Formula uno oggi"),
    ("pt", "1 mesa e 1 dia", "uma mesa e um dia"),
    ("fr", "1 chaise, la page 1 montre 1 M de vues", "une chaise, la page un montre un million de vues"),
    ("fr", "- de 5 min, + de 100 idées", "moins de cinq minutes, plus de cent idées"),
    ("ru", "Заплатил 1000 рублей за 21 000 шагов", "Заплатил тысячу рублей за двадцать одну тысячу шагов"),
    ("ru", "Набрали 1,2 млн, потеряли 1 тыс. рублей",
     "Набрали одну целую две десятых миллиона, потеряли одну тысячу рублей"),
    ("ru", "Прошло 1000 лет, скорость 1000 км/ч",
     "Прошло одна тысяча лет, скорость одна тысяча километров в час"),
    ("ru", "200 г сахара, в 1703 г. и в 988 г. на Руси",
     "двести граммов сахара, в тысяча семьсот третьем году и в девятьсот восемьдесят восьмом году на Руси"),
    ("ru", "до 30.11, с 05.02 по 20.03, 18.06 в 12:30",
     "до тридцатого ноября, с пятого февраля по двадцатое марта, восемнадцатого июня в двенадцать тридцать"),
    ("ru", "до 2.10 рублей", "до двух целых десяти сотых рублей"),
    ("pl", "do 2.10 metra", "do dwa przecinek dziesięć metra"),
    ("ru", "более 2/3 людей, около 1/4, к 3/5", "более двух третей людей, около одной четверти, к трём пятым"),
    ("ru", "1,5 года, 1,5 недели, около 1,5 года", "полтора года, полторы недели, около полутора года"),
    ("ru", "в V в., XVII–XVIII вв., II тур, во II смене",
     "в пятом веке, семнадцатого восемнадцатого веков, второй тур, во второй смене"),
    ("ru", "$3 млрд, $4 миллиона, вт–чт, в сб. и вс.",
     "три миллиарда долларов, четыре миллиона долларов, со вторника по четверг, в субботу и воскресенье."),
    ("ru", "7-ой, 4х дней, 6-ти, 11го, 2018/2019, 03.02.2019 г. снег, 11:00-12:30",
     ("седьмой, четырёх дней, шести, одиннадцатого, две тысячи восемнадцать две тысячи девятнадцать, "
      "третьего февраля две тысячи девятнадцатого года снег, с одиннадцати часов до двенадцати тридцати")),
    ("pl", "03.02.2019 r. śnieg, 7.30-9.00, o 6.45, w godz. 10-14, ok. godz. 9",
     ("trzeciego lutego dwa tysiące dziewiętnastego roku śnieg, siódma trzydzieści do dziewiątej, o szóstej "
      "czterdzieści pięć, w godzinach dziesiątej do czternastej, około godziny dziewiątej")),
    ("fr", "25 000+ abonnés, la 2de, 2h10min",
     "vingt-cinq mille plus abonnés, la deuxième, deux heures dix minutes"),
    ("de", "1/4-Finale, 7,- Euro, 16:9-Bild", "Viertelfinale, sieben Euro, sechzehn zu neun Bild"),
    ("pl", "w śr. o godz. 7, wt.-czw., do 28.02",
     "w środę o godzinie siódmej, od wtorku do czwartku, do dwudziestego ósmego lutego"),
    ("pl", "3-letni, 12-latek, 1500-lecie, 3 dzieci, 2-go, 7-my",
     "trzyletni, dwunastolatek, tysiącpięćsetlecie, troje dzieci, drugiego, siódmy"),
    ("pl", "I wojna, II połowa, w XVI w., ponad 1,5 roku, poniżej 18. roku",
     "I wojna, druga połowa, w szesnastym wieku, ponad półtora roku, poniżej osiemnastego roku"),
    ("nl", "op do. 14.15 u, 7u45, versie 10.4, km 12, art. 5",
     ("op donderdag veertien uur vijftien, zeven uur vijfenveertig, versie tien punt vier, kilometer twaalf, "
      "artikel vijf")),
    ("es", "41 días y la III Guerra, el XX Congreso", "cuarenta y un días y la tercera Guerra, el X X Congreso"),
    ("it", "la III guerra, XVIII sec.", "la terza guerra, diciottesimo secolo."),
    ("fr", "le 4/7 à 20h, XVIIe s.", "le quatre juillet à vingt heures, dix-septième siècle."),
    ("de", "im III. Quartal, am 1./2. Juni, 30./31.12. zu, §7b",
     ("im dritten Quartal, am ersten und zweiten Juni, dreißigster und einunddreißigster Dezember zu, "
      "Paragraf sieben b")),
    ("ja", "打率.287、10/18発売、6W1H、1h20m", "打率二割八分七厘、十月十八日発売、六W一H、一時間二十分"),
    ("ko", "제4권, 4권, 1577-0000, 8·15, 20%~40%, 세계 5대 강",
     "제 사 권, 네 권, 일 오 칠 칠 공 공 공 공, 팔일오, 이십 퍼센트에서 사십 퍼센트, 세계 오대 강"),
    ("ko", "트럭 10대, 3송이, 2~3조각", "트럭 열 대, 세 송이, 두세 조각"),
    ("zh", "门牌号305，3·15晚会，720p，2公里，B7788", "门牌号三零五，三一五晚会，七二零p，两公里，B七七八八"),
    ("zh", "8‰，30元每次，900g/盒，2023-2024赛季", "千分之八，三十元每次，九百克每盒，二零二三到二零二四赛季"),
    ("hi", "कद 6'2\" है, $2 बिलियन, 1905 ई.", "कद छह फ़ुट दो इंच है, दो बिलियन डॉलर, उन्नीस सौ पाँच ईस्वी."),
])
def test_what_was_found_wrong_in_other_languages_is_mended(tag: str, written: str, expected: str) -> None:
    assert ours(written, tag) == expected


def test_an_alternative_is_used_sorted_and_has_a_reason() -> None:
    alternatives = rows(CASES / "alternatives.tsv")
    assert alternatives == sorted(alternatives)
    assert len({tuple(row[:3]) for row in alternatives}) == len(alternatives)
    written = {case.written for tag in LANGUAGES for case in cases(tag)}
    assert all(row[1] in written and row[3] for row in alternatives)


def test_the_score_sees_a_wrong_number() -> None:
    case = Case("en", "money", "$3.50", ("three dollars fifty",))
    assert fits(case, "Three dollars, fifty!")
    assert not fits(case, "three dollars fifteen")
    assert key("twenty-five A.M.") == key("twenty five AM")
    assert not re.search(r"\d", key("one"))


def test_a_reference_with_choices_is_every_way_to_say_it() -> None:
    assert ways("ten {degrees|} {C|Celsius}") == ["ten degrees C", "ten degrees Celsius", "ten  C", "ten  Celsius"]
    assert ways("as it stands") == ["as it stands"]
