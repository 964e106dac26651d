"""What a caller may choose of captions: the options, their presets, and how each preset looks.

A new preset is one row of PRESETS; what moves in it is its `highlight`, one function of `captions.ass.animations`.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from captions.style import fonts

Highlight = Literal["none", "word", "sweep", "box", "pop", "pill", "typewriter", "stack", "fade"]
Position = Literal["top", "middle", "bottom"]
JsonShape = Literal["openai", "elevenlabs", "polly"]


class CaptionError(ValueError):
    """A caption option that cannot be; the message begins with its name."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long cues stand, in ms, and how dear it is to run on over the end of a sentence or clause.

    A cue stands at least `min_ms` where the next leaves room. It may outlast its words by `lead_out_ms`; then it
    ends either `gap_ms` before the next or at least `apart_ms`, since anything between would flicker.
    A longer silence than `pause_ms` always parts two cues.
    """

    min_ms: int
    gap_ms: int
    lead_out_ms: int
    apart_ms: int
    pause_ms: int
    run_on_sentence: float
    run_on_clause: float


SHORT = Pace(300, 0, 250, 250, 700, 8.0, 2.0)
SUNG = Pace(700, 0, 300, 300, 1500, 6.0, 0.5)
READ = Pace(834, 0, 400, 400, 1500, 8.0, 0.0)
# Broadcast counts in frames; at 24 per second two are 84 ms, twelve 500 ms, its shortest cue (5/6 s) 834 ms.
BROADCAST = Pace(834, 84, 500, 500, 1500, 3.0, 0.0)


@dataclass(frozen=True, slots=True)
class Preset:
    """How a preset looks: `size` is the em as a share of the frame's shorter side, and at least `size_of_width` of its
    width as long as it leaves most of the height; outline, shadow, line pitch and letter spacing are shares of the em.
    """

    options: Mapping[str, Any]
    pace: Pace
    size: float
    outline: float = 0.1
    shadow: float = 0.0
    line: float = 1.2
    spacing: float = 0.0
    size_of_width: float = 0.0

    @property
    def font(self) -> str:
        return str((DEFAULTS | dict(self.options))["font"])


_VERTICAL = (1080, 1920)
DEFAULTS: dict[str, Any] = {
    "preset": "sentence", "max_words": 40, "max_chars": 42, "max_lines": 2, "highlight": "none",
    "font": "Montserrat ExtraBold", "color": "#FFFFFF", "position": "bottom", "uppercase": False,
    "strip_punctuation": False, "resolution": (1920, 1080), "json_shapes": (), "emphasis": (),
    "emphasis_color": "#3DF5A0", "speaker_colors": (), "emoji": True, "keep_lines": False,
}
PRESETS: dict[str, Preset] = {
    "shorts": Preset({"max_words": 4, "max_chars": 18, "highlight": "word", "resolution": _VERTICAL}, SHORT, 0.085,
                     shadow=0.04, line=1.12, size_of_width=0.075),
    "pop": Preset({"max_words": 3, "max_chars": 16, "highlight": "pop", "resolution": _VERTICAL, "uppercase": True},
                  SHORT, 0.09, shadow=0.05, line=1.12, size_of_width=0.075),
    "pill": Preset({"max_words": 4, "max_chars": 18, "highlight": "pill", "resolution": _VERTICAL}, SHORT, 0.075,
                   line=1.45),
    "typewriter": Preset({"max_words": 8, "max_chars": 22, "highlight": "typewriter", "resolution": _VERTICAL,
                          "font": "Inter SemiBold"}, SHORT, 0.06, outline=0.08),
    "stack": Preset({"max_words": 3, "max_chars": 12, "max_lines": 3, "highlight": "stack", "resolution": _VERTICAL,
                     "font": "Anton", "uppercase": True, "strip_punctuation": True, "position": "middle"},
                    SHORT, 0.14, outline=0.05, shadow=0.03, line=1.12, spacing=0.02),
    "minimal": Preset({"max_words": 8, "max_chars": 30, "highlight": "fade", "resolution": _VERTICAL,
                       "font": "Inter SemiBold"}, SHORT, 0.046, outline=0.05, shadow=0.04, line=1.3, spacing=0.01),
    "karaoke": Preset({"max_words": 12, "max_chars": 36, "highlight": "sweep"}, SUNG, 0.054),
    "sentence": Preset({"font": "Inter SemiBold"}, READ, 0.045, outline=0.07, line=1.28),
    "broadcast": Preset({"font": "Inter SemiBold"}, BROADCAST, 0.045, outline=0.07, line=1.28),
}
HIGHLIGHT_COLORS = {"box": "#7C3AED", "pill": "#7C3AED"}
_HIGHLIGHT_COLOR = "#FFD60A"

MIN_CHARS = 8
"""A narrow frame makes the letters smaller sooner than lines shorter than this."""
MAX_OF_HEIGHT = 0.135
"""No letters are larger because a frame is wide than this share of its height."""
MAX_EMPHASIS = 200


@dataclass(frozen=True, slots=True)
class Captions:
    """How words become captions. Made by `of`; plain values only, so that it can be stored as JSON.

    `max_chars` counts columns of one line: a full-width character is two, a combining mark none.
    `size` is the em in pixels of `resolution` (width, height). Colours are "#RRGGBB".
    `keep_lines` takes cues and lines from the text, and `max_words`, `max_chars` and `max_lines` say nothing.
    `emphasis` has words in lower case, or "*" alone: words between stars. `speaker_colors` has (voice, colour).
    `json_shapes` names what the JSON file carries besides its own fields.
    """

    preset: str
    max_words: int
    max_chars: int
    max_lines: int
    highlight: Highlight
    font: str
    size: int
    color: str
    highlight_color: str
    emphasis: tuple[str, ...]
    emphasis_color: str
    speaker_colors: tuple[tuple[str, str], ...]
    position: Position
    uppercase: bool
    strip_punctuation: bool
    emoji: bool
    keep_lines: bool
    resolution: tuple[int, int]
    json_shapes: tuple[JsonShape, ...]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Captions:
        """The preset with the given options over it. Raises CaptionError."""
        for name in options:
            if name not in CHECKS:
                raise CaptionError(f"{str(name)[:40]!r} is not a caption option; options are {', '.join(CHECKS)}")
        given = {name: CHECKS[name](name, value) for name, value in options.items()}
        chosen = DEFAULTS | dict(PRESETS[given.get("preset", "sentence")].options) | given
        chosen.setdefault("highlight_color", HIGHLIGHT_COLORS.get(chosen["highlight"], _HIGHLIGHT_COLOR))
        return cls(**chosen | {"size": given.get("size") or _fitting_size(given, chosen)})

    @property
    def style(self) -> Preset:
        return PRESETS[self.preset]

    @property
    def family(self) -> str:
        """The font that is used: where each word has its place, only one whose widths are known can be."""
        if self.font in fonts.LATIN or self.highlight not in PLACED:
            return self.font
        return self.style.font


def _fitting_size(given: Mapping[str, Any], chosen: Mapping[str, Any]) -> int:
    """The preset's, or less where the line of `max_chars` that is asked for, or a short word, would not fit."""
    (width, height), preset = chosen["resolution"], PRESETS[chosen["preset"]]
    size: int = round(max(min(width, height) * preset.size, min(width * preset.size_of_width, height * MAX_OF_HEIGHT)))
    chars = given.get("max_chars", min(MIN_CHARS, chosen["max_chars"]))
    line_em = float(chars * _letter_em(chosen["font"], chosen["uppercase"]))
    return max(4, min(size, int(usable_width(chosen["resolution"]) / line_em)))


_SAMPLE = "the quick brown fox jumps over the lazy dog"


@cache
def _letter_em(font: str, uppercase: bool) -> float:
    """What a character of English takes, in em."""
    return fonts.width(_SAMPLE.upper() if uppercase else _SAMPLE, font, "en") / len(_SAMPLE)


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise CaptionError(f"{name} is a whole number from {low} to {high}")
        return value
    return check


def _one_of(*names: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise CaptionError(f"{name} is one of {', '.join(names)}")
        return value
    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise CaptionError(f"{name} is true or false")
    return value


def _color(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise CaptionError(f"{name} is a colour written #RRGGBB")
    return value.upper()


def _font(name: str, value: Any) -> str:
    # A comma ends a field of an ASS style; a leading @ asks for vertical writing.
    if not isinstance(value, str) or not re.fullmatch(r"[^\W_][\w .'&+-]{0,63}", value) or value != value.strip():
        raise CaptionError(f"{name} is a font's name: up to 64 letters, digits, spaces and . ' & + -")
    return value


def _resolution(name: str, value: Any) -> tuple[int, int]:
    if (not isinstance(value, list | tuple) or len(value) != 2
            or any(type(side) is not int or not 64 <= side <= 8192 for side in value)):
        raise CaptionError(f"{name} is [width, height], whole numbers from 64 to 8192")
    return value[0], value[1]


def _shapes(name: str, value: Any) -> tuple[str, ...]:
    shapes = ("openai", "elevenlabs", "polly")
    if not isinstance(value, list | tuple) or any(shape not in shapes for shape in value):
        raise CaptionError(f"{name} is a list of {', '.join(shapes)}")
    return tuple(dict.fromkeys(value))


def _emphasis(name: str, value: Any) -> tuple[str, ...]:
    if value == "stars":
        return ("*",)
    if (not isinstance(value, list | tuple) or len(value) > MAX_EMPHASIS
            or any(not isinstance(word, str) or not 0 < len(word) <= 100 for word in value)):
        raise CaptionError(f"{name} is a list of up to {MAX_EMPHASIS} words, or \"stars\"")
    return tuple(dict.fromkeys(word.casefold() for word in value))


def _speaker_colors(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if (not isinstance(pairs, list | tuple) or len(pairs) > 50
            or any(not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str)
                   or not 0 < len(pair[0]) <= 100 for pair in pairs)):
        raise CaptionError(f"{name} is an object of up to 50 voices with their colours")
    return tuple((voice, _color(name, color)) for voice, color in pairs)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "preset": _one_of(*PRESETS),
    "max_words": _whole(1, 50),
    "max_chars": _whole(1, 200),
    "max_lines": _whole(1, 4),
    "highlight": _one_of(*get_args(Highlight)),
    "font": _font,
    "size": _whole(4, 1000),
    "color": _color,
    "highlight_color": _color,
    "emphasis": _emphasis,
    "emphasis_color": _color,
    "speaker_colors": _speaker_colors,
    "position": _one_of("top", "middle", "bottom"),
    "uppercase": _flag,
    "strip_punctuation": _flag,
    "emoji": _flag,
    "keep_lines": _flag,
    "resolution": _resolution,
    "json_shapes": _shapes,
}


def is_short_video(resolution: tuple[int, int]) -> bool:
    """9:16 and the like, which apps show with their own buttons and text over the picture."""
    return resolution[1] >= 1.5 * resolution[0]


def side_margin(resolution: tuple[int, int]) -> int:
    """Pixels kept free on the left and on the right; in short videos on both as much as the buttons take on one."""
    return round(resolution[0] / 6 if is_short_video(resolution) else resolution[0] * 0.06)


def usable_width(resolution: tuple[int, int]) -> int:
    return resolution[0] - 2 * side_margin(resolution)


def zone(captions: Captions) -> tuple[int, int]:
    """The top and bottom that letters and their outlines stay between.

    In short videos clear of what TikTok, Reels and Shorts lay over the picture: the largest of their zones.
    """
    height = captions.resolution[1]
    top, bottom = (0.14, 0.75) if is_short_video(captions.resolution) else (0.07, 0.93)
    return round(height * top), round(height * bottom)


def line_room(captions: Captions, size: int) -> float:
    """Pixels that the letters of one line may take: outlines and what a highlight adds at the sides lie outside."""
    style = captions.style
    side = style.outline + style.shadow + SIDES.get(captions.highlight, 0.0)
    return usable_width(captions.resolution) - 2 * size * side


PLACED = ("box", "pop", "pill", "stack")
"""The highlights that put something at the place of a word."""
SIDES = {"box": 0.14, "pill": 0.26, "pop": 0.12, "stack": 0.1}
"""How far a highlight reaches beyond its word on either side, in em."""
