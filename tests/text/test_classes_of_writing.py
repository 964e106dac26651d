"""Classes of writing that unseen sentences were read wrong in, each in sentences of its own."""
import pytest

from benchmarks.text import ours
from text.languages.grammar import DATA
from text.tables import rows

ENGLISH = [
    ("6.0 × 10²⁴ kg at 5×10³ m/s", ("six point zero times ten to the power of twenty-four kilograms at "
     "five times ten to the power of three meters per second")),
    ("Call 1-800-273-8255", "Call one, eight hundred, two seven three, eight two five five"),
    ("(800) 555-1234", "(eight hundred) five five five, one two three four"),
    ("text HOME to 741741 or dial 22828", "text home to seven four one seven four one or dial two two eight two eight"),
    ("pay 22828 to him", "pay twenty-two thousand eight hundred twenty-eight to him"),
    ("a ratio of 1:10, a 1:12 scale model, at 3:10",
     "a ratio of one to ten, a one to twelve scale model, at three ten"),
    ("3K followers, 100K+ new subs, a 10K race in 4K videos",
     "three thousand followers, one hundred thousand plus new subs, a ten K race in four K videos"),
    ("5 m. high, 10 km. away. It ran 5 m. Then it stopped.",
     "five meters high, ten kilometers away. It ran five meters. Then it stopped."),
    ("9' ceilings and 10\" pans, 9' across", "nine foot ceilings and ten inch pans, nine feet across"),
    ("a 10'x12' room, 10ft x 12ft", "a ten by twelve feet room, ten feet by twelve feet"),
    ("CA$20, HK$5 and NZ$1, CHF 20",
     "twenty Canadian dollars, five Hong Kong dollars and one New Zealand dollar, twenty Swiss francs"),
    ("thx, ppl!", "thanks, people!"),
    ("NaCl, CaCO3, C2H5OH, NO2 and P2P", "N A C L, C A C O three, C two H five O H, N O two and P two P"),
    ("k3, p1, yo, k2tog and ssk", "knit three, purl one, yarn over, knit two together and slip slip knit"),
    ("We climbed K2, yo", "We climbed K two, yo"),
    ("John m. Mary, Ann (b. 1810) m. 1832", "John married Mary, Ann (born eighteen ten) married eighteen thirty-two"),
    ("1 c. flour, 2½ c. oats, 1/3 c. milk, c. 1850",
     "one cup flour, two and a half cups oats, one third cup milk, circa eighteen fifty"),
    ("boils at 373.15 K, 100 K a year",
     "boils at three hundred seventy-three point one five kelvin, one hundred K a year"),
    ("0.1 M HCl, a 2 M solution, 2 M users", "zero point one molar H C L, a two molar solution, two M users"),
]


@pytest.mark.parametrize(("written", "expected"), ENGLISH, ids=[written for written, _ in ENGLISH])
def test_english_is_read_by_class(written: str, expected: str) -> None:
    assert ours(written, "en") == expected

OTHERS = [
    ("de", "im Verhältnis 1:10, Maßstab 1:50, um 1:10 Uhr",
     "im Verhältnis eins zu zehn, Maßstab eins zu fünfzig, um ein Uhr zehn"),
    ("de", "ein 4,2-Liter-Motor", "ein vier Komma zwei Liter-Motor"),
    ("de", "20.- CHF, CHF 20.–, Fr. 20.- und 12,– €",
     "zwanzig Franken, zwanzig Franken, zwanzig Franken und zwölf Euro"),
    ("de", "von 9.00 bis 17.30 Uhr, 9.00-17.00 Uhr", "von neun Uhr bis siebzehn Uhr dreißig, neun bis siebzehn Uhr"),
    ("de", "in den 1920er-Jahren, den 1990ern, den 50ern",
     "in den neunzehnhundertzwanziger Jahren, den neunzehnhundertneunzigern, den fünfzigern"),
    ("de", "am 05.11, 02.03, um 07.05 Uhr", "am fünften November, zweiter März, um sieben Uhr fünf"),
    ("de", "12-Feb-2024, UTC+2", "zwölfter Februar zweitausendvierundzwanzig, U T C plus zwei"),
    ("fr", "dosage 1:20, à 1:10, l'échelle 1:50", "dosage un pour vingt, à une heure dix, l'échelle un pour cinquante"),
    ("fr", "le 15 févr. 2024, 12-avr-2024",
     "le quinze février deux mille vingt-quatre, douze avril deux mille vingt-quatre"),
    ("fr", "50 $US, 20.- CHF, 20,– €", "cinquante dollars américains, vingt francs suisses, vingt euros"),
    ("fr", "le 0 800 456 789", "le zéro huit cents quatre cent cinquante-six sept cent quatre-vingt-neuf"),
    ("es", "escala 1:50, a la 1:10, GMT-3", "escala uno a cincuenta, a la una y diez, G M T menos tres"),
    ("es", "el 15 feb. 2024, 2 set", "el quince de febrero dos mil veinticuatro, dos set"),
    ("es", "$50 MXN, $20 CAD, ₡3", "cincuenta pesos, veinte dólares canadienses, tres colones"),
    ("es", "1 1/2 h, 1/2 noche y 1/2 día", "una y media horas, media noche y medio día"),
    ("it", "scala 1:50, dalle 9.00-17.30", "scala uno a cinquanta, dalle nove a diciassette e trenta"),
    ("it", "1 1/2 h, 20,- €, 12-feb-2024", "una e mezza ore, venti euro, dodici febbraio duemilaventiquattro"),
    ("pt", "1/2 colher, 2 xíc. de farinha, 0800 123 4567",
     "meia colher, duas xícaras de farinha, zero oitocentos um dois três quatro cinco seis sete"),
    ("pt", "na R. Augusta, J. R. Silva, proporção 1:20", "na Rua Augusta, J. R. Silva, proporção um para vinte"),
    ("nl", "verhouding 1:10, van 9.00 tot 17.30 uur", "verhouding één op tien, van negen uur tot zeventien uur dertig"),
    ("nl", "Kerkstr. 23-B, 3512 JE Utrecht, in 2010 WK",
     "Kerkstraat drieëntwintig B, vijfendertig twaalf J E Utrecht, in tweeduizendtien W K"),
    ("pl", "przed 15.09, po 3 maja, między 5.09 a 10.09, 02.03, o 07.05",
     ("przed piętnastym września, po trzecim maja, między piątym września a dziesiątym września, drugiego marca, "
      "o siódmej zero pięć")),
    ("pl", "na ul. Długiej 12/4, ul. Długa, przez ul. Polną",
     "na ulicy Długiej dwanaście przez cztery, ulica Długa, przez ulicę Polną"),
    ("pl", "2,5-litrowy, 1,5-godzinny, 3,7-litrowy, skala 1:50",
     "dwuipółlitrowy, półtoragodzinny, trzy przecinek siedem litrowy, skala jeden do pięćdziesięciu"),
    ("ru", "2,5-литровый, 1,5-часовой, 4,2-тонный",
     "двух с половиной литровый, полуторачасовой, четыре целых две десятых тонный"),
    ("ru", "15 фев. 2024, 03-фев-2002, 02.03",
     ("пятнадцатого февраля две тысячи двадцать четвёртого, третьего февраля две тысячи второго года, "
      "второго марта")),
    ("ru", "на ул. Ленина, в г. Москве, на стр. 5, RUB 50",
     "на улице Ленина, в городе Москве, на странице пять, пятьдесят рублей"),
    ("ru", "масштаб 1:50, UTC+3", "масштаб один к пятидесяти, U T C плюс три"),
    ("ja", "30万km/sです、5億km、50万kg", "三十万キロメートル毎秒です、五億キロメートル、五十万キログラム"),
    ("ja", "50 USD、20EURとCNY 30", "五十 ドル、二十ユーロと三十 人民元"),
    ("ja", "H2OとCO2とB2B、1:10の割合", "HツーOとCOツーとB to B、一対十の割合"),
    ("ja", "#料理 @yuki", "ハッシュタグ料理 アットマーク yuki"),
    ("zh", "30万km/s，5亿km，7.9km/s", "三十万公里每秒，五亿公里，七点九公里每秒"),
    ("zh", "50 USD，50USD，20 EUR", "五十美元 ，五十美元，二十欧元"),
    ("zh", "H2O和B2B，按1:10混合", "H二O和B to B，按一比十混合"),
    ("zh", "#夏天2025，@小王", "井号夏天二零二五，艾特小王"),
    ("ko", "30만 km를, 50만kg을, 3만km/h", "삼십 만 킬로미터를, 오십 만 킬로그램을, 삼 만 킬로미터 퍼 아워"),
    ("ko", "끝자리 3456, 1:10 비율로, 123.456-7890",
     "끝자리 삼 사 오 육, 일 대 십 비율로, 일 이 삼 사 오 육 칠 팔 구 공"),
    ("hi", "भोपाल, मध्य प्रदेश 462001, 14/3, मथुरा रोड, 462001 लोग",
     ("भोपाल, मध्य प्रदेश चार छह दो शून्य शून्य एक, चौदह बटा तीन, मथुरा रोड, चार लाख बासठ हज़ार एक लोग")),
    ("hi", "15 फ़र. 2024", "पंद्रह फ़रवरी दो हज़ार चौबीस"),
    ("de", "in der 90.+3 Minute", "in der neunzigsten plus drei Minute"),
    ("de", "Nummer 48 kam 14.03.2024", "Nummer achtundvierzig kam vierzehnter März zweitausendvierundzwanzig"),
    ("fr", "à la 45e+2, th. 6-7", "à la quarante-cinquième plus deux, thermostat six à sept"),
    ("pt", "p. 112", "página cento e doze"),
    ("it", "La 40 ha 12 GB, 5 ha di terreno, 3 ha.",
     "La quaranta ha dodici gigabyte, cinque ettari di terreno, tre ettari."),
    ("pl", "w 200°C, w 50%, numer 48 dotarła 14.03.2024, numer 601 234 567",
     ("w dwustu stopniach Celsjusza, w pięćdziesięciu procentach, numer czterdzieści osiem dotarła czternastego marca "
      "dwa tysiące dwudziestego czwartego roku, numer sześć zero jeden dwa trzy cztery pięć sześć siedem")),
    ("ru", "номер 48 пришла 14.03.2024, в III квартале",
     ("номер сорок восемь пришла четырнадцатого марта две тысячи двадцать четвёртого года, в третьем квартале")),
    ("hi", "नंबर 48 14.03.2024", "नंबर अड़तालीस चौदह मार्च दो हज़ार चौबीस"),
    ("ko", "4장 112쪽, 종이 4장, 42㎡입니다", "사 장 백십이 쪽, 종이 네 장, 사십이 제곱미터입니다"),
    ("nl", "€ 1.250/mnd", "duizendtweehonderdvijftig euro per maand"),
    ("en", "In Portland, OR we ate, to Oklahoma City, OK. Sure, OK.",
     "In Portland, Oregon we ate, to Oklahoma City, Oklahoma. Sure, okay."),
    ("en", "2,000 sq ft, 3 cu ft, Rs. 500, 2-3x faster",
     "two thousand square feet, three cubic feet, five hundred rupees, two to three times faster"),
    ("en", "√2, 2√3, π ≈ 3.14",
     "the square root of two, two times the square root of three, pi approximately three point one four"),
    ("de", "6,5 l/100 km, 7L/100km, 15k€",
     ("sechs Komma fünf Liter auf einhundert Kilometer, sieben Liter auf einhundert Kilometer, fünfzehntausend Euro")),
    ("es", "6,5 l/100 km, 15k€", "seis coma cinco litros a los cien kilómetros, quince mil euros"),
    ("pl", "5 l/100km", "pięć litrów na sto kilometrów"),
    ("nl", "2,5 mrd", "twee komma vijf miljard"),
    ("en", "8pm UTC-5, UTC+5:30", "eight P M U T C minus five, U T C plus five thirty"),
]


@pytest.mark.parametrize(("tag", "written", "expected"), OTHERS, ids=[f"{row[0]}: {row[1]}" for row in OTHERS])
def test_other_languages_are_read_by_class(tag: str, written: str, expected: str) -> None:
    assert ours(written, tag) == expected


@pytest.mark.parametrize(("base", "word"), rows(DATA / "ratios.tsv"))
def test_a_word_beside_it_makes_a_ratio_of_a_time(base: str, word: str) -> None:
    assert ours(f"{word} 1:20", base) != f"{word} {ours('1:20', base)}"
