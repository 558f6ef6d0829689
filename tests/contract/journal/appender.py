"""A process of its own that appends to a journal and tells which positions it was promised.

`appender.py FOLDER KEY|- NAME GROUPS SIZE`: writes GROUPS groups of SIZE envelopes; one line
`control id, position` for each envelope, after the journal answered.
"""

import sys
from pathlib import Path

from engine.core.clock import SystemClock
from engine.core.values import HL7_V2, Envelope
from engine.journal.sqlite import SqliteJournal


def main() -> None:
    folder, hexadecimal, name, groups, size = sys.argv[1:]
    key = None if hexadecimal == "-" else bytes.fromhex(hexadecimal)
    journal = SqliteJournal(Path(folder), lambda _: key)
    clock = SystemClock()
    for group in range(int(groups)):
        ids = [f"{name}-{group}-{n}" for n in range(int(size))]
        sent = [
            Envelope("adt", "mercy", HL7_V2, one.encode() * 40, clock.now_us(), one, one)
            for one in ids
        ]
        for one, position in zip(ids, journal.append(sent), strict=True):
            sys.stdout.write(f"{one} {position}\n")
        sys.stdout.flush()
    journal.close()


if __name__ == "__main__":
    main()
