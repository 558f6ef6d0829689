"""From pairs to people: which records belong together, given evidence and statements.

`partition` is a pure function of the three sets it is given: the order in which records, edges or
statements arrived does not show. Statements (of a source, of a steward) come first and outrank
evidence; records that someone declared different are never joined, by no path. Evidence is then
added strongest first; a join that would contradict what is known becomes a task for a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

StatementKind = Literal["link", "unlink", "never", "merge"]
TaskKind = Literal["possible-match", "possible-duplicate", "merge-cycle", "conflict"]


@dataclass(frozen=True, slots=True)
class Edge:
    """The verdict on two records, `a < b`. `hard`: no chain of evidence may join them."""

    a: str
    b: str
    bits: float
    outcome: str  # link, review or apart
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """What a source or a steward declared about two records; of a merge, `a` survives."""

    a: str
    b: str
    kind: StatementKind
    origin: Literal["source", "steward"]
    source_us: int  # the declarer's own time
    position: int  # in the journal: decides between equal times
    withdrawn: bool = False

    @property
    def pair(self) -> tuple[str, str]:
        return (self.a, self.b) if self.a < self.b else (self.b, self.a)

    @property
    def strength(self) -> tuple[bool, int, int, str, str, str]:
        """Total order of authority: a steward over a source, then the newer."""
        at = (self.source_us, self.position)
        return (self.origin == "steward", *at, self.kind, self.a, self.b)


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person has to decide. `conflict`: declared one, yet contradicting each other."""

    kind: TaskKind
    a: str
    b: str
    bits: float


@dataclass(frozen=True, slots=True)
class Partition:
    """Every record in exactly one group; groups and their members are sorted.

    `merged` maps a subsumed record to the record that finally survives. `tasks` are sorted.
    """

    groups: tuple[tuple[str, ...], ...]
    merged: Mapping[str, str]
    tasks: tuple[Task, ...]


class _Groups:
    """Disjoint sets that know their members, what must stay apart and what was compared."""

    def __init__(self, records: Iterable[str]) -> None:
        self.root = {r: r for r in records}
        self.members = {r: [r] for r in self.root}
        self.apart: dict[str, set[str]] = {}
        self.hard: dict[str, set[str]] = {}
        self.known: dict[str, dict[str, float]] = {}

    def across(self, a: str, b: str, pairs: Mapping[str, Iterable[str]]) -> bool:
        """Whether any of `pairs` lies between the groups of `a` and `b`."""
        small, other = self._by_size(a, b)
        return any(self.root[n] == other for m in self.members[small] for n in pairs.get(m, ()))

    def mean_bits(self, a: str, b: str) -> float:
        """Mean of the known edges between two groups; 0 when there is none."""
        small, other = self._by_size(a, b)
        found = sorted(
            bits
            for m in self.members[small]
            for n, bits in self.known.get(m, {}).items()
            if self.root[n] == other
        )
        return sum(found) / len(found) if found else 0.0

    def join(self, a: str, b: str) -> None:
        small, other = self._by_size(a, b)
        for member in self.members[small]:
            self.root[member] = other
        self.members[other] += self.members.pop(small)

    def _by_size(self, a: str, b: str) -> tuple[str, str]:
        one, two = self.root[a], self.root[b]
        return (one, two) if len(self.members[one]) <= len(self.members[two]) else (two, one)


def _effective(statements: Iterable[Statement], records: Mapping[str, str]) -> list[Statement]:
    """Per pair the statement that holds, strongest first."""
    held: dict[tuple[str, str], Statement] = {}
    for s in statements:
        if s.withdrawn or s.a == s.b or s.a not in records or s.b not in records:
            continue
        known = held.get(s.pair)
        if known is None or s.strength > known.strength:
            held[s.pair] = s
    return sorted(held.values(), key=lambda s: (s.origin != "steward", *s.strength[1:]))


def _both_ways(into: dict[str, set[str]], a: str, b: str) -> None:
    into.setdefault(a, set()).add(b)
    into.setdefault(b, set()).add(a)


def _evidence(edges: Iterable[Edge], groups: _Groups) -> list[Edge]:
    """Note all edges between known records; return each pair once, strongest first."""
    best: dict[tuple[str, str], Edge] = {}
    for e in edges:
        if e.a == e.b or e.a not in groups.root or e.b not in groups.root:
            continue
        pair = (e.a, e.b) if e.a < e.b else (e.b, e.a)
        known = best.get(pair)
        if known is None or (e.bits, e.outcome, e.hard) > (known.bits, known.outcome, known.hard):
            best[pair] = Edge(*pair, e.bits, e.outcome, e.hard)
    for e in best.values():
        # A gate that says two people counts against joining, however much else agrees.
        bits = -abs(e.bits) if e.outcome == "apart" else e.bits
        groups.known.setdefault(e.a, {})[e.b] = bits
        groups.known.setdefault(e.b, {})[e.a] = bits
        if e.hard:
            _both_ways(groups.hard, e.a, e.b)
    return sorted(best.values(), key=lambda e: (-e.bits, e.a, e.b))


def _task(kind: TaskKind, a: str, b: str, bits: float) -> Task:
    return Task(kind, min(a, b), max(a, b), bits)


def _bits(groups: _Groups, a: str, b: str) -> float:
    return groups.known.get(a, {}).get(b, 0.0)


class _Merges:
    """Who was merged into whom; refuses to close a circle."""

    def __init__(self) -> None:
        self.into: dict[str, str] = {}

    def survivor(self, record: str) -> str:
        while record in self.into:
            record = self.into[record]
        return record

    def add(self, s: Statement, authority: dict[str, str]) -> bool:
        """Follow a merge; False when it would close a circle."""
        if authority.get(s.b) == "steward" and s.origin != "steward":
            return True  # a steward has said where this record goes
        before = self.into.pop(s.b, None)
        if self.survivor(s.a) == s.b:
            if before is not None:
                self.into[s.b] = before
            return False
        self.into[s.b] = s.a
        authority[s.b] = s.origin
        return True


def _declare(groups: _Groups, held: Sequence[Statement], tasks: set[Task]) -> Mapping[str, str]:
    """Apply statements, a steward's first, then in the order of time. Returns who was merged."""
    joining = [s for s in held if s.kind in {"link", "merge"}]
    for s in held:
        if s.kind in {"never", "unlink"}:
            _both_ways(groups.apart, s.a, s.b)
    merges, authority = _Merges(), dict[str, str]()
    for s in joining:
        doubt = _join_declared(groups, s)
        if doubt != "possible-duplicate" and s.kind == "merge" and not merges.add(s, authority):
            doubt = "merge-cycle"
        if doubt:
            tasks.add(_task(doubt, s.a, s.b, _bits(groups, s.a, s.b)))
    return {record: merges.survivor(record) for record in sorted(merges.into)}


def _join_declared(groups: _Groups, s: Statement) -> TaskKind | None:
    """Join what was declared one; the doubt it leaves. Evidence does not outrank a declaration."""
    if groups.root[s.a] == groups.root[s.b]:
        return None
    if groups.across(s.a, s.b, groups.apart):
        return "possible-duplicate"
    contradicted = groups.across(s.a, s.b, groups.hard)
    groups.join(s.a, s.b)
    return "conflict" if contradicted else None


def _may_join(groups: _Groups, e: Edge) -> bool:
    if groups.across(e.a, e.b, groups.apart) or groups.across(e.a, e.b, groups.hard):
        return False
    return groups.mean_bits(e.a, e.b) >= 0


def _link(groups: _Groups, edges: Sequence[Edge], tasks: set[Task]) -> None:
    """Join along automatic edges, strongest first; then ask about what is left between groups."""
    refused: list[Edge] = []
    for e in edges:
        if e.outcome != "link" or groups.root[e.a] == groups.root[e.b]:
            continue
        if _may_join(groups, e):
            groups.join(e.a, e.b)
        else:
            refused.append(e)
    doubts: list[tuple[TaskKind, Edge]] = [("possible-duplicate", e) for e in refused]
    doubts += [("possible-match", e) for e in edges if e.outcome == "review"]
    tasks.update(_ask(groups, doubts))


def _ask(groups: _Groups, doubts: Iterable[tuple[TaskKind, Edge]]) -> Iterable[Task]:
    """The first doubt between each two groups, unless that very pair has been decided."""
    asked: set[tuple[str, str]] = set()
    for kind, e in doubts:
        one, two = groups.root[e.a], groups.root[e.b]
        between = (min(one, two), max(one, two))
        if one == two or between in asked or e.b in groups.apart.get(e.a, ()):
            continue
        asked.add(between)
        yield _task(kind, e.a, e.b, e.bits)


def partition(
    records: Sequence[str], edges: Sequence[Edge], statements: Sequence[Statement]
) -> Partition:
    """Divide records into people. What mentions an unknown record is ignored.

    A join refused for contradiction becomes a task `possible-duplicate`, an edge for review between
    two groups `possible-match` (the strongest one for each two groups), a merge that closes a
    circle `merge-cycle`, a declared join of contradicting records `conflict`.
    """
    if len(records) == 1:
        return Partition((tuple(records),), {}, ())
    groups = _Groups(sorted(set(records)))
    ranked = _evidence(edges, groups)
    tasks: set[Task] = set()
    merged = _declare(groups, _effective(statements, groups.root), tasks)
    _link(groups, ranked, tasks)
    found = sorted(tuple(sorted(members)) for members in groups.members.values())
    ordered = sorted(tasks, key=lambda t: (t.kind, t.a, t.b))
    return Partition(tuple(found), merged, tuple(ordered))
