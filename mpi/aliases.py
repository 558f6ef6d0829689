"""Identifiers that records were seen with: two records of a site that share one are one person.

That is a statement of the site, made by whichever entries say it; it falls when all of them are
undone. An identifier that very many records share says nothing about any of them.
"""

from collections.abc import Iterable, Sequence

from engine.core.values import Alias
from mpi.cluster import Statement
from mpi.desk import BY_NUMBER, Desk
from mpi.identifier import joins
from mpi.rows import MOST_SHARING, AliasRow, Number


def holders(desk: Desk, records: Iterable[str]) -> dict[Number, list[AliasRow]]:
    """Return the identifiers these records were seen with, each with all that were seen with it.

    Of one that too many share, only that many.
    """
    records = list(records)
    desk.aliases.want(records)
    numbers = dict.fromkeys(row.number for record in records for row in desk.aliases.of(record))
    desk.aliases.want(numbers, BY_NUMBER)
    return {number: desk.aliases.of(number, BY_NUMBER) for number in numbers}


def tells(sharing: Sequence[AliasRow]) -> bool:
    """Whether sharing an identifier says anything: two do, and not all the world."""
    return 1 < len(sharing) <= MOST_SHARING


def shared_statements(sharing: Iterable[Sequence[AliasRow]], undone: set[int]) -> list[Statement]:
    """Say for each shared identifier that the first of its records is each other one."""
    said = []
    for rows in sharing:
        if tells(rows):
            live = sorted(row.record for row in rows if row.again or row.position not in undone)
            said += [Statement(live[0], other, "link", "source", 0, 0) for other in live[1:]]
    return said


def add_aliases(desk: Desk, site: str, aliases: tuple[Alias, ...], position: int) -> set[str]:
    """Note identifiers; returns the records whose company may change by it."""
    touched: set[str] = set()
    for number, record in telling(site, aliases):
        known = _known(desk, number, record)
        if known is None:
            desk.aliases.want((number,), BY_NUMBER)
            desk.aliases.put(AliasRow(*number, record, position, 0))
            touched |= _met(desk, number, record)
        elif known.position != position and not known.again:
            first = min(position, known.position)
            desk.aliases.put(known._replace(position=first, again=1))
            touched |= {record} if tells(desk.aliases.of(number, BY_NUMBER)) else set()
    return touched


def telling(site: str, aliases: Iterable[Alias]) -> list[tuple[Number, str]]:
    """Return number and record of those identifiers that join records, each once, in order."""
    found = {(one.system, one.value, one.record) for one in aliases if joins(one.system, one.value)}
    return [((site, system, value), record) for system, value, record in sorted(found)]


def _known(desk: Desk, number: Number, record: str) -> AliasRow | None:
    desk.aliases.want((record,))
    return desk.aliases.get((*number, record))


def _met(desk: Desk, number: Number, record: str) -> set[str]:
    """Whom a record meets under an identifier; all of them when it becomes one too many."""
    sharing = {row.record for row in desk.aliases.of(number, BY_NUMBER)}
    if len(sharing) == MOST_SHARING + 1:
        return sharing
    return {record} if len(sharing) > 1 else set()
