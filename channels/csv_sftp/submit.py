"""Rows to the intake: as many at once as allowed, none while it is full, each receipt counted.

Rule: a row the sender can mend is rejected; when anything behind us fails, nothing is rejected, the
file is held and read again later. What was stored meanwhile is then recognised as a repetition.
"""

import asyncio
from functools import partial

from channels.csv_sftp.reading import Given
from engine.core.fault import Category, Fault
from engine.core.values import CSV_ROW, Envelope, Receipt
from engine.formats.delimited.table import Row
from engine.plugin import handover
from engine.plugin.protocol import Intake, Surroundings

_SENDERS = frozenset({Category.INVALID, Category.UNSUPPORTED})  # what only the sender can mend
MOST_PENDING_BYTES = 8 << 20
"""Fewer rows wait for the disk if they are long: memory does not hang on how long rows are."""
Rejected = tuple[Row, str, str]  # row, code, column


class Submission:
    """The rows of one file on their way. `held` is the fault for which the file has to wait."""

    def __init__(self, surroundings: Surroundings, intake: Intake, max_pending: int) -> None:
        self._around = surroundings
        self._intake = intake
        self._max_pending = max_pending
        self._pending = 0
        self._pending_bytes = 0
        self._changed = asyncio.Event()
        self._rejects: list[Rejected] = []
        self.held: Fault | None = None
        self.submitted = 0
        self.rejected = 0

    async def put(self, given: Given) -> None:
        """Hand on one row, waiting while there is no room."""
        self._around.tally.received += 1
        if given.delivery is None:
            self._reject(given.row, given.row.code, given.row.column)
            return
        await self._room()
        body = given.delivery.to_bytes()
        self._around.tally.bytes_received += len(body)
        admission = handover.examine(self._around, body)
        if admission.fault is not None:
            self._refuse(given.row, admission.fault)
        elif self.held is None:
            key = given.delivery.control_id
            sealed = handover.envelope(self._around, CSV_ROW, body, admission, key)
            self._submit(given.row, sealed)

    async def settled(self) -> None:
        """Wait until every row has its receipt."""
        while self._pending:
            self._changed.clear()
            await self._changed.wait()

    def take_rejects(self) -> list[Rejected]:
        """Return the rejected rows since the last call."""
        found, self._rejects = self._rejects, []
        return found

    async def _room(self) -> None:
        while self._pending >= self._max_pending or self._pending_bytes >= MOST_PENDING_BYTES:
            self._changed.clear()
            await self._changed.wait()
        await handover.room(self._around, self._intake)

    def _submit(self, row: Row, envelope: Envelope) -> None:
        size_bytes = len(envelope.body)
        self._pending += 1
        self._pending_bytes += size_bytes
        self._around.tally.pending += 1
        done = partial(self._settled, row, size_bytes)
        handover.submit(self._around, self._intake, envelope, done)

    def _settled(self, row: Row, size_bytes: int, receipt: Receipt) -> None:
        self._pending -= 1
        self._pending_bytes -= size_bytes
        self._around.tally.pending -= 1
        if receipt.fault is None:
            self._around.tally.accepted += 1
            self.submitted += 1
        else:
            self._refuse(row, receipt.fault)
        self._changed.set()

    def _refuse(self, row: Row, fault: Fault) -> None:
        if fault.category in _SENDERS:
            self._reject(row, fault.code, fault.where)
        else:
            self._around.tally.refused += 1
            self.held = self.held or fault

    def _reject(self, row: Row, code: str, column: str) -> None:
        self._around.tally.refused += 1
        self.rejected += 1
        self._rejects.append((row, code, column))
