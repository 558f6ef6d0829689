"""Reads for a whole batch what its messages will ask for, in a small number of statements.

A guess that changes no answer: what was not foreseen is read when it is asked for.
"""

from collections.abc import Sequence

from mpi.aliases import holders, telling, tells
from mpi.component import reach
from mpi.desk import BY_NUMBER, Desk
from mpi.evidence import candidates, ratings
from mpi.model import Model
from mpi.resolve import News
from mpi.rows import Number


def prefetch(desk: Desk, batch: Sequence[News], model: Model) -> None:
    """Read records, identifiers, candidates and the people these are, for all of the batch."""
    records = {key.record for news in batch for key in news.named}
    records |= {record for news in batch for record in news.patients}
    declared = {record for news in batch for said in news.statements for record in (said.a, said.b)}
    records |= declared
    desk.identities.want(records)
    desk.aliases.want(records)
    numbers = [one for news in batch for one in telling(news.site, news.aliases)]
    desk.aliases.want((number for number, _ in numbers), BY_NUMBER)
    met = {record for number, record in numbers if _is_news(desk, number, record)}
    seeds = {record for record in records if desk.identity(record) is None} | met
    _read_around(desk, seeds | declared | _alike(desk, batch, model))


def _is_news(desk: Desk, number: Number, record: str) -> bool:
    """Whether that a record has this number may change whose company it is in."""
    known = desk.aliases.get((*number, record))
    return known is None or (not known.again and tells(desk.aliases.of(number, BY_NUMBER)))


def _alike(desk: Desk, batch: Sequence[News], model: Model) -> set[str]:
    """Return the records that changed for matching, and those they will be linked with."""
    changed = {
        record: sight
        for news in batch
        for record, sight in news.patients.items()
        if (row := desk.identity(record)) is None or row.seen != sight.text
    }
    candidates(desk, {key for sight in changed.values() for key in sight.keys})
    found = {record: candidates(desk, sight.keys)[0] for record, sight in changed.items()}
    desk.identities.want(other for others in found.values() for other in others)
    linked = set(changed)
    for record, others in found.items():
        for other, rating in ratings(desk, changed[record], others - {record}, model):
            if rating.outcome == "link":
                linked.add(other)
    return linked


def _read_around(desk: Desk, seeds: set[str]) -> None:
    reached = reach(desk, seeds)
    desk.founders.want(reached)
    desk.tasks.want(reached)
    edges = [edge for record in reached for edge in desk.edges.of(record)]
    desk.identities.want(record for edge in edges for record in edge[:2])
    once = [
        row.position
        for sharing in holders(desk, reached).values()
        if tells(sharing)
        for row in sharing
        if not row.again
    ]
    said = [row.position for record in reached for row in desk.statements.of(record)]
    desk.withdrawals.want([*once, *said])
