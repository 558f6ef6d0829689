"""`concord codes`: codes without a row, out to the spreadsheet analysts work in and back."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from engine.app import open_journal, open_store
from engine.cli.begun import begun
from engine.cli.crosswalks import Crosswalks, crosswalks
from engine.cli.map import Which, mapping_of
from engine.cli.told import told
from engine.cli.traffic import Window, asked, shown, traffic
from engine.core.clock import SystemClock, instant
from engine.mapping.plan import Plan, compile_plan
from engine.survey import sheet
from engine.survey.crosswalk import Incoming, incoming
from engine.survey.gaps import Gap, of_notes
from engine.survey.gaps import gaps as counted
from engine.survey.given import Given
from engine.survey.traffic import Recent, deliveries

_PROBLEMS = 1
_BAD_FILE = 78
_LEAST = 5  # times a code was seen before it is shown: what is rarer may be free text
_LOCAL = "urn:id:"
_ALL = Window(last=0)
Least = Annotated[int, Parameter(name="--least")]


@told
def gaps(
    paths: list[Path] | None = None,
    *,
    which: Which | None = None,
    window: Window | None = None,
    least: Least = _LEAST,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """List codes that their table does not have, the most frequent first.

    Only codes that were seen several times are shown with their text: a field for codes may hold
    what somebody typed, and what is rare may be about one patient.

    Parameters
    ----------
    paths
        Files or folders as `concord map` takes them, or the region file: then what its journal
        has of the site.
    which
        The mapping to use.
    window
        The part of the journal; all of it unless said otherwise.
    least
        Show codes that were seen as often.
    as_json
        Print JSON.
    """
    found = _gaps(paths or [], which or Which(), window)
    often = [gap for gap in found if gap.count >= least]
    if as_json:
        rare = len(found) - len(often)
        print(json.dumps({"gaps": [_as_dict(gap) for gap in often], "rare": rare}))
        return 0
    for gap in often:
        where = gap.asked.table or f"value set of {gap.asked.value_set_of}"
        print("  ".join((f"{gap.count:>7}", where, gap.asked.code, gap.text or "-", *_when(gap))))
    _tell_rare(len(found) - len(often), least)
    print(f"{len(often)} codes without a row")
    return 0


@told
def export(
    paths: list[Path] | None = None,
    *,
    out: Path,
    which: Which | None = None,
    window: Window | None = None,
    least: Least = _LEAST,
    delimiter: Literal[",", ";", "tab"] = ",",
) -> int:
    """Write the site's code tables, and the codes they lack, as a sheet to fill in.

    Fill in target_code, and what else you know; `concord codes import` takes the file back. Leave
    the column `sent` as it is: it brings back what a spreadsheet does to codes such as 007.

    Parameters
    ----------
    paths
        As of `concord codes gaps`.
    out
        The CSV file to write.
    which
        The mapping to use.
    window
        The part of the journal; all of it unless said otherwise.
    least
        Write codes that were seen as often.
    delimiter
        What stands between columns. Excel in much of Europe wants `;`.
    """
    which = which or Which()
    missing = [gap for gap in _gaps(paths or [], which, window) if gap.asked.table]
    often = [gap for gap in missing if gap.count >= least]
    known = _known(crosswalks(_chosen(paths or [], which)))
    rows = [*(gap_row(gap) for gap in often), *known]
    out.write_bytes(sheet.written(rows, "\t" if delimiter == "tab" else delimiter))
    _tell_rare(len(missing) - len(often), least)
    print(f"{out}: {len(often)} codes to fill in, {len(known)} rows that are there")
    return 0


@told
def import_(
    file: Path,
    *,
    which: Which | None = None,
    table: str = "",
    check: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Take a sheet back into the code tables of the site's layer.

    Everything is checked first, the mapping compiled with it included; nothing is written when
    anything is wrong. What was there is kept: `concord codes undo` brings it back.

    Parameters
    ----------
    file
        The sheet, as CSV: any of `,` `;` tab, with or without a byte order mark.
    which
        The mapping to use; its site's layer is written.
    table
        The code table of a sheet without a column `table`; else the name of the file.
    check
        Only check, and say what would change.
    """
    known = crosswalks(which or Which())
    lines = sheet.read(file.read_bytes(), str(file))
    found = incoming(lines, str(file), known.tables, table or file.stem)
    problems = found.problems or known.problems_with(found, str(file))
    if problems:
        print("\n\n".join(one.frame() for one in problems), file=sys.stderr)
        print(f"\n{len(problems)} problems; nothing was written", file=sys.stderr)
        return _BAD_FILE
    _tell_import(known, found, check=check)
    if not check:
        known.write(found)
        print("`concord reload REGION-FILE` lets it hold in a running region")
    return 0


@told
def undo(*, which: Which | None = None) -> int:
    """Bring back what the last import into the site's layer replaced; again, and it is redone.

    Parameters
    ----------
    which
        The mapping to use; its site's layer is written.
    """
    names = crosswalks(which or Which()).undo()
    for name in names:
        print(f"{name} is as it was before")
    if not names:
        print("no import to undo")
    return 0 if names else _PROBLEMS


def _chosen(paths: Sequence[Path], which: Which) -> Which:
    return asked(paths, which)[1]


def _gaps(paths: list[Path], which: Which, window: Window | None) -> list[Gap]:
    corpus, which = asked(paths, which)
    plan = compile_plan(*mapping_of(which), traced=True, lenient=True)
    if corpus or which.config is None:
        with traffic(corpus, which, window, plan) as (total, given):
            return counted(plan, shown(given, total))
    with _noted(which.config, plan, window or _ALL) as (total, given):
        return counted(plan, shown(given, total))


@contextmanager
def _noted(config: Path, plan: Plan, window: Window) -> Iterator[tuple[int, Iterator[Given]]]:
    """Yield the deliveries of the journal that had codes without a row."""
    region, key = begun(config)
    store, journal = open_store(region, key), open_journal(region, key)
    since_us = window.since_us(SystemClock().now_us())
    try:
        positions = of_notes(Recent(plan.site.name, window.last, since_us), store)
        yield len(positions), deliveries(journal, positions, plan.site.charset)
    finally:
        journal.close()
        store.close()


def _when(gap: Gap) -> tuple[str, ...]:
    channels = " ".join(gap.channels)
    days = tuple(instant(us)[:10] for us in (gap.first_us, gap.last_us))
    return (*days, channels) if channels else days


def _as_dict(gap: Gap) -> dict[str, object]:
    times = {"first": instant(gap.first_us), "last": instant(gap.last_us)}
    about = {"text": gap.text, "seen": gap.count, "elements": list(gap.elements)}
    return {**asdict(gap.asked), **about, "channels": list(gap.channels), **times}


def _tell_rare(count: int, least: int) -> None:
    if count:
        print(f"{count} more were seen fewer than {least} times: --least 1", file=sys.stderr)


def gap_row(gap: Gap) -> dict[str, str]:
    """Return the row of a sheet in which a gap is to be filled in."""
    of_site = not gap.asked.system or gap.asked.system.startswith(_LOCAL)
    return {
        "table": gap.asked.table,
        "source_system": "" if of_site else gap.asked.system,
        "source_code": gap.asked.code,
        sheet.SENT: f"[{gap.asked.code}]",
        "text": gap.text,
        "element": " ".join(gap.elements),
        "seen": str(gap.count),
        "first": _day(gap.first_us),
        "last": _day(gap.last_us),
        "channels": " ".join(gap.channels),
    }


def _day(time_us: int) -> str:
    return instant(time_us)[:10] if time_us else ""


def _known(known: Crosswalks) -> list[dict[str, str]]:
    return [
        {"table": name, **dict(zip(sheet.ROW, row, strict=False)), sheet.SENT: f"[{row[1]}]"}
        for name, rows in known.rows().items()
        for row in rows
    ]


def _tell_import(known: Crosswalks, found: Incoming, *, check: bool) -> None:
    for place in found.restored:
        print(f"{place}: a spreadsheet had changed the code; taken as it was sent", file=sys.stderr)
    for name, (new, changed) in known.changes(found).items():
        print(f"{known.file(name)}: {new} new rows, {changed} changed")
    still = f"{found.open} rows have no target yet" if found.open else "no row is left open"
    print(f"{still}; nothing was written" if check else still)
