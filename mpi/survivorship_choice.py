"""Choosing among the values several records hold for one thing.

Pure, and independent of the order of the candidates: what rules leave undecided, the record id
decides. Knows no element of Patient; what "complete" means is told by the caller.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.core.lexeme import encode
from mpi.survivorship_rules import Rules


@dataclass(frozen=True, slots=True)
class Member:
    """A source record of the person: its Patient and the source time of each top-level element."""

    record: str
    site: str
    local_id: str
    body: Mapping[str, Any]
    times: Mapping[str, int]
    merged: bool = False  # the source merged this record into another one


class Candidate(NamedTuple):
    """One value of one member."""

    member: Member
    value: Any
    trust: int
    key: str  # the element of the source Patient it came from

    @property
    def time(self) -> int:
        """When it was said, in microseconds; 0 when unknown."""
        return self.member.times.get(self.key, 0)

    @property
    def same(self) -> bytes:
        """Equal for values that are written alike."""
        return encode(self.value)


def candidate(member: Member, key: str, value: Any, rules: Rules) -> Candidate:
    return Candidate(member, value, rules.trust_of(member.site), key)


def standing(c: Candidate) -> tuple[bool, int, int, str]:
    """Sort key for lists: records in force first, then newest, most trusted, then by record id.

    The items of one list are equal in it, so that a stable sort leaves them as sent.
    """
    return (c.member.merged, -c.time, -c.trust, c.member.record)


def _kept(found: Sequence[Candidate], of: Callable[[Candidate], Any]) -> list[Candidate]:
    measured = [of(c) for c in found]
    best = max(measured)
    return [c for c, value in zip(found, measured, strict=True) if value == best]


def choose(
    found: Iterable[Candidate], rules: Sequence[str], complete: Callable[[Any], Any]
) -> Candidate | None:
    """The candidate that the rules leave, None without candidates.

    A record that its source merged away speaks only when no other does.
    """
    left = list(found)
    if len(left) < 2:
        return left[0] if left else None
    left = [c for c in left if not c.member.merged] or left
    for rule in rules:
        if len(left) == 1:
            break
        left = _kept(left, _measure(rule, left, complete))
    if len(left) == 1:
        return left[0]
    return min(left, key=lambda c: (c.member.record, c.same))


def _measure(
    rule: str, left: Sequence[Candidate], complete: Callable[[Any], Any]
) -> Callable[[Candidate], Any]:
    """What a rule looks at; the greatest stays."""
    if rule == "complete":
        return lambda c: complete(c.value)
    if rule == "majority":
        votes = Counter(c.same for c in left)
        return lambda c: votes[c.same]
    return (lambda c: c.trust) if rule == "trust" else (lambda c: c.time)


def leaves(value: Any) -> int:
    """How many single values a FHIR element holds."""
    if type(value) is dict:
        return sum([leaves(v) for v in value.values()])
    if type(value) is list:
        return sum([leaves(v) for v in value])
    return 1
