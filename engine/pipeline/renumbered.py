"""Messages under a number that another one has: both are kept, and the sender's fault is noted.

MSH-10 tells a message from every other of its sender (HL7 v2.5.1, 2.14.9.10). The same bytes under
the same number are a repetition; others are not, and would be lost if they were taken for one.
"""

from collections.abc import Sequence, Set
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, func, select

from engine.core.values import HL7_V2, Diagnostic
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.ledger import QUARANTINED
from engine.pipeline.prepare import DAY_US, Prepared
from engine.pipeline.tables import LEDGER

REUSED = Diagnostic(
    "control-id-reused", "MSH-10", "another message came under the same control id this week"
)
_WINDOW_US = 7 * DAY_US
_MANY = 512
"""Messages of the numbers of a batch beyond which not all of them are read: whoever numbers all
alike has sent millions."""
_AMONG = 16  # newest messages of a number that are looked at then
_AT_ONCE = 64
_NUMBERED = ("number", "site", "own")

_KNOWN = ListStatement(
    lambda some: (
        select(LEDGER.c.control_id, LEDGER.c.site, LEDGER.c.position, LEDGER.c.received_us)
        .where(LEDGER.c.control_id.in_(some), LEDGER.c.state != QUARANTINED)
        .limit(_MANY)
    )
)

Numbered = tuple[str, str, int]
"""Control id, site and position of a message."""


def _received(place: int) -> ScalarSelect[Any]:
    """Say when another message of a number came last."""
    number, site, own = (f"{name}{place}" for name in _NUMBERED)
    newest = (
        select(LEDGER.c.site, LEDGER.c.received_us, LEDGER.c.position, LEDGER.c.state)
        .where(LEDGER.c.control_id == bindparam(number))
        .order_by(LEDGER.c.position.desc())
        .limit(_AMONG)
        .subquery()
    )
    return (
        select(func.max(newest.c.received_us))
        .where(newest.c.site == bindparam(site), newest.c.position != bindparam(own))
        .where(newest.c.state != QUARANTINED)
        .scalar_subquery()
    )


_LAST = Statement(
    select(*(_received(place).label(f"last{place}") for place in range(_AT_ONCE))),
    *(f"{name}{place}" for place in range(_AT_ONCE) for name in _NUMBERED),
)
_NOBODY: Numbered = ("", "", 0)


def renumbered(tx: Transaction, fresh: Sequence[Prepared]) -> Set[int]:
    """Return the entries whose control id another one has that came within a week before."""
    asked = [one.entry for one in fresh if _is_numbered(one)]
    heads = [(one.envelope.control_id, one.envelope.site, one.position) for one in asked]
    before: dict[tuple[str, str], int] = {}  # what came in this batch
    found = set()
    for one, head, stored_us in zip(asked, heads, _last(tx, heads), strict=True):
        number, received_us = head[:2], one.envelope.received_us
        if max(before.get(number, -1), stored_us) >= max(0, received_us - _WINDOW_US):
            found.add(one.position)
        before[number] = max(received_us, before.get(number, -1))
    return found


def _last(tx: Transaction, heads: Sequence[Numbered]) -> list[int]:
    """Return when another message of each number came last, -1 for none."""
    known = _KNOWN.all(tx, list(dict.fromkeys(head[0] for head in heads))) if heads else []
    if len(known) >= _MANY:
        return _last_of_many(tx, heads)
    times: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number, site, position, received_us in known:
        times.setdefault((number, site), []).append((position, received_us))
    return [
        max((us for at, us in times.get((number, site), ()) if at != own), default=-1)
        for number, site, own in heads
    ]


def _last_of_many(tx: Transaction, heads: Sequence[Numbered]) -> list[int]:
    """Find the same among the newest messages of each number."""
    found: list[int] = []
    for start in range(0, len(heads), _AT_ONCE):
        some = [*heads[start : start + _AT_ONCE]]
        some += [_NOBODY] * (_AT_ONCE - len(some))
        row = tx.one(_LAST, *(value for head in some for value in head))
        found += [-1 if us is None else int(us) for us in row or ()]
    return found[: len(heads)]


def _is_numbered(one: Prepared) -> bool:
    envelope = one.entry.envelope
    return one.fault is None and envelope.media_type == HL7_V2 and bool(envelope.control_id)
