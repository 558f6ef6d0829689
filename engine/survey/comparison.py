"""A traffic through two mappings: what stays, what changes by which line, what begins to fail.

Bounded: groups hold a count, a few shapes and a few names, and groups themselves are counted off.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.fault import Fault, FaultError
from engine.core.values import Mapped
from engine.mapping.library import Library
from engine.mapping.plan import Lineage, Plan, Traced, compile_plan
from engine.mapping.site import SiteProfile
from engine.survey.difference import CHANGED, Difference, differences, narrowed, referrers
from engine.survey.given import Given
from engine.survey.masked import shown

IDENTICAL, FAILING, PASSING = "identical", "newly failing", "newly passing"
OUTCOMES = (IDENTICAL, CHANGED, FAILING, PASSING)
_EXAMPLES = 3
_HOPS = 3  # a role refers to a person, a room to its ward
_GROUPS = 5_000
_OTHERS = ("", "(other changes)", CHANGED)
Key = tuple[str, str, str]  # line, element, kind
Outcome = Mapped | Fault


@dataclass(slots=True)
class Group:
    """Deliveries that changed alike."""

    line: str  # file:line of the new mapping, or of the old one where it went
    element: str
    kind: str
    deliveries: int = 0
    examples: list[str] = field(default_factory=list)
    shapes: dict[tuple[str, str], None] = field(default_factory=dict)

    def add(self, name: str, before: str, after: str) -> None:
        self.deliveries += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(name)
        if (before or after) and len(self.shapes) < _EXAMPLES:
            self.shapes[before, after] = None


class Side:
    """One of the two mappings. What tells lines apart is compiled when first needed."""

    def __init__(self, library: Library, site: SiteProfile) -> None:
        self._library = library
        self._site = site
        self._traced: Plan | None = None
        self._texts: dict[str, list[str]] = {}
        self.plan = compile_plan(library, site)

    def outcome(self, given: Given) -> Outcome:
        try:
            return given.mapped(self.plan)
        except FaultError as error:
            return error.fault

    def lines(self, given: Given) -> tuple[Lineage, ...]:
        """Return where each element of a delivery came from."""
        if self._traced is None:
            self._traced = compile_plan(self._library, self._site, traced=True)
        traced: Traced = given.traced(self._traced)
        return traced.lineage

    def text(self, rule: str) -> str:
        """Return what stands at `file:line`."""
        file, _, number = rule.rpartition(":")
        if file not in self._texts:
            self._texts[file] = self._library.texts().get(file, "").splitlines()
        lines = self._texts[file]
        return lines[int(number) - 1].strip() if 0 < int(number) <= len(lines) else ""


class Comparison:
    """The counts of a traffic; what neither mapping can read counts as identical."""

    def __init__(self, old: Side, new: Side) -> None:
        self._old = old
        self._new = new
        self.counts: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
        self._groups: dict[Key, Group] = {}

    def groups(self) -> list[Group]:
        """Return the groups: what begins to fail first, then by how many deliveries they hold."""
        order = {FAILING: 0, PASSING: 1}
        return sorted(
            self._groups.values(),
            key=lambda one: (order.get(one.kind, 2), -one.deliveries, one.element, one.line),
        )

    def add(self, given: Given) -> None:
        """Map one delivery by both, and compare."""
        old, new = self._old.outcome(given), self._new.outcome(given)
        if isinstance(old, Fault) or isinstance(new, Fault):
            self._failed(given, old, new)
            return
        found = differences(old, new)
        self.counts[CHANGED if found else IDENTICAL] += 1
        if found:
            self._changed(given, found, (referrers(old), referrers(new)))

    def _failed(self, given: Given, old: Outcome, new: Outcome) -> None:
        if isinstance(old, Fault) and isinstance(new, Fault):
            same = (old.code, old.where) == (new.code, new.where)
            self.counts[IDENTICAL if same else CHANGED] += 1
            if not same:
                self._enter((_rule(new), f"{old.code} is now {new.code}", CHANGED), given)
        elif isinstance(new, Fault):
            self.counts[FAILING] += 1
            self._enter((_rule(new), f"{new.code} at {new.where or '-'}", FAILING), given)
        elif isinstance(old, Fault):
            self.counts[PASSING] += 1
            self._enter(("", f"{old.code} at {old.where or '-'}", PASSING), given)

    def _changed(
        self, given: Given, found: list[Difference], referred: tuple["_Referrers", "_Referrers"]
    ) -> None:
        before = _by_place(self._old.lines(given), referred[0])
        after = _by_place(self._new.lines(given), referred[1])
        entered: dict[Key, tuple[str, str]] = {}
        for one in found:
            line = self._line(one, before, after)
            key = (line, one.element, one.kind)
            if key not in entered:
                entered[key] = _shapes(one)
        for key, shapes in entered.items():
            self._enter(key, given, *shapes)

    def _enter(self, key: Key, given: Given, before: str = "", after: str = "") -> None:
        if key not in self._groups and len(self._groups) >= _GROUPS:
            key = _OTHERS
        self._groups.setdefault(key, Group(*key)).add(given.name, before, after)

    def _line(self, one: Difference, before: "_Places", after: "_Places") -> str:
        """Return the rule to blame: one that only one mapping has, else the rule of the element."""
        path = one.element.partition(" ")[0]
        was = before.get((one.old, path)) or before.get((one.old, ""), [])
        now = after.get((one.new, path)) or after.get((one.new, ""), [])
        if "." not in path or path.endswith(".id"):
            return _file(_of_resource(after, one.new) or _of_resource(before, one.old))
        known = {(line.source, self._old.text(line.rule)) for line in was}
        fresh = [n.rule for n in now if (n.source, self._new.text(n.rule)) not in known]
        left = {(line.source, self._new.text(line.rule)) for line in now}
        lost = [w.rule for w in was if (w.source, self._old.text(w.rule)) not in left]
        if fresh or (now and not lost):
            return fresh[0] if fresh else now[0].rule
        return f"{lost[0]} (old)" if lost else ""


_Places = Mapping[tuple[str, str], list[Lineage]]
_Referrers = Mapping[str, tuple[str, str]]


def _by_place(lines: tuple[Lineage, ...], referred: "_Referrers") -> _Places:
    """Return the lines by what they made; what is made only to be referred to, by its referrer."""
    found: dict[tuple[str, str], list[Lineage]] = {}
    for line in lines:
        found.setdefault((line.resource, line.path), []).append(line)
    known = {resource for resource, _ in found}
    for target in referred.keys() - known:
        place = _referrer(target, referred, known)
        if place in found:
            found[target, ""] = found[place]
    return found


def _referrer(target: str, referred: "_Referrers", known: set[str]) -> tuple[str, str]:
    """Return who refers to a resource, or to one that does."""
    place = referred[target]
    for _ in range(_HOPS):
        if place[0] in known:
            break
        place = referred.get(place[0], place)
    return place


def _of_resource(places: _Places, name: str) -> str:
    return next((lines[0].rule for (resource, _), lines in places.items() if resource == name), "")


def _file(rule: str) -> str:
    return rule.rpartition(":")[0]


def _rule(fault: Fault) -> str:
    """Return the rule a fault names behind its field, if it does."""
    _, comma, rule = fault.where.partition(", ")
    return rule if comma else ""


def _shapes(one: Difference) -> tuple[str, str]:
    if one.before is None and one.after is None:
        return "", ""
    path = one.element.partition(" ")[0]
    before, after = narrowed(one.before, one.after)
    return shown(path, before), shown(path, after)


def compared(old: Side, new: Side, traffic: Iterator[Given]) -> Comparison:
    """Compare a whole traffic."""
    found = Comparison(old, new)
    same = old.plan.id == new.plan.id
    for given in traffic:
        if same:
            found.counts[IDENTICAL] += 1
        else:
            found.add(given)
    return found
