"""A process that appends without end and tells each answer, even after the journal refused one.

`sender.py FOLDER KEY|- NAME SIZE`: groups of SIZE envelopes; after each a line
`position control-id` for each envelope, or `refused code`. Ends when stdout is closed or killed.
"""

import sys
from pathlib import Path

from engine.core.clock import SystemClock
from engine.core.fault import FaultError
from engine.core.values import HL7_V2, Envelope
from engine.journal.sqlite import SqliteJournal


def main() -> None:
    folder, hexadecimal, name, size = sys.argv[1:]
    key = None if hexadecimal == "-" else bytes.fromhex(hexadecimal)
    journal = SqliteJournal(Path(folder), lambda _: key)
    clock = SystemClock()
    for group in range(1_000_000):
        ids = [f"{name}-{group}-{n}" for n in range(int(size))]
        sent = [
            Envelope("adt", "mercy", HL7_V2, one.encode() * 100, clock.now_us(), one, one)
            for one in ids
        ]
        try:
            lines = [f"{p} {one}\n" for p, one in zip(journal.append(sent), ids, strict=True)]
        except FaultError as error:
            lines = [f"refused {error.fault.code}\n"]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
