"""A process of its own that appends to a journal and tells which positions it was promised.

`appender.py FOLDER KEY|- NAME GROUPS SIZE`, with URI and SCHEMA in place of folder and key for
PostgreSQL: writes GROUPS groups of SIZE envelopes; one line `control id, position` for each
envelope, after the journal answered. Its clock runs fast: every ten groups a day goes by.
"""

import sys
from pathlib import Path

from engine.core.values import HL7_V2, Envelope
from engine.journal.postgres import open_postgres_journal
from engine.journal.protocol import Journal
from engine.journal.sqlite import SqliteJournal

NOON_US = 1_795_176_000_000_000  # 2026-11-20T12:00Z
DAY_US = 86_400_000_000


def opened(place: str, secret: str) -> Journal:
    if place.startswith("postgresql:"):
        return open_postgres_journal(place, secret)
    key = None if secret == "-" else bytes.fromhex(secret)
    return SqliteJournal(Path(place), lambda _: key)


def main() -> None:
    place, secret, name, groups, size = sys.argv[1:]
    journal = opened(place, secret)
    for group in range(int(groups)):
        ids = [f"{name}-{group}-{n}" for n in range(int(size))]
        now_us = NOON_US + group // 10 * DAY_US
        sent = [
            Envelope("adt", "mercy", HL7_V2, one.encode() * 40, now_us, one, one) for one in ids
        ]
        for one, position in zip(ids, journal.append(sent), strict=True):
            sys.stdout.write(f"{one} {position}\n")
        sys.stdout.flush()
    journal.close()


if __name__ == "__main__":
    main()
