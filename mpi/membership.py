"""Turns groups of records into persons with enterprise ids, and writes down who moved.

Rule 1: an enterprise id is minted for a record, its founder, and recorded; it is never recomputed.
Rule 2: a group has the earliest minted id among those its members founded. So a merge keeps the
earliest, and undoing it gives every record back the id it had.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from mpi.desk import Desk
from mpi.rows import PersonRow


def name_groups(
    desk: Desk,
    groups: Sequence[tuple[str, ...]],
    position: int,
    mint: Callable[[str], str],
) -> dict[str, str]:
    """Give every group its enterprise id, minting where needed; returns record -> enterprise id."""
    desk.founders.want([record for group in groups for record in group])
    people: dict[str, str] = {}
    for group in groups:
        known = [(row.minted, row.person) for record in group for row in desk.founders.of(record)]
        if known:
            person = min(known)[1]
        else:
            founder = min(group)
            person = mint(founder)
            desk.founders.put(PersonRow(person, founder, position, ""))
        for record in group:
            people[record] = person
    return people


def founded_by(desk: Desk, records: Iterable[str]) -> set[str]:
    """Return the enterprise ids that were minted for these records, in use or not."""
    return {row.person for record in records for row in desk.founders.of(record)}


def move(
    desk: Desk, before: Mapping[str, str], after: Mapping[str, str], position: int, now_us: int
) -> list[str]:
    """Note the new memberships and who moved; returns the records that moved."""
    moved = sorted(record for record, person in after.items() if before.get(record) != person)
    for record in moved:
        if row := desk.identity(record):
            desk.identities.put(row._replace(person=after[record]))
        desk.log.append((position, record, before.get(record, ""), after[record], now_us))
    return moved


def mark_merged(desk: Desk, records: Iterable[str], merged: Mapping[str, str]) -> list[str]:
    """Note which records their source has merged into another; returns those it changed for."""
    changed = []
    for record in records:
        survivor = merged.get(record, "")
        row = desk.identity(record)
        if row and row.survivor != survivor:
            desk.identities.put(row._replace(survivor=survivor))
            changed.append(record)
    return changed
