"""How much of what is sent a mapping uses: every source path seen, and what became of its values.

A value is used when it reached a resource, decided something, or stood behind one that a rule
prefers. What no rule uses is ignored, where the mapping says so with a reason, lost, where a rule
read it in vain, or undecided. Deliveries that are refused or filtered are counted, not looked into.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.core.fault import FaultError
from engine.mapping.plan import Plan, Traced
from engine.mapping.watch import CARRIED, LOST, Missed
from engine.survey.given import Given
from engine.survey.mask import shape_of
from engine.survey.populated import Value, values

MAPPED, IGNORED, UNDECIDED = "mapped", "ignored", "undecided"
STATES = (UNDECIDED, LOST, MAPPED, IGNORED)
_PATHS = 20_000  # of which counts are kept; a sender who invents more is not followed
_SHAPES = 3
_OTHERS = "(other paths)"


@dataclass(slots=True)
class Path:
    """What was seen at one path. `used` + `ignored` + `lost` + `undecided` are its values."""

    path: str
    deliveries: int = 0  # in which it was populated
    used: int = 0
    ignored: int = 0
    lost: int = 0
    undecided: int = 0
    into: Counter[str] = field(default_factory=Counter)  # elements its values reached
    shapes: dict[str, None] = field(default_factory=dict)
    reason: str = ""

    @property
    def values(self) -> int:
        return self.used + self.ignored + self.lost + self.undecided

    @property
    def state(self) -> str:
        """Mapped when any value is used; else what the mapping says of it."""
        if self.used:
            return MAPPED
        if self.reason:
            return IGNORED
        return LOST if self.lost else UNDECIDED


@dataclass(slots=True)
class Coverage:
    """What was counted so far."""

    deliveries: int = 0
    filtered: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by code of the fault
    paths: dict[str, Path] = field(default_factory=dict)
    unmapped: Counter[tuple[str, str]] = field(default_factory=Counter)  # table, element -> values

    @property
    def values(self) -> int:
        return sum(path.values for path in self.paths.values())

    def share(self, *names: str) -> float:
        """Return what part of all values is so, in percent."""
        whole = self.values
        found = sum(getattr(path, name) for path in self.paths.values() for name in names)
        return 100 * found / whole if whole else 0.0

    @property
    def decided(self) -> float:
        """Percent of values that are used or ignored on purpose; of none, all."""
        return self.share("used", "ignored") if self.values else 100.0

    def ranked(self) -> Iterator[Path]:
        """Yield the paths, what is to be decided first, then by volume."""
        order = {state: rank for rank, state in enumerate(STATES)}
        yield from sorted(
            self.paths.values(), key=lambda one: (order[one.state], -one.deliveries, one.path)
        )

    def add(self, plan: Plan, given: Given) -> None:
        """Count one delivery."""
        self.deliveries += 1
        try:
            traced = given.traced(plan)
            found = list(values(plan, given))
        except FaultError as error:
            self.refused[error.fault.code] += 1
            return
        if traced.mapped.filtered:
            self.filtered += 1
            return
        self._count(plan, traced, found)
        self.unmapped.update(_asked(missed) for missed in traced.missed)

    def _count(self, plan: Plan, traced: Traced, found: Iterable[Value]) -> None:
        uses = {(use.place, use.name): use for use in traced.uses}
        seen: set[str] = set()
        for value in found:
            path = self._path(value.path)
            if path.path not in seen:
                seen.add(path.path)
                path.deliveries += 1
            use = uses.get((value.place, value.name))
            if use is not None and use.state != LOST:
                path.used += 1
                if use.state == CARRIED:
                    path.into.update(use.into)
            elif use is not None:
                path.lost += 1
            else:
                self._unused(plan, path)
            if len(path.shapes) < _SHAPES:
                path.shapes[shape_of(value.raw)] = None

    def _unused(self, plan: Plan, path: Path) -> None:
        ignored = plan.ignored.get(path.path) or plan.ignored.get(path.path.partition("-")[0])
        if ignored is None:
            path.undecided += 1
        else:
            path.reason = ignored.reason
            path.ignored += 1

    def _path(self, name: str) -> Path:
        if name not in self.paths and len(self.paths) >= _PATHS:
            name = _OTHERS
        return self.paths.setdefault(name, Path(name))


def _asked(missed: Missed) -> tuple[str, str]:
    return missed.table, missed.element


def counted(plan: Plan, traffic: Iterable[Given]) -> Coverage:
    """Count a whole traffic."""
    found = Coverage()
    for given in traffic:
        found.add(plan, given)
    return found
