"""Group commit: one durable transaction for all that arrived while the one before was written.

No timer: a lone message is written at once, and under load the group grows to what arrives during
one fsync. The event loop and the committer thread share one list, which is swapped, and speak to
each other once per group. It does not know sockets: who reads one asks `full` and `on_drained`.

Rule: counters and callbacks belong to the loop's thread, the journal to the committer's.
"""

import asyncio
import threading
from collections.abc import Callable

from engine.core.failpoint import failpoint
from engine.core.fault import Category, Fault, FaultError
from engine.core.values import Envelope, Receipt
from engine.database.fault import StorageBrokenError
from engine.journal.protocol import Journal

Done = Callable[[Receipt], None]

FULL = Fault(Category.BUSY, "intake-full", "too much is waiting for the disk; try again")
STOPPED = Fault(Category.UNAVAILABLE, "intake-stopped", "intake is stopping")
UNWRITABLE = Fault(Category.INVALID, "not-writable", "the envelope cannot be written")
_UNEXPECTED = Fault(Category.BUG, "journal-failed", "the journal failed in an unforeseen way")

_Item = tuple[Envelope, Done]


class GroupCommit:
    """Takes envelopes on the loop's thread and answers each with a receipt, on the same thread.

    `full` is a soft bound at half of `max_bytes` and `max_count`: whoever heeds it never meets the
    hard one, where a submission is answered `intake-full`. One envelope always has room.
    """

    def __init__(
        self, journal_factory: Callable[[], Journal], *, max_bytes: int, max_count: int
    ) -> None:
        self._open = journal_factory
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._bytes = 0
        self._count = 0
        self._drained: list[Callable[[], None]] = []
        self._on_broken: Callable[[Fault], None] | None = None
        self._refusal: Fault | None = STOPPED
        self._thread: threading.Thread | None = None
        self._waiting: list[_Item] = []
        self._changed = threading.Condition()
        self._stopping = False

    def start(self) -> None:
        """Open the journal and begin; called on the loop's thread. Raises what the factory does."""
        journal = self._open()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._commit_groups, args=(journal, loop), name="journal-committer", daemon=True
        )
        self._refusal = None
        self._thread.start()

    def submit(self, envelope: Envelope, done: Done) -> None:
        """Queue an envelope; `done` is called later, once, with its position or a fault."""
        size = len(envelope.body)
        refusal = self._refusal
        if refusal is None and self._count and self._beyond(size):
            refusal = FULL
        if refusal is not None:
            asyncio.get_running_loop().call_soon(done, Receipt(fault=refusal))
            return
        self._bytes += size
        self._count += 1
        with self._changed:
            self._waiting.append((envelope, done))
            if len(self._waiting) == 1:
                self._changed.notify()

    def _beyond(self, size: int) -> bool:
        return self._count >= self._max_count or self._bytes + size > self._max_bytes

    def full(self) -> bool:
        """Say whether senders should pause."""
        return self._count * 2 >= self._max_count or self._bytes * 2 >= self._max_bytes

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call back once: when half of what makes it full is gone, or soon if it is not full."""
        if self.full():
            self._drained.append(callback)
        else:
            asyncio.get_running_loop().call_soon(callback)

    def on_broken(self, callback: Callable[[Fault], None]) -> None:
        """Call back once when the storage failed: the process has to exit non-zero."""
        self._on_broken = callback

    async def stop(self) -> None:
        """Write what is queued, answer it, close the journal. Safe before start and twice."""
        self._refusal = self._refusal or STOPPED
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _commit_groups(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        broken: Fault | None = None
        try:
            while group := self._next_group():
                receipts, broken = _write(journal, group, broken)
                failpoint("before-ack")
                loop.call_soon_threadsafe(self._deliver, loop, group, receipts)
                if broken is not None:
                    loop.call_soon_threadsafe(self._break, loop, broken)
        finally:
            journal.close()

    def _next_group(self) -> list[_Item]:
        """Wait for envelopes and take them all; empty when stopping and nothing is left."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            group, self._waiting = self._waiting, []
        return group

    def _deliver(
        self, loop: asyncio.AbstractEventLoop, group: list[_Item], receipts: list[Receipt]
    ) -> None:
        # One callback each, so that one that raises does not keep the others from their answer.
        for (_, done), receipt in zip(group, receipts, strict=True):
            loop.call_soon(done, receipt)
        self._count -= len(group)
        self._bytes -= sum(len(envelope.body) for envelope, _ in group)
        if self._count * 4 <= self._max_count and self._bytes * 4 <= self._max_bytes:
            waiting, self._drained = self._drained, []
            for callback in waiting:
                loop.call_soon(callback)

    def _break(self, loop: asyncio.AbstractEventLoop, fault: Fault) -> None:
        self._refusal = fault
        if self._on_broken is not None:
            loop.call_soon(self._on_broken, fault)
            self._on_broken = None


def _write(
    journal: Journal, group: list[_Item], broken: Fault | None
) -> tuple[list[Receipt], Fault | None]:
    """Append a group; returns its receipts, and the fault after which nothing may be written."""
    if broken is None:
        try:
            positions = journal.append([envelope for envelope, _ in group])
        except StorageBrokenError as error:
            broken = error.fault
        except FaultError as error:
            return [Receipt(fault=error.fault)] * len(group), None
        except (TypeError, ValueError, OverflowError):
            return _write_singly(journal, group)
        except Exception:  # noqa: BLE001 - a thread that dies silently leaves senders waiting
            broken = _UNEXPECTED
        else:
            return [Receipt(position) for position in positions], None
    return [Receipt(fault=broken)] * len(group), broken


def _write_singly(journal: Journal, group: list[_Item]) -> tuple[list[Receipt], Fault | None]:
    """Find the envelope that cannot be written (say, text that is not Unicode); keep the others."""
    if len(group) == 1:
        return [Receipt(fault=UNWRITABLE)], None
    receipts: list[Receipt] = []
    broken: Fault | None = None
    for item in group:
        answered, broken = _write(journal, [item], broken)
        receipts += answered
    return receipts, broken
