"""Number words read back, by word lists of our own: what `num2words` makes is checked against what it cannot see.

A phrase is cut into known words. A word adds its value; a multiplier takes what stands before it and is smaller.
"""
from __future__ import annotations

import re
from functools import cache

from text.languages.grammar import DATA
from text.tables import rows

WORDS = {
    "de": """0 null 1 ein eins eine 2 zwei 3 drei 4 vier 5 fünf 6 sechs 7 sieben 8 acht 9 neun 10 zehn 11 elf 12 zwölf
        13 dreizehn 14 vierzehn 15 fünfzehn 16 sechzehn 17 siebzehn 18 achtzehn 19 neunzehn 20 zwanzig 30 dreißig
        40 vierzig 50 fünfzig 60 sechzig 70 siebzig 80 achtzig 90 neunzig *2 hundert *3 tausend *6 million millionen
        *9 milliarde milliarden *12 billion billionen - und""",
    "es": """0 cero 1 un uno una 2 dos 3 tres 4 cuatro 5 cinco 6 seis 7 siete 8 ocho 9 nueve 10 diez 11 once 12 doce
        13 trece 14 catorce 15 quince 16 dieciséis 17 diecisiete 18 dieciocho 19 diecinueve 20 veinte 21 veintiuno
        veintiún 22 veintidós 23 veintitrés 24 veinticuatro 25 veinticinco 26 veintiséis 27 veintisiete 28 veintiocho
        29 veintinueve 30 treinta 40 cuarenta 50 cincuenta 60 sesenta 70 setenta 80 ochenta 90 noventa 100 cien ciento
        200 doscientos 300 trescientos 400 cuatrocientos 500 quinientos 600 seiscientos 700 setecientos
        800 ochocientos 900 novecientos *3 mil *6 millón millones *12 billón billones - y""",
    "fr": """0 zéro 1 un une 2 deux 3 trois 4 quatre 5 cinq 6 six 7 sept 8 huit 9 neuf 10 dix 11 onze 12
        douze 13 treize
        14 quatorze 15 quinze 16 seize 20 vingt 30 trente 40 quarante 50 cinquante 60 soixante 80 quatrevingt
        quatrevingts *2 cent cents *3 mille *6 million millions *9 milliard milliards *12 billion billions - et""",
    "it": """0 zero 1 un uno una 2 due 3 tre tré 4 quattro 5 cinque 6 sei 7 sette 8 otto 9 nove 10 dieci 11 undici
        12 dodici 13 tredici 14 quattordici 15 quindici 16 sedici 17 diciassette 18 diciotto 19 diciannove
        20 venti vent 30 trenta trent 40 quaranta quarant 50 cinquanta cinquant 60 sessanta sessant 70 settanta
        settant 80 ottanta ottant 90 novanta novant *2 cento cent *3 mille mila *6 milione milioni *9
        miliardo miliardi
        *12 bilione bilioni - e""",
    "pt_PT": """0 zero 1 um uma 2 dois duas 3 três 4 quatro catro 5 cinco 6 seis 7 sete 8 oito 9 nove 10
        dez 11 onze 12 doze
        13 treze 14 catorze 15 quinze 16 dezasseis dezesseis 17 dezassete dezessete 18 dezoito 19 dezanove dezenove
        20 vinte 30 trinta 40 quarenta 50 cinquenta 60 sessenta 70 setenta 80 oitenta 90 noventa 100 cem cento
        200 duzentos 300 trezentos 400 quatrocentos 500 quinhentos 600 seiscentos 700 setecentos 800 oitocentos
        900 novecentos *3 mil *6 milhão milhões *9 bilhão bilhões *12 bilião biliões trilhão trilhões - e""",
    "nl": """0 nul 1 een één 2 twee 3 drie 4 vier 5 vijf 6 zes 7 zeven 8 acht 9 negen 10 tien 11 elf 12 twaalf
        13 dertien 14 veertien 15 vijftien 16 zestien 17 zeventien 18 achttien 19 negentien 20 twintig 30 dertig
        40 veertig 50 vijftig 60 zestig 70 zeventig 80 tachtig 90 negentig *2 honderd *3 duizend *6 miljoen *9 miljard
        *12 biljoen - en ën""",
    "pl": """0 zero 1 jeden 2 dwa 3 trzy 4 cztery 5 pięć 6 sześć 7 siedem 8 osiem 9 dziewięć 10 dziesięć 11 jedenaście
        12 dwanaście 13 trzynaście 14 czternaście 15 piętnaście 16 szesnaście 17 siedemnaście 18 osiemnaście
        19 dziewiętnaście 20 dwadzieścia 30 trzydzieści 40 czterdzieści 50 pięćdziesiąt 60 sześćdziesiąt
        70 siedemdziesiąt 80 osiemdziesiąt 90 dziewięćdziesiąt 100 sto 200 dwieście 300 trzysta 400 czterysta
        500 pięćset 600 sześćset 700 siedemset 800 osiemset 900 dziewięćset *3 tysiąc tysiące tysięcy
        *6 milion miliony milionów *9 miliard miliardy miliardów *12 bilion biliony bilionów""",
    "ru": """0 ноль 1 один одна 2 два две 3 три 4 четыре 5 пять 6 шесть 7 семь 8 восемь 9 девять 10 десять
        11 одиннадцать 12 двенадцать 13 тринадцать 14 четырнадцать 15 пятнадцать 16 шестнадцать 17 семнадцать
        18 восемнадцать 19 девятнадцать 20 двадцать 30 тридцать 40 сорок 50 пятьдесят 60 шестьдесят 70 семьдесят
        80 восемьдесят 90 девяносто 100 сто 200 двести 300 триста 400 четыреста 500 пятьсот 600 шестьсот 700 семьсот
        800 восемьсот 900 девятьсот *3 тысяча тысячи тысяч *6 миллион миллиона миллионов
        *9 миллиард миллиарда миллиардов *12 триллион триллиона триллионов""",
    "uk": """0 нуль 1 один одна 2 два дві 3 три 4 чотири 5 п'ять 6 шість 7 сім 8 вісім 9 дев'ять 10
        десять 11 одинадцять
        12 дванадцять 13 тринадцять 14 чотирнадцять 15 п'ятнадцять 16 шістнадцять 17 сімнадцять 18 вісімнадцять
        19 дев'ятнадцять 20 двадцять 30 тридцять 40 сорок 50 п'ятдесят 60 шістдесят 70 сімдесят 80 вісімдесят
        90 дев'яносто 100 сто 200 двісті 300 триста 400 чотириста 500 п'ятсот 600 шістсот 700 сімсот 800 вісімсот
        900 дев'ятсот *3 тисяча тисячі тисяч *6 мільйон мільйони мільйонів *9 мільярд мільярди мільярдів
        *12 трильйон трильйони трильйонів""",
    "cs": """0 nula 1 jedna jeden 2 dva dvě 3 tři 4 čtyři 5 pět 6 šest 7 sedm 8 osm 9 devět 10 deset 11
        jedenáct 12 dvanáct
        13 třináct 14 čtrnáct 15 patnáct 16 šestnáct 17 sedmnáct 18 osmnáct 19 devatenáct 20 dvacet 30
        třicet 40 čtyřicet
        50 padesát 60 šedesát 70 sedmdesát 80 osmdesát 90 devadesát 100 sto 200 dvěstě 300 třista 400
        čtyřista 500 pětset
        600 šestset 700 sedmset 800 osmset 900 devětset *3 tisíc tisíce *6 milion miliony milionů
        *9 miliarda miliardy miliard *12 bilion biliony bilionů""",
    "sk": """0 nula 1 jeden 2 dva dve 3 tri 4 štyri 5 päť 6 šesť 7 sedem 8 osem 9 deväť 10 desať 11
        jedenásť 12 dvanásť
        13 trinásť 14 štrnásť 15 pätnásť 16 šestnásť 17 sedemnásť 18 osemnásť 19 devätnásť 20 dvadsať 30 tridsať
        40 štyridsať 50 päťdesiat 60 šesťdesiat 70 sedemdesiat 80 osemdesiat 90 deväťdesiat *2 sto *3 tisíc
        *6 milión milióny miliónov *9 miliarda miliardy miliárd *12 bilión bilióny biliónov""",
    "sv": """0 noll 1 ett en 2 två 3 tre 4 fyra 5 fem 6 sex 7 sju 8 åtta 9 nio 10 tio 11 elva 12 tolv 13
        tretton 14 fjorton
        15 femton 16 sexton 17 sjutton 18 arton 19 nitton 20 tjugo 30 trettio 40 fyrtio 50 femtio 60 sextio 70 sjuttio
        80 åttio 90 nittio *2 hundra *3 tusen *6 miljon miljoner *9 miljard miljarder *12 biljon biljoner""",
    "da": """0 nul 1 et en 2 to 3 tre 4 fire 5 fem 6 seks 7 syv 8 otte 9 ni 10 ti 11 elleve 12 tolv 13
        tretten 14 fjorten
        15 femten 16 seksten 17 sytten 18 atten 19 nitten 20 tyve 30 tredive 40 fyrre 50 halvtreds 60 treds
        70 halvfjerds
        80 firs 90 halvfems *2 hundrede *3 tusind tusinde *6 million millioner *9 milliard milliarder
        *12 billion billioner - og""",
    "no": """0 null 1 en ett 2 to 3 tre 4 fire 5 fem 6 seks 7 syv sju 8 åtte 9 ni 10 ti 11 elleve 12 tolv 13 tretten
        14 fjorten 15 femten 16 seksten 17 sytten 18 atten 19 nitten 20 tjue 30 tretti 40 førti 50 femti 60 seksti
        70 sytti 80 åtti 90 nitti *2 hundre *3 tusen *6 million millioner *9 milliard milliarder *12 billion billioner
        - og""",
    "fi": """0 nolla 1 yksi 2 kaksi 3 kolme 4 neljä 5 viisi 6 kuusi 7 seitsemän 8 kahdeksan 9 yhdeksän 10 kymmenen
        11 yksitoista 12 kaksitoista 13 kolmetoista 14 neljätoista 15 viisitoista 16 kuusitoista 17 seitsemäntoista
        18 kahdeksantoista 19 yhdeksäntoista *1 kymmentä *2 sata sataa *3 tuhat tuhatta *6 miljoona miljoonaa
        *9 miljardi miljardia *12 biljoona biljoonaa""",
    "hu": """0 nulla 1 egy 2 kettő két 3 három 4 négy 5 öt 6 hat 7 hét 8 nyolc 9 kilenc 10 tíz tizen 20 húsz huszon
        30 harminc 40 negyven 50 ötven 60 hatvan 70 hetven 80 nyolcvan 90 kilencven *2 száz *3 ezer *6 millió
        *9 milliárd *12 billió""",
    "ro": """0 zero 1 unu un o una 2 doi două 3 trei 4 patru 5 cinci 6 șase 7 șapte 8 opt 9 nouă 10 zece 11 unsprezece
        12 doisprezece douăsprezece 13 treisprezece 14 paisprezece 15 cincisprezece 16 șaisprezece 17 șaptesprezece
        18 optsprezece 19 nouăsprezece 20 douăzeci 30 treizeci 40 patruzeci 50 cincizeci 60 șaizeci 70 șaptezeci
        80 optzeci 90 nouăzeci *2 sută sute *3 mie mii *6 milion milioane *9 miliard miliarde *12 bilion bilioane
        - și de""",
    "ca": """0 zero 1 un una 2 dos dues 3 tres 4 quatre 5 cinc 6 sis 7 set 8 vuit 9 nou 10 deu 11 onze
        12 dotze 13 tretze
        14 catorze 15 quinze 16 setze 17 disset 18 divuit 19 dinou 20 vint 30 trenta 40 quaranta 50
        cinquanta 60 seixanta
        70 setanta 80 vuitanta 90 noranta *2 cent cents *3 mil *6 milió milions *12 bilió bilions - i""",
    "tr": """0 sıfır 1 bir 2 iki 3 üç 4 dört 5 beş 6 altı 7 yedi 8 sekiz 9 dokuz 10 on 20 yirmi 30 otuz
        40 kırk 50 elli
        60 altmış 70 yetmiş 80 seksen 90 doksan *2 yüz *3 bin *6 milyon *9 milyar *12 trilyon""",
    "id": """0 nol 1 satu 2 dua 3 tiga 4 empat 5 lima 6 enam 7 tujuh 8 delapan 9 sembilan 10 sepuluh 11
        sebelas +10 belas
        *1 puluh 100 seratus *2 ratus 1000 seribu *3 ribu *6 juta *9 miliar *12 triliun""",
    "vi": """0 không 1 một mốt 2 hai 3 ba 4 bốn tư 5 năm lăm 6 sáu 7 bảy 8 tám 9 chín 10 mười *1 mươi *2 trăm *3 nghìn
        *6 triệu *9 tỷ - lẻ linh""",
    "th": """0 ศูนย์ 1 หนึ่ง เอ็ด 2 สอง 3 สาม 4 สี่ 5 ห้า 6 หก 7 เจ็ด 8 แปด 9 เก้า 20 ยี่สิบ *1 สิบ *2
        ร้อย *3 พัน *4 หมื่น
        *5 แสน *6 ล้าน""",
    "ko": "0 영 1 일 2 이 3 삼 4 사 5 오 6 육 7 칠 8 팔 9 구 *1 십 *2 백 *3 천 *4 만 *8 억 *12 조",
    "ja": "0 零 〇 1 一 2 二 3 三 4 四 5 五 6 六 7 七 8 八 9 九 *1 十 *2 百 *3 千 *4 万 *8 億 *12 兆",
    "zh": "0 零 1 一 2 二 两 3 三 4 四 5 五 6 六 7 七 8 八 9 九 *1 十 *2 百 *3 千 *4 万 *8 亿",
    "ar": """0 صفر 1 واحد إحدى أحد واحدة 2 اثنان اثنتان اثنا 3 ثلاثة 4 أربعة 5 خمسة 6 ستة 7 سبعة 8
        ثمانية 9 تسعة 10 عشرة
        +10 عشر 20 عشرون 30 ثلاثون 40 أربعون 50 خمسون 60 ستون 70 سبعون 80 ثمانون 90 تسعون 100 مائة
        200 مئتان مئتا 300 ثلاثمائة 400 أربعمائة 500 خمسمائة 600 ستمائة 700 سبعمائة 800 ثمانمائة 900 تسعمائة
        *3 ألف ألفاً آلاف 2000 ألفان ألفا *6 مليون مليوناً ملايين 2000000
        مليونان مليونا *9 مليار ملياراً مليارات *12 تريليون تريليوناً
        تريليونات 2000000000 ملياران مليارا - و""",
    "he": """0 אפס 1 אחת אחד 2 שתיים שתים שני שניים שנים 3 שלוש שלושה שלושת 4 ארבע ארבעה ארבעת 5 חמש חמישה חמשת חמשה
        6 שש שישה ששת ששה 7 שבע שבעה שבעת 8 שמונה שמונת 9 תשע תשעה תשעת 10 עשר עשרת +10 עשרה עשר 20 עשרים 30 שלושים
        40 ארבעים 50 חמישים 60 שישים 70 שבעים 80 שמונים 90 תשעים 100 מאה 200 מאתיים *2 מאות *3 אלף אלפים 2000 אלפיים
        *6 מיליון *9 מיליארד *12 טריליון - ו""",
}
ENGLISH = """0 zero 1 one 2 two 3 three 4 four 5 five 6 six 7 seven 8 eight 9 nine 10 ten 11 eleven 12 twelve
    13 thirteen 14 fourteen 15 fifteen 16 sixteen 17 seventeen 18 eighteen 19 nineteen 20 twenty 30 thirty 40 forty
    50 fifty 60 sixty 70 seventy 80 eighty 90 ninety *2 hundred *3 thousand *6 million *9 billion *12 trillion
    *15 quadrillion *18 quintillion - and"""
WORDS["pt_BR"] = WORDS["pt_PT"].replace("*12 bilião biliões trilhão trilhões", "*12 trilhão trilhões")

WORDS["hi"] = " ".join(f"{int(number)} {word}" for number, word in rows(DATA / "hindi.tsv")) + (
    " *2 सौ *3 हज़ार *5 लाख *7 करोड़ *9 अरब *11 खरब")


@cache
def lexicon(language: str) -> dict[str, tuple[str, int]]:
    words: dict[str, tuple[str, int]] = {}
    kind, value = "", 0
    for entry in (ENGLISH if language == "en" else WORDS[language]).split():
        if entry == "-":
            kind, value = "+", 0
        elif entry[0] in "*+" and entry[1:].isdigit():
            kind, value = entry[0], 10 ** int(entry[1:]) if entry[0] == "*" else int(entry[1:])
        elif entry.isdigit():
            kind, value = "+", int(entry)
        else:
            words[entry] = (kind, value)
    return words


def number(phrase: str, language: str) -> int | None:
    """What a phrase of number words amounts to; None when a word in it is unknown."""
    words = lexicon(language)
    stack: list[int] = []
    for written in re.sub(r"quatre[- ]vingt", "quatrevingt", phrase.lower()).replace("-", " ").split():
        parts = _cut(written, tuple(words))
        if parts is None:
            return None
        for part in parts:
            kind, value = words[part]
            if kind == "+":
                stack.append(value)
                continue
            before = 0
            while stack and stack[-1] < value:
                before += stack.pop()
            stack.append((before or 1) * value)
    return sum(stack) if stack else None


def decimal(phrase: str, language: str, point: str) -> tuple[int, str] | None:
    """The whole part and the digits behind the point."""
    if language == "ru":
        return _russian(phrase)
    whole, _, rest = phrase.partition(point)
    value, digits = number(whole, language), ""
    parts = list(rest.replace(" ", "")) if language in ("ja", "zh", "ko") else rest.split()
    while parts and (digit := number(parts[0], language)) == 0 and len(parts) > 1:
        digits += str(digit)
        del parts[0]
    singles = [number(part, language) for part in parts if part.strip()]
    if all(single is not None and single < 10 for single in singles):
        return (value, digits + "".join(map(str, singles))) if value is not None else None
    return (value, digits + str(number(" ".join(parts), language))) if value is not None else None


def _russian(phrase: str) -> tuple[int, str] | None:
    """Две целых семьдесят пять сотых."""
    match = re.fullmatch(r"(.*) цел(?:ая|ых) (.*) (десят|сот|тысячн|десятитысячн)(?:ая|ых)", phrase)
    if match is None:
        return None
    places = ("десят", "сот", "тысячн", "десятитысячн").index(match[3]) + 1
    whole, part = number(match[1], "ru"), number(match[2], "ru")
    return None if whole is None or part is None else (whole, f"{part:0{places}}")


def _cut(written: str, words: tuple[str, ...]) -> list[str] | None:
    if not written:
        return []
    for word in sorted((word for word in words if written.startswith(word)), key=len, reverse=True):
        rest = _cut(written[len(word):], words)
        if rest is not None:
            return [word, *rest]
    return None
