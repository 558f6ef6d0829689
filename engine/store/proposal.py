"""What a contribution makes of a resource that nobody else has said anything about.

Most resources are told by one message, and most of the others are told again with the same words.
So this is worked out before the store is locked, and taken as it is where the resource is missing
or holds just that. It follows from the contribution alone. Pure.
"""

from functools import lru_cache
from typing import NamedTuple

from engine.core.lexeme import encode
from engine.core.values import Contribution
from engine.store import splice, stamps
from engine.store.rows import Body
from engine.store.search.extract import Rows, extract
from engine.store.sole import sole

_REMEMBERED = 2_048  # places, people and organizations that messages name over and over


class Proposal(NamedTuple):
    """A resource as one contribution makes it."""

    told: Contribution
    text: bytes  # the body as stored
    refs: bytes  # engine.store.splice
    stamps: tuple[str, ...]  # engine.store.stamps.cut
    rows: Rows  # of the index, about the patient of the contribution
    body: Body | None = None  # what `text` says, of a Patient: whose it is, is asked next

    def stamped(self, source_us: int, position: int) -> str:
        """Return the text of the stamps when it is said at this time, by this journal entry."""
        return f"{source_us}.{position}".join(self.stamps)

    def said_at(self, text: str) -> tuple[int, int] | None:
        """Return source time and position if these stamps are those of it alone."""
        at = stamps.first_time(text)
        return at if at is not None and self.stamped(*at) == text else None


def propose(told: Contribution) -> Proposal:
    """Return what a contribution makes of a resource; what is about no patient is remembered."""
    if told.patient:
        return _made(told)
    shelf = _shelf(told.type, told.id)
    known = shelf[0] if shelf else None
    if known is None or not _alike(known.told, told):
        known = _made(told)
        shelf[:] = [known]
    return known


@lru_cache(_REMEMBERED)
def _shelf(_type: str, _id: str) -> list[Proposal]:
    """Return where the newest proposal about a resource lies, once there is one."""
    return []


def _alike(one: Contribution, other: Contribution) -> bool:
    """Whether two contributions about a resource say the same, to the order of members."""
    if one is other:
        return True
    if one.parts or other.parts:
        return False
    return _manner(one) == _manner(other) and encode(one.body) == encode(other.body)


def _manner(told: Contribution) -> tuple[object, ...]:
    return told.mode, told.rank, told.clears, told.weak, told.patient


def _made(told: Contribution) -> Proposal:
    body, cut = sole(told)
    text = splice.encoded(body)
    refs = splice.offsets(told.type, text)
    kept = body if told.type == "Patient" else None
    return Proposal(told, text, refs, cut, extract(told.type, told.patient, body), kept)
