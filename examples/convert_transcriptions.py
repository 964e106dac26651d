#!/usr/bin/env python3
"""Turns a folder of transcripts into the reference texts that voices need.

    ./examples/convert_transcriptions.py TRANSCRIPTS OUT

Every .txt, .srt, .vtt, .csv, .tsv and .json file below TRANSCRIPTS (JSON as Whisper and this project write it) becomes
OUT/<name>.txt, its words alone in one line: `reference_text` of an upload, or `voices/<name>.txt` in the bucket. A file
that cannot be read, or whose name another one has taken, is told and left out, and the exit status is then 1. What is
in OUT already is not written over.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from text.transcript import MAX_BYTES, TranscriptError, read

KINDS = {".txt", ".srt", ".vtt", ".csv", ".tsv", ".json"}


def convert(source: Path, out: Path) -> Iterator[tuple[Path, str, bool]]:
    """Each file, what became of it, and whether that is well."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(each for each in source.rglob("*") if each.suffix.lower() in KINDS and each.is_file()):
        target = out / f"{path.stem}.txt"
        try:
            with path.open("rb") as file:
                words = read(file.read(MAX_BYTES + 1))
            with target.open("x", encoding="utf-8") as file:
                file.write(words + "\n")
        except TranscriptError as error:
            yield path, str(error), False
        except FileExistsError:
            yield path, f"{target.name} is there already", False
        else:
            yield path, f"{len(words.split())} words", True


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or not Path(arguments[0]).is_dir():
        print("usage: convert_transcriptions.py TRANSCRIPTS OUT (TRANSCRIPTS is a folder)", file=sys.stderr)
        return 2
    source = Path(arguments[0])
    results = list(convert(source, Path(arguments[1])))
    for path, said, is_well in results:
        print(f"{path.relative_to(source)}: {said}", file=sys.stdout if is_well else sys.stderr)
    if not results:
        print("no transcripts found", file=sys.stderr)
    return 0 if results and all(is_well for *_, is_well in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
