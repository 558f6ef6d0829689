"""`concord show`: the effective mapping of a site, with the file and line of each row."""

import json
from typing import Annotated

from cyclopts import Parameter

from engine.cli.map import Which, mapping_of
from engine.cli.told import told
from engine.core.fault import Category, refuse
from engine.core.problem import suggestion
from engine.mapping import shown
from engine.mapping.documents import Effective
from engine.mapping.problem import Problems
from engine.mapping.strata import assemble
from engine.mapping.tables import Table


def _rows(effective: Effective, name: str) -> list[shown.Row]:
    found = shown.find(effective, name)
    if found is None:
        known = [entry.name for entry in shown.entries(effective)]
        first = name.partition(".")[0]
        hint = "it has nothing at this path" if first in known else suggestion(first, known)
        message = f"nothing of this name; {hint or '`concord show` alone lists all'}"
        raise refuse(Category.NOT_FOUND, "nothing-to-show", message, name)
    return shown.table_rows(found) if isinstance(found, Table) else shown.rows(found)


def _print(rows: list[shown.Row]) -> None:
    width = min(shown.WIDTH, max((len(row.text) for row in rows), default=0))
    for row in rows:
        print(f"{row.text:<{width}}  # {row.file}:{row.line}")


def _print_entries(entries: list[shown.Entry]) -> None:
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        first, *others = entry.files or ("nothing",)
        changed = f", changed by {', '.join(others)}" if others else ""
        print(f"{entry.name:<{width}}  {entry.kind:<8}  {first}{changed}")


@told
def show(
    names: list[str] | None = None,
    *,
    which: Which | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Show the effective mapping, and which file and line each row comes from.

    Parameters
    ----------
    names
        What to show: a map, message, feed, code table or identity, or a path into one as overlays
        write it: PID-Patient.identifier.list. Without names all there is, one a line.
    which
        The mapping to use.
    as_json
        Print JSON.
    """
    library, profile = mapping_of(which or Which())
    problems = Problems()
    effective = assemble(library, profile.chain, problems)
    problems.raise_any()
    if not names:
        entries = shown.entries(effective)
        if as_json:
            parts = [{"name": e.name, "kind": e.kind, "files": e.files} for e in entries]
            print(json.dumps(parts))
        else:
            _print_entries(entries)
        return 0
    found = {name: _rows(effective, name) for name in names}
    if as_json:
        rows = {
            name: [{"text": r.text, "file": r.file, "line": r.line} for r in of_name]
            for name, of_name in found.items()
        }
        print(json.dumps(rows))
        return 0
    for name, of_name in found.items():
        if len(found) > 1:
            print(f"# {name}")
        _print(of_name)
    return 0
