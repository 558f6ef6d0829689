"""Compares what the senders were told with what the endpoint shows.

`sent = acked + rejected + unanswered`; `acked = written + filtered + duplicate + quarantined +
pending`. Lost and doubled are not the engine's word: they are counted from the senders' journals
and the resources an independent reader found.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.demo.reader import Seen
from engine.demo.sender import Answered
from engine.demo.traffic import Truth
from engine.pipeline.ledger import DUPLICATE
from engine.pipeline.status import Status


@dataclass(frozen=True, slots=True)
class Sent:
    """The senders' side."""

    sent: int
    acked: int
    rejected: int
    unanswered: int
    resent: int
    rows: int  # of files, among those sent
    posts: int  # resources, among those sent


def sent_side(answers: Sequence[Answered]) -> Sent:
    """Count what the senders were told."""
    return Sent(
        sent=len(answers),
        acked=sum(answer.accepted for answer in answers),
        rejected=sum(bool(answer.code) and not answer.accepted for answer in answers),
        unanswered=sum(not answer.code for answer in answers),
        resent=sum(answer.resent for answer in answers),
        rows=sum(answer.delivery.way == "csv" for answer in answers),
        posts=sum(answer.delivery.way == "fhir" for answer in answers),
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """The engine's side, by distinct deliveries: `acked = sum of states + pending`."""

    states: dict[str, int]
    recognised: int
    pending: int


def settled(sent: Sent, found: Status, *, crashed: bool) -> Ended:
    """Take repetitions out of the duplicates: the sender counts a delivery once.

    A message comes again when its sender heard no answer, a row when its file is read again after
    a crash. What was accepted but has neither a state nor a place in the journal is pending, too.
    """
    entries = sum(found.states.values()) + found.pending
    again = sent.resent + (sent.rows if crashed else 0)
    recognised = min(max(0, entries - sent.acked), again, found.states.get(DUPLICATE, 0))
    states = dict(found.states)
    if recognised:
        states[DUPLICATE] -= recognised
    missing = max(0, sent.acked - sum(states.values()) - found.pending)
    return Ended(states, recognised, found.pending + missing)


def wrongly_answered(answers: Sequence[Answered]) -> int:
    """Count deliveries that were refused though they are sound, or taken though they are not."""
    return sum(answer.accepted == answer.delivery.refused for answer in answers if answer.code)


def compare(answers: Sequence[Answered], seen: Seen) -> tuple[int, int]:
    """Return how many resources the endpoint lacks, and how many it has too many."""
    expected = {
        (answer.delivery.site, *fact)
        for answer in answers
        if answer.accepted
        for fact in answer.delivery.facts
    }
    wanted = Counter((site, kind) for site, kind, _ in expected)
    shown = {key: len(bodies) for key, bodies in seen.resources.items() if key in wanted}
    lost = sum(max(0, count - shown.get(key, 0)) for key, count in wanted.items())
    doubled = sum(max(0, shown.get(key, 0) - count) for key, count in wanted.items())
    return lost, doubled


@dataclass(frozen=True, slots=True)
class Matching:
    """How the people found compare with the truth, in pairs of records."""

    people: int
    records: int
    wrong_pairs: int
    missed_pairs: int


def matching(seen: Seen, truth: Sequence[Truth]) -> Matching:
    """Compare the groups of records with the people the traffic was invented of."""
    numbers = {(row.site, row.local_id): row.number for row in truth}
    owner = _owners(seen, numbers)
    wrong = sum(
        owner[a] != owner[b]
        for group in seen.people
        for a in group
        for b in group
        if a < b and a in owner and b in owner
    )
    together = sum(
        owner[a] == owner[b]
        for group in seen.people
        for a in group
        for b in group
        if a < b and a in owner and b in owner
    )
    sizes = Counter(owner.values())
    possible = sum(size * (size - 1) // 2 for size in sizes.values())
    return Matching(len(seen.people), len(owner), wrong, possible - together)


def _owners(seen: Seen, numbers: dict[tuple[str, str], int]) -> dict[str, int]:
    """Return source Patient id -> number of the person, by any identifier the truth names."""
    owner = {}
    for (site, kind), bodies in seen.resources.items():
        if kind != "Patient":
            continue
        for body in bodies:
            for identifier in body.get("identifier", ()):
                number = numbers.get((site, identifier.get("value", "")))
                if number is not None:
                    owner[body["id"]] = number
    return owner
