"""Writes the region's own Patients, one for each person, a batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.fault import Category, refuse
from engine.database.transaction import Transaction
from engine.store import registers, rows, splice
from engine.store.rows import Batch, Held, Key
from engine.store.save import Content, Moment, Written, advance, save, written
from engine.store.tables import LIVE, RETIRED

REGION = "urn:concord:region"
"""`meta.source` of what no site says but the region itself."""


@dataclass(frozen=True, slots=True)
class Golden:
    """A person's own Patient: what it says, and the journal entry that made it so.

    With a `survivor` the person is retired.
    """

    person: str  # enterprise id
    body: Mapping[str, Any]
    position: int
    survivor: str = ""

    @property
    def key(self) -> Key:
        return ("Patient", self.person)


def retired(person: str, survivor: str, position: int) -> Golden:
    """Say that a person is now part of another one: readable, but found by no search.

    A search about the retired person is answered about the survivor. A golden record without a
    survivor brings the person back.
    """
    link = {"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}
    body = {"meta": {"source": REGION}, "active": False, "link": [link]}
    return Golden(person, body, position, survivor)


def put_goldens(tx: Transaction, goldens: Sequence[Golden], now_us: int) -> list[Written]:
    """Write golden records; a new version only where the content differs from the current one."""
    if any(len(golden.person) != splice.ID_LENGTH for golden in goldens):
        raise refuse(Category.BUG, "person-id-length", "an enterprise id has another length")
    before = rows.load(tx, [golden.key for golden in goldens])
    batch = rows.open_batch(tx)
    after = dict(before)
    done = []
    for golden in goldens:
        after[golden.key], outcome = _golden(batch, after.get(golden.key), golden, now_us)
        done.append(outcome)
    save(tx, batch, before, after)
    return done


def _golden(batch: Batch, held: Held | None, golden: Golden, now_us: int) -> tuple[Held, Written]:
    body = registers.arranged(*golden.key, golden.body)
    text = splice.encoded(body)
    state = RETIRED if golden.survivor else LIVE
    if held is not None and held.text == text and held.state == state:
        return held, written(held, "unchanged", advanced=False)
    refs = splice.offsets("Patient", text)
    now = Content("", golden.survivor, text, refs, body, state=state)
    at = Moment(now_us, golden.position, golden.person)
    fresh = advance(batch, golden.key, held, now, at)
    return fresh, written(fresh, "updated" if held else "created")
