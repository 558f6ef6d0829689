"""The worker's loop body: lease partitions, read on, prepare, commit; halve what will not go in.

A worker holds nothing that matters: what it did is in the store, together with how far it got. So
starting is recovering, and being killed is one way of stopping.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.core.clock import Clock, ticks_us
from engine.core.fault import Category, Fault, FaultError
from engine.core.values import ACTIVATION, Entry, Envelope
from engine.database.fault import StorageBrokenError
from engine.database.protocol import Database
from engine.journal.offsets import Lease, advance_all, claim, depart, release
from engine.journal.partition import EVERYONES
from engine.journal.protocol import Batch, Journal
from engine.journal.watch import Watch
from engine.pipeline import trial
from engine.pipeline.commit import Committed, Writing, commit
from engine.pipeline.in_force import InForce
from engine.pipeline.ledger import Account
from engine.pipeline.pace import first_pace
from engine.pipeline.prepare import Prepared, bug, prepare
from engine.pipeline.reconcile import Reconciling
from engine.telemetry.stages import Stopwatch

LEASE_US = 10_000_000
RENEW_US = 3_000_000
MAX_BYTES = 16_000_000
LOOK_US = 500_000
"""How long a worker without partitions waits before it asks for some again."""
_PASSING = frozenset({Category.BUSY, Category.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker works with."""

    owner: str  # unique for this process
    journal: Journal
    database: Database
    plans: InForce
    reconciling: Reconciling
    clock: Clock
    done: Callable[[Sequence[Account]], None]  # told after each commit
    wanted: int  # most partitions to hold
    most: int = 256  # most messages of one transaction
    held: Callable[[Fault], None] = lambda _: None  # told when a round could not be finished
    watch: Stopwatch = field(default_factory=Stopwatch)  # what the rounds take, by stage
    ticks_us: Callable[[], int] = ticks_us  # for leases and durations: a clock that is never set


class Worker:
    """One worker. `step` does one round and says whether there was anything to do."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._leases: dict[int, Lease] = {}
        self._cursor = 0
        self._look_us = 0  # when to look for leases again
        self._watch = Watch(LEASE_US, around.ticks_us)
        self._pace = first_pace(around.most)
        self.held = False  # the last round could not be finished: the store is busy or full

    @property
    def partitions(self) -> frozenset[int]:
        return frozenset(self._leases)

    def step(self) -> bool:
        """Do one round. StorageBrokenError means that the process has to end."""
        self.held = False
        self._around.watch.start()
        try:
            self._keep_leases()
            return bool(self._leases) and self._work()
        except StorageBrokenError:
            raise
        except FaultError as error:
            if error.fault.code == "fenced-off":
                self._forget()
            elif error.fault.category in _PASSING:
                self.held = True
            else:
                raise
            self._around.held(error.fault)
            return False

    def stop(self) -> None:
        """Give the leases back and leave the share to others; safe to call twice."""
        with self._around.database.write() as tx:
            release(tx, list(self._leases.values()))
            depart(tx, self._around.owner)
        self._forget()

    def _forget(self) -> None:
        self._leases = {}
        self._look_us = 0

    def _keep_leases(self) -> None:
        around = self._around
        now_us = around.ticks_us()
        if now_us < self._look_us:
            return
        self._look_us = now_us + LOOK_US
        head = around.journal.head()
        with around.database.write() as tx:
            found = claim(tx, around.owner, around.wanted, self._watch, head)
        self._leases = {lease.partition: lease for lease in found}
        self._look_us = now_us + (RENEW_US if found else LOOK_US)
        self._cursor = min((lease.position for lease in found), default=0)

    def _work(self) -> bool:
        journal = self._around.journal
        stalled = any(lease.stalls for lease in self._leases.values())
        limit = 1 if stalled else self._pace.size
        try:
            mine = self.partitions | {EVERYONES}
            batch = journal.read_on(self._cursor, limit, MAX_BYTES, mine)
        except FaultError as error:
            if error.fault.code != "journal-corrupt":
                raise
            return self._set_aside(error.fault)
        self._around.watch.lap("read")
        entries, upto = self._heeded(batch)
        if entries and stalled:
            self._try(entries[0], upto)
        elif entries:
            self._take(self._prepared(entries), upto)
        elif upto > self._cursor and upto >= journal.head():
            self._catch_up(upto)
        moved = upto > self._cursor
        self._cursor = upto
        return moved

    def _heeded(self, batch: Batch) -> tuple[list[Entry], int]:
        """Return what is to be done, and how far: up to an activation that is news.

        When it comes first it is learnt of, so that what is behind it is mapped by it.
        """
        plans = self._around.plans
        found: list[Entry] = []
        for entry in batch.entries:
            if entry.envelope.media_type != ACTIVATION:
                if entry.position > self._leases[entry.partition].position:
                    found.append(entry)
            elif not plans.knows(entry.position):
                if found:
                    return found, entry.position - 1
                plans.learn(entry)
        return found, batch.upto

    def _prepared(self, entries: Sequence[Entry]) -> list[Prepared]:
        """Prepare entries, each replay behind the entry it asks for once more."""
        items = []
        for entry in entries:
            item = self._timed(entry, entry.position)
            if item.decision and item.decision.act == "replay":
                again = self._around.journal.entry(item.decision.of)
                items += [self._timed(again, entry.position)] if again else []
            items.append(item)
        return items

    def _timed(self, entry: Entry, at: int) -> Prepared:
        """Prepare an entry by the plans that hold at a position: at its own, or at its replay's."""
        watch = self._around.watch
        item = prepare(entry, self._around.plans.at(at), watch.lap)
        watch.book(_kind(item), "map", "validate", "sight")
        return item

    def _set_aside(self, corrupt: Fault) -> bool:
        """Quarantine the next entry, which is not what was written, and go on behind it."""
        position = int(corrupt.where.rpartition(" ")[2])
        nothing = Envelope("", "", "", b"", self._around.clock.now_us())
        self._take([Prepared(Entry(position, 0, nothing), fault=corrupt)], position)
        self._cursor = position
        return True

    def _try(self, entry: Entry, upto: int) -> None:
        """Work on one entry by itself, in writing: it may be what ended the lives before."""
        database = self._around.database
        with database.write() as tx:
            deadly = trial.begin(tx, entry.position)
        items = [Prepared(entry, fault=deadly)] if deadly else self._prepared([entry])
        self._take(items, upto)
        with database.write() as tx:
            trial.end(tx, entry.position)

    def _catch_up(self, upto: int) -> None:
        """Everything is read: partitions without traffic need not be read again after a restart."""
        with self._around.database.write() as tx:
            leases = advance_all(tx, self._behind(upto), upto)
        self._hold(leases)

    def _take(self, batch: Sequence[Prepared], upto: int) -> None:
        """Commit a batch, in several if it has to be; the last one moves the offsets to `upto`.

        What is wrong with the machine (a lock, a disk, memory) is no message's fault: it ends the
        round and divides nothing.
        """
        pieces = [(list(batch), upto)]
        while pieces:
            piece, end = pieces.pop()
            try:
                committed = self._commit(piece, end)
            except MemoryError:
                raise
            except FaultError as error:
                if error.fault.category in _PASSING or error.fault.code == "fenced-off":
                    raise
                pieces += _halves(piece, end, error.fault, error)
            except Exception as error:  # noqa: BLE001 - a bug costs one message, not the channel
                pieces += _halves(piece, end, bug(error), error)
            else:
                self._around.done(committed.accounts)
                if rest := piece[committed.taken :]:
                    pieces.append((rest, end))

    def _commit(self, piece: Sequence[Prepared], end: int) -> Committed:
        around = self._around
        leases = self._behind(end)
        watch = around.watch
        writing = Writing(
            around.database, around.reconciling, around.clock, watch.lap, around.ticks_us
        )
        committed = commit(writing, piece, leases, end, piece=self._pace.piece)
        done = piece[: committed.taken]
        watch.share(_weights(done))
        self._pace = self._pace.after(
            len(done), committed.held_us, strain=watch.strain(), urged=committed.urged
        )
        self._hold(committed.leases)
        return committed

    def _behind(self, position: int) -> list[Lease]:
        """Leases that reading up to `position` moves; a partition may have been further already."""
        return [lease for lease in self._leases.values() if lease.position < position]

    def _hold(self, leases: Sequence[Lease]) -> None:
        self._leases.update({lease.partition: lease for lease in leases})


def _kind(item: Prepared) -> str:
    return item.mapped.kind if item.mapped else "decision" if item.decision else "none"


def _weights(batch: Sequence[Prepared]) -> Counter[str]:
    """Return how much of a batch's writing falls to each kind: a resource weighs as a message."""
    weights = Counter[str]()
    for item in batch:
        weights[_kind(item)] += 1 + len(item.mapped.contributions if item.mapped else ())
    return weights


def _halves(
    piece: list[Prepared], end: int, fault: Fault, error: Exception
) -> list[tuple[list[Prepared], int]]:
    """Split what would not go in, last half first; one message alone is quarantined."""
    if len(piece) > 1:
        middle = len(piece) // 2
        first = piece[:middle]
        return [(piece[middle:], end), (first, first[-1].entry.position)]
    if piece[0].fault:
        raise error
    return [([Prepared(piece[0].entry, fault=fault)], end)]
