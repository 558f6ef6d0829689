"""Whether the store's offsets and this journal belong together: asked once, before work starts.

A restored store or journal that does not fit its counterpart would skip messages or take others for
them; so the start is refused, and only a recovery that somebody asked for opens a new epoch.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select

from engine.core.fault import Category, refuse
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.journal.offset_tables import BINDING, OFFSET
from engine.journal.protocol import JournalIdentity

_BINDING = Statement(select(BINDING.c.instance, BINDING.c.epoch, BINDING.c.partitions))
_BIND = Statement(
    insert(BINDING).values(
        id=1,
        instance=bindparam("instance"),
        epoch=bindparam("epoch"),
        partitions=bindparam("partitions"),
    ),
    "instance",
    "epoch",
    "partitions",
)
_UNBIND = Statement(delete(BINDING))
_OPEN = Statement(
    insert(OFFSET).values(
        partition=bindparam("partition"),
        position=bindparam("position"),
        fence=bindparam("fence"),
        owner="",
        stalls=0,
        claimed=bindparam("position"),
    ),
    "partition",
    "position",
    "fence",
)
_OFFSETS = Statement(select(OFFSET.c.position, OFFSET.c.fence).order_by(OFFSET.c.partition))
_CLEAR = Statement(delete(OFFSET))


def bind(tx: Transaction, identity: JournalIdentity, head: int) -> None:
    """Check that the offsets belong to this journal; a store without offsets begins at its start.

    FaultError `journal-mismatch` when it is another journal, epoch or partition count, and
    `offset-beyond-head` when messages that were processed are missing from it.
    """
    bound = tx.one(_BINDING)
    if bound is None:
        _open(tx, identity, [0] * identity.partitions, 0)
        return
    if JournalIdentity(*bound) != identity:
        raise refuse(
            Category.CONFLICT, "journal-mismatch", "the store was fed from another journal"
        )
    if max(position for position, _ in tx.all(_OFFSETS)) > head:
        raise refuse(Category.CONFLICT, "offset-beyond-head", "the journal is older than the store")


def recover(tx: Transaction, identity: JournalIdentity, head: int) -> None:
    """Bind the store to a journal in its new epoch, and void every lease.

    Offsets beyond the head are pulled back to it. With another number of partitions all begin at
    the lowest offset, with another journal at its start: what is read twice changes nothing, what
    were skipped would be lost.
    """
    bound = tx.one(_BINDING)
    if bound is None:
        bind(tx, identity, head)
        return
    offsets = tx.all(_OFFSETS)
    fence = max(fence for _, fence in offsets) + 1
    positions = [min(position, head) for position, _ in offsets]
    if bound[0] != identity.instance:
        positions = [0] * identity.partitions
    elif bound[2] != identity.partitions:
        positions = [min(positions)] * identity.partitions
    tx.run(_UNBIND)
    tx.run(_CLEAR)
    _open(tx, identity, positions, fence)


def _open(tx: Transaction, identity: JournalIdentity, positions: Sequence[int], fence: int) -> None:
    tx.run(_BIND, identity.instance, identity.epoch, identity.partitions)
    rows = [(partition, position, fence) for partition, position in enumerate(positions)]
    tx.run_many(_OPEN, rows)
