"""Numbers, money, dates and capitals in languages other than English."""
import pytest

from text.spoken import read, unread

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
    ("fr", "3,14 et 50 %", "trois virgule quatorze | et | cinquante | pour cent"),
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
    ("ru", "3,5%", "три целых пять десятых процента"),
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
    ("ja", "55ページの本です", "五十五ページの | 本です"),
    ("ja", "2024/05/12", "二千二十四年五月十二日"),
    ("ja", "15:30", "十五時三十分"),
    ("ja", "1,234.5kg", "千二百三十四点五キログラム"),
    ("ja", "-5℃", "マイナス五度"),
    ("ja", "¥500", "五百円"),
    ("it", "2,75", "due virgola settantacinque"),
    ("it", "118", "centodiciotto"),
    ("tr", "33,32 ve 3,5", "otuzüç virgül otuziki | ve | üç virgül beş"),
    ("tr", "121403", "yüzyirmibir bin dörtyüzüç"),
    ("vi", "0,007", "không phẩy không không bảy"),
    ("es", "10 000 personas", "diez | mil | personas"),
    ("es", "3,14", "tres coma catorce"),
    ("es-MX", "3.14 y 1,500", "tres coma catorce | y | mil quinientos"),
    ("de", "10 000 Euro", "zehntausend |  | Euro"),
    ("sv", "45", "fyrtiofem"),
    ("no", "2 000 000 000", "to | milliard |  | "),
    ("de", "Er kam am 02.03.2003.", "Er | kam | am | zweiten März zweitausenddrei."),
    ("de", "10-15 kg", "zehn bis fünfzehn | Kilogramm"),
    ("de", "2 Std. und 1 h", "zwei | Std. | und | eine | Stunde"),
    ("de", "€ 0,50", " | fünfzig Cent"),
    ("pt", "R$ 199,99", " | cento e noventa e nove reais e noventa e nove centavos"),
    ("ru", "02.03.2003", "второго марта две тысячи третьего года"),
    ("ru", "9 мая 1945 года", "девятого | мая | тысяча девятьсот сорок пятого | года"),
    ("ru", "в 1999 году", "в | тысяча девятьсот девяносто девятом | году"),
    ("ru", "8-го и 1950-е", "восьмого | и | тысяча девятьсот пятидесятые"),
    ("ru", "2-я", "вторая"),
    ("ru", "4-х дней", "четырёх | дней"),
    ("ko", "₩2억", "이 억 원"),
    ("ko", "오전 10시30분", "오전 | 열 시 삼십 분"),
    ("ja", "2022FIFA", "二千二十二FIFA"),
    ("ko", "1/2", "이분의 일"),
    ("zh", "1/3", "三分之一"),
    ("zh", "2:02", "两点零二分"),
    ("zh", "2008/08", "二零零八年八月"),
    ("es", "1 millón y 3 3/5", "un | millón | y | tres | y tres quintos"),
    ("pt", "R$ 1000000", " | um milhão de reais"),
    ("de", "am 1. januar", "am | ersten | januar"),
    ("ja", "3:30-4:34", "三時三十分から四時三十四分"),
    ("ja", "10000000", "一千万"),
    ("ja", "10pm", "午後十時"),
    ("zh", "120m²", "一百二十平方米"),
    ("zh", "11000000000", "一百一十亿"),
    ("de", "3/4 und 2½", "drei Viertel | und | zwei und ein halb"),
    ("de", "3 ½ Becher", "drei | und ein halb | Becher"),
    ("fr", "3 1½ b", "trois | un et un demi | b"),
    ("fr", "2/3", "deux tiers"),
    ("es", "1/2", "un medio"),
    ("de", "0,50 €", "fünfzig | Cent"),
    ("de", "-3,50 €", "minus drei Euro | fünfzig"),
    ("fr", "le 02/03/2003", "le | deux mars deux mille trois"),
    ("fr", "1,5 litre", "un virgule cinq | litre"),
    ("fr", "€2 millions", "deux | millions d'euros"),
    ("fr", "la 1ère", "la | première"),
    ("es", "el 1 de enero de 2024", "el | uno | de | enero | de | dos mil veinticuatro"),
    ("es", "21 €", "veintiún | euros"),
    ("es", "31/12/1999", "treinta y uno de diciembre de mil novecientos noventa y nueve"),
    ("es", "3ª", "tercera"),
    ("it", "12:30", "dodici e trenta"),
    ("it", "3,23€", "tre euro ventitré"),
    ("pt", "R$12,05", "doze reais e cinco centavos"),
    ("pt-BR", "14h30", "catorze horas e trinta"),
    ("nl", "€3,50", "drie euro vijftig"),
    ("pl", "22 zł", "dwadzieścia dwa | złote"),
    ("pl", "2,5 kg", "dwa przecinek pięć | kilograma"),
    ("ru", "21 км", "двадцать один | километр"),
    ("ru", "2 минуты и 2,75", "два | минуты | и | две целых семьдесят пять сотых"),
    ("ko", "3시 30분", "세 시 | 삼십 분"),
    ("ko", "15:30", "십오시 삼십분"),
    ("ko", "사과 5개", "사과 | 다섯 개"),
    ("hi", "₹500 और 3.5", "पाँच सौ रुपए | और | तीन दशमलव पाँच"),
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
    tokens = read("আজ ১২ টা", "bn")
    assert [token.said for token in tokens] == ["আজ", "12", "টা"]
    assert [token.spoken for token in tokens] == [("আজ",), ("twelve",), ("টা",)]
    assert unread(tokens) == ["১২"]


def test_chinese_is_heard_as_its_characters() -> None:
    assert [token.spoken for token in read("今天3个。", "zh")] == [("今天",), ("三个",)]


def test_other_scripts_in_english_are_left_to_the_engine() -> None:
    assert [token.said for token in read("say Привет МИР हिन्दी", "en")] == ["say", "Привет", "мир", "हिन्दी"]


@pytest.mark.parametrize("language", ["de", "fr", "ja", "zh", "ko", "ru", "ar", "hi", "pl", "tr", "bn", "xx"])
@pytest.mark.parametrize("text", ["3 ½ x", "3 1½ x", "1½", "½", "¾x", "7½%"])
def test_a_written_fraction_leaves_no_sign_of_our_own(language: str, text: str) -> None:
    assert "\u2064" not in "".join(f"{token.said}{token.spoken}" for token in read(text, language))
