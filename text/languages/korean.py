"""Numbers within Korean: hours and things are counted in native words, minutes, money and dates in Chinese ones."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import units
from text.languages.grammar import Language, parse, said, whole_words
from text.number_names import digit_names
from text.written import FRACTION, Written, next_core

_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_THINGS = ("시간|명|개(?!월)|살|마리|권|잔|병|가지|사람|달(?!러)|그루|켤레|벌|채|척|송이|자루|통(?!신)|그릇"
           "|칸|줄|곡|편|곳|군데|팀|봉지|상자|박스|조각|알|숟갈|스푼|컵|큰술|작은술|방울|끼|묶음|바퀴|쌍|걸음")
_COUNTED = re.compile(
    rf"(?<![\d.,:/제])(?P<number>\d{{1,2}})(?P<thing>{_THINGS}|시|번째|대(?=$|의|가|를)|장|배(?!터))")
_COUNTED_SPAN = re.compile(rf"(?<![\d.,:])(\d{{1,2}})[~〜-](\d{{1,2}})(?={_THINGS})")
_ALONE = {1: "하나", 2: "둘", 3: "셋", 4: "넷", 20: "스물"}
_FEW = {("1", "2"): "한두 ", ("2", "3"): "두세 ", ("3", "4"): "서너 "}
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?([가-힣]*)")
_CLOCKS = re.compile(r"(\d{1,2}:[0-5]\d)[-~〜](\d{1,2}:[0-5]\d)([가-힣]*)")
_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})\.?([가-힣]*)")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})((?:까지|부터|에|일)[가-힣]*)")
_FRACTION = re.compile(r"(?!24/7|(?P<same>\d\d+)/(?P=same)(?!\d))(?P<sign>-|마이너스)?"
                       rf"(?:(\d{{1,3}})([과와{FRACTION}]))?{FRACTION}?(?P<root>√)?([1-9]\d{{0,2}})/([1-9]\d{{0,2}})"
                       rf"(?P<unit>{'|'.join(sorted(map(re.escape, units('ko')), key=len, reverse=True))})?([가-힣]*)")
_SCORE = re.compile(r"(\d{1,2})(?::(\d{1,2})([가-힣]*)|-(\d{1,2})(로|으로|승|패|무승부|승리|승리로)?)")
_TELEPHONE = re.compile(r"(\d{2,4}-\d{3,4}-\d{4})([가-힣]+)")
_PERCENTS = re.compile(r"(\d[\d.]*)%에서 (\d[\d.]*)%([가-힣]*)")
_WEEKDAY = re.compile(r"(?<=일)\(([월화수목금토일])(?:[~〜]([월화수목금토일]))?(?:\)|$)")
_CODES = {"KRW": "원", "HK$": "홍콩 달러", "HKD": "홍콩 달러", "CAD": "캐나다 달러", "NZD": "뉴질랜드 달러",
          "AUD": "호주 달러", "CHF": "스위스 프랑", "CNY": "위안"}
_MONTHS = {6: "유월", 10: "시월"}


def native(number: int) -> str:
    """1 to 99 as things are counted: 한, 스무, 스물한."""
    if number == 20:
        return "스무"
    return _TENS[number // 10] + _ONES[number % 10]


def korean(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """3시 · 5명 · 2번째 · 15:30 · 2024-05-12 · 6월"""
    if speech.base != "ko":
        return None
    core = words[at].core
    if not (at and words[at - 1].core.endswith("월")):
        core = re.sub(r"^(\d{1,2})[~〜](?=\d{1,2}일)", r"\1 에서 ", core)  # three to four days, no days of a month
    core = _with_words(_codes(core))
    if re.fullmatch(r"\d{1,2}대", core) and _is_largest(words, at):
        return [f"{whole_words(core[:-1], speech)}대"]
    machines = re.fullmatch(r"([1-9]0)대", core)
    if machines and at and not words[at - 1].tail and _MACHINES.search(words[at - 1].core):
        return [f"{native(int(machines[1]))} 대"]
    chapter = re.fullmatch(r"(\d{1,3})(장|편|권)", core)
    if chapter and re.match(r"\d+(?:쪽|페이지|절)", next_core(words, at)):
        return [f"{whole_words(chapter[1], speech)} {chapter[2]}"]
    if _COUNTED.search(core):
        core = _COUNTED_SPAN.sub(_span, core)
        text = re.sub(r"\d+", lambda run: f"{whole_words(run[0].removeprefix('0') or '0', speech) or run[0]} ",
                      _COUNTED.sub(_counted, core))
        return [" ".join(text.split())]
    if re.match(r"\d{3,8}(?!\d)", core) and at and not words[at - 1].tail and _CODE_CUES.search(words[at - 1].core):
        return [re.sub(r"^\d+", lambda run: _digits(run[0]), core)]
    for pattern, reading in ((_CLOCK, _clock), (_CLOCKS, _clocks), (_DATE, _date), (_DAY, _day), (_FRACTION, _fraction),
                             (_SCORE, _score), (_TELEPHONE, _telephone), (_PERCENTS, _percents)):
        if match := pattern.fullmatch(core):
            return _one(reading(match, speech))
    if month_alone := re.fullmatch(r"(6|06|10)월(\D*)", core):
        return [_MONTHS[int(month_alone[1])] + month_alone[2]]
    return [_number_runs(core, speech)] if core != words[at].core else None


_CODE_CUES = re.compile("(?:끝자리|네자리|뒷자리|비밀번호|인증번호|암호|코드)[는은가]?$")
_MACHINES = re.compile("(?:차|버스|트럭|택시|컴퓨터|카메라|기|노트북|폰|TV|에어컨|드론|로봇|자전거|오토바이|피아노"
                       "|태블릿|모니터)[이가은는을를]?$")


def _is_largest(words: Sequence[Written], at: int) -> bool:
    """한국 3대 도시, but 차 3대"""
    following = next_core(words, at)
    counted = at and not words[at - 1].tail and _MACHINES.search(words[at - 1].core)
    return bool(re.fullmatch("[가-힣]{1,6}", following)) and not counted


def _codes(core: str) -> str:
    """1588-1234, 6·25, 1970~80년대, 30%~50%"""
    hotline = re.match(r"(1[568]\d\d)-(\d{4})(?!\d)", core)
    if hotline and not int(hotline[1]) < int(hotline[2]) < 2100:
        core = _digits(hotline[0]) + core[hotline.end():]
    core = re.sub(r"(?<![\d·])(\d{1,2})·(\d{1,2})(?=$|[^\d·])",
                  lambda day: _digits(day[1] + day[2]).replace(" ", ""), core)
    return re.sub(r"(?<=\d%)[~〜-](?=\d)", "에서 ", core)


def _digits(text: str) -> str:
    groups = [digit_names(group, "ko") or group for group in text.split("-")]
    return " ".join(groups).replace("영", "공")


def _span(match: re.Match[str]) -> str:
    """6~8시간: 여섯에서 여덟 시간; 2-3명: 두세 명"""
    low = int(match[1])
    return _FEW.get((match[1], match[2])) or (f"{_ALONE.get(low) or native(low)}에서 {match[2]}" if low else match[0])


def _with_words(core: str) -> str:
    """Signs of a range of days and short days of the week in words."""
    core = _WEEKDAY.sub(lambda day: f" {day[1]}요일" + (f"부터 {day[2]}요일" if day[2] else ""), core)
    return re.sub(r"(?<=[년월일대요\d)])(?:[~〜]|(?<=[년월일])[-–])(?=\d{1,4}(?:\d*년|월|일|대))", " 부터 ", core)


def _number_runs(core: str, speech: Language) -> str:
    core = re.sub(r"(?<!\d)(6|10)월", lambda month: _MONTHS[int(month[1])], core)
    return " ".join(re.sub(r"\d+", lambda run: whole_words(run[0], speech) or run[0], core).split())


def _counted(match: re.Match[str]) -> str:
    number, thing = int(match["number"]), match["thing"]
    in_chinese = (thing == "시" and number > 12) or (thing == "시간" and number > 19) or (
        thing == "대" and number % 10 == 0) or (thing == "배" and number > 10)
    if not number or in_chinese:
        return match[0]
    return f"첫 {thing} " if thing == "번째" and number == 1 else f"{native(number)} {thing} "


def _month(month: int, speech: Language) -> str:
    return _MONTHS.get(month) or f"{whole_words(str(month), speech)}월"


def _clock(match: re.Match[str], speech: Language) -> str | None:
    time = _time(int(match[1]), int(match[2]), int(match[3] or 0), speech)
    return time and time + match[4]


def _clocks(match: re.Match[str], speech: Language) -> str | None:
    """10:00~19:30"""
    times = [_time(int(end.partition(":")[0]), int(end.partition(":")[2]), 0, speech) for end in (match[1], match[2])]
    return f"{times[0]}부터 {times[1]}{match[3]}" if all(times) else None


def _date(match: re.Match[str], speech: Language) -> str | None:
    day = _day_words(int(match[3]), int(match[4]), speech)
    return day and f"{whole_words(match[1], speech)}년 {day}{match[5]}"


def _day(match: re.Match[str], speech: Language) -> str | None:
    """12/31까지"""
    day = _day_words(int(match[1]), int(match[2]), speech)
    return day and day + match[3].removeprefix("일")


def _day_words(month: int, day: int, speech: Language) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_month(month, speech)} {whole_words(str(day), speech)}일"


def _fraction(match: re.Match[str], speech: Language) -> str | None:
    """1/2 · 1과1/2, with its particle"""
    whole, join, _, above, below, _, particle = match.groups()[2:]
    if not whole and not match["root"] and not match["unit"] and int(below) == 1 and int(above) < 13:
        return _day_words(int(above), int(below), speech)
    if join == FRACTION:
        join = "과" if whole[-1] in "13678" + "0" else "와"
    minus = f"{speech.minus} " if match["sign"] else ""
    whole_part = f"{whole_words(whole, speech)}{join} " if whole else ""
    above_words = whole_words(above, speech) or ""
    if match["root"]:
        above_words = f"루트 {above_words}"
    unit = units("ko").get(match["unit"] or "")
    ending = f" {unit.forms[0]}{particle}" if unit else _with_particle("", particle, above_words)
    return f"{minus}{whole_part}{whole_words(below, speech)}분의 {above_words}{ending}"


_PARTICLES = {"이": "가", "은": "는", "을": "를", "과": "와", "으로": "로"}
"""Behind a syllable that ends in a consonant, and in a vowel."""


def _with_particle(words: str, particle: str, behind: str = "") -> str:
    """이와 and not 이과: the particle follows the sound of the number, not what is written."""
    last = (behind or words)[-1:]
    closed = bool(last) and (ord(last) - 0xac00) % 28 > 0
    if not closed:
        particle = _PARTICLES.get(particle, particle)
    elif particle in _PARTICLES.values() and particle != "로":
        particle = next(own for own, other in _PARTICLES.items() if other == particle)
    return words + particle


def currency_apart(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """KRW 5000 · HK$ 300: the currency in front is said behind"""
    if speech.base != "ko":
        return None
    core, following = words[at].core, next_core(words, at)
    amount = re.fullmatch(r"(\d{1,3}(?:,\d{3})+|\d+)([만억조]*)([가-힣]*)", following)
    if core not in _CODES or amount is None:
        return None
    number = f"{whole_words(amount[1].replace(',', ''), speech)} {amount[2]}".strip()
    return ["", f"{number} {_CODES[core]}{amount[3]}"]


def _percents(match: re.Match[str], speech: Language) -> str | None:
    """30%~50%"""
    numbers = [parse(end, speech) for end in match.groups()[:2]]
    low, high = (said(number, speech) if number else None for number in numbers)
    return f"{low} 퍼센트에서 {high} 퍼센트{match[3]}" if low and high else None


def _score(match: re.Match[str], speech: Language) -> str | None:
    """3:1로 · 2-1로, and 2-1, which does not rise"""
    if match[4] and not match[5] and int(match[1]) < int(match[4]):
        return None
    last = whole_words(match[2] or match[4], speech) or ""
    return f"{whole_words(match[1], speech)} 대 {_with_particle(last, match[3] or match[5] or '')}"


def _telephone(match: re.Match[str], speech: Language) -> str | None:
    """010-1234-5678로"""
    groups = [digit_names(group, "ko") or group for group in match[1].split("-")]
    return " ".join(groups).replace("영", "공") + match[2]


def _one(words: str | None) -> list[str] | None:
    return [words] if words else None


def _time(hour: int, minute: int, second: int, speech: Language) -> str | None:
    if hour > 24 or minute > 59 or second > 59:
        return None
    hours = native(hour) if 0 < hour <= 12 else whole_words(str(hour), speech)
    parts = [f"{hours}시", f"{whole_words(str(minute), speech)}분" if minute else "",
             f"{whole_words(str(second), speech)}초" if second else ""]
    return " ".join(filter(None, parts))
