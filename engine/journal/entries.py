"""Rows of a journal and the entries they hold: what every journal on tables shares. Does no IO."""

import hashlib
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.core.fault import Category, FaultError, refuse
from engine.core.values import ACTIVATION, Entry, Envelope
from engine.database.transaction import Row
from engine.journal.catalog import Day
from engine.journal.partition import EVERYONES, partition_of
from engine.journal.protocol import Batch

_SMALLEST_WINDOW = 64
_STRETCHES = 16


@dataclass(frozen=True, slots=True)
class Ask:
    """What a reader wants: at least one entry if there is one, within these bounds."""

    limit: int
    max_bytes: int
    partitions: Container[int] | None  # None: of all


@dataclass(frozen=True, slots=True)
class Found:
    """Part of a day: entries, how far all wanted ones are among them, and whether more is there."""

    entries: list[Entry]
    upto: int
    more: bool


def digest(body: bytes) -> bytes:
    """Return the 16-byte BLAKE2b (RFC 7693) that stands beside each body."""
    return hashlib.blake2b(body, digest_size=16).digest()


def day_of(envelopes: Sequence[Envelope]) -> str:
    """Return the UTC day of the latest of them, as 2026-11-20."""
    latest_us = max(envelope.received_us for envelope in envelopes)
    return datetime.fromtimestamp(latest_us // 1_000_000, UTC).date().isoformat()


def row_of(envelope: Envelope, partitions: int) -> tuple[Any, ...]:
    """Return what is stored of an envelope, without its position."""
    everyones = envelope.media_type == ACTIVATION
    return (
        EVERYONES if everyones else partition_of(envelope.site, envelope.lane, partitions),
        envelope.channel,
        envelope.site,
        envelope.media_type,
        envelope.received_us,
        envelope.control_id,
        envelope.lane,
        digest(envelope.body),
        envelope.body,
    )


def look(
    ask: Ask,
    after: int,
    window_of: Callable[[int, int], Sequence[Row]],
    rows_of: Callable[[Sequence[int]], Iterable[Row]],
) -> Found:
    """Look at the next stretch of a day beyond `after` and return what is asked for.

    `window_of` gives position, partition and body length of so many rows beyond a position, in
    order; `rows_of` gives whole rows. FaultError `journal-corrupt` when the first of them is not
    what was written.
    """
    size = ask.limit if ask.partitions is None else max(4 * ask.limit, _SMALLEST_WINDOW)
    window = window_of(after, size)
    positions, cut = _wanted(window, ask)
    entries, whole = verified(sorted(rows_of(positions)))
    if not whole:
        return Found(entries, entries[-1].position, more=True)
    if cut:
        return Found(entries, positions[-1], more=True)
    return Found(entries, window[-1][0] if window else after, more=len(window) == size)


def _wanted(window: Sequence[Row], ask: Ask) -> tuple[list[int], bool]:
    """Return the positions to read, and whether a bound was reached, so that more may follow."""
    positions: list[int] = []
    room = ask.max_bytes
    for position, partition, length in window:
        if ask.partitions is not None and partition not in ask.partitions:
            continue
        if positions and (len(positions) >= ask.limit or length > room):
            return positions, True
        positions.append(position)
        room -= length
    return positions, False


def verified(rows: Sequence[Row]) -> tuple[list[Entry], bool]:
    """Return the entries before the first damaged one; FaultError when that is the very first."""
    entries: list[Entry] = []
    for row in rows:
        position, partition, channel, site, media_type, received_us, control_id, lane = row[:8]
        if digest(row[9]) != row[8]:
            if not entries:
                raise _corrupt(position)
            return entries, False
        envelope = Envelope(channel, site, media_type, row[9], received_us, control_id, lane)
        entries.append(Entry(position, partition, envelope))
    return entries, True


def _corrupt(position: int) -> FaultError:
    return refuse(
        Category.UNAVAILABLE,
        "journal-corrupt",
        "an entry of the journal is not what was written",
        f"position {position}",
    )


def read_through(days: Sequence[Day], after: int, look: Callable[[str, int], Found]) -> Batch:
    """Go through the days beyond `after` until something is found, as far as one call may.

    The list of days was made before: a day followed by another is complete from then on.
    """
    passed = sum(1 for later in days[1:] if later.first <= after + 1)
    left = days[passed:]
    upto = after
    for _ in range(_STRETCHES):
        if not left:
            break
        seen = look(left[0].day, upto)
        upto = seen.upto
        if seen.entries:
            return Batch(tuple(seen.entries), upto)
        if not seen.more:
            left = left[1:]
    return Batch((), upto)
