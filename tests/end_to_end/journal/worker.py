"""A worker that claims every partition, waits to be told to go on, and commits one batch.

`worker.py STORE NAME`: prints `claimed N`, waits for a line, then writes a result and the
offsets in one transaction and prints `committed` or the code of the fault.
"""

import sys
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert

from engine.core.clock import ticks_us
from engine.core.fault import FaultError
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.journal import offsets
from engine.journal.watch import Watch

RESULT = Table(
    "result", MetaData(), Column("id", Integer, primary_key=True), Column("writer", String)
)
WRITE = Statement(insert(RESULT).values(writer=bindparam("writer")), "writer")


def main() -> None:
    path, name = sys.argv[1:]
    store = SqliteDatabase(Path(path))
    with store.write() as tx:
        leases = offsets.claim(tx, name, 64, Watch(10_000_000, ticks_us), head=9)
    sys.stdout.write(f"claimed {len(leases)}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        with store.write() as tx:
            tx.run(WRITE, name)
            offsets.advance_all(tx, leases, 9)
        sys.stdout.write("committed\n")
    except FaultError as error:
        sys.stdout.write(f"{error.fault.code}\n")
    store.close()


if __name__ == "__main__":
    main()
