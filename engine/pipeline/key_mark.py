"""Whether a process has the key the region was founded with.

Ids of records and people come from the region key. A host that shares a server with others and has
another key could work there, and would make every patient anew; so the store keeps a mark of its
key, from which the key cannot be found.
"""

from sqlalchemy import select

from engine.core.fault import Category, refuse
from engine.core.ids import keyed_id
from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.tables import KEY_MARK

_MARK = Statement(select(KEY_MARK.c.mark))
_KEEP = inserting(KEY_MARK, "id", "mark")


def keep_mark(tx: Transaction, region: str, id_key: bytes) -> None:
    """Leave the mark of the key, or compare it. FaultError `wrong-key`."""
    mark = keyed_id(id_key, region, "KeyMark", ())
    kept = tx.one(_MARK)
    if kept is None:
        tx.run(_KEEP, 1, mark)
    elif kept[0] != mark:
        message = "the region was founded with another key: all hosts need the same"
        raise refuse(Category.FORBIDDEN, "wrong-key", message, "storage.region_key")
