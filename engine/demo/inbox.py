"""A site's job that puts extracts into a drop folder and looks where they end."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.demo.delivery import Extract
from engine.demo.sender import Answered
from engine.formats.delimited.table import LINE

_PATIENCE_S = 120.0


def drop(folder: Path, extract: Extract) -> list[Answered]:
    """Put a file there whole and wait for its end; returns what became of each row."""
    unfinished = folder / f".{extract.name}"
    unfinished.write_bytes(extract.text)
    unfinished.rename(folder / extract.name)
    ended = _ended(folder, extract.name)
    if ended is None:
        return [Answered(row, "", 0) for row in extract.rows]
    refused = _refused(ended)
    return [
        Answered(row, "AE" if line in refused else "AA", 0)
        for line, row in enumerate(extract.rows, 2)
    ]


def _ended(folder: Path, name: str) -> Path | None:
    """Return where the file lies in the end, None when patience ends first."""
    places = [folder / end / name for end in ("done", "failed")]
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        for place in places:
            if place.exists():
                return place
        time.sleep(0.02)
    return None


def _refused(ended: Path) -> set[int]:
    """Return the lines the engine gave back."""
    rejects = ended.with_name(f"{ended.name}.rejected.csv")
    if not rejects.exists():
        return set()
    with rejects.open(encoding="cp1252", newline="") as rows:
        return {int(row[LINE]) for row in csv.DictReader(rows)}


def drop_all(
    folder: Path,
    files: Sequence[tuple[int, Extract]],
    sent: Callable[[], int],
    told: Callable[[Answered], None],
) -> None:
    """Drop each file when its site has sent the messages before it; `sent` counts those."""
    for after, extract in files:
        while sent() < after:
            time.sleep(0.01)
        for answer in drop(folder, extract):
            told(answer)
