"""Resources that a message gave to another record: worth a remark only if it is another person.

A site may know one patient under two records, as where its messages hold a number and its resources
an opaque id. What both tell goes from one record to the other and stays with its person.
"""

from collections.abc import Mapping, Sequence

from engine.database.transaction import Transaction
from engine.pipeline.prepare import Prepared
from engine.store.membership import persons_of
from engine.store.save import Written

Outcomes = Mapping[int, Sequence[Written]]


def between_people(tx: Transaction, batch: Sequence[Prepared], outcomes: Outcomes) -> Outcomes:
    """Return the outcomes, `taken_from` of those alone that changed person; identity is settled."""
    if not any(done.taken_from for some in outcomes.values() for done in some):
        return outcomes
    now = {
        (item.entry.position, told.type, told.id): told.patient
        for item in batch
        if item.mapped
        for told in item.mapped.contributions
    }
    records = {done.taken_from for some in outcomes.values() for done in some} | set(now.values())
    persons = persons_of(tx, sorted(records - {""}))

    def settled(position: int, done: Written) -> Written:
        before = persons.get(done.taken_from)
        after = persons.get(now.get((position, done.type, done.id), ""))
        return done if before is None or before != after else done._replace(taken_from="")

    return {at: [settled(at, done) for done in some] for at, some in outcomes.items()}
