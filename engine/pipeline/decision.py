"""A person's decision as a journal entry: the store stays a function of the journal.

The body is JSON; it is written by this program only, but it may be years old when it is read.
"""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from engine.core.fault import Category, refuse

ACTS = ("link", "unlink", "never", "undo", "replay")
_ABOUT_AN_ENTRY = frozenset({"undo", "replay"})


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two records a decision speaks of."""

    site: str
    record: str
    local_id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided. `undo` and `replay` name the journal entry they are about, `of`."""

    act: str
    actor: str
    reason: str
    said_us: int
    a: Party | None = None
    b: Party | None = None
    of: int = 0

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))


def read_decision(body: bytes) -> Decision:
    """Read a decision back. FaultError `bad-decision` when it is none."""
    try:
        fields = orjson.loads(body)
        decision = Decision(
            act=fields["act"],
            actor=fields["actor"],
            reason=fields["reason"],
            said_us=int(fields["said_us"]),
            a=_party(fields["a"]),
            b=_party(fields["b"]),
            of=int(fields["of"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise _bad("body") from None
    if decision.act not in ACTS:
        raise _bad("act")
    about_an_entry = decision.act in _ABOUT_AN_ENTRY
    if about_an_entry != (decision.of > 0) or about_an_entry == bool(decision.a and decision.b):
        raise _bad("of" if about_an_entry else "a")
    return decision


def _party(fields: dict[str, Any] | None) -> Party | None:
    return Party(fields["site"], fields["record"], fields["local_id"]) if fields else None


def _bad(where: str) -> Exception:
    return refuse(Category.INVALID, "bad-decision", "the decision cannot be read", where)
