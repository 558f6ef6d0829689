"""Deliveries worked off before their sender is answered, in the process that took them.

The journal has such a delivery first, like every other, and the worker of its partition comes to
it as to every other. Here it is only done sooner, in a transaction of its own, so nobody waits
behind a backlog. No lease and no fence are needed: an entry is worked on by whoever comes first,
and the ledger tells the other that it is done (`engine.pipeline.commit`). When this process dies
in between, or the store is busy, the worker does it.

Rule: nothing is quarantined here. What cannot be committed is left to the worker, and the sender
hears that it is on disk. A failure nobody foresaw is told as well, once for each entry.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from engine.core.failpoint import failpoint
from engine.core.fault import Category, FaultError
from engine.core.values import Entry, Envelope, Receipt, Settled
from engine.database.fault import StorageBrokenError
from engine.database.transaction import Transaction
from engine.pipeline import condition, ledger
from engine.pipeline.commit import Writing, commit
from engine.pipeline.in_force import SUPERSEDED
from engine.pipeline.ledger import Account
from engine.pipeline.prepare import Prepared
from engine.plugin.protocol import Intake
from engine.store.effect import effects

Done = Callable[[Receipt], None]
_MOST = 32  # entries of one transaction
_PASSING = frozenset({Category.BUSY, Category.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Prompted:
    """What a prompter works with. The database is the prompter's own."""

    writing: Writing
    prepare: Callable[[Entry], Prepared]
    done: Callable[[Sequence[Account]], None]  # told after each commit, on the prompter's thread
    broken: Callable[[StorageBrokenError], None]  # told once, on the loop's thread
    failed: Callable[[Exception], None]  # told why an entry is left to the worker, if not foreseen
    refresh: Callable[[], None] = lambda: None  # learn of the plans that hold by now


class Prompter:
    """One thread that works entries off as they come, several at a time if several wait."""

    def __init__(self, around: Prompted) -> None:
        self._around = around
        self._waiting: list[tuple[Entry, Done]] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; called on the loop's thread, where answers are given, too."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._work, args=(loop,), name="prompter", daemon=True
        )
        self._thread.start()

    def settle(self, entry: Entry, done: Done) -> None:
        """Work off an entry that is in the journal; `done` hears what became of it."""
        with self._changed:
            self._waiting.append((entry, done))
            self._changed.notify()

    async def stop(self) -> None:
        """Work off what waits, then end. Safe before start and twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        healthy = True
        while group := self._next():
            receipts = [Receipt(entry.position) for entry, _ in group]
            if healthy:
                try:
                    receipts = self._settled([entry for entry, _ in group])
                except StorageBrokenError as error:
                    healthy = False
                    loop.call_soon_threadsafe(self._around.broken, error)
                except Exception as error:  # noqa: BLE001 - or all senders wait for ever
                    self._around.failed(error)
                    receipts = [Receipt(entry.position) for entry, _ in group]
            for (_, done), receipt in zip(group, receipts, strict=True):
                loop.call_soon_threadsafe(done, receipt)

    def _next(self) -> list[tuple[Entry, Done]]:
        """Wait for entries and take some; empty when stopping and nothing is left."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        return group

    def _settled(self, entries: Sequence[Entry]) -> list[Receipt]:
        try:
            return self._written(entries)
        except FaultError as error:
            if error.fault.code != SUPERSEDED:
                raise
        self._around.refresh()
        return self._written(entries)

    def _written(self, entries: Sequence[Entry]) -> list[Receipt]:
        """Prepare and write entries. FaultError `plans-superseded`: prepare them anew."""
        items = [self._around.prepare(entry) for entry in entries]
        usable = [item for item in items if item.fault is None]
        try:
            if not self._committed(usable) and len(usable) > 1:
                for item in usable:
                    self._committed([item])
        except StorageBrokenError:
            raise
        except FaultError as error:
            if error.fault.code == SUPERSEDED:
                raise
            # The store is busy or full: so it is for each of them.
            return [Receipt(item.entry.position) for item in items]
        return [self._receipt(item) for item in items]

    def _committed(self, items: Sequence[Prepared]) -> bool:
        """Write some; False when one of them keeps it from being done. FaultError: the store."""
        failpoint("before-settle")
        try:
            accounts = commit(self._around.writing, items, (), 0).accounts if items else ()
        except FaultError as error:
            if error.fault.category in _PASSING:
                raise
            return self._left(error, items)
        except Exception as error:  # noqa: BLE001 - left to the worker, who quarantines it
            return self._left(error, items)
        failpoint("after-settle")
        self._around.done(accounts)
        return True

    def _left(self, error: Exception, items: Sequence[Prepared]) -> bool:
        """Tell why one entry by itself could not be written; several are tried one by one."""
        if len(items) == 1:
            self._around.failed(error)
        return False

    def _receipt(self, item: Prepared) -> Receipt:
        position = item.entry.position
        try:
            with self._around.writing.database.read() as tx:
                return Receipt(position, settled=settled(tx, item))
        except StorageBrokenError:
            raise
        except FaultError:
            return Receipt(position)


def settled(tx: Transaction, item: Prepared) -> Settled | None:
    """Return what became of an entry, None while that is open.

    A repetition of a delivery that its condition left out is told what the first one was told.
    """
    position = item.entry.position
    account = ledger.read_account(tx, position)
    if account is None:
        return None
    first = ledger.read_account(tx, account.of) if account.of else None
    rule = (first or account).code if (first or account).state == ledger.FILTERED else ""
    if request := condition.condition(item.entry.envelope) if rule == condition.EXISTS else None:
        found = condition.matches(tx, request, item.entry.envelope.site)
        keys = [(request.type, ident) for ident in found]
    else:
        told = item.mapped.contributions if item.mapped else ()
        keys = [(one.type, one.id) for one in told]
    touched = tuple(effects(tx, keys, position)) if not rule or keys else ()
    return Settled(account.state, rule or account.code, account.place, touched)


class PromptIntake:
    """An intake whose receipts say what became of the delivery. Satisfies `Intake`."""

    def __init__(self, intake: Intake, prompter: Prompter) -> None:
        self._intake = intake
        self._prompter = prompter

    def submit(self, envelope: Envelope, done: Done) -> None:
        self._intake.submit(envelope, partial(self._journalled, envelope, done))

    def full(self) -> bool:
        return self._intake.full()

    def on_drained(self, callback: Callable[[], None]) -> None:
        self._intake.on_drained(callback)

    def _journalled(self, envelope: Envelope, done: Done, receipt: Receipt) -> None:
        if receipt.fault is not None:
            done(receipt)
        else:
            self._prompter.settle(Entry(receipt.position, 0, envelope), done)
