"""Numbers with what they count: units, percent, money, scales, ranges, thousands set apart by spaces."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from text import tables
from text.languages import polish, russian
from text.languages.electronic import signs
from text.languages.grammar import DATA, Forms, Language, Noun, Number, agree, form, parse, said, whole_words
from text.number_names import digit_names, name
from text.written import Written, grouped, next_core, share_out

_SIGNS = r"€|US\$|\$|£|¥|₩|₹|₽|₺|₡|₴|₪|R\$|CHF|USD|EUR|GBP|JPY|KRW|INR|BRL|MXN|PLN|RUB|CNY|CAD|AUD|Rs|रु|%"
AMOUNT = re.compile(
    rf"(?P<sign>[-−+])?(?P<before>{_SIGNS})?(?P<low>\d[\d.,' \u00a0\u202f\u2009]*)"
    r"(?:[-–~](?P<high>\d[\d.,]*))?(?P<unit>(?!-\D{8})\D{0,12}(?:(?<=[mм])\^?[23][가-힣]*)?)"
)
_FEMININE = {
    "es": re.compile("[a-zñáéíóú]*(?:[cstx]iones|dades|tades|tudes|umbres)|mujeres|fotos|motos|manos|clases|noches|"
                     "tardes|partes|veces|calles|flores|imágenes|madres|redes|series|llaves|leyes|voces"),
    "pt": re.compile("[a-zãçéíóú]*(?:ções|sões|dades)|mulheres|fotos|motos|mãos|noites|tardes|partes|vezes|flores"),
    "fr": re.compile("[a-zàâçéèêîïôûœ]*(?:tions|sions|euses|trices|ettes|elles|ances|ences|ités|ées)|filles|femmes|"
                     "personnes|minutes|heures|secondes|pages|semaines|étapes|photos|fois|villes|places|chansons"),
}
"""Nouns of several that are feminine, whatever the number before them would show."""
_MASCULINE_IN_A = re.compile(r".*[eéoói]mas|.*[aá]mas|días|mapas|(?:plane|poe|atle|pira|come|.*is)tas")


def _gender(number: int, noun: str, speech: Language) -> str:
    """The gender of a counted noun where its ending is sure to show it, else none: 21 personas, 2 кошки."""
    if (feminine := _FEMININE.get(speech.base)) and feminine.fullmatch(noun):
        return "f"
    if speech.base in ("es", "pt") and noun.endswith("as") and len(noun) > 3 and noun.islower():
        masculine = _MASCULINE_IN_A.fullmatch(noun)
        return "f" if not masculine else "m" if speech.base == "es" and number % 10 == 1 else ""
    if speech.base == "es" and number % 10 == 1 and re.fullmatch("[^\\W\\d]{3,}s", noun) and noun.islower():
        return "m"
    if speech.base == "ru":
        return russian.gender(number, noun)
    return polish.gender(number, noun) if speech.base == "pl" else ""


SCALES = {(base, written): spoken for base, written, spoken in tables.rows(DATA / "scales.tsv")}
"""What may stand between a number and the currency before it: € 2 millones is dos millones de euros."""


@cache
def units(base: str) -> dict[str, Noun]:
    return {symbol: Noun(gender, (one, few, many, part))
            for code, symbol, gender, one, few, many, part in tables.rows(DATA / "units.tsv") if code == base}


@cache
def currencies(base: str) -> dict[str, tuple[Noun, Noun | None]]:
    """A currency and its hundredth part."""
    found = {}
    for code, symbol, gender, *rest in tables.rows(DATA / "currencies.tsv"):
        if code == base:
            forms, part_gender, parts = _forms(rest[:4]), rest[4], _forms(rest[5:])
            found[symbol] = Noun(gender, forms), Noun(part_gender, parts) if parts[0] else None
    return found | {code: found[symbol] for code, symbol in _CODES.items() if symbol in found and code not in found}


_CODES = {"USD": "$", "US$": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "RUB": "₽", "KRW": "₩", "PLN": "zł",
          "BRL": "R$", "руб": "₽", "Rs": "₹", "eur": "€", "usd": "$"}
"""Other ways to write a currency."""


def _forms(cells: Sequence[str]) -> Forms:
    one, few, many, part = cells
    return one, few, many, part


def spaced_thousands(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """10 000 · 10 000 € · -1 234 567,89"""
    count = grouped(words, at)
    parts = [word.core.rstrip("+") for word in words[at + 1:at + count]]
    if count == 1 or (speech.base not in _SPACES and any(part != "000" for part in parts)):
        return None
    last = at + count - 1
    whole = words[last]._replace(core="".join(word.core for word in words[at:at + count]))
    plus = f" {signs(speech.base).get('+', '')}" if whole.core[-1] == "+" else ""
    whole = whole._replace(core=whole.core.rstrip("+"))
    phrases = amount([*words[:at], whole, *words[last + 1:last + 4]], at, speech)
    if phrases and plus:
        phrases[0] += plus
    return [*share_out(phrases[0], count), *phrases[1:]] if phrases else None


_SPACES = ("fr", "ru", "uk", "pl", "cs", "sk", "sv", "no", "fi", "hu", "es", "pt", "it", "ca")
"""Languages that set thousands apart so; in the others only 10 000 is certainly one number."""


def amount(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """3,14 · 5 km · 50 % · 3,50 € · 10-15 kg; the unit may be a display word of its own."""
    match = AMOUNT.fullmatch(words[at].core)
    number = parse(match["low"], speech) if match else None
    if match is None or number is None:
        return None
    priced = match["before"] in ("$", "£") and (speech.base, next_core(words, at)) not in SCALES
    if priced and speech.mark == "," and re.fullmatch(r"[1-9]\d{0,2},\d{3}", match["low"]):
        number = Number(match["low"].replace(",", ""), "")  # no price has three decimals
    high = parse(match["high"], speech) if match["high"] else None
    quantity = _quantity(match["sign"] or "", number, high, speech)
    if quantity is None or (match["high"] and high is None):
        return None
    unit = match["before"] or match["unit"]
    if match["high"] and unit[:1] == "-":
        return None
    if speech.base == "nl" and _DUTCH_POSTCODE.fullmatch(f"{words[at].core} {next_core(words, at)}"):
        pairs = [words[at].core[:2], words[at].core[2:]]
        return [" ".join(whole_words(pair, speech) or pair for pair in pairs) if pairs[1] != "00" else quantity]
    if match["high"] and _is_code(match["low"], match["high"], next_core(words, at), speech):
        codes = [digit_names(re.sub(r"\D", "", match[end]), speech.code) for end in ("low", "high")]
        return [" ".join(filter(None, [*codes, unit]))] if all(codes) else None
    named = next_core(words, at) if match["before"] == "$" and not match["unit"] else ""
    if re.fullmatch("[A-Z]{3}", named) and named in currencies(speech.base):  # $50 MXN
        return _with_unit(quantity, high or number, named, speech, exact=high is None)
    if match["before"] and match["unit"]:
        return _money_and_more(match, quantity, number, high, speech)
    if match["before"] and (scaled := _scaled_money(words, at, quantity, high or number, speech)):
        return scaled
    if millions := _millions(words, at, number, speech):
        return [quantity, millions]
    if match["unit"][:1] in ("k", "K") and unit[1:] in currencies(speech.base) and not (number.decimals or high):
        number, unit = Number(number.whole + "000", ""), unit[1:]  # 15k€
        quantity = _quantity(match["sign"] or "", number, None, speech) or quantity
    if unit:
        phrases = _with_unit(quantity, high or number, unit, speech, exact=high is None)
        return [" ".join(phrases)] if phrases else None if match["before"] else [f"{quantity} {unit.lstrip('-')}"]
    following = unit_behind(words, at, speech)
    if (speech.base, following) in SCALES and not number.decimals:
        quantity = agree(quantity, "f" if speech.base == "de" else "m", speech)
    counted = _with_unit(quantity, high or number, following, speech, exact=high is None)
    if counted or number.decimals:
        return counted or [quantity]
    return [agree(quantity, _gender((high or number).value, following, speech), speech)]


_DUTCH_POSTCODE = re.compile("[1-9][0-9]{3} (?!EK|WK|OS|NK|AD|BC|GB|MB|TB|KB)[A-Z]{2}")


def _is_code(low: str, high: str, following: str, speech: Language) -> bool:
    """0900-1234 · 31-042 Kraków: digits that are no range"""
    if speech.base == "pl" and re.fullmatch(r"\d\d-\d{3}", f"{low}-{high}") and following[:1].isupper():
        return True
    return re.search(r"(?:^|-)0\d", f"{low}-{high}") is not None and max(len(low), len(high)) > 2


def _millions(words: Sequence[Written], at: int, number: Number, speech: Language) -> str:
    """1,2 M de vues"""
    behind = words[at + 2].core if at + 2 < len(words) and not words[at + 1].tail else ""
    if next_core(words, at) != "M" or not re.match(r"d[ei]$|d'", behind):
        return ""
    many = number.value > 1 or (bool(number.decimals) and speech.base in ("es", "it"))
    return _MILLIONS.get(speech.base, ("", ""))[many]


_MILLIONS = {"fr": ("million", "millions"), "es": ("millón", "millones"), "it": ("milione", "milioni"),
             "pt": ("milhão", "milhões")}


_RAISED = re.compile("^([cdkmдксм]?[mм])([23])$")


_BEHIND_HECTARES = re.compile("|d['aei].*|de|del|e|y|o|con|in|en|per|por|a|al")
"""What follows hectares; before anything else ha is has."""


def unit_behind(words: Sequence[Written], at: int, speech: Language) -> str:
    """The next word, which may be a unit. Russian с is seconds only where nothing follows it: 1996 с друзьями"""
    following = next_core(words, at)
    sized = following in ("x", "X", "х") and next_core(words, at + 1)[:1].isdigit()
    following = _RAISED.sub(r"\1^\2", following)
    if following == "ha" and speech.base in ("it", "es") and not _BEHIND_HECTARES.fullmatch(next_core(words, at + 1)):
        return ""
    return "" if sized or ((speech.base, following) == ("ru", "с") and next_core(words, at + 1)) else following


def _money_and_more(
        match: re.Match[str], quantity: str, number: Number, high: Number | None, speech: Language) -> list[str] | None:
    """€50k · $1.5M · $5/mes · $100는"""
    unit, sign = match["unit"], match["before"]
    if unit in ("k", "K") and not number.decimals and not high:
        thousands = Number(number.whole + "000", "")
        words = _quantity(match["sign"] or "", thousands, None, speech)
        return [" ".join(_with_unit(words, thousands, sign, speech, exact=True) or ())] if words else None
    millions = next((SCALES[speech.base, key] for key in ("mln", "Mio", "millones", "M", "mi", "млн")
                     if (speech.base, key) in SCALES), "")
    money = currencies(speech.base).get(sign)
    if unit in ("M", "m") and millions and money:
        return [f"{quantity} {_elided(f'{millions} {money[0].forms[2]}')}"]
    if korean := re.fullmatch("([만억조]*)([가-힣]*)", unit):
        phrases = _with_unit(f"{quantity} {korean[1]}".strip(), high or number, sign, speech, exact=high is None)
        return [" ".join(phrases) + korean[2]] if phrases else None
    phrases = _with_unit(quantity, high or number, sign + unit, speech, exact=high is None)
    return [" ".join(phrases)] if phrases else [f"{quantity} {unit}"]


_PER_HUNDRED = {"de": "auf einhundert", "fr": "aux cent", "es": "a los cien", "pt": "por cem", "it": "per cento",
                "nl": "per honderd", "pl": "na sto", "ru": "на сто"}


def consumption(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """6,5 l/100 km · 7L/100km"""
    match, per = _CONSUMPTION.fullmatch(words[at].core), _PER_HUNDRED.get(speech.base)
    apart = match is not None and not match[3]
    if match is None or per is None or (apart and next_core(words, at) not in ("km", "км")):
        return None
    written = match[1] or (words[at - 1].core if at and not words[at - 1].tail else "")
    number = parse(written, speech) if re.fullmatch(r"\d[\d.,]*", written) else None
    litre, km = (next((units(speech.base)[symbol] for symbol in symbols if symbol in units(speech.base)), None)
                 for symbols in (("l", "L", "л"), ("km", "км")))
    if number is None or litre is None or km is None:
        return None
    count = f"{said(number, speech)} " if match[1] else ""
    litres = f"{count}{form(number.value, litre.forms, speech, bool(number.decimals))}"
    return [f"{litres} {per}", km.forms[2]] if apart else [f"{litres} {per} {km.forms[2]}"]


_CONSUMPTION = re.compile(r"(\d[\d.,]*)?([lLл])/100(km|км)?")


def sign_apart(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """R$ 12,05 · € 5: the sign is said behind the number, and has its share of the sum, so that none of it is mute"""
    core, following = words[at].core, next_core(words, at)
    if core not in currencies(speech.base) or not following[:1].isdigit():
        return None
    phrases = amount([*words[:at], words[at + 1]._replace(core=core + following), *words[at + 2:at + 4]], at, speech)
    if not phrases:
        return None
    return [*(share_out(phrases[0], 2) if " " in phrases[0] else ["", phrases[0]]), *phrases[1:]]


def lone_sign(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1,5 Mio. € · 3 millones de km · 3/4 kg: the sign behind a scale or a fraction"""
    core = words[at].core
    if at and core in _WEIGHED and words[at - 1].core.lower() in _EACH.get(speech.base, ()) and not words[at - 1].tail:
        return [units(speech.base)[core].forms[0]] if core in units(speech.base) else None
    bare = re.sub("(?<=[^가-힣])[가-힣]+$", "", core) if speech.base == "ko" else core
    noun = currencies(speech.base)[bare][0] if bare in currencies(speech.base) else units(speech.base).get(bare)
    if (speech.base, core) == ("ru", "с"):
        return None
    back = 1 + (at > 1 and words[at - 1].core in ("de", "di"))
    if noun is None or at < back or words[at - 1].tail:
        return None
    before, first = words[at - back].core, words[at - back - 1].core if at > back else ""
    if re.fullmatch(r"\d{1,5}(?:[x×х]\d{1,5})+", before):
        return [noun.forms[2]]
    if re.fullmatch(r"\d{1,2}/\d{1,3}", before) and not before.startswith("1/2") and not first.isdigit():
        of = {"es": "de ", "pt": "de ", "fr": "de ", "it": "di "}.get(speech.base, "")
        if of:
            return [re.sub("^de (?=[aeiou])", "d'" if speech.base == "fr" else "de ", f"{of}{noun.forms[0]}")]
    if re.fullmatch(r"\d{0,4}\D?\d{1,2}/\d{1,3}", before):
        slavic = speech.base in ("ru", "pl")
        return [noun.forms[3 if slavic else 0 if re.match(r"\W?\d{1,2}/", before) and not first.isdigit() else 2]]
    if speech.base == "ko" and re.fullmatch(r"\d[\d,.]*[만억조]+", before):
        return [noun.forms[2] + core[len(bare):]]
    scale = SCALES.get((speech.base, before)) or (before in units(speech.base) and before)
    if not scale or not first[-1:].isdigit():
        return None
    of = "de " if speech.base in ("es", "pt", "fr") else "di " if speech.base == "it" else ""
    if back > 1 or not of:
        return [noun.forms[2]]
    return [_elided(f"{'millions ' if speech.base == 'fr' else ''}{of}{noun.forms[2]}").removeprefix("millions ")]


_WEIGHED = ("kg", "km", "m^2", "кг", "км", "м^2", "kWh")
_EACH = {"it": ("al", "ogni", "un"), "es": ("por", "el", "un", "cada"), "de": ("pro", "je", "das", "ein"),
         "fr": ("le", "par", "un", "au", "du"), "pt": ("por", "o", "cada", "um"), "nl": ("per",), "ru": ("за", "на"),
         "pl": ("za", "na")}
"""Behind these a unit is one: al kg."""


def _quantity(sign: str, low: Number, high: Number | None, speech: Language) -> str | None:
    words = [said(low, speech)]
    if high:
        words += [speech.to if low.value < high.value else "", said(high, speech)]
        if speech.base == "pl" and not high.decimals and high.value < 1000:
            words[-1] = polish.cardinal(high.value, "g", "m")
    if None in words:
        return None
    return " ".join(filter(None, [speech.minus if sign in ("-", "−") and sign else "", *words]))


def _scaled_money(
    words: Sequence[Written], at: int, quantity: str, number: Number, speech: Language) -> list[str] | None:
    written = next_core(words, at)
    scale, match = SCALES.get((speech.base, written)), AMOUNT.fullmatch(words[at].core)
    money = currencies(speech.base).get(match["before"]) if match else None
    if scale is None or money is None:
        return None
    if speech.base in ("ru", "pl") and (noun := units(speech.base).get(written)):
        quantity = quantity if number.decimals else agree(quantity, noun.gender, speech)
        scale = form(number.value, noun.forms, speech, bool(number.decimals))
    return [quantity, _elided(f"{scale} {money[0].forms[2]}")]


def _elided(phrase: str) -> str:
    return re.sub(r"(million|millions|milliard|milliards) de (?=[aeiou])", r"\1 d'", phrase)


def _with_unit(quantity: str, number: Number, unit: str, speech: Language, exact: bool) -> list[str] | None:
    """Phrases for the number and for its unit, None when the unit is none."""
    if unit in currencies(speech.base):
        money, hundredth = currencies(speech.base)[unit]
        if exact and hundredth and re.fullmatch(r"\d\d", number.decimals):
            return _money(quantity, number, money, hundredth, speech)
        return _counted(quantity, number, money, speech)
    if unit in ("%", "％") and speech.percent:
        phrases = _counted(quantity, number, speech.percent, speech)
        return phrases[::-1] if speech.base == "tr" else phrases
    if unit in units(speech.base):
        return _counted(quantity, number, units(speech.base)[unit], speech)
    if rate := _rate(quantity, number, unit, speech, exact):
        return rate
    if scaled := re.fullmatch(r"([만억조]+)([^가-힣]+)([가-힣]*)", unit) if speech.base == "ko" else None:
        counted = _with_unit(f"{quantity} {scaled[1]}", number, scaled[2], speech, exact)
        return [" ".join(counted) + scaled[3]] if counted else None
    particle = re.fullmatch(r"([^가-힣]+)([가-힣]+)", unit)
    if speech.base != "ko" or particle is None:
        return None
    counted = _with_unit(quantity, number, particle[1], speech, exact)
    return [*counted[:-1], counted[-1] + particle[2]] if counted else None


def _rate(quantity: str, number: Number, unit: str, speech: Language, exact: bool) -> list[str] | None:
    """5 €/kg · 5 GB/s · 10 €/Monat"""
    above, slash, below = unit.partition("/")
    per = _per(below, above in currencies(speech.base), speech) if slash and below else ""
    if not per:
        return None
    phrases = _with_unit(quantity, number, above, speech, exact) if above else [quantity, ""]
    return [*phrases[:-1], f"{phrases[-1]} {per}".strip()] if phrases else None


def _per(below: str, paid: bool, speech: Language) -> str:
    """Pro Sekunde, al mese, в секунду, за килограмм; "" when it is no unit and no word."""
    noun = units(speech.base).get(below)
    one = noun.forms[0] if noun else below if re.fullmatch(r"[^\d\s/]{3,}", below) else ""
    if not one or speech.base not in _PER:
        return ""
    if speech.base == "it":
        return f"all'{one}" if one[0] in "aeiou" else f"alla {one}" if one[-1] == "a" else f"al {one}"
    if speech.base in ("ru", "pl"):
        one = re.sub("а$", "у", re.sub("я$", "ю", re.sub("a$", "ę", one)))
        return f"{({'ru': 'за', 'pl': 'za'} if paid else _PER)[speech.base]} {one}"
    return f"{_PER[speech.base]} {one}"


_PER = {"de": "pro", "es": "por", "fr": "par", "it": "al", "nl": "per", "pl": "na", "pt": "por", "ru": "в",
        "hi": "प्रति"}


def _counted(quantity: str, number: Number, noun: Noun, speech: Language) -> list[str]:
    percent = noun is speech.percent
    words = quantity if number.decimals or percent else agree(quantity, noun.gender, speech)
    counted = form(number.value, noun.forms, speech, bool(number.decimals))
    if number.value and number.value % 10**6 == 0 and not (number.decimals or percent):
        words += {"es": " de", "pt": " de", "it": " di", "fr": " d'" if counted[0] in "aeiou" else " de"}.get(
            speech.base, "")
    return [words, counted]


def _money(quantity: str, number: Number, money: Noun, hundredth: Noun, speech: Language) -> list[str]:
    """As people say it: drei Euro fünfzig; the hundredths by name where that is the custom or nothing else is there."""
    whole, part = name(number.whole, speech.code), int(number.decimals)
    minus = f"{speech.minus} " if quantity.startswith(f"{speech.minus} ") else ""
    cents = agree(name(str(part), speech.code) or "", hundredth.gender, speech)
    named = f"{cents} {form(part, hundredth.forms, speech)}"
    if number.value == 0 and part:
        return [minus + cents, form(part, hundredth.forms, speech)]
    sum_of = f"{minus}{agree(whole or '', money.gender, speech)} {form(number.value, money.forms, speech)}"
    if part == 0:
        first, _, last = sum_of.rpartition(" ")
        return [first, last]
    short = speech.base in ("fr", "nl") or (part > 9 and speech.base in ("de", "es", "it"))
    return [sum_of, cents if short else f"e {named}" if speech.base == "pt" else named]
