"""What moves: for each `highlight` the lines of dialogue that show one cue.

Every function takes the scene and a block, and yields events that together cover the cue from start to end. Words are
lit from their first centisecond on. Layer 0 is what lies behind the letters, 1 the letters, 2 the letters in motion.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from captions.ass.typeset import RIMS, Block, Fragment, Page, Row, is_right_to_left
from captions.style import fonts
from captions.style.options import SIDES, Captions
from timing.words import Timeline

JOINER = "\u2060"
HOLD_CS = 30
"""A word stays highlighted through a pause up to this long; a longer one shows the cue without highlight."""


@dataclass(frozen=True, slots=True)
class Event:
    layer: int
    start_cs: int
    end_cs: int
    text: str


@dataclass(frozen=True)
class Scene:
    """`colors` has "#RRGGBB" for every word while it is not lit."""

    timeline: Timeline
    captions: Captions
    page: Page
    colors: Sequence[str]

    def runs(self, text: str) -> tuple[fonts.Run, ...]:
        return fonts.runs(text, self.captions.family, self.timeline.language)

    def heights(self, texts: Sequence[str]) -> tuple[float, float]:
        """Ascent and descent of the line that libass makes of these texts, in pixels."""
        faces = [run.face for text in texts for run in self.runs(text)]
        return (self.page.size * max(face.ascent for face in faces),
                self.page.size * max(face.descent for face in faces))

    def at(self, row: Row) -> str:
        """The place of a whole row: the middle of its lower edge."""
        _, descent = self.heights([fragment.text for fragment in row.fragments])
        return f"\\an2\\pos({self.captions.resolution[0] / 2:g},{_px(row.baseline + descent)})"

    def middle(self, row: Row, fragment: Fragment) -> str:
        """The place of one fragment, so that it can grow around its centre."""
        ascent, descent = self.heights([fragment.text])
        return (f"\\an5\\pos({_px(fragment.left + fragment.width / 2)},"
                f"{_px(row.baseline - (ascent - descent) / 2)})")

    def row(self, row: Row, tags: Callable[[Fragment], tuple[str, str]]) -> str:
        """The row's text; `tags` says what stands before and after each fragment."""
        writer = _Writer(self)
        for fragment in row.fragments:
            before, after = tags(fragment)
            writer.space(fragment.space)
            writer.add(before, fragment.text)
            writer.add(after, None)
        return writer.text

    def colored(self, lit: int | None, color: str | None = None) -> Callable[[Fragment], tuple[str, str]]:
        """Tags that give each fragment its colour, and the word `lit` the highlight's (or `color`)."""
        def tags(fragment: Fragment) -> tuple[str, str]:
            own = color or self.captions.highlight_color
            wanted = own if fragment.word == lit else self.colors[fragment.word]
            return (f"{{\\1c{hue(wanted)}}}", "{\\1c}") if wanted != self.captions.color else ("", "")
        return tags

    def edges_cs(self, block: Block, start_cs: int, end_cs: int) -> list[tuple[int, int]]:
        return [(_between(start_cs, word.start_ms, end_cs), _between(start_cs, word.end_ms, end_cs))
                for word in self.timeline.words[block.cue.first:block.cue.last + 1]]

    def lit(self, block: Block, start_cs: int, end_cs: int) -> list[tuple[int, int, int | None]]:
        """Which word is lit from when to when; None in a pause. Words without a centisecond are left out."""
        edges_cs = self.edges_cs(block, start_cs, end_cs)
        found: list[tuple[int, int, int | None]] = []
        for index, (begin_cs, stop_cs) in enumerate(edges_cs):
            next_cs = edges_cs[index + 1][0] if index + 1 < len(edges_cs) else end_cs
            until_cs = next_cs if next_cs - stop_cs <= HOLD_CS else stop_cs
            if until_cs > begin_cs:
                found.append((begin_cs, until_cs, block.cue.first + index))
            if next_cs > until_cs:
                found.append((until_cs, next_cs, None))
        return found


class _Writer:
    """Text of one event, with a tag where the face changes."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.text = scene, ""
        self.base = self.face = fonts.chain(scene.captions.family, scene.timeline.language)[0]

    def add(self, tags: str, text: str | None) -> None:
        self.text += tags
        for run in self.scene.runs(text) if text else ():
            self._turn_to(run.face)
            self.text += escaped(_joined(run) if run.face is fonts.EMOJI else run.text)

    def space(self, text: str) -> None:
        if text and self.face is fonts.EMOJI:
            self._turn_to(self.base)
        self.text += text

    def _turn_to(self, face: fonts.Face) -> None:
        if face is self.face:
            return
        self.face, scene = face, self.scene
        spacing = scene.captions.style.spacing * scene.page.size
        spaced = f"\\fsp{_px(spacing if face is self.base else 0.0)}" if spacing else ""
        self.text += f"{{\\fn{face.family}\\fs{face.ass_size(scene.page.size):g}\\b{int(face.bold)}{spaced}}}"


def _joined(run: fonts.Run) -> str:
    """Emoji that are made of several: libass shapes them as one only beside a letter of some script (its ass_shaper.c
    parts common from inherited characters); the Mongolian vowel separator has a script and no width."""
    return "".join(each + "\u180e" if "\u200d" in each or "\u20e3" in each else each
                   for each in fonts.clusters(run.text))


def still(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    for row in block.rows:
        yield Event(1, start_cs, end_cs, f"{{{scene.at(row)}}}" + scene.row(row, scene.colored(None)))


def fade(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    length_ms = (end_cs - start_cs) * 10
    tag = f"\\fad({min(140, length_ms // 4)},{min(100, length_ms // 4)})"
    for event in still(scene, block, start_cs, end_cs):
        yield Event(1, start_cs, end_cs, "{" + tag + event.text[1:])


def word(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """The spoken word in the highlight's colour."""
    for row in block.rows:
        yield from _row_states(scene, block, row, start_cs, end_cs, scene.captions.highlight_color)


def _row_states(scene: Scene, block: Block, row: Row, start_cs: int, end_cs: int, color: str) -> Iterator[Event]:
    here = {fragment.word for fragment in row.fragments}
    states = [(a, b, index if index in here else None) for a, b, index in scene.lit(block, start_cs, end_cs)]
    for index, same in groupby(states, key=lambda state: state[2]):
        group = list(same)
        yield Event(1, group[0][0], group[-1][1],
                    f"{{{scene.at(row)}}}" + scene.row(row, scene.colored(index, color)))


def sweep(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """The highlight's colour runs through the words. Karaoke tags count on from the line's start, so every pause,
    and every word on another row, needs one of its own."""
    edges_cs = scene.edges_cs(block, start_cs, end_cs)
    spans = dict(_fragment_spans(block, edges_cs))
    for row in block.rows:
        writer, reached_cs = _Writer(scene), start_cs
        writer.add(f"{{{scene.at(row)}}}", None)
        for fragment in row.fragments:
            begin_cs, stop_cs = spans[id(fragment)]
            pause = f"{{\\k{begin_cs - reached_cs}}}" if begin_cs > reached_cs else ""
            # libass sweeps from left to right in every script; a word that runs the other way lights up at once.
            tag = "k" if is_right_to_left(fragment.text) else "kf"
            own = scene.colors[fragment.word]
            color = f"\\2c{hue(own)}" if own != scene.captions.color else "\\2c" if "\\2c&" in writer.text else ""
            writer.add(pause, None)
            writer.space(fragment.space)
            writer.add(f"{{{color}\\{tag}{stop_cs - begin_cs}}}", fragment.text)
            reached_cs = stop_cs
        writer.add(f"{{\\k{end_cs - reached_cs}}}" if end_cs > reached_cs else "", None)
        yield Event(1, start_cs, end_cs, writer.text)


def _fragment_spans(block: Block, edges_cs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, tuple[int, int]]]:
    """When each fragment is spoken: the parts of a broken word share its time by their widths."""
    fragments = [fragment for row in block.rows for fragment in row.fragments]
    for index, parts in groupby(fragments, key=lambda fragment: fragment.word):
        begin_cs, stop_cs = edges_cs[index - block.cue.first]
        group = list(parts)
        total, done = sum(part.width for part in group) or 1.0, 0.0
        for part in group:
            first = begin_cs + round((stop_cs - begin_cs) * done / total)
            done += part.width
            yield id(part), (first, begin_cs + round((stop_cs - begin_cs) * done / total))


def pop(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """The spoken word grows and settles, at most into half of the space that parts it from its neighbours."""
    states = scene.lit(block, start_cs, end_cs)
    for row in block.rows:
        for fragment in row.fragments:
            most = min(1.15, 1 + 2 * SIDES["pop"] * scene.page.size / max(fragment.width, 1.0))
            grown = f"\\fscx{100 * most:.1f}\\fscy{100 * most:.1f}"
            motion = f"\\t(0,70,{grown})\\t(70,190,\\fscx100\\fscy100)"
            for lit, same in groupby(states, key=lambda state, own=fragment.word: state[2] == own):  # type: ignore[misc]
                group = list(same)
                tags = scene.middle(row, fragment) + (motion if lit else "")
                yield Event(2 if lit else 1, group[0][0], group[-1][1],
                            f"{{{tags}}}" + _alone(scene, fragment, fragment.word if lit else None))


def _alone(scene: Scene, fragment: Fragment, lit: int | None) -> str:
    return scene.row(Row((Fragment(fragment.word, "", fragment.text, 0, 0),), 0), scene.colored(lit))


def stack(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """Words come when they are spoken, the newest in colour."""
    entrance = "\\fscx80\\fscy80\\t(0,80,\\fscx104\\fscy104)\\t(80,150,\\fscx100\\fscy100)"
    lit_until = {index: until for _, until, index in scene.lit(block, start_cs, end_cs) if index is not None}
    edges_cs = scene.edges_cs(block, start_cs, end_cs)
    for row in block.rows:
        for fragment in row.fragments:
            place = scene.middle(row, fragment)
            begin_cs = min(edges_cs[fragment.word - block.cue.first][0], end_cs - 1)
            until_cs = max(begin_cs, lit_until.get(fragment.word, begin_cs))
            if until_cs > begin_cs:
                yield Event(2, begin_cs, until_cs, f"{{{place}{entrance}}}" + _alone(scene, fragment, fragment.word))
            if end_cs > until_cs:
                yield Event(1, until_cs, end_cs, f"{{{place}}}" + _alone(scene, fragment, None))


def typewriter(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """Letters appear one after another while their word is spoken; letters that join appear as a word."""
    spans = dict(_fragment_spans(block, scene.edges_cs(block, start_cs, end_cs)))
    for row in block.rows:
        writer = _Writer(scene)
        writer.add(f"{{{scene.at(row)}\\alpha&HFF&}}", None)
        for fragment in row.fragments:
            begin_cs, stop_cs = spans[id(fragment)]
            before, after = scene.colored(None)(fragment)
            writer.space(fragment.space)
            writer.add(before, None)
            parts = [fragment.text] if _joins(fragment.text) else fonts.clusters(fragment.text)
            for number, part in enumerate(parts):
                at_ms = 10 * (begin_cs - start_cs) + 10 * (stop_cs - begin_cs) * number // len(parts)
                writer.add(f"{{\\alpha&HFF&\\t({at_ms},{at_ms + 1},\\alpha&H00&)}}", part)
            writer.add(after, None)
        yield Event(1, start_cs, end_cs, writer.text)


def _joins(text: str) -> bool:
    """Whether letters change with their neighbours, as in Arabic and the scripts of India."""
    return any("\u0590" <= char <= "\u0dff" or "\u0f00" <= char <= "\u109f" or char == "\u200d" for char in text)


def box(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """A box behind the spoken word."""
    yield from _letters_on_box(scene, block, start_cs, end_cs)
    boxes = shapes(scene, block)
    for begin_cs, until_cs, index in scene.lit(block, start_cs, end_cs):
        for shape in boxes.get(index, ()):
            yield Event(0, begin_cs, until_cs, _drawn(scene, shape, 0.12))


def pill(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    """A round box that travels: it is under way for less than a frame before a word begins, and after."""
    yield from _letters_on_box(scene, block, start_cs, end_cs)
    boxes = shapes(scene, block)
    lit = scene.lit(block, start_cs, end_cs)
    leaves_cs = {after[0]: (min(LEAVE_CS, (before[1] - before[0]) // 2), min(ARRIVE_CS, (after[1] - after[0]) // 2))
                 for before, after in pairwise(lit)
                 if len(boxes.get(before[2], ())) == len(boxes.get(after[2], ())) == 1}
    for begin_cs, until_cs, index in lit:
        if index is None:
            continue
        arrived_cs = begin_cs + leaves_cs.get(begin_cs, (0, 0))[1]
        left_cs = until_cs - leaves_cs.get(until_cs, (0, 0))[0]
        for shape in boxes.get(index, ()):
            if left_cs > arrived_cs:
                yield Event(0, arrived_cs, left_cs, _drawn(scene, shape, 0.5))
    for before, after in pairwise(lit):
        if after[0] in leaves_cs:
            early_cs, late_cs = leaves_cs[after[0]]
            if early_cs + late_cs:
                yield from _travelling(scene, boxes[before[2]][0], boxes[after[2]][0],
                                       after[0] - early_cs, after[0] + late_cs)


LEAVE_CS, ARRIVE_CS = 1, 1
_Shape = tuple[float, float, float, float]
"""left, top, width, height in pixels."""


def _letters_on_box(scene: Scene, block: Block, start_cs: int, end_cs: int) -> Iterator[Event]:
    for row in block.rows:
        yield from _row_states(scene, block, row, start_cs, end_cs, contrast(scene.captions.highlight_color))


def shapes(scene: Scene, block: Block) -> dict[int | None, list[_Shape]]:
    size, side = scene.page.size, SIDES[scene.captions.highlight] * scene.page.size
    rim = RIMS[scene.captions.highlight]
    found: dict[int | None, list[_Shape]] = {}
    for row in block.rows:
        for fragment in row.fragments:
            found.setdefault(fragment.word, []).append((
                fragment.left - side, row.baseline - size * (scene.page.top + rim), fragment.width + 2 * side,
                size * (scene.page.top + scene.page.bottom + 2 * rim)))
    return found


def _drawn(scene: Scene, shape: _Shape, roundness: float) -> str:
    left, top, width, height = shape
    path = _rounded(width, height, roundness * min(width, height))
    return f"{{\\pos({_px(left)},{_px(top)}){_flat(scene)}}}{path}"


def _travelling(scene: Scene, old: _Shape, new: _Shape, start_cs: int, end_cs: int) -> Iterator[Event]:
    """The two round ends move; between them a rectangle moves and changes its width."""
    length_ms = 10 * (end_cs - start_cs)
    height = old[3]

    def end_at(shape: _Shape, right: bool) -> str:
        return f"{_px(shape[0] + (shape[2] - min(height, shape[2]) if right else 0))},{_px(shape[1])}"

    for right in (False, True):
        disc = _rounded(min(height, old[2], new[2]), height, height / 2)
        yield Event(0, start_cs, end_cs,
                    f"{{\\move({end_at(old, right)},{end_at(new, right)}){_flat(scene)}}}{disc}")
    widths = [max(0.0, shape[2] - height) for shape in (old, new)]
    centres = [f"{_px(shape[0] + min(height, shape[2]) / 2)},{_px(shape[1])}" for shape in (old, new)]
    bar = _rounded(100, height, 0)
    yield Event(0, start_cs, end_cs, f"{{\\move({centres[0]},{centres[1]})\\fscx{widths[0]:.2f}"
                                     f"\\t(0,{length_ms},\\fscx{widths[1]:.2f}){_flat(scene)}}}{bar}")


def _flat(scene: Scene) -> str:
    return f"\\an7\\bord0\\shad0\\1c{hue(scene.captions.highlight_color)}\\p1"


def _rounded(width: float, height: float, radius: float) -> str:
    """A rectangle with round corners as an ASS drawing; a quarter of a circle is one Bezier curve."""
    w, h, r = width, height, min(radius, width / 2, height / 2)
    k = r * (1 - 0.5523)
    if r < 1:
        return f"m 0 0 l {w:.0f} 0 {w:.0f} {h:.0f} 0 {h:.0f}"
    points = ((r, 0), (w - r, 0), (w - k, 0), (w, k), (w, r), (w, h - r), (w, h - k), (w - k, h), (w - r, h), (r, h),
              (k, h), (0, h - k), (0, h - r), (0, r), (0, k), (k, 0), (r, 0))
    p = [f"{x:.0f} {y:.0f}" for x, y in points]
    return (f"m {p[0]} l {p[1]} b {p[2]} {p[3]} {p[4]} l {p[5]} b {p[6]} {p[7]} {p[8]} l {p[9]} "
            f"b {p[10]} {p[11]} {p[12]} l {p[13]} b {p[14]} {p[15]} {p[16]}")


Animation = Callable[[Scene, Block, int, int], Iterator[Event]]
ANIMATIONS: dict[str, Animation] = {
    "none": still, "word": word, "sweep": sweep, "box": box, "pop": pop, "pill": pill, "typewriter": typewriter,
    "stack": stack, "fade": fade,
}


def hue(color: str) -> str:
    """#RRGGBB as ASS writes it."""
    return f"&H{color[5:7]}{color[3:5]}{color[1:3]}&"


def contrast(color: str) -> str:
    """Black or white, whichever is easier to tell from the colour (WCAG 2 relative luminance)."""
    channels = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def escaped(text: str) -> str:
    """libass shows `\\{` and `\\}` as braces; it has no escape for a backslash, so a word joiner (no width) follows
    each one and no tag or line break can begin there (mpv escapes likewise)."""
    return text.replace("\\", "\\" + JOINER).replace("{", "\\{").replace("}", "\\}")


def _between(low_cs: int, ms: int, high_cs: int) -> int:
    return min(max(low_cs, centiseconds(ms)), high_cs)


def centiseconds(ms: int) -> int:
    return (ms + 5) // 10


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
