"""`concord plans`: which mappings held since when, and who let them hold."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_store
from engine.cli.begun import begun
from engine.cli.switching import in_words
from engine.cli.told import told
from engine.core.clock import instant
from engine.database.metadata import STORE
from engine.database.protocol import Database
from engine.pipeline.activation import Activation, Libraries
from engine.pipeline.activations import Held, activations
from engine.pipeline.files_changed import FileChanged, files_changed
from engine.pipeline.followers import Follower, followers
from engine.pipeline.plans import kept_library


@told
def plans(
    config: Path,
    *,
    most: int = 10,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """List what was activated, newest first: when, by whom, which plans, which files changed.

    Parameters
    ----------
    config
        The region file.
    most
        How many to list.
    as_json
        Print one JSON object a line.
    """
    region, key = begun(config)
    with closing(open_store(region, key)) as store:
        store.create(STORE)
        with store.read() as tx:
            every, known = activations(tx), followers(tx)
        rows = [_row(store, every, nth) for nth in range(len(every))[-max(most, 1) :]]
    for row in reversed(rows):
        behind = [one for one in known if row is rows[-1] and one.position < row.position]
        print(json.dumps(_as_dict(row)) if as_json else _in_words(row, behind))
    if not rows and not as_json:
        print("nothing was activated yet: the first start does")
    return 0


@dataclass(frozen=True, slots=True)
class Row:
    """One activation and what it changed."""

    position: int
    activation: Activation
    changed: dict[str, tuple[str, str]]  # site -> plan before and after
    files: tuple[FileChanged, ...]


def _row(store: Database, every: Sequence[Held], nth: int) -> Row:
    here = every[nth].activation
    was = every[nth - 1].activation.plans() if nth else {}
    now = here.plans()
    changed = {
        name: (was.get(name, ""), now.get(name, ""))
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    }
    files = files_changed(_files(store, every[nth - 1]), _files(store, every[nth])) if nth else ()
    return Row(every[nth].position, here, changed, files)


def _files(store: Database, one: Held) -> Libraries:
    with store.read() as tx:
        found = {
            name: kept_library(tx, plan, name) for name, plan in one.activation.plans().items()
        }
    return {name: library for name, library in found.items() if library is not None}


def _in_words(row: Row, behind: Sequence[Follower]) -> str:
    one = row.activation
    aim = f" to {one.of}" if one.of else ""
    lines = [f"{row.position}  {instant(one.said_us)}  {one.act}{aim} by {one.actor}"]
    for name, (was, now) in row.changed.items():
        lines.append(f"  {name}: {was or 'nothing'} -> {now or 'nothing'}")
    lines += in_words(row.files)
    if behind:
        lines.append(f"  not switched yet: {', '.join(follower.role for follower in behind)}")
    return "\n".join(lines)


def _as_dict(row: Row) -> dict[str, object]:
    one = row.activation
    return {
        "position": row.position,
        "at": instant(one.said_us),
        "act": one.act,
        "of": one.of,
        "actor": one.actor,
        "plans": one.plans(),
        "changed": {name: {"from": was, "to": now} for name, (was, now) in row.changed.items()},
        "files": [asdict(file) for file in row.files],
    }
