"""Which deliveries a command looks at: files, or the newest of a site in the region's journal."""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_journal, open_store
from engine.cli.begun import begun
from engine.cli.map import Which, files
from engine.cli.named import require_site
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.mapping.plan import Plan
from engine.survey.given import Given, of_file
from engine.survey.traffic import Recent, deliveries

_REGION_FILES = frozenset({".yaml", ".yml"})
_AGO = re.compile(r"([1-9]\d*)([mhd])")
_UNIT_S = {"m": 60, "h": 3600, "d": 86400}
_TELL_S = 1.0


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Window:
    """The part of the journal.

    Parameters
    ----------
    last
        As many deliveries of the site, the newest; 0 for all.
    since
        Only deliveries since then: 30m, 24h, 7d, or a time as 2026-11-01 or 2026-11-01T08:00 (UTC).
    """

    last: int = 1000
    since: Annotated[str, Parameter(name="--since")] = ""

    def since_us(self, now_us: int) -> int:
        """Return the begin. FaultError `since-unclear`."""
        if not self.since:
            return 0
        ago = _AGO.fullmatch(self.since)
        if ago is not None:
            return now_us - int(ago[1]) * _UNIT_S[ago[2]] * 1_000_000
        try:
            found = datetime.fromisoformat(self.since)
        except ValueError:
            message = "write 30m, 24h, 7d, or a time as 2026-11-01T08:00"
            raise refuse(Category.INVALID, "since-unclear", message, "--since") from None
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1_000_000)


def asked(paths: Sequence[Path], which: Which) -> tuple[list[Path], Which]:
    """Return the files to look at, none for the journal, and the mapping to use."""
    if len(paths) == 1 and paths[0].suffix.lower() in _REGION_FILES:
        return [], replace(which, config=paths[0])
    if not paths and which.config is None:
        message = "name files or a folder, or the region file whose journal is meant"
        raise refuse(Category.INVALID, "traffic-unclear", message)
    return list(paths), which


@contextmanager
def traffic(
    paths: list[Path], which: Which, window: Window | None, plan: Plan
) -> Iterator[tuple[int, Iterator[Given]]]:
    """Yield the number of deliveries, 0 where nobody knows, and the deliveries."""
    now_us = SystemClock().now_us()
    if paths or which.config is None:
        if window is not None:
            message = "--last and --since are of the journal, and files were named"
            raise refuse(Category.INVALID, "traffic-unclear", message)
        yield 0, _of_files(paths, plan, now_us)
        return
    window = window or Window()
    region, key = begun(which.config)
    require_site(which.site, region.sites)
    store, journal = open_store(region, key), open_journal(region, key)
    try:
        recent = Recent(which.site, window.last, window.since_us(now_us))
        positions = recent.positions(store)
        yield len(positions), deliveries(journal, positions, plan.site.charset)
    finally:
        journal.close()
        store.close()


def _of_files(paths: list[Path], plan: Plan, now_us: int) -> Iterator[Given]:
    nothing = True
    for file, name in files(paths):
        if not file.exists():
            raise refuse(Category.NOT_FOUND, "no-such-file", "there is no such file", str(file))
        nothing = False
        yield from of_file(plan, file.read_bytes(), name, now_us)
    if nothing:
        message = "no file to map: *.hl7, *.csv, *.json, *.ndjson"
        raise refuse(Category.NOT_FOUND, "nothing-to-map", message, " ".join(map(str, paths)))


def shown(given: Iterator[Given], total: int) -> Iterator[Given]:
    """Pass deliveries on; who watches on a terminal is told how far it is."""
    began_s = told_s = time.monotonic()
    visible = sys.stderr.isatty()
    for number, one in enumerate(given, 1):
        yield one
        if visible and time.monotonic() - told_s > _TELL_S:
            told_s = time.monotonic()
            of = f" of {total}" if total else ""
            text = f"{number}{of} deliveries, {told_s - began_s:.0f} s"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    if visible:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
