"""The fonts that ship with the project: what a text measures in them, and the part of them that a file carries.

One em is the size of a font's letters; ASS counts size as the height of a line instead, which libass takes from
the OS/2 table (usWinAscent + usWinDescent, libass' ass_font.c). `Face.ass_size` turns one into the other.
"""
from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

FILES = Path(__file__).with_name("typefaces")


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a text reaches, in em: to the right, above the baseline, below it (positive)."""

    width: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Face:
    """One font file. `family` is the name that ASS knows it by, `bold` what its style has to say for its weight."""

    family: str
    file: str
    bold: bool
    ships: bool = True

    @cached_property
    def _face(self) -> Any:
        import uharfbuzz

        return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(FILES / self.file)))

    @cached_property
    def _font(self) -> Any:
        import uharfbuzz

        return uharfbuzz.Font(self._face)

    @cached_property
    def characters(self) -> frozenset[str]:
        return frozenset(map(chr, self._face.unicodes))

    @cached_property
    def _heights(self) -> tuple[float, float]:
        if not self.ships:
            return _FOREIGN_HEIGHTS
        ascent, descent = struct.unpack(">HH", self._face.reference_table("OS/2").data[74:78])
        return ascent / self._face.upem, descent / self._face.upem

    @property
    def ascent(self) -> float:
        """Above the baseline, in em, as libass sees it."""
        return self._heights[0]

    @property
    def descent(self) -> float:
        return self._heights[1]

    def ass_size(self, em: float) -> float:
        return round(em * (self.ascent + self.descent), 2)

    def measure(self, text: str) -> Extent:
        """A text that is all in this face."""
        import uharfbuzz

        buffer = uharfbuzz.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        uharfbuzz.shape(self._font, buffer)
        advance, top, bottom = 0, 0, 0
        for glyph, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            advance += position.x_advance
            box = self._font.get_glyph_extents(glyph.codepoint)
            if box is not None:
                top = max(top, position.y_offset + box.y_bearing)
                bottom = max(bottom, -(position.y_offset + box.y_bearing + box.height))
        upem = self._face.upem
        return Extent(advance / upem, top / upem, bottom / upem)

    def subset(self, characters: frozenset[str]) -> bytes:
        """A font file of these characters and all that they join into."""
        import uharfbuzz

        wanted = uharfbuzz.SubsetInput()
        wanted.flags = uharfbuzz.SubsetFlags.NO_HINTING
        parts = unicodedata.normalize("NFKD", "".join(characters))  # shapers draw Thai's U+0E33 as two, always
        wanted.unicode_set.update(map(ord, characters | set(parts) | set(_ALWAYS)))
        content: bytes = uharfbuzz.subset(self._face, wanted).blob.data
        return _with_full_charmap(content) if max(wanted.unicode_set) > _LAST_OF_BMP else content


_LAST_OF_BMP = 0xFFFF
_CHARMAP, _BMP_ONLY, _FULL = struct.Struct(">HHI"), ((0, 3), (3, 1)), (3, 10)


def _with_full_charmap(font: bytes) -> bytes:
    """The font without its charmaps of the first 65536 characters, which its full one holds too.

    libass before 0.17.2 takes the first of Microsoft's charmaps for all there are, and shows no emoji (its issue 634).
    """
    content = bytearray(font)
    record, start, length = _table(content, b"cmap")
    size = struct.unpack_from(">H", content, start + 2)[0] * _CHARMAP.size
    maps = list(_CHARMAP.iter_unpack(content[start + 4:start + 4 + size]))
    kept = [each for each in maps if each[:2] not in _BMP_ONLY]
    if _FULL not in [each[:2] for each in kept]:
        return font
    packed = struct.pack(">H", len(kept)) + b"".join(_CHARMAP.pack(*each) for each in kept)
    content[start + 2:start + 4 + size] = packed.ljust(2 + size, b"\0")
    struct.pack_into(">I", content, record + 4, _checksum(content[start:start + length]))
    _, head, _ = _table(content, b"head")
    struct.pack_into(">I", content, head + 8, 0)
    struct.pack_into(">I", content, head + 8, 0xB1B0AFBA - _checksum(content) & 0xFFFFFFFF)
    return bytes(content)


def _table(font: bytes | bytearray, tag: bytes) -> tuple[int, int, int]:
    """Where its record lies in the font's directory, where it lies itself, and its length, in bytes."""
    n_tables = struct.unpack_from(">H", font, 4)[0]
    record = next(at for at in range(12, 12 + 16 * n_tables, 16) if font[at:at + 4] == tag)
    start, length = struct.unpack_from(">II", font, record + 8)
    return record, start, length


def _checksum(content: bytes | bytearray) -> int:
    """OpenType's: the sum of its 32-bit words."""
    padded = content + bytes(-len(content) % 4)
    total: int = sum(word for word, in struct.iter_unpack(">I", padded))
    return total & 0xFFFFFFFF


_FOREIGN_HEIGHTS = 0.95, 0.25
"""Ascent and descent that are assumed of a font that does not ship; Arial has 0.91 and 0.21, DejaVu 0.93 and 0.24."""
_ALWAYS = " \u00a0\u200d\ufe0f"

LATIN = {face.family: face for face in (
    Face("Montserrat ExtraBold", "Montserrat_800ExtraBold.ttf", True),
    Face("Inter SemiBold", "Inter_600SemiBold.ttf", False),
    Face("Anton", "Anton_400Regular.ttf", False),
)}
"""What `font` may name and have measured exactly."""

EMOJI = Face("Noto Emoji", "NotoEmoji_700Bold.ttf", True)
HAN = {language: Face(f"Noto Sans {name}", f"NotoSans{name}_700Bold.subset.ttf", True)
       for language, name in (("ja", "JP"), ("zh", "SC"), ("ko", "KR"))}
SCRIPTS = tuple(Face(f"Noto Sans {name}", f"NotoSans{name}_700Bold.ttf", True) for name in (
    "Arabic", "Hebrew", "Devanagari", "Thai", "Bengali", "Tamil", "Telugu"))


@cache
def chain(family: str, language: str) -> tuple[Face, ...]:
    """The faces that a text is drawn with: each character by the first that has it.

    A family that does not ship is measured as Montserrat ExtraBold, which is wider than most.
    """
    first = LATIN.get(family) or Face(family, "Montserrat_800ExtraBold.ttf", False, ships=False)
    own = HAN.get(language.partition("-")[0].lower())
    han = [own, *HAN.values()] if own else list(HAN.values())
    return tuple(dict.fromkeys((first, LATIN["Inter SemiBold"], *SCRIPTS, *han, EMOJI)))


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one face."""

    face: Face
    text: str


def clusters(text: str) -> list[str]:
    """What a reader takes for one character: a letter with its marks, an emoji with its parts, a flag."""
    found: list[str] = []
    joins, flag = False, False
    for char in text:
        is_flag = "\U0001f1e6" <= char <= "\U0001f1ff"
        if found and (joins or _clings(char) or (is_flag and flag)):
            found[-1] += char
            flag = False
        else:
            found.append(char)
            flag = is_flag
        joins = char == "\u200d" or unicodedata.combining(char) == _VIRAMA
    return found


_VIRAMA = 9


def _clings(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me", "Mc", "Cf") or "\U0001f3fb" <= char <= "\U0001f3ff"


@lru_cache(maxsize=20_000)
def runs(text: str, family: str, language: str) -> tuple[Run, ...]:
    """`text` cut where the face changes. What no face has stays with the first."""
    faces = chain(family, language)
    found: list[Run] = []
    for cluster in clusters(text):
        face = _face_of(cluster, faces)
        if found and (face is found[-1].face or not _drawn(cluster)):
            found[-1] = Run(found[-1].face, found[-1].text + cluster)
        else:
            found.append(Run(face, cluster))
    return tuple(found)


def _drawn(cluster: str) -> str:
    """The characters of which a glyph is seen."""
    return "".join(char for char in cluster if not char.isspace() and unicodedata.category(char) not in ("Cf", "Cn")
                   and not "\ufe00" <= char <= "\ufe0f")


def _face_of(cluster: str, faces: tuple[Face, ...]) -> Face:
    needed = frozenset(_drawn(cluster))
    if ("\ufe0f" in cluster or _is_picture(cluster[0])) and needed <= EMOJI.characters:
        return EMOJI
    return next((face for face in faces if needed <= face.characters), faces[0])


def _is_picture(char: str) -> bool:
    """Drawn as an emoji although another face may have it as a symbol."""
    return char >= "\u2600" and char in EMOJI.characters


def missing(text: str, family: str, language: str) -> frozenset[str]:
    """The characters that no face of the chain draws."""
    faces = chain(family, language)
    have = frozenset().union(*(face.characters for face in faces))
    return frozenset(_drawn(text)) - have


@lru_cache(maxsize=20_000)
def extent(text: str, family: str, language: str, spacing: float = 0.0) -> Extent:
    """What a text takes on one line. `spacing` (em) follows each character of the family itself."""
    base, found = chain(family, language)[0], runs(text, family, language)
    parts = [run.face.measure(run.text) for run in found]
    n_spaced = sum(len(clusters(run.text)) for run in found if run.face is base) if spacing else 0
    width = sum(part.width for part in parts) + spacing * n_spaced
    return Extent(width, max((part.top for part in parts), default=0.0),
                  max((part.bottom for part in parts), default=0.0))


def width(text: str, family: str, language: str, spacing: float = 0.0) -> float:
    return extent(text, family, language, spacing).width


def space_face(before: str, family: str, language: str) -> Face:
    """The face of the space after a word: that of its last letters, but the family's after an emoji, whose face has
    a space as wide as a picture."""
    base = chain(family, language)[0]
    last = runs(before, family, language)[-1].face if before else base
    return base if last is EMOJI else last


def space(before: str, family: str, language: str, spacing: float = 0.0) -> float:
    """What the space after a word takes, in em."""
    face = space_face(before, family, language)
    return face.measure(" ").width + (spacing if face is chain(family, language)[0] else 0.0)


def without_emoji(text: str) -> str:
    """The text without its pictures. Digits and letters stay, although keycaps are made of them."""
    return "".join(cluster for cluster in clusters(text)
                   if not (_is_picture(cluster[0]) or "\u20e3" in cluster or "\ufe0f" in cluster)).strip()
