"""What tests of a mapping ask of the rules themselves: which there are, which to leave out.

Only plans compiled for tests have one (`Plan(..., probe)`), and what is compiled without it knows
nothing of it. Mutable on purpose: the runner of the tests changes what is left out between runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.mapping.problem import Place

Test = Callable[[Any], bool]
When = Test | None


def line_of(mark: Place) -> str:
    """Return the line of a rule as lineage has it, `file:line`."""
    return f"{mark.file}:{mark.line}"


@dataclass(slots=True)
class Probe:
    """The rules of a plan by their lines."""

    rules: dict[str, dict[tuple[str, str], None]] = field(default_factory=dict)
    """Line -> what it fills (`Patient.name`) and from what (`PID-5`)."""
    conditions: dict[str, str] = field(default_factory=dict)  # line -> the condition in it
    left_out: str = ""  # a line whose rules give nothing now, and whose conditions are none
    told: set[str] = field(default_factory=set)
    """Lines of `make` that made something, and of conditions that kept something back."""

    def know(self, line: str, path: str, source: str) -> None:
        """Remember a rule of a line."""
        self.rules.setdefault(line, {})[path, source] = None

    def entry(self, mark: Place, made: str, when: When, skip: When) -> When:
        """Return the condition of an entry of `make`, so that it can be left out and is seen.

        It holds where the entry's own does and its map does not `skip`: something is made then.
        """
        line = line_of(mark)
        self.know(line, made, "make")

        def wanted(scope: Any) -> bool:
            if self.left_out == line or (when is not None and not when(scope)):
                return False
            if skip is not None and skip(scope):
                return False
            self.told.add(line)
            return True

        return wanted

    def condition(self, mark: Place, text: str, test: Test, *, without: bool) -> Test:
        """Return a condition that can be left out; it is then `without`, as if nobody wrote it."""
        line = line_of(mark)
        self.conditions[line] = f"{'only if' if without else 'unless'} {' '.join(text.split())}"

        def judged(scope: Any) -> bool:
            if self.left_out == line:
                return without
            found = test(scope)
            if found is not without:
                self.told.add(line)
            return found

        return judged
