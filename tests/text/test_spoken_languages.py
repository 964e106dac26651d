"""Numbers, money, dates and capitals in languages other than English."""
import pytest

from text.spoken import read

TABLE = [
    ("de", "Am 3. Mai 2024", "Am | dritten | Mai | zweitausendvierundzwanzig"),
    ("de", "der 1. Januar.", "der | erste | Januar."),
    ("de", "Es sind 3. Danach", "Es | sind | drei. | Danach"),
    ("de", "1999", "neunzehnhundertneunundneunzig"),
    ("de", "1.234,5 kg", "eintausendzweihundertvierunddreißig Komma fünf | Kilogramm"),
    ("de", "3,50 €", "drei Euro | fünfzig"),
    ("de", "€20", "zwanzig Euro"),
    ("de", "1 €,", "ein | Euro,"),
    ("de", "50 % mehr", "fünfzig | Prozent | mehr"),
    ("de", "um 15:45 Uhr", "um | fünfzehn Uhr | fünfundvierzig"),
    ("de", "12:00", "zwölf Uhr"),
    ("de", "-5 °C", "minus fünf | Grad Celsius"),
    ("de", "EU und BMW", "E U | und | B M W"),
    ("de", "ACHTUNG BITTE!", "achtung | bitte!"),
    ("de", "„Hallo“, sagt er", "\"Hallo\", | sagt | er"),
    ("fr", "Le 1er mai", "Le | premier | mai"),
    ("fr", "10 000 euros", "dix | mille | euros"),
    ("fr", "1 234 567", "un million deux | cent trente-quatre mille | cinq cent soixante-sept"),
    ("fr", "3,14 et 50 %", "trois virgule un quatre | et | cinquante | pour cent"),
    ("fr", "à 15h45.", "à | quinze heures quarante-cinq."),
    ("fr", "5 €", "cinq | euros"),
    ("fr", "« Bonjour »", " | Bonjour | "),
    ("fr", "L’école. ÇA VA?", "L'école. | ça | va?"),
    ("fr", "la SNCF", "la | S N C F"),
    ("es", "el 3º día", "el | tercero | día"),
    ("es", "1.500 personas", "mil quinientos | personas"),
    ("es", "$3.50", "tres dólares cincuenta"),
    ("es", "-5", "menos cinco"),
    ("es", "¿A las 15:45?", "¿A | las | quince cuarenta y cinco?"),
    ("it", "5 km", "cinque | chilometri"),
    ("pt-BR", "50%", "cinquenta por cento"),
    ("nl", "de 3e", "de | derde"),
    ("ru", "100 €", "сто | евро"),
    ("ru", "3,5%", "три целых пять десятых процентов"),
    ("ru", "США", "С Ш А"),
    ("pl", "5 €", "pięć | euro"),
    ("tr", "%50 ve 50%", "yüzde elli | ve | yüzde elli"),
    ("tr", "İSTANBUL IŞIK OLDU!", "istanbul | ışık | oldu!"),
    ("ko", "2024년 50%", "이천이십사 년 | 오십 퍼센트"),
    ("ko", "10,000원", "만 원"),
    ("ar", "٢٠٢٤", "ألفان و أربعة و عشرون"),
    ("sv", "007", "noll noll sju"),
    ("ja", "2024年5月12日です。", "二千二十四年 | 五月 | 十二日です。"),
    ("ja", "3.5%上がった", "三点五パーセント | 上がった"),
    ("zh", "2024年5月12日", "二零二四年 | 五月 | 十二日"),
    ("zh", "2024-05-12", "二零二四年五月十二日"),
    ("zh", "气温25°C，", "气温 | 二十五摄氏度，"),
    ("zh", "涨了3.5%。", "涨 | 了 | 百分之三点五。"),
    ("zh", "¥100", "一百元"),
    ("zh", "¥3.5亿", "三点五亿元"),
    ("zh", "15:30", "十五点三十分"),
    ("zh", "10-15人", "十到十五人"),
    ("zh", "13812345678", "一三八一二三四五六七八"),
    ("zh", "100005", "十万零五"),
    ("zh", "20240512", "二千零二十四万零五百一十二"),
    ("zh", "120,000,000", "一亿二千万"),
    ("zh", "1001和1010", "一千零一 | 和 | 一千零一十"),
    ("zh", "２０個", "二十 | 個"),
]


@pytest.mark.parametrize(("language", "text", "expected"), TABLE, ids=[f"{row[0]}: {row[1]}" for row in TABLE])
def test_languages_are_said_in_their_own_words(language: str, text: str, expected: str) -> None:
    assert " | ".join(token.said for token in read(text, language)) == expected


def test_digits_of_an_unknown_language_stay_and_are_heard_as_about_as_long_as_in_english() -> None:
    tokens = read("यह १२ है", "hi")
    assert [token.said for token in tokens] == ["यह", "12", "है"]
    assert [token.spoken for token in tokens] == [("यह",), ("twelve",), ("है",)]


def test_chinese_is_heard_as_its_characters() -> None:
    assert [token.spoken for token in read("今天3个。", "zh")] == [("今天",), ("三个",)]


def test_other_scripts_in_english_are_left_to_the_engine() -> None:
    assert [token.said for token in read("say Привет МИР हिन्दी", "en")] == ["say", "Привет", "мир", "हिन्दी"]
