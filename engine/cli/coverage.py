"""`concord coverage`: which of what is sent the mapping uses, ignores, or has not decided about."""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from engine.cli.map import Which, plan_of
from engine.cli.told import told
from engine.cli.traffic import Window, asked, shown, traffic
from engine.core.fault import Category, refuse
from engine.survey.coverage import Coverage, counted
from engine.survey.coverage import Path as Seen

_PROBLEMS = 1
_INTO = 3  # elements named of a path
State = Literal["mapped", "ignored", "undecided", "lost"]
_COLUMNS = (
    *("path", "state", "deliveries", "values", "used", "ignored", "lost", "undecided"),
    *("into", "reason", "shapes"),
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Output:
    """How to print.

    Parameters
    ----------
    as_json
        Print JSON.
    as_csv
        Print the paths as CSV.
    """

    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
    as_csv: Annotated[bool, Parameter(name="--csv", negative="")] = False

    def show(self, found: Coverage, seen: list[Seen]) -> None:
        """Print what was counted. FaultError `output-unclear`."""
        if self.as_json and self.as_csv:
            raise refuse(Category.INVALID, "output-unclear", "say --json or --csv")
        if self.as_json:
            print(json.dumps(_as_dict(found, seen)))
        elif self.as_csv:
            writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows({**_row(path), "into": _into(path)} for path in seen)
        else:
            _tell(found, seen)


@told
def coverage(
    paths: list[Path] | None = None,
    *,
    which: Which | None = None,
    window: Window | None = None,
    state: State | None = None,
    least: Annotated[float | None, Parameter(name="--min")] = None,
    output: Output | None = None,
) -> int:
    """Show every field, column and element that is sent, and what the mapping makes of it.

    Mapped: values reach a resource or decide something. Ignored: the mapping says why. Lost: a rule
    reads it, and nothing comes of it. Undecided: nobody has said yet. What is to be decided comes
    first, then what is sent most. Values are shown by their shape alone.

    Parameters
    ----------
    paths
        Files or folders as `concord map` takes them, or the region file: then what its journal
        has of the site.
    which
        The mapping to use.
    window
        The part of the journal.
    state
        Only paths of this state.
    least
        Exit with 1 when fewer percent of all values are used or ignored with a reason.
    output
        How to print.
    """
    corpus, which = asked(paths or [], which or Which())
    plan = plan_of(which, traced=True)
    with traffic(corpus, which, window, plan) as (total, given):
        found = counted(plan, shown(given, total))
    seen = [path for path in found.ranked() if state in {None, path.state}]
    (output or Output()).show(found, seen)
    short = least is not None and found.decided < least
    if short:
        print(f"{found.decided:.1f} % is decided, {least:g} % is asked for", file=sys.stderr)
    return _PROBLEMS if short else 0


def _row(path: Seen) -> dict[str, object]:
    return {
        "path": path.path,
        "state": path.state,
        "deliveries": path.deliveries,
        "values": path.values,
        "used": path.used,
        "ignored": path.ignored,
        "lost": path.lost,
        "undecided": path.undecided,
        "reason": path.reason,
        "shapes": " | ".join(path.shapes),
    }


def _into(path: Seen, most: int | None = None) -> str:
    return " ".join(name for name, _ in path.into.most_common(most))


def _as_dict(found: Coverage, seen: list[Seen]) -> dict[str, object]:
    rows = [
        {**_row(path), "into": dict(path.into.most_common()), "shapes": list(path.shapes)}
        for path in seen
    ]
    tables = [
        {"table": table, "element": element, "values": count}
        for (table, element), count in found.unmapped.most_common()
    ]
    return {
        "deliveries": found.deliveries,
        "filtered": found.filtered,
        "refused": dict(found.refused),
        "values": found.values,
        "decided": round(found.decided, 2),
        "paths": rows,
        "unmapped": tables,
    }


def _tell(found: Coverage, seen: list[Seen]) -> None:
    if seen:
        width = max(len(path.path) for path in seen)
        print(f"{'state':<9}  {'path':<{width}}  {'in':>7}  {'values':>7}  {'used':>6}  what")
    for path in seen:
        part = 100 * path.used / path.values
        print(
            f"{path.state:<9}  {path.path:<{width}}  {path.deliveries:>7}  {path.values:>7}"
            f"  {part:>4.0f} %  {_what(path)}"
        )
    for (table, element), count in found.unmapped.most_common():
        where = f"table {table}" if table else "the value set"
        print(f"{count} codes for {element} are not in {where}: `concord codes gaps` lists them")
    print(_summary(found))


def _what(path: Seen) -> str:
    if path.used:
        more = len(path.into) - _INTO
        rest = f" and {more} more" if more > 0 else ""
        into = f"{_into(path, _INTO)}{rest}" if path.into else "decides, or stands behind another"
        left = [f"{n} {word}" for n, word in _left(path) if n]
        return f"{into} ({', '.join(left)})" if left else into
    return path.reason or "   ".join(path.shapes)


def _left(path: Seen) -> tuple[tuple[int, str], ...]:
    return (path.undecided, "not used"), (path.lost, "lost"), (path.ignored, "ignored")


def _summary(found: Coverage) -> str:
    refused = sum(found.refused.values())
    codes = ", ".join(f"{code} {count}" for code, count in found.refused.most_common())
    kept = f"{found.deliveries} deliveries"
    kept += f", {found.filtered} filtered" if found.filtered else ""
    kept += f", {refused} refused ({codes})" if refused else ""
    return (
        f"{kept}; of {found.values} values {found.share('used'):.1f} % used,"
        f" {found.share('ignored'):.1f} % ignored, {found.share('lost'):.1f} % lost,"
        f" {found.share('undecided'):.1f} % undecided"
    )
