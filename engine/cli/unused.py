"""What a mapping leaves of a file, for `concord map --trace`."""

from collections.abc import Iterator
from pathlib import Path

from engine.mapping.plan import Plan
from engine.mapping.watch import LOST
from engine.survey.coverage import UNDECIDED, counted
from engine.survey.given import of_file

_SAYS = {UNDECIDED: "no rule uses it", LOST: "a rule reads it, and nothing comes of it"}


def unused(plan: Plan, file: Path, received_us: int) -> Iterator[str]:
    """Yield a line for each path of a file of which values are left, and not ignored on purpose."""
    found = counted(plan, of_file(plan, file.read_bytes(), file.name, received_us))
    for path in found.paths.values():
        for state, left in ((UNDECIDED, path.undecided), (LOST, path.lost)):
            if left:
                part = f" ({left} of {path.values})" if path.values > 1 else ""
                yield f"- {path.path}{part}: {_SAYS[state]}"
