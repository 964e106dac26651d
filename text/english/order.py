"""The order of the rules: the first that knows a word reads it."""
from __future__ import annotations

from text.english.address import house_number, state
from text.english.bible import book_number, verse
from text.english.chemistry import kelvin, molar, read_formula
from text.english.date import decade, month_day, read_date, read_decade, slash_day
from text.english.decimal import spaced_thousands
from text.english.electronic import read_electronic
from text.english.fraction import and_a_half, read_fraction
from text.english.knitting import stitch, yarn_over
from text.english.math import (
    multiple,
    over,
    power_with_unit,
    quarter,
    ratio,
    read_equation,
    read_place,
    read_power,
    read_size,
    sign,
    size_with_unit,
)
from text.english.measure import code_before, measure, measured_fraction, read_measure, read_rate, tally
from text.english.ordinal import read_ordinal
from text.english.place import PlaceRule, WordRule
from text.english.range import read_range, read_span
from text.english.roman import roman
from text.english.serial import named_number, read_serial, read_version
from text.english.telephone import phone_groups, read_telephone, short_code
from text.english.time import half_day, military, read_clock, seconds
from text.english.whitelist import read_initials

NUMBER_RULES: tuple[PlaceRule, ...] = (
    book_number, verse, ratio, over, multiple, month_day, decade, half_day, seconds, military, slash_day, phone_groups,
    short_code, stitch, molar, kelvin, power_with_unit, measured_fraction, size_with_unit, and_a_half, spaced_thousands,
    named_number, house_number, tally, measure,
)
"""For a word with a digit, among its neighbours."""
LETTER_RULES: tuple[PlaceRule, ...] = (sign, quarter, roman, state, code_before, yarn_over)
"""For a word without one, among its neighbours."""
WORD_RULES: tuple[WordRule, ...] = (
    read_electronic, read_equation, read_date, read_telephone, read_span, read_clock, read_ordinal, read_decade,
    read_version, read_formula, read_fraction, read_measure, read_size, read_place, read_initials, read_power,
    read_rate, read_range, read_serial,
)
"""For a word by itself."""
