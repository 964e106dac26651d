"""How English is read aloud: numbers, money, dates, times, measures, abbreviations, acronyms, addresses.

`speak` first writes abbreviations out, then reads each word by the first rule that knows it. A rule sees the
word and its neighbours and returns one phrase for each display word that it reads; readings that span several
("$1.2 billion", "5 km", "Henry VIII") give every word its own part. Rules look at most a few words away, and
words longer than `MAX_CORE` meet none of them, so time is linear in the text.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from text import languages
from text.languages import FRACTION, MAX_CORE, MAX_DIGITS, Written, grouped, punctuated, share_out, spelled


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    """Entries `key words`, parted by bars and line ends."""
    entries = (entry.strip().split(" ", 1) for entry in re.split(r"[|\n]", text))
    return {entry[0]: entry[1] for entry in entries if len(entry) > 1}


def _units(text: str) -> dict[str, tuple[str, str]]:
    """Entries `symbol one many`; many is one with an s when absent."""
    table: dict[str, tuple[str, str]] = {}
    for symbol, names in _pairs(text).items():
        one, *many = names.replace("_", " ").split("/")
        table[symbol] = (one, many[0] if many else one + "s")
    return table


# Tables

_MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                "November", "December")
_MONTHS = {"sept": "September"} | {key: month for month in _MONTH_NAMES for key in (month[:3].lower(), month.lower())}
_WEEKDAYS = _pairs("""
    Mon Monday | Tue Tuesday | Tues Tuesday | Wed Wednesday | Thu Thursday | Thur Thursday | Thurs Thursday | Fri Friday
    Sat Saturday | Sun Sunday
""")

_ABBREVIATIONS: dict[str, tuple[str, str]] = {key: (full, needs) for needs, table in (
    ("", """
        mr mister | mrs missus | messrs messers | vs versus | etc et cetera | e.g for example | i.e that is
        a.k.a also known as | dept department | blvd boulevard | hwy highway | govt government | bros brothers
        jr junior | sr senior | ltd limited | approx approximately | w/ with | w/o without | b/c because
        &c et cetera | viz namely | ibid ibidem | asst assistant | attn attention | misc miscellaneous
        ph.d P H D
    """),
    (".", """
        inc incorporated | corp corporation | co company | univ university | assn association | est established
        max maximum | min minimum | tel telephone | ext extension | avg average | apt apartment | rd road
        cf compare | ca circa | ave avenue | intl international | natl national | mfg manufacturing | eq equation
        hr hour | hrs hours | mins minutes | sec second | secs seconds | yr year | yrs years | lbs pounds | oz ounces
        eg for example | ie that is
    """),
    (".n", """
        ft fort | rev reverend | gen general | col colonel | lt lieutenant | sgt sergeant | sen senator
        rep representative | hon honorable | maj major | cmdr commander | adm admiral | pres president
        cpl corporal | pvt private | supt superintendent | st saint | sta santa
    """),
    (".#", """
        no number | nos numbers | p page | pp pages | vol volume | vols volumes | ch chapter | chap chapter
        fig figure | figs figures | art article | sect section | ver version | v version | op opus | c circa
        para paragraph | ed edition | pt part
    """),
    ("n", """
        dr doctor | prof professor | mt mount | gov governor | capt captain
    """),
) for key, full in _pairs(table).items()}
"""What is written out, and what must follow: "." a dot, "n" a capital, "#" a digit."""
_DOTTED_UNITS = _words("""
    in ft lb lbs oz min mins sec secs hr hrs yd mi gal tsp tbsp yr yrs
""")
_LAST_WORDS = _words("""
    etc jr sr inc corp co ltd bros ave blvd rd st dr a.k.a dept univ in ft lb lbs oz min mins sec secs hr hrs yd mi
    gal tsp tbsp yr yrs
""")
_LOUD_ABBREVIATIONS = _words("""
    mr mrs dr vs etc jr sr ph.d
""")
_SENTENCE_STARTERS = _words("""
    The It He She We They I This That These Those In On At But And So If When While After Before As For To You There
    Then Now What Why How Who Where Is Are Was Were Do Does Did Not No Yes My Our Your His Her Its Their However
    Also
""")
_FUNCTION_WORDS = _words("""
    of in on at to for from with and or but nor so per is are was were be been has have had will would can could do
    does did not as than that which who if when while because since until after before between more less each every
    by into over under up down off out about a an the he she it we they you i this these those too
""")
_SCALES = _pairs("""
    k thousand | K thousand | m million | M million | mn million | mm million | MM million | bn billion | b billion
    B billion | t trillion | T trillion | tn trillion | mil million
""")
_SCALE_WORDS = _pairs("""
    thousand thousand | million million | billion billion | trillion trillion | mn million | bn billion
    tn trillion | mil million
""")
_AS_WORDS = _words("""
    NASA NATO UNESCO UNICEF OPEC FIFA UEFA AIDS SARS COVID LASER RADAR SCUBA NAFTA OSHA FEMA PIN RAM ROM GIF JPEG
    SIM SWAT FOMO YOLO POTUS SCOTUS CAPTCHA SONAR IKEA LEGO NIMBY JSON YAML RAID CAD DOS BIOS GUI WASP NASDAQ FAANG
    ASCII AMEX HAZMAT MENSA ASEAN NIKE OSCAR IMAX PETA ECHO ZIP BAFTA GAAP HIPAA TED
    HMM SHH PSST PFFT GRR BRR TSK UGH
""")
_SPELLED = _words("""
    USAF ASAP UCLA USDA YMCA FAQ USA UAE EU UK UN AI ID TV PM CEO CFO CTO COO CIA IOU IOC API UFO ETA ATM ABC ADHD
    DIY VIP AOL ESP IPO AKA ICU ESPN HIV EPA IRS UX UI OS ETF ISO LED EV EP LA IQ ER AC AR VR XR IP EMT ESL ECG EKG
    IEEE OEM IMO IMHO AMA AFK ISP IBM IDE USB URL RSVP GPU CPU BBC NBC CBS CNN NBA NFL FBI HR PR QR SUV RV PE TA RA
    CV CD DVD MIT UV OJ ICBM AAA NSA MVP CGI DNA RNA GPS IUD PTA UPS AA BA MA MBA GED EQ UTI OCD PTSD AOC OMG USDC
    EUR USD IMF GOP AWS EOD EOF AMD ROI KPI SEO SSO DOJ IPA ACLU NAACP EMEA APAC ISBN IVF UPC AED EIN UBI
""")
_SPELLED_UNLESS_LOUD = _words("""
    US IT WHO AM ME IE OR ID AID
""")
_SHORT_WORDS = _words("""
    NOT ALL AND BUT NOW YES THE YOU CAN WHY HOW OUT BIG NEW BAD NO SO DO GO MY WE HE BE BY IF IN IS OF ON TO UP AT
    AN AS OH AH HEY WOW HER HIS HIM SHE OUR ANY ONE TWO TEN SIX TOP DAY GET GOT HAD HAS LET MAN MEN MAY OLD OWN PUT
    RUN SAY SEE SET SIT TOO TRY USE WAR WAS WAY WIN WON YET ACT ADD AGO ARE ASK BAN BED BET BOX BOY BUS BUY CAR CAT
    CUT DID DIE DOG DRY EAT END EYE FAN FAR FEW FIT FIX FLY FOR FUN GAS GOD GUN GUY HIT HOT ICE ILL JOB JOY KEY KID
    LAW LAY LEG LIE LOT LOW MAD MAP MIX MOM DAD NOR ODD OFF OIL PAY RED SAD SEA SEX SKY SON SUN TAX TEA TIE VIA WET
    ZERO BEST NICE LOL HA UH UM MR MS PIN SIN RAW FREE SALE ART ARM SAT ITS ICY EVE BAR BAT PET DUE GAP HUG JAM LAB
    LAP MUD NET NUT PIE POP RIP ROW US ME IT AM OR WHO AID TIP TOE TON VOW WEB YEP NAH FAT AWE APE AXE EGO ERA INN
    INK IVY OAK OAR OPT OWE
""")
_MONARCHS = _words("""
    Henry Edward George Elizabeth Louis Charles William James Richard Mary John Paul Pius Benedict Francis Leo
    Gregory Innocent Clement Alexander Napoleon Nicholas Peter Catherine Frederick Philip Ferdinand Alfonso Ramses
    Ramesses Ptolemy Wilhelm Otto Haakon Carl Gustav Margrethe Urban Boniface Sixtus Julius Darius Xerxes Kamehameha
    Mehmed Murad Selim Suleiman Harald Olav Christian Umberto Leopold Albert Rainier Ivan Constantine Justinian
    Cleopatra Felipe Isabella
""")
_REGNAL = _words("""
    King Queen Pope Emperor Empress Tsar Tsarina Kaiser Prince Sultan Czar Pharaoh
""")
_PARTS = _words("""
    chapter part act volume book section article war bowl type phase episode season fantasy rocky stage class
    category appendix table scene title level grade unit world mark
""")
_NAMED_BY_PAIRS = _words("""
    flight route highway interstate boeing airbus room area bus suite apartment apt channel porsche peugeot hwy dc
    interstates boeing's
""")
_VERSIONED = _words("""
    version python ios macos android windows release v ubuntu node php ruby django java kotlin swift chapter section
    figure table article firmware api chrome firefox cuda pytorch usb bluetooth
""")
_ERAS = _words("AD BC BCE CE A.D B.C")
_BEFORE_DATES = _words("on by until since due before")
_BEFORE_COUNTS = _words("part page day step episode slide lesson round")
_BEFORE_YEARS = _words("in of since year until by")
_DIALLED = _words("""
    call dial calling dialing called dialed text phone
""")
_STATES = _pairs("""
    AL Alabama | AK Alaska | AZ Arizona | AR Arkansas | CA California | CO Colorado | CT Connecticut | DE Delaware
    FL Florida | GA Georgia | HI Hawaii | ID Idaho | IL Illinois | IN Indiana | IA Iowa | KS Kansas | KY Kentucky
    LA Louisiana | ME Maine | MD Maryland | MA Massachusetts | MI Michigan | MN Minnesota | MS Mississippi
    MO Missouri | MT Montana | NE Nebraska | NV Nevada | NH New Hampshire | NJ New Jersey | NM New Mexico
    NY New York | NC North Carolina | ND North Dakota | OH Ohio | OK Oklahoma | OR Oregon | PA Pennsylvania
    RI Rhode Island | SC South Carolina | SD South Dakota | TN Tennessee | TX Texas | UT Utah | VT Vermont
    VA Virginia | WA Washington | WV West Virginia | WI Wisconsin | WY Wyoming | DC D C
""")
_STATES_ONLY_WITH_ZIP = _words("""
    OK HI ME IN OR OH ID PA MA AL LA
""")
_SPECIAL = _pairs("""
    007 double oh seven | 24/7 twenty-four seven | 9/11 nine eleven | 7/11 seven eleven | 3M three M
    C++ C plus plus | C# C sharp | F# F sharp | N/A N A | n/a N A | OK okay | Ok okay | OKs okays
    24-7 twenty-four seven | PhD P H D | PhDs P H D's | Wi-Fi Wi-Fi | WWI World War One | WWII World War Two
    WW1 World War One | WW2 World War Two | & and | + plus | = equals | @ at | % percent | × times | ÷ divided by
    − minus | ± plus or minus | < less than | > greater than | ≈ approximately | ≤ less than or equal to
    ≥ greater than or equal to | ≠ is not equal to | § section | ° degrees | € euros | £ pounds | ¥ yen
    $ dollars | / slash | AC/DC A C D C | AT&T A T and T | c/o care of | km/h kilometers per hour | and/or and or
    y2k Y two K | Y2K Y two K | K9 K nine | mic'd miked | SaaS sass | LaTeX latech | macOS mac O S
""")
_PER = _pairs("""
    mo month | hr hour | h hour | yr year | y year | wk week | s second | sec second | min minute | d day
    km kilometer | mi mile | kg kilogram | lb pound | gal gallon | oz ounce | l liter | L liter | ml milliliter
    m^2 square meter | sqft square foot | GB gigabyte
""")
_SEPARATORS = _pairs("""
    . dot | / slash | @ at | : colon | _ underscore | - dash | ? question mark | = equals | & and | # hash
    % percent | ~ tilde | + plus
""")

_CURRENCIES = _units("""
    $ dollar | US$ U S dollar | A$ Australian dollar | C$ Canadian dollar | £ pound | € euro | ¥ yen/yen | ₹ rupee
    ₽ ruble | ₩ won/won | ₺ lira/lira | ₿ bitcoin/bitcoin | ₪ shekel | ₫ dong/dong | ₴ hryvnia | ₱ peso | R$ real/reais
    USD U S dollar | AUD Australian dollar | CAD Canadian dollar | GBP pound | EUR euro | JPY yen/yen | INR rupee
    RUB ruble | KRW won/won | BTC bitcoin/bitcoin | BRL real/reais
""")
_HUNDREDTHS = _units("""
    dollar cent | euro cent | pound penny/pence | rupee paisa/paise | ruble kopeck | peso centavo | real centavo
""")
_MONEY = {
    names: parts for names in _CURRENCIES.values() for one, parts in _HUNDREDTHS.items() if names[0].endswith(one)
}
"""A currency's names -> those of its hundredth part."""
_UNITS = _units("""
    kg kilogram | mg milligram | μg microgram | lb pound | lbs pounds/pounds | oz ounce | km kilometer
    cm centimeter | mm millimeter | μm micrometer | nm nanometer | mi mile | yd yard | yds yards/yards
    ft foot/feet | kB kilobyte | KB kilobyte | MB megabyte | GB gigabyte | TB terabyte | PB petabyte
    Kbps kilobit per second/kilobits per second | Mbps megabit per second/megabits per second
    Gbps gigabit per second/gigabits per second | Mb megabit | Gb gigabit | Hz hertz/hertz | kHz kilohertz/kilohertz
    MHz megahertz/megahertz | GHz gigahertz/gigahertz | THz terahertz/terahertz | kW kilowatt | MW megawatt
    GW gigawatt | kWh kilowatt hour | MWh megawatt hour | mAh milliamp hour | Ah amp hour | mA milliamp
    mV millivolt | kV kilovolt | dB decibel | px pixel | fps frame per second/frames per second | rpm R P M/R P M
    RPM R P M/R P M | bpm beat per minute/beats per minute | dpi D P I/D P I
    ppm part per million/parts per million | psi P S I/P S I | mph mile per hour/miles per hour
    mpg mile per gallon/miles per gallon | km/h kilometer per hour/kilometers per hour
    kmh kilometer per hour/kilometers per hour | kph kilometer per hour/kilometers per hour
    m/s meter per second/meters per second | KB/s kilobyte per second/kilobytes per second
    MB/s megabyte per second/megabytes per second | GB/s gigabyte per second/gigabytes per second | hr hour
    hrs hours/hours | min minute | mins minutes/minutes | sec second | secs seconds/seconds | ms millisecond
    μs microsecond | ns nanosecond | yr year | yrs years/years | wk week | wks weeks/weeks | ml milliliter
    mL milliliter | cl centiliter | dl deciliter | gal gallon | tsp teaspoon | tbsp tablespoon
    Tbsp tablespoon | kcal kilocalorie
    cal calorie | kJ kilojoule | kPa kilopascal | hPa hectopascal | °C degree Celsius/degrees Celsius
    °F degree Fahrenheit/degrees Fahrenheit | ° degree | °K kelvin/kelvin | m^2 square meter | m^3 cubic meter
    km^2 square kilometer | cm^2 square centimeter | cm^3 cubic centimeter | ft^2 square foot/square feet
    sqft square foot/square feet | sqm square meter | % percent/percent | ‰ per mille/per mille | ¢ cent
    '' inch/inches | " inch/inches | ' foot/feet | ha hectare | m meter | g gram | l liter | L liter | W watt
    V volt | h hour | s second | in inch/inches | t ton | c cent
""")
_TIGHT_UNITS = _words("m g l L W V h s in t c")
"""Letters and words of their own: units only right behind the number, but for some."""
_NOT_APART = ("s", "in", "t", "c", "'", '"', "''")
_UNITS_APART = {symbol: names for symbol, names in _UNITS.items() if symbol not in _NOT_APART}

_FINE = re.compile("([\x00-&(-/:-@\\[-`{-\xbf×÷\u2010-\u2bff\u3000-\u3004\u3008-\u303f]+)")
_SPLITTERS = (re.compile("([-–—…]+|\\.{2,})"), re.compile("([/_&=]+)"), _FINE)
_BETWEEN = {
    "&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "—": " — ", "%": " percent ", ".": ". ", ",": ", ",
    ":": ": ", ";": "; ", "!": "! ", "?": "? ", "…": "... ", "...": "... ", "×": " by ", "°": " degrees ",
}
"""What stands inside a word that no rule knows; anything else parts it silently."""


# Numbers

_THOUSANDS = ("", "thousand", "million", "billion", "trillion")


def cardinal(number: int, british: bool = False) -> str:
    """Below 10^15. One thousand two hundred thirty-four, British with an `and`."""
    words: list[str] = []
    for power in range(4, -1, -1):
        group = number // 1000**power % 1000
        if british and power == 0 and words and 0 < group < 100:
            words.append("and")
        if group or (power == 0 and not words):
            words += [_below_thousand(group, british), _THOUSANDS[power]]
    return " ".join(filter(None, words))


@lru_cache(2000)
def _below_thousand(number: int, british: bool) -> str:
    words = languages.name(str(number), "en") or digit_by_digit(str(number))
    return words if british else words.replace(" and ", " ")


@lru_cache(1024)
def ordinal(number: int, british: bool = False) -> str:
    words = languages.name(str(number), "en", "ordinal") or cardinal(number, british)
    return words if british else words.replace(" and ", " ")


_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _digit(digit: str) -> str:
    return _DIGITS[int(digit)]


def digit_by_digit(digits: str) -> str:
    return " ".join(map(_digit, digits))


def in_pairs(digits: str) -> str:
    """Three or four digits as years, rooms and flights are read: seven forty-seven, nineteen oh five."""
    head, tail = int(digits[:-2]), int(digits[-2:])
    if head % 10 == 0 and tail < 10 and len(digits) == 4:
        return cardinal(int(digits))
    if tail == 0:
        return cardinal(head) + " hundred"
    return cardinal(head) + (" oh " if tail < 10 else " ") + cardinal(tail)


def year(digits: str, british: bool = False) -> str:
    return cardinal(int(digits), british) if digits[:-1] in ("200", "100") else in_pairs(digits)


def number(text: str, british: bool = False) -> str:
    """Digits with separators and decimals, as a quantity; leading zeros and endless ones digit by digit."""
    whole, point, decimals = text.replace(",", "").partition(".")
    if len(whole) > MAX_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        words = digit_by_digit(whole)
    else:
        words = cardinal(int(whole), british) if whole else ""
    return f"{words} point {digit_by_digit(decimals)}".strip() if point else words


def _looks_like_year(text: str) -> bool:
    return bool(re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", text))


def _plain_number(text: str, british: bool) -> str:
    """A number without unit: 1999 and 1500 by hundreds, as years and round counts are."""
    return year(text, british) if _looks_like_year(text) else number(text, british)


# Letters

_ONSETS = _words("""
    b bl br c ch chr cl cr d dr dw f fl fr g gh gl gn gr h j k kl kn kr l m n p
    ph pl pr ps qu r rh s sc sch scr sh shr sk sl sm sn sp spl spr squ st str sw t th thr tr tw v w wh wr x y z
""")
_CODAS = _words("""
    b c ch ck ct d dd f ff ft g gg gh ght gn h hn k l lch ld lf lk ll lm lp lt lth m mb mp mpt n nch
    nct nd ng ngth nk nt nth p ph pt r rb rch rd rf rg rgh rk rl rld rm rn rp rsh rst rt rth sh sk sm sp ss st
    t tch th tt v w wl wn x xt z zz
""")
_PRONOUNCEABLE = re.compile(
    rf"(?:{'|'.join(_ONSETS)})?[aeiouy]{{1,3}}(?:[^aeiouy]{{1,4}}[aeiouy]{{1,3}})*(?:{'|'.join(_CODAS)})?s?")
_STRETCHED = re.compile(r"(.)\1{2,}")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_CONTRACTION = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)+")


def is_acronym(core: str) -> bool:
    """Whether capitals that nobody shouts are letters to be spelled."""
    short = _STRETCHED.sub(r"\1\1", core)
    if short in _AS_WORDS or short in _SHORT_WORDS - _SPELLED_UNLESS_LOUD or "'" in core:
        return False
    return core in _SPELLED or core in _SPELLED_UNLESS_LOUD or len(core) < 4 or not _readable(core)


def _is_acronym_among_shouts(core: str) -> bool:
    return is_acronym(core) and (core in _SPELLED or not (core in _SHORT_WORDS or _readable(core)))


def _readable(core: str) -> bool:
    """Whether the letters make syllables; NOOOO is read as NOO."""
    return len(core) > 30 or bool(_PRONOUNCEABLE.fullmatch(_STRETCHED.sub(r"\1\1", core.lower())))


def _letters(core: str, loud: bool = False) -> str:
    """A word of letters and apostrophes. Capitals become small ones or single letters."""
    if len(core) < 2:
        return core
    if not core.isupper() and _ABBREVIATIONS.get(core.lower(), ("", "."))[1] == "":
        return _ABBREVIATIONS[core.lower()][0]
    base, own, ending = core.partition("'")
    if core.upper() == core:
        return _capitals(base, loud) + own + ending.lower() if ending in ("S", "") else _contraction(core)
    if ending == "s" and len(base) > 1 and base.isupper():
        return _capitals(base, loud) + "'s"
    if re.fullmatch(r"[A-Z]{2,}s", core):
        return spelled(core[:-1]) + "'s" if is_acronym(core[:-1]) else core.lower()
    if core.isascii() and re.search(r"[A-Z]{2}", core):
        return " ".join(map(_letters, _CAMEL.findall(base))) + own + ending.lower()
    return core


def _capitals(core: str, loud: bool) -> str:
    spells = _is_acronym_among_shouts(core) if loud else is_acronym(core)
    return spelled(core) if spells and core.isascii() else core.lower()


def _contraction(core: str) -> str:
    return re.sub("^i'", "I'", core.lower())


def _mixed(core: str) -> str:
    """Letters and digits in one: MP3, A4, 4K, H2O."""
    return " ".join(_letter_run(run) if run.isalpha() else _digit_run(run)
                    for run in re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?", core))


def _letter_run(run: str) -> str:
    if len(run) == 1:
        return run.upper() if run.isascii() else run
    if run.islower():
        return run if not run.isascii() or (len(run) > 2 and _readable(run)) else spelled(run)
    return _letters(run)


def _digit_run(run: str) -> str:
    if re.fullmatch(r"[1-9]\d{2,3}", run):
        return in_pairs(run)
    return number(run) if len(run) < 5 or "." in run else digit_by_digit(run)


# A word by itself

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_SIGNS = "|".join(re.escape(sign) for sign in sorted(_CURRENCIES, key=len, reverse=True) if not sign.isalpha())
_AMOUNT = re.compile(
    rf"(?P<about>~|≈|<|>|≤|≥)?(?P<sign>[-−+±])?(?P<before>{_SIGNS})?(?P<low>{_NUMBER})"
    rf"(?:[-–—](?P<again>{_SIGNS})?(?P<high>{_NUMBER}))?(?P<unit>-?[^\d\s,.+-]{{1,9}}(?:\^?[23])?)?(?P<plus>\+)?")
_ABOUT = {"~": "about ", "≈": "about ", "<": "less than ", ">": "more than ", "≤": "at most ", "≥": "at least "}
_SIGN = {"-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus "}
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d\d))?(am|pm|AM|PM|a\.m\.?|p\.m\.?)")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_ISO_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:T(\d\d:\d\d)(?::\d\d)?(?:\.\d+)?Z?)?")
_SLASH_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|(?<!\.)\d\d)")
_PHONE = re.compile(r"(?:\+?\d{1,3}[-.])?\(?\d{3}\)?[-.]\d{3}[-.]\d{4}|\d{3}-\d{4}|\+\d{7,15}"
                    r"|1-\d{3}-[A-Z\d]{3}-?[A-Z\d]{4}|\d+(?:-\d+){2,}")
_RATE = re.compile(r"([^/]*\d[^/]*)/([A-Za-z]+)")
_WORD_RATE = re.compile(r"([a-z]+)/(second|minute|hour|day|night|week|month|year|person)")
_SCORE = re.compile(r"(\d{1,3}\.\d{1,2})/(5|10|100)")
_VERSES = re.compile(r"(\d{1,3}):(\d{1,3})[-–](\d{1,3})")
_NUMBERED = re.compile(r"([A-Za-z]{1,4})\.(\d[\d.-]*)")
_SPAN = re.compile(r"([A-Z][a-z]{2,4})\.?[-–]([A-Z][a-z]{2,4})")
_ORDINAL = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,12})(?:st|nd|rd|th|ST|ND|RD|TH)")
_DECADE = re.compile(r"'?(\d0|\d\d0|1\d\d0|20\d0)'?s")
_DOTTED_NUMBERS = re.compile(r"\d{1,5}(?:\.\d{1,5}){2,5}")
_FRACTION = re.compile(rf"(?:(\d{{1,6}})?{FRACTION})?(\d{{1,4}})/(\d{{1,4}})")
_DENOMINATORS = {2: "half", 4: "quarter"}
_HEIGHT = re.compile(r"(\d{1,3})'(\d{1,2})(?:''|\")?")
_LENGTH = re.compile(r"\d{1,3}(?:'\d{1,2}|\.\d{1,3}|/\d{1,3})?")
_BY = re.compile(rf"({_NUMBER})[x×]({_NUMBER})(?:[x×]({_NUMBER}))?")
_RATIO = re.compile(r"(\d{1,3}):(\d{1,3})")
_ASPECTS = _words("16:9 9:16 4:3 3:2 21:9 4:5")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_TOP_LEVEL = "|".join(_words("""
    com org net edu gov io ai co uk de fr app dev tv info biz xyz gg eu us ca au ly be fm tech store shop online
"""))
_FILE_TYPES = "|".join(_words("""
    pdf jpg jpeg png gif mp3 mp4 wav txt md py js ts json csv exe zip html css srt vtt ass doc docx xls xlsx ppt pptx
    svg yml yaml toml sh net NET
"""))
_ADDRESS = re.compile(rf"(?i:https?|ftp)://\S+|(?i:www)\.\S+|(?:[\w-]+\.)+(?:{_TOP_LEVEL})(?:[/:?#]\S*)?")
_FILE = re.compile(rf"[\w-]*(?:\.[\w-]+){{0,4}}\.(?:{_FILE_TYPES})")
_INITIALS = re.compile(r"((?:[A-Za-z]\.)+[A-Za-z]?\.?)('s)?")
_RANGE = re.compile(r"([$£€¥.~']*\d[^-–—]*)[-–—]([\d$£€¥.][^-–—]*)")
_DIGIT = re.compile(r"\d")
_MIXED = re.compile(r"(?:[^\W_]|(?<=\d)\.(?=\d))+")
_POWER = re.compile(r"(.+)\^([-−]?)(\d{1,3})")
_ROMAN = re.compile(r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


@lru_cache(4096)
def say(core: str, british: bool = False, loud: bool = False) -> str:
    """One word without its neighbours."""
    if core.isalpha():
        return _SPECIAL.get(core) or _letters(core, loud)
    if len(core) > MAX_CORE:
        return _compound(core, british, loud)
    if core in _SPECIAL:
        return _SPECIAL[core]
    for read in _READERS:
        phrase = read(core, british)
        if phrase is not None:
            return phrase
    if _CONTRACTION.fullmatch(core):
        return _letters(core, loud)
    return _compound(core, british, loud)


def _address(core: str, british: bool) -> str | None:
    if _ADDRESS.fullmatch(core):
        return _site(re.sub(r"^[A-Za-z]+://|^(?=www)", "", core))
    if _MAIL.fullmatch(core) or _FILE.fullmatch(core):
        return _pieces(core)
    if core[0] == "@" and re.fullmatch(r"@[\w.-]+", core):
        return "at " + _pieces(core[1:])
    if core[0] == "#" and re.fullmatch(r"#\d+", core):
        return "number " + number(core[1:], british)
    if core[0] == "#" and re.fullmatch(r"#[\w'-]+", core):
        return "hashtag " + _camel(core[1:])
    return None


def _site(address: str) -> str:
    return _pieces(re.sub(r"^www\.", "", address).rstrip("/"))


def _pieces(address: str) -> str:
    """Names and separators of an address, in order."""
    said = []
    for piece in re.findall(r"[^\W_]+|[^\w\s]|_", address):
        said.append(_SEPARATORS.get(piece, "") if not piece[0].isalnum() else _address_part(piece))
    return " ".join(filter(None, said))


def _address_part(part: str) -> str:
    if part.isalpha() and part.islower() and part.isascii():
        readable = _readable(part) if len(part) > 2 else part.upper() in _SHORT_WORDS or part == "co"
        return part if readable or (len(part) > 4 and re.search("[aeiouy]", part)) else spelled(part)
    return _camel(part)


def _camel(text: str) -> str:
    """ThrowbackThursday2024 in its words."""
    return " ".join(_plain_number(run, False) if run.isdigit() else _letters(run) if len(run) > 1 else run
                    for run in _CAMEL.findall(text))


def _phone(core: str, british: bool) -> str | None:
    if not _PHONE.fullmatch(core):
        return None
    groups = re.findall(r"\d+|[A-Z]+", core)
    said = ", ".join(digit_by_digit(group) if group.isdigit() else group.lower() for group in groups)
    return "plus " + said if core[0] == "+" else said


def _date(core: str, british: bool) -> str | None:
    if iso := _ISO_DATE.fullmatch(core):
        words = _date_words(iso[1], int(iso[2]), int(iso[3]), british)
        return f"{words}, {_clock(iso[4], british)}" if words and iso[4] else words
    if slash := _SLASH_DATE.fullmatch(core):
        first, second = int(slash[1]), int(slash[3])
        day_first = british or slash[2] == "." or first > 12
        day, month = (first, second) if day_first and second <= 12 else (second, first)
        return _date_words(slash[4], month, day, british)
    return None


def _date_words(digits: str, month: int, day: int, british: bool) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if len(digits) == 2:
        digits = ("19" if int(digits) > 50 else "20") + digits
    if british:
        return f"the {ordinal(day)} of {_MONTH_NAMES[month - 1]} {year(digits, british)}"
    return f"{_MONTH_NAMES[month - 1]} {ordinal(day)}, {year(digits)}"


def _clock(core: str, british: bool) -> str | None:
    if half := _TIME.fullmatch(core):
        if int(half[1]) > 24:
            return None
        minutes = f" {_minutes(half[2])}" if int(half[2] or 0) else ""
        return f"{cardinal(int(half[1]))}{minutes} {spelled(half[3][0] + 'm')}"
    clock = _CLOCK.fullmatch(core)
    if not clock or int(clock[2]) > 59:
        return None
    hour, minute = int(clock[1]), int(clock[2])
    if clock[3]:
        return " ".join([cardinal(hour), _minutes(clock[2]), _minutes(clock[3])])
    if hour > 24:
        return f"{cardinal(hour)} {_minutes(clock[2])}"
    if minute:
        return f"{'zero' if clock[1] in ('0', '00') else cardinal(hour)} {_minutes(clock[2])}"
    return "midnight" if hour in (0, 24) else f"{cardinal(hour)} hundred" if hour > 12 else f"{cardinal(hour)} o'clock"


def _minutes(digits: str) -> str:
    return ("oh " if 0 < int(digits) < 10 else "zero " if digits == "00" else "") + cardinal(int(digits))


def _ordinal(core: str, british: bool) -> str | None:
    match = _ORDINAL.fullmatch(core)
    return ordinal(int(match[1].replace(",", "")), british) if match else None


def _decade(core: str, british: bool) -> str | None:
    match = _DECADE.fullmatch(core)
    if match:
        digits = match[1]
        words = in_pairs(digits) if len(digits) > 2 else cardinal(int(digits))
        return _plural(words.removeprefix("one ") if digits in ("100", "1000") else words)
    apart = re.fullmatch(r"'(\d)(\d)", core)
    if apart:
        return ("oh " if apart[1] == "0" else "") + cardinal(int(core[1:]))
    plural = re.fullmatch(r"(\d{3,4})s|(\d{1,4})'s", core)
    return _plural(_digit_run(plural[1] or plural[2])) if plural else None


def _plural(words: str) -> str:
    """nineties, hundreds, sevens, sixes."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def _version(core: str, british: bool) -> str | None:
    if _DOTTED_NUMBERS.fullmatch(core):
        parts = core.split(".")
        if len(parts) == 4 and all(int(part) < 256 for part in parts):
            return " dot ".join(map(digit_by_digit, parts))
        return " point ".join(number(part) for part in parts)
    match = re.fullmatch(r"[vV](\d{1,5}(?:\.\d{1,5}){0,4})", core)
    return "version " + " point ".join(number(part) for part in match[1].split(".")) if match else None


def _fraction(core: str, british: bool) -> str | None:
    if score := _SCORE.fullmatch(core):
        return f"{number(score[1])} out of {number(score[2])}"
    match = _FRACTION.fullmatch(core)
    if not match:
        return None
    above, below = int(match[2]), int(match[3])
    if match[1]:
        return f"{cardinal(int(match[1]))} and {_fraction_words(above, below, 'a')}"
    if above <= below == 10 or above == below in range(3, 10):
        return f"{cardinal(above)} out of {cardinal(below)}"
    if 0 < above < below and (below <= 12 or below in (16, 20, 32, 64, 100, 1000)):
        return _fraction_words(above, below, "one")
    between = "out of " if above < below or above == below == 100 else ""
    return f"{_plain_number(match[2], british)} {between}{_plain_number(match[3], british)}"


def _fraction_words(above: int, below: int, one: str) -> str:
    if below < 2:
        return f"{cardinal(above)} over {cardinal(below)}"
    part = _DENOMINATORS.get(below) or ordinal(below)
    part = part.removeprefix("one ")
    many = "halves" if below == 2 else part + "s"
    return f"{one} {part}" if above == 1 else f"{cardinal(above)} {many}"


def _amount_alone(core: str, british: bool) -> str | None:
    match = _AMOUNT.fullmatch(core)
    phrases = match and _amount(match, "", "", british, False)
    return phrases[0] if phrases else None


def _height(core: str, british: bool) -> str | None:
    if match := _HEIGHT.fullmatch(core):
        return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"
    if match := _BY.fullmatch(core):
        return " by ".join(_plain_size(side) for side in match.groups() if side)
    if inches := re.fullmatch(r"(\d+/\d+)(?:''|\")", core):
        return f"{_fraction(inches[1], british)} inch"
    if core in _ASPECTS:
        return " by ".join(map(number, core.split(":")))
    if match := _RATIO.fullmatch(core):
        return f"{number(match[1])} to {number(match[2])}"
    return None


def _plain_size(digits: str) -> str:
    return in_pairs(digits) if re.fullmatch(r"[1-9]\d{2,3}", digits) else number(digits)


def _initials(core: str, british: bool) -> str | None:
    match = _INITIALS.fullmatch(core)
    return spelled(match[1].replace(".", "")) + (match[2] or "") if match else None


def _alphanumeric(core: str, british: bool) -> str | None:
    if len(core) > 1 and _MIXED.fullmatch(core):
        return _mixed(core)
    return _mixed(core[:-1]) + " plus" if core[-1] == "+" and core[:-1].isalnum() else None


def _range(core: str, british: bool) -> str | None:
    match = _RANGE.fullmatch(core)
    return f"{say(match[1], british)} to {say(match[2], british)}" if match else None


def _rate(core: str, british: bool) -> str | None:
    if _WORD_RATE.fullmatch(core):
        return core.replace("/", " per ")
    match = _RATE.fullmatch(core)
    amount = match and _amount_alone(match[1], british)
    return f"{amount} per {_PER.get(match[2], match[2])}" if match and amount else None


def _span(core: str, british: bool) -> str | None:
    """Mon-Fri · Jan.–Mar. · No.1 · Psalm 23:1-3"""
    if match := _SPAN.fullmatch(core):
        ends = [_WEEKDAYS.get(end) or _MONTHS.get(end.lower()) for end in match.groups()]
        return " to ".join(map(str, ends)) if all(ends) else None
    if match := _NUMBERED.fullmatch(core):
        full, needs = _ABBREVIATIONS.get(match[1].lower(), ("", ""))
        return f"{full} {say(match[2], british)}" if needs == ".#" else None
    if match := _VERSES.fullmatch(core):
        return f"{number(match[1])} {number(match[2])} to {number(match[3])}"
    return None


def _power(core: str, british: bool) -> str | None:
    match = _POWER.fullmatch(core)
    if not match:
        return None
    base, minus = say(match[1], british), "minus " if match[2] else ""
    if not minus and match[3] in ("2", "3"):
        return f"{base} {'squared' if match[3] == '2' else 'cubed'}"
    return f"{base} to the power of {minus}{number(match[3])}" if match[1][-1].isdigit() else base


_READERS: tuple[Callable[[str, bool], str | None], ...] = (
    _address, _date, _phone, _span, _clock, _ordinal, _decade, _version, _fraction, _amount_alone, _height, _initials,
    _power, _range, _rate, _alphanumeric,
)


def _compound(core: str, british: bool, loud: bool) -> str:
    """The parts of a word that is several: well-known, COVID-19, either/or, wait...what."""
    splitters = _SPLITTERS if len(core) <= MAX_CORE else _SPLITTERS[-1:]
    parts = next((parts for splitter in splitters if len(parts := splitter.split(core)) > 1), [core])
    said = [_part(part, british, loud) if index % 2 == 0 else _between(part, parts[index - 1], parts[index + 1])
            for index, part in enumerate(parts)]
    return " ".join("".join(said).split())


def _between(sign: str, before: str, after: str) -> str:
    if sign == "-" and before[-1:].isalpha() and after[:1].isalpha():
        return "-"
    return _BETWEEN.get(sign, " ")


def _part(part: str, british: bool, loud: bool) -> str:
    part = part.strip("'")
    if len(part) > MAX_CORE:
        return " ".join(digit_by_digit(run) if run.isdecimal() else run for run in re.findall(r"\d+|\D+", part))
    if part.isalnum() or _FINE.search(part):
        return say(part, british, loud)
    return _mixed(part.replace("'", "")) if re.search(r"\d", part) else _letters(part, loud)


# A word among its neighbours


@dataclass(frozen=True, slots=True)
class _Place:
    words: Sequence[Written]
    index: int
    british: bool
    loud: bool

    @property
    def core(self) -> str:
        return self.words[self.index].core

    def near(self, steps: int) -> str:
        """The core so many words on (or back) when nothing but spaces stands between, else ""."""
        target = self.index + steps
        if not 0 <= target < len(self.words):
            return ""
        for k in range(min(self.index, target), max(self.index, target)):
            if self.words[k].tail or self.words[k + 1].lead:
                return ""
        return self.words[target].core


Rule = Callable[[_Place], list[str] | None]


def speak(words: Sequence[Written], *, british: bool) -> list[str]:
    """What is said for each word."""
    words = _written_out(_own_signs(words))
    loud = languages.shouting(words, is_acronym)
    said: list[str] = []
    while len(said) < len(words):
        index = len(said)
        core = words[index].core
        if core.isalpha() and not core.isupper() and core.lower() not in _HEEDED:
            phrases = [say(core)]
        else:
            phrases = _read(_Place(words, index, british, loud[index]))
        said += map(punctuated, words[index:index + len(phrases)], phrases)
    return said


def _read(at: _Place) -> list[str]:
    if not at.core or " " in at.core:
        return [at.core]
    if len(at.core) <= MAX_CORE:
        for rule in _NUMBER_RULES if _DIGIT.search(at.core) else _LETTER_RULES:
            phrases = rule(at)
            if phrases is not None:
                return phrases
    return [say(at.core, at.british, at.loud)]


def _own_signs(words: Sequence[Written]) -> list[Written]:
    """Gives numbers their signs back that look like punctuation: inches and feet, a dash between two of them.

    A quote stands for inches only while none is open.
    """
    own, opened = [], False
    for index, word in enumerate(words):
        inches = word.tail[:1] == '"' and not opened and not word.lead and _LENGTH.fullmatch(word.core)
        feet = word.tail[:1] == "'" and not word.lead and re.fullmatch(r"\d{1,3}", word.core)
        if inches or feet or word.tail[:2] == "''":
            width = 2 if word.tail[:2] == "''" else 1
            word = Written(word.lead, word.core + word.tail[:width], word.tail[width:])
        elif word.core.endswith("(s") and word.tail[:1] == ")":
            word = Written(word.lead, word.core[:-2] + "s", word.tail[1:])
        elif "".join(word) in _BETWEEN_NUMBERS:
            word = _between_numbers(words, index) or word
        opened ^= (word.lead.count('"') + word.tail.count('"')) % 2 == 1
        own.append(word)
    return own


def _between_numbers(words: Sequence[Written], index: int) -> Written | None:
    """10 – 20 is a range, 10 - 5 = 5 is none."""
    around = [words[k] if 0 <= k < len(words) else Written("", "", "") for k in (index - 1, index + 1, index + 2)]
    if around[0].tail or around[1].lead or not (around[0].core[-1:].isdigit() and around[1].core[:1].isdigit()):
        return None
    sign = "".join(words[index])
    return Written("", "minus" if sign == "-" and around[2].core == "=" else _BETWEEN_NUMBERS[sign], "")


_BETWEEN_NUMBERS = {"-": "to", "–": "to", "<": "less than", ">": "greater than", "/": "divided by"}


def _written_out(words: Sequence[Written]) -> list[Written]:
    """Abbreviations in full, their dots gone unless they end the sentence too."""
    return [_expanded(words, index) for index in range(len(words))]


def _expanded(words: Sequence[Written], index: int) -> Written:
    word = words[index]
    if len(word.core) > 12 or not word.core:
        return word
    following = words[index + 1] if index + 1 < len(words) else Written("", "", "")
    dotted = word.tail[:1] == "."
    full = _full_form(words, index, following, dotted)
    if full is None:
        return word
    tail = word.tail[1:] if dotted else word.tail
    ends = not following.core or following.core in _SENTENCE_STARTERS or bool(following.lead) or (
        word.core.lower() in _DOTTED_UNITS and following.core[0].isupper())
    if dotted and not tail and ends and (word.core.lower() in _LAST_WORDS or "." in word.core):
        tail = "."
    return Written(word.lead, full, tail)


def _full_form(words: Sequence[Written], index: int, following: Written, dotted: bool) -> str | None:
    core = words[index].core
    key, before = core.lower(), words[index - 1].core if index and not words[index - 1].tail else ""
    named = following.core[:1].isupper() and not following.lead and words[index].tail in ("", ".")
    numbered = following.core[:1].isdigit() and not following.lead
    if dotted and key.endswith(("a.m", "p.m")):
        return core + "."
    if dotted and key in _DOTTED_UNITS and re.fullmatch(_NUMBER, before):
        return _UNITS[key][before != "1"]
    if dotted and "." in core and key not in _ABBREVIATIONS and _INITIALS.fullmatch(core):
        return spelled(core.replace(".", ""))
    if len(core) > 1 and core.isupper() and key not in _LOUD_ABBREVIATIONS:
        return None
    if key == "c" and _ORDINAL.fullmatch(before):
        return "century"
    if core[0].isupper() and key in ("st", "dr") and _is_street(words, index, following):
        return "street" if key == "st" else "drive"
    if core[0].isupper() and key in _MONTHS and _MONTHS[key] != core and (numbered or before[:1].isdigit()):
        return _MONTHS[key]
    if core == "St" and named:
        return "saint"
    goes_on = following.core[:1].islower() or numbered or words[index].tail[1:] == ","
    if dotted and len(core) == 1 and core.isupper() and (goes_on or named):
        return core if following.core not in _SENTENCE_STARTERS else None
    if dotted and core in _WEEKDAYS and (goes_on or core not in ("Sat", "Sun")):
        return _WEEKDAYS[core]
    return _abbreviated(core, dotted, named, numbered)


def _abbreviated(core: str, dotted: bool, named: bool, numbered: bool) -> str | None:
    full, needs = _ABBREVIATIONS.get(core.lower(), (None, ""))
    met = {".": dotted, "n": named and core[0].isupper(), "#": numbered}
    return full if all(met[need] for need in needs) else None


def _is_street(words: Sequence[Written], index: int, following: Written) -> bool:
    """Behind a name and not before one, or behind a numbered name."""
    before = words[index - 1] if index else Written("", "", "")
    if not before.core[:1].isalnum() or before.tail or not (before.core[0].isupper() or before.core[0].isdigit()):
        return False
    house = index > 1 and words[index - 2].core[:1].isdigit()
    named = following.core[:1].isupper() and following.core not in _SENTENCE_STARTERS
    ends = not named or bool(words[index].tail.strip("."))
    return house or (ends and before.core not in _SENTENCE_STARTERS)


def _month_day(at: _Place) -> list[str] | None:
    """May 12 · May 5-10 · 12 May · 12th May"""
    span = re.fullmatch(r"(\d{1,2})(st|nd|rd|th)?(?:[-–](\d{1,2}))?", at.core)
    if span is None or not all(1 <= int(day) <= 31 for day in (span[1], span[3]) if day):
        return None
    days = [ordinal(int(day)) for day in (span[1], span[3]) if day]
    if _is_month(at.near(-1)):
        return [" to ".join(days)]
    if not _is_month(at.near(1)):
        return None
    article = "" if at.near(-1).lower() == "the" else "the "
    return [article + " to the ".join(days) + " of"]


def _is_month(core: str) -> bool:
    return core[:1].isupper() and core.lower() in _MONTHS


def _half_day(at: _Place) -> list[str] | None:
    """3 pm · 3:30 p.m."""
    half = re.fullmatch(r"([ap])\.?m\.?", at.near(1), re.IGNORECASE)
    if not half or not re.fullmatch(r"\d{1,2}(?::[0-5]\d)?(?:[-–]\d{1,2}(?::[0-5]\d)?)?", at.core):
        return None
    hours = [_clock(hour + "am", at.british) for hour in re.split("[-–]", at.core)]
    if not all(hours):
        return None
    return [" to ".join(str(hour).removesuffix(" A M") for hour in hours), spelled(half[1] + "m")]


def _slash_day(at: _Place) -> list[str] | None:
    """on 5/12 · part 2/3"""
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})", at.core)
    before = at.near(-1).lower()
    if not match or at.core in _SPECIAL or before not in (*_BEFORE_DATES, *_BEFORE_COUNTS):
        return None
    if before in _BEFORE_COUNTS:
        return [f"{number(match[1])} of {number(match[2])}"]
    first, second = int(match[1]), int(match[2])
    month, day = (second, first) if at.british or first > 12 else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return [f"{_MONTH_NAMES[month - 1]} {ordinal(day)}"]


def _phone_groups(at: _Place) -> list[str] | None:
    """(555) 123-4567 · +1 555 123 4567"""
    word = at.words[at.index]
    area = word.lead.endswith("(") and word.tail == ")" and re.fullmatch(r"\d{3,5}", word.core)
    if not area and not re.fullmatch(r"\+\d{1,3}", word.core):
        return None
    groups = [word.core]
    for follower in at.words[at.index + 1:at.index + 7]:
        if not re.fullmatch(r"\d[\d-]{0,19}", follower.core):
            break
        groups.append(follower.core)
        if follower.tail not in ("", ")"):
            break
    if sum(map(len, groups[1:])) < 6:
        return None
    return [("plus " if group[0] == "+" else "") + _digit_groups(group) for group in groups]


def _digit_groups(text: str) -> str:
    return ", ".join(map(digit_by_digit, re.findall(r"\d+", text)))


def _and_a_half(at: _Place) -> list[str] | None:
    """2 1/2"""
    match = _FRACTION.fullmatch(at.near(1))
    if not match or not re.fullmatch(r"\d{1,6}", at.core) or not 0 < int(match[2]) < int(match[3]):
        return None
    return [number(at.core), f"and {_fraction_words(int(match[2]), int(match[3]), 'a')}"]


def _grouped(at: _Place) -> list[str] | None:
    """1 000 000"""
    count = grouped(at.words, at.index)
    if count < 2 or (count == 2 and at.near(1) != "000"):
        return None
    digits = "".join(word.core for word in at.words[at.index:at.index + count])
    return share_out(number(digits, at.british), count)


def _named_number(at: _Place) -> list[str] | None:
    """Flight 370 · Python 3.11 · call 911 · RTX 4090 · 476 AD · in 1066 · CA 90210"""
    core, before = at.core, at.near(-1)
    name = before.lower()
    if re.fullmatch(r"\d{3}", core) and name in _DIALLED:
        return [digit_by_digit(core)]
    if re.fullmatch(r"\d{1,3}\.[1-9]\d", core) and name in _VERSIONED:
        return [" point ".join(map(number, core.split(".")))]
    if re.fullmatch(r"\d{5}(?:-\d{4})?", core) and (before in _STATES or before in _STATES.values()):
        return [_digit_groups(core)]
    model = before.isupper() and 1 < len(before) < 5 and before not in _CURRENCIES
    paired = ((name in _NAMED_BY_PAIRS or at.near(1) in _ERAS, r"[1-9]\d\d"), (model, r"[1-9]\d[1-9]\d"),
              (name in _BEFORE_YEARS or _is_month(before), r"10[1-9]\d"))
    return [in_pairs(core)] if any(fits and re.fullmatch(digits, core) for fits, digits in paired) else None


def _measure(at: _Place) -> list[str] | None:
    """$3.50 · $1.2 billion · 5 km · 20-25 °C · a $20 bill"""
    match = _AMOUNT.fullmatch(at.core)
    if match is None or at.core in _SPECIAL:
        return None
    if not at.core.isdigit() and any(read(at.core, at.british) for read in _NO_AMOUNTS):
        return None
    before = at.near(-1)
    if match["unit"] in _TIGHT_UNITS and before != before.lower() and before.lower() not in _FUNCTION_WORDS:
        return [_mixed(at.core)]  # iPhone 5s
    scale = "" if match["unit"] else _SCALE_WORDS.get(at.near(1).lower().removesuffix("s"), "")
    behind = 2 if scale else 1
    apart = "" if match["unit"] or match["before"] else at.near(behind)
    if apart == "in" and before in ("ft", "foot", "feet"):
        apart = "''"
    elif apart not in _UNITS_APART and apart not in _CURRENCIES:
        apart = ""
    thing = at.near(behind + bool(apart))
    one = before.lower() in ("a", "an", "another") and thing.islower() and thing not in _FUNCTION_WORDS
    return _amount(match, scale, apart, at.british, one)


_NO_AMOUNTS = (_phone, _clock, _ordinal, _decade)


def _amount(match: re.Match[str], scale: str, apart: str, british: bool, one: bool) -> list[str] | None:
    """Phrases for the number, for the scale and the unit if they are words of their own. `one`: a 5-kilometer run."""
    sign, unit = match["before"] or match["again"], (match["unit"] or "").removeprefix("-")
    one |= unit != (match["unit"] or "")
    tight_scale = _tight_scale(unit, bool(sign))
    unit = apart or ("" if tight_scale else unit)
    names = _CURRENCIES.get(sign or unit) or _UNITS.get(unit)
    if unit and ((sign and unit != "s") or names is None):
        return None
    prefix = _ABOUT.get(match["about"], "") + _SIGN.get(match["sign"], "")
    low, high = match["low"], match["high"]
    cents = re.fullmatch(r"([\d,]*)\.(\d\d)", low)
    if cents and names in _MONEY and not (high or tight_scale or scale):
        return [prefix + _money(cents, names, british, one)]
    read = number if names or tight_scale or scale else _plain_number
    words = [prefix + read(low, british), read(high, british) if high else ""]
    single = one or (low == "1" and not (high or tight_scale or scale))
    name = names[not single] if names else ""
    phrases = [" to ".join(filter(None, words)) + f" {tight_scale}".rstrip(), *filter(None, [scale, apart])]
    phrases[-1] = name if apart else f"{phrases[-1]} {name}".rstrip()
    return [*phrases[:-1], phrases[-1] + " plus"] if match["plus"] else phrases


def _tight_scale(unit: str, money: bool) -> str:
    """The scale right behind a number: 3M and 3bn anywhere, $10k and £5m in money, 10k as ten thousand."""
    if unit.lower() in _SCALE_WORDS and len(unit) > 3:
        return _SCALE_WORDS[unit.lower()]
    if unit in _SCALES and (money or unit in ("k", "M", "B", "bn", "mn", "tn", "mil")):
        return _SCALES[unit]
    return ""


def _money(cents: re.Match[str], names: tuple[str, str], british: bool, one: bool) -> str:
    """Three dollars fifty, three dollars and five cents, fifty cents."""
    whole, part = int(cents[1].replace(",", "") or 0), int(cents[2])
    part_words = f"{cardinal(part)} {_MONEY[names][part != 1]}"
    if whole == 0:
        return part_words
    money = f"{number(cents[1], british)} {names[whole != 1 and not one]}"
    if part == 0:
        return money
    return f"{money} {cardinal(part)}" if part > 9 else f"{money} and {part_words}"


def _roman(at: _Place) -> list[str] | None:
    """Henry VIII · Chapter IV · Rocky II"""
    core = at.core.removesuffix("'s")
    before = at.near(-1)
    if not core or not before[:1].isupper() or not _ROMAN.fullmatch(core) or at.loud:
        return None
    value = _roman_value(core)
    own = "'s" if core != at.core else ""
    if before.lower() in _PARTS and core not in ("C", "L"):
        return [cardinal(value) + own]
    if before in _MONARCHS and value < 40 and (len(core) > 1 or core == "V" or _is_regnal(at)):
        return [f"the {ordinal(value)}{own}"]
    return [cardinal(value) + own] if len(core) > 1 and re.fullmatch("[IVX]+", core) else None


def _is_regnal(at: _Place) -> bool:
    """A lone I is a number behind a title and a name, or where the clause ends."""
    return at.near(-2) in _REGNAL or at.core.endswith("'s") or (
        bool(at.words[at.index].tail) or at.index + 1 == len(at.words))


def _roman_value(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in numeral]
    return sum(-value if value < max(values[k:]) else value for k, value in enumerate(values))


def _state(at: _Place) -> list[str] | None:
    """Austin, TX · TX 78701"""
    if at.core not in _STATES or at.loud:
        return None
    zip_code = re.fullmatch(r"\d{5}(-\d{4})?", at.near(1))
    town = at.index > 0 and at.words[at.index - 1].tail == "," and at.words[at.index - 1].core[:1].isupper()
    if zip_code or (town and at.core not in _STATES_ONLY_WITH_ZIP):
        return [_STATES[at.core]]
    return None


def _sign(at: _Place) -> list[str] | None:
    """A sign that stands alone: between numbers it is said, else most are not."""
    before, after = at.near(-1), at.near(1)
    between = before[-2:].strip("'\"m").isdigit() and after[:1].isdigit()
    if at.core in ("x", "X") and between:
        return ["by"]
    if at.core in _UNITS_APART and _BY.fullmatch(before):
        return [_UNITS_APART[at.core][1]]
    if at.core in ("/", "<", ">", "÷", "×", "≈", "$", "€", "£", "¥", "°") and not between:
        return [""]
    return None


_NUMBER_RULES: tuple[Rule, ...] = (
    _month_day, _half_day, _slash_day, _phone_groups, _and_a_half, _grouped, _named_number, _measure,
)
_LETTER_RULES: tuple[Rule, ...] = (_sign, _roman, _state)
_HEEDED = _words("x ft cm mm m px")
"""Small words that a rule may read otherwise."""
