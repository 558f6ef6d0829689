"""The speed of Concord on this machine as one table in Markdown: `make bench`.

    python -m tests.benchmark.table [--quick] [--growth] [--tools [DIR]] [--readme]

Each row has its target, what was measured, the probe (appends of a message with fdatasync a second,
taken in between), the load average, and whether the target holds. `--quick` sends a fifth of the
messages. `--growth` adds the row of 2,000,000 resources, which takes its time and 10 GB. With
`--tools` the whole daemon is loaded by `tests.benchmark.people`: the scripts of a folder make and
send registrations of many people at three sites; without, everything is our own ADT^A01. `--readme`
puts the table into README.md as well.
Targets for rates hold on a quiet machine with two cores; ratios and processor times hold anywhere.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.roles.collector import calm_collector
from tests.benchmark import end_to_end, map_hl7v2, relink, worker
from tests.benchmark.ground import ROOT, end_cleanly, load, middle, probe, servers
from tests.benchmark.journal import RawJournal, served_rate, sqlite_factory, write_frames
from tests.benchmark.people import Tools, tools
from tests.benchmark.traffic import stream

_CONNECTIONS = 32
_MESSAGES = 20_000
_KEY = bytes(range(32))
_GROWN = 2_000_000
_HEAD = (
    "| what | target | measured: median (range) | probe | load | |",
    "|---|---|---|---|---|---|",
)
_BEGIN, _END = "<!-- speed: begin -->", "<!-- speed: end -->"
_PER_ADMISSION = 12  # resources one message of the stream makes
_PER_MESSAGE = 5  # new ones that one message of many people's traffic makes


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `figures` are those of the rounds; `bound` is the least or the most allowed."""

    what: str
    figures: Sequence[float]
    bound: float
    unit: str = ""
    least: bool = False
    probes: Sequence[float] = ()

    @property
    def holds(self) -> bool:
        middle = statistics.median(self.figures)
        return middle >= self.bound if self.least else middle <= self.bound

    def line(self) -> str:
        """Return the line as Markdown."""
        sign = ">=" if self.least else "<="
        target = f"{sign} {self.bound:g}{self.unit}"
        probes = f"{statistics.median(self.probes):.0f}" if self.probes else ""
        verdict = "holds" if self.holds else "missed"
        cells = (self.what, target, middle(self.figures) + self.unit, probes, f"{load():.1f}")
        return f"| {' | '.join((*cells, verdict))} |"


@dataclass(frozen=True, slots=True)
class Course:
    """How much is measured, and where."""

    top: Path
    messages: int
    rounds: int
    stores: tuple[str, ...]
    dsn: str
    tools: Tools | None = None

    def chosen(self, **more: Any) -> Namespace:
        """Return the options of the worker's benchmark."""
        return Namespace(**{"workers": 1, "before": 0, "profile": "", **more})

    def worked_off(self, store: str, number: int, name: str, **more: Any) -> dict[str, Any]:
        """Let workers work a stream off on a fresh region."""
        options = self.chosen(**more)
        messages = stream(name, self.messages // 4 + options.before)
        return worker.measure(
            store, messages, self.top / f"{Path(name).stem}-{number}", self.dsn, options
        )


def journal_rows(course: Course) -> Iterator[Row]:
    """Acknowledgements of the journal against appending and syncing a file, taken in turns."""
    folder = course.top / "journal"
    folder.mkdir()
    frames = folder / "frames"
    write_frames(frames, course.messages // 2)
    kinds: dict[str, Callable[[], Any]] = {
        "raw": lambda: RawJournal(folder / "raw"),
        "plain": sqlite_factory(folder / "plain", None),
        "encrypted": sqlite_factory(folder / "encrypted", _KEY),
    }
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    probes = []
    for _ in range(course.rounds + 2):
        probes.append(probe(folder))
        for kind, factory in kinds.items():
            found[kind].append(asyncio.run(served_rate(factory, _CONNECTIONS, frames))[0])
    for kind, bound in (("plain", 0.70), ("encrypted", 0.58)):
        ratios = [mine / raw for mine, raw in zip(found[kind], found["raw"], strict=True)]
        what = f"journal, ACK rate of raw append + fdatasync, {_CONNECTIONS} connections, {kind}"
        yield Row(what, ratios, bound, least=True, probes=probes)


def worker_rows(course: Course) -> Iterator[Row]:
    """Processor time of the workers, and two of them on one file."""
    steps: dict[str, list[dict[str, Any]]] = {store: [] for store in ("plain", "encrypted")}
    reports, pairs = [], []
    for number in range(course.rounds):
        for store, runs in steps.items():
            runs.append(course.worked_off(store, number, "adt"))
        reports.append(course.worked_off("plain", number, "oru"))
        pairs.append(course.worked_off("plain", number, "adt", workers=2))
    plain, encrypted = steps["plain"], steps["encrypted"]
    fsyncs = [run["fsyncs"] for run in plain]
    yield Row(
        "encrypted against plain, CPU of a worker",
        [mine["cpu"] / other["cpu"] for mine, other in zip(encrypted, plain, strict=True)],
        1.5,
        probes=fsyncs,
    )
    yield Row(
        "two workers on one file against one, rate",
        [mine["rate"] / other["rate"] for mine, other in zip(pairs, plain, strict=True)],
        1.15,
        least=True,
        probes=fsyncs,
    )
    yield Row(
        "ORU^R01 with 20 results, CPU a resource against ADT^A01",
        [mine["resource"] / other["resource"] for mine, other in zip(reports, plain, strict=True)],
        1.0,
        probes=fsyncs,
    )


def map_rows(course: Course) -> Iterator[Row]:
    """Processor time from bytes to the JSON of valid resources, for messages that differ and not.

    One process for all: what a plan remembers of one kind does not help another.
    """
    made = map_hl7v2.sites("mercy")
    calm_collector()
    for kind, limit in map_hl7v2.LIMITS_US.items():
        messages = map_hl7v2.alike(kind, max(1_000, course.messages // 10))
        for text, several in (
            ("all differ", messages),
            ("one again and again", messages[:1] * 400),
        ):
            runs = [map_hl7v2.measure(several, made).whole for _ in range(course.rounds)]
            yield Row(f"bytes to JSON, {kind}, {text}", runs, limit, " us")


_Told = tuple[str, str, dict[str, float], str, bool]
_COST: dict[str, float] = {"plain": 600, "encrypted": 750, "postgresql": 600}
_ADMISSION: _Told = ("roles", "CPU of an ADT^A01 of 1.5 KB, all roles", _COST, " us", False)
_REGISTRATION: _Told = ("roles", "CPU of a registration of many people's", _COST, " us", False)
_WHOLE: tuple[_Told, ...] = (
    (
        "written rate",
        "end to end, 32 connections",
        {"plain": 2500, "encrypted": 1800, "postgresql": 2000},
        "/s",
        True,
    ),
    (
        "share",
        "  of what CPU and lock time allow",
        {"plain": 0.6, "encrypted": 0.6, "postgresql": 0.6},
        "",
        True,
    ),
    (
        "ack p99, ms",
        "ACK p99 under that load",
        {"plain": 25, "encrypted": 25, "postgresql": 25},
        " ms",
        False,
    ),
    ("pss, MB", "memory of all roles under that load, PSS", {"encrypted": 400}, " MB", False),
    ("bytes kept", "journal and ledger, bytes a message byte", {"encrypted": 4}, "", False),
    ("start, s", "start to serving", {"encrypted": 2}, " s", False),
)


def whole_rows(course: Course) -> Iterator[Row]:
    """Run the whole daemon: the cost of our own admission, and everything else under load."""
    admissions = end_to_end.Load(stream("adt", course.messages), _CONNECTIONS, None)
    if course.tools is None:
        yield from _loaded(course, admissions, (_ADMISSION, *_WHOLE))
    else:
        few = end_to_end.Load(admissions.messages[: course.messages // 4], _CONNECTIONS, None)
        yield from _loaded(course, few, (_ADMISSION,))
        made = course.tools.registrations(course.top / "made", course.messages)
        registrations = end_to_end.Load(made, _CONNECTIONS, course.tools.sender)
        yield from _loaded(course, registrations, (_REGISTRATION, *_WHOLE))
    yield from _post_row(course)


def _loaded(course: Course, offered: end_to_end.Load, told: Sequence[_Told]) -> Iterator[Row]:
    runs = end_to_end.play(course.stores, offered, course.rounds, course.top, course.dsn)
    for figure, text, bounds, unit, least in told:
        for store, bound in bounds.items():
            if store in runs:
                figures = [run[figure] for run in runs[store]]
                probes = [run["fsyncs"] for run in runs[store]]
                yield Row(f"{text}, {store}", figures, bound, unit, least=least, probes=probes)
    if _WHOLE[0] in told:
        pairs = zip(runs["encrypted"], runs["plain"], strict=True)
        yield Row(
            "encrypted against plain, end to end",
            [mine["written rate"] / other["written rate"] for mine, other in pairs],
            0.70,
            least=True,
            probes=[run["fsyncs"] for run in runs["encrypted"]],
        )


def _post_row(course: Course) -> Iterator[Row]:
    messages = stream("adt", course.messages // 4)
    offered = end_to_end.Load(messages, _CONNECTIONS, None, posting=True)
    runs = end_to_end.play(("encrypted",), offered, course.rounds, course.top / "post", course.dsn)
    posts = sum((Counter(run["posts"]) for run in runs["encrypted"]), Counter[int]())
    if posts[201] * 2 < posts.total():
        raise RuntimeError(f"most posts were not stored: {dict(posts)}")
    figures = [run["post p99, ms"] for run in runs["encrypted"]]
    probes = [run["fsyncs"] for run in runs["encrypted"]]
    yield Row(
        "FHIR POST, stored, p99 while batches run, encrypted", figures, 60, " ms", probes=probes
    )


def relink_rows(course: Course) -> Iterator[Row]:
    """A merge that moves 20,000 resources."""
    stores = [store for store in course.stores if store != "plain"]
    runs = relink.play(stores, 20_000, course.rounds, course.top / "relink", course.dsn)
    for store, figures in runs.items():
        probes = [run["fsyncs"] for run in figures]
        seconds = [run["seconds"] for run in figures]
        yield Row(f"relink of 20,000 resources, {store}", seconds, 1, " s", probes=probes)
        waits = [run["wait_ms"] for run in figures]
        yield Row(f"  longest wait of others, {store}", waits, 250, " ms", probes=probes)


def growth_row(course: Course) -> Iterator[Row]:
    """What a message costs beside 2,000,000 resources, against 20,000."""
    name, each = "adt", _PER_ADMISSION
    if course.tools is not None:
        each = _PER_MESSAGE
        most = _GROWN // each + course.messages
        name = str(course.tools.mixture(course.top / "grown", most))
    few = course.worked_off("encrypted", 0, name, before=20_000 // each)
    many = course.worked_off("encrypted", 1, name, before=_GROWN // each)
    ratio = [many["cpu"] / few["cpu"]]
    yield Row("CPU of a worker at 2,000,000 resources against 20,000", ratio, 1.3)


def write_readme(lines: Sequence[str]) -> None:
    """Put the table between its marks in the README."""
    path = ROOT / "README.md"
    head, begin, rest = path.read_text("utf-8").partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    path.write_text("\n".join([head + begin, *lines, end + tail]), encoding="utf-8")


def main() -> None:
    end_cleanly()
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--growth", action="store_true")
    options.add_argument("--no-postgresql", action="store_true")
    options.add_argument("--readme", action="store_true")
    options.add_argument("--tools", nargs="?", const="", help="folder of scripts that make load")
    options.add_argument("--numpy", default=sys.executable, help="interpreter for gen_people.py")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", type=Path, default=None, help="where the disk is to be used")
    chosen = options.parse_args()
    given = None if chosen.tools is None else tools(chosen.tools, chosen.numpy)
    parts = [map_rows, journal_rows, worker_rows, whole_rows, relink_rows]
    parts += [growth_row] if chosen.growth else []
    stores = ("plain", "encrypted") + (() if chosen.no_postgresql else ("postgresql",))
    messages = _MESSAGES // 5 if chosen.quick else _MESSAGES
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    for line in _HEAD:
        say(line)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        top = Path(name)
        with servers(top, stores) as dsn:
            course = Course(top, messages, chosen.rounds, stores, dsn, given)
            for part in parts:
                for row in part(course):
                    say(row.line())
    if chosen.readme:
        write_readme(lines)


if __name__ == "__main__":
    main()
