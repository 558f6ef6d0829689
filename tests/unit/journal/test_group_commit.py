import asyncio
import threading
from collections.abc import Awaitable, Callable, Container, Sequence

import pytest

from engine.core.fault import Category, Fault, FaultError
from engine.core.values import HL7_V2, Entry, Envelope, Receipt
from engine.database.fault import BROKEN, FULL, StorageBrokenError
from engine.journal.group_commit import GroupCommit
from engine.journal.protocol import Batch, JournalIdentity


class MemoryJournal:
    """Keeps what is appended, once the test lets it; raises what the test puts into `failures`."""

    def __init__(self) -> None:
        self.groups: list[list[Envelope]] = []
        self.failures: list[Exception] = []
        self.closed = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def identity(self) -> JournalIdentity:
        return JournalIdentity("memory", 1, 1)

    def append(self, envelopes: Sequence[Envelope]) -> list[int]:
        self.entered.set()
        assert self.gate.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        for envelope in envelopes:
            envelope.control_id.encode()
        first = self.head() + 1
        self.groups.append(list(envelopes))
        return list(range(first, first + len(envelopes)))

    def head(self) -> int:
        return sum(len(group) for group in self.groups)

    def read_on(
        self, after: int, limit: int, max_bytes: int, partitions: Container[int] | None
    ) -> Batch:
        return Batch((), after)

    def entry(self, position: int) -> Entry | None:
        return None

    def close(self) -> None:
        self.closed += 1


class Sender:
    """Submits envelopes and keeps the answers by control id."""

    def __init__(self, commit: GroupCommit) -> None:
        self.commit = commit
        self.answers: dict[str, Receipt] = {}
        self.threads: set[int] = set()
        self._sent = 0
        self._complete = asyncio.Event()

    def send(self, *names: str, size: int = 10) -> None:
        for name in names:
            envelope = Envelope("adt", "mercy", HL7_V2, b"x" * size, 0, name)
            self.commit.submit(envelope, self._answered(name))
            self._sent += 1
            self._complete.clear()

    def _answered(self, name: str) -> Callable[[Receipt], None]:
        def done(receipt: Receipt) -> None:
            assert name not in self.answers
            self.answers[name] = receipt
            self.threads.add(threading.get_ident())
            if len(self.answers) == self._sent:
                self._complete.set()

        return done

    async def all_answered(self) -> None:
        async with asyncio.timeout(10):
            await self._complete.wait()

    def faults(self) -> dict[str, Fault | None]:
        return {name: receipt.fault for name, receipt in self.answers.items()}


Play = Callable[[MemoryJournal, Sender], Awaitable[None]]


def run(play: Play, *, max_bytes: int = 1000, max_count: int = 100) -> MemoryJournal:
    journal = MemoryJournal()

    async def played() -> None:
        commit = GroupCommit(lambda: journal, max_bytes=max_bytes, max_count=max_count)
        commit.start()
        try:
            await play(journal, Sender(commit))
        finally:
            journal.gate.set()
            await commit.stop()

    asyncio.run(played())
    return journal


async def paused(journal: MemoryJournal, sender: Sender) -> None:
    """Let the committer stand inside an append of one envelope."""
    journal.gate.clear()
    sender.send("first")
    await asyncio.to_thread(journal.entered.wait, 10)


def test_an_envelope_gets_its_position_on_the_loop_thread() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        sender.send("a")
        await sender.all_answered()
        assert sender.answers == {"a": Receipt(1)}
        assert sender.threads == {threading.get_ident()}

    assert run(play).closed == 1


def test_what_arrives_during_a_commit_is_the_next_group() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        await paused(journal, sender)
        sender.send("a", "b", "c")
        journal.gate.set()
        await sender.all_answered()
        assert [sender.answers[name].position for name in ("first", "a", "b", "c")] == [1, 2, 3, 4]

    assert [len(group) for group in run(play).groups] == [1, 3]


def test_nothing_is_answered_before_the_append_returns() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        await paused(journal, sender)
        await asyncio.sleep(0.05)
        assert sender.answers == {}

    run(play)


def test_a_full_disk_is_told_to_the_group_and_the_next_tries_again() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        journal.failures.append(FaultError(FULL))
        await paused(journal, sender)
        sender.send("a")
        journal.gate.set()
        await sender.all_answered()
        assert sender.faults() == {"first": FULL, "a": None}

    run(play)


def test_broken_storage_ends_all_acknowledging() -> None:
    told: list[Fault] = []

    async def play(journal: MemoryJournal, sender: Sender) -> None:
        sender.commit.on_broken(told.append)
        journal.failures.append(StorageBrokenError(BROKEN))
        await paused(journal, sender)
        sender.send("a", "b")
        journal.gate.set()
        await sender.all_answered()
        sender.send("later")
        await sender.all_answered()
        assert set(sender.faults().values()) == {BROKEN}

    assert run(play).groups == []
    assert told == [BROKEN]


def test_an_unforeseen_failure_leaves_nobody_waiting() -> None:
    told: list[Fault] = []

    async def play(journal: MemoryJournal, sender: Sender) -> None:
        sender.commit.on_broken(told.append)
        journal.failures.append(ZeroDivisionError())
        sender.send("a")
        await sender.all_answered()

    run(play)
    assert [(fault.category, fault.code) for fault in told] == [(Category.BUG, "journal-failed")]


def test_an_envelope_that_cannot_be_written_does_not_take_others_along() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        await paused(journal, sender)
        sender.send("a", "\udc80", "b")
        journal.gate.set()
        await sender.all_answered()
        faults = sender.faults()
        assert [faults[name] for name in ("first", "a", "b")] == [None] * 3
        assert (refused := faults["\udc80"]) is not None
        assert refused.code == "not-writable"

    run(play)


def test_beyond_the_bounds_the_answer_is_busy() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        await paused(journal, sender)
        sender.send("a", "b", "c", "d")
        await asyncio.sleep(0)
        assert sender.faults().keys() == {"d"}
        assert (fault := sender.faults()["d"]) is not None
        assert (fault.category, fault.code) == (Category.BUSY, "intake-full")

    assert run(play, max_count=4).head() == 4


def test_the_bound_on_bytes_holds_and_one_envelope_always_has_room() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        sender.send("huge", size=5000)
        await sender.all_answered()
        await paused(journal, sender)
        sender.send("fits", size=980)
        sender.send("over", size=20)
        journal.gate.set()
        await sender.all_answered()
        refused = [name for name, fault in sender.faults().items() if fault]
        assert refused == ["over"]

    run(play)


@pytest.mark.parametrize(("size", "count"), [(10, 4), (500, 100)])
def test_senders_pause_when_it_is_half_full_and_go_on_when_drained(size: int, count: int) -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        went_on = asyncio.Event()
        await paused(journal, sender)
        assert not sender.commit.full()
        sender.send("a", size=size)
        assert sender.commit.full()
        sender.commit.on_drained(went_on.set)
        await asyncio.sleep(0.02)
        assert not went_on.is_set()
        journal.gate.set()
        async with asyncio.timeout(10):
            await went_on.wait()
        assert not sender.commit.full()

    run(play, max_count=count)


def test_waiting_for_room_that_is_there_ends_at_once() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        went_on = asyncio.Event()
        sender.commit.on_drained(went_on.set)
        async with asyncio.timeout(1):
            await went_on.wait()

    run(play)


def test_a_callback_that_raises_keeps_nobody_from_an_answer() -> None:
    errors: list[dict[str, object]] = []

    def failing(receipt: Receipt) -> None:
        raise ZeroDivisionError

    async def play(journal: MemoryJournal, sender: Sender) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, seen: errors.append(seen))
        await paused(journal, sender)
        envelope = Envelope("adt", "mercy", HL7_V2, b"", 0)
        sender.commit.submit(envelope, failing)
        sender.send("a")
        journal.gate.set()
        await sender.all_answered()

    run(play)
    assert [type(error["exception"]) for error in errors] == [ZeroDivisionError]


def test_stopping_writes_what_is_queued_and_refuses_the_rest() -> None:
    async def play(journal: MemoryJournal, sender: Sender) -> None:
        await paused(journal, sender)
        sender.send("a", "b")
        stopping = asyncio.create_task(sender.commit.stop())  # noqa: TID251 - awaited below
        await asyncio.sleep(0)
        sender.send("late")
        journal.gate.set()
        await stopping
        codes = {name: fault and fault.code for name, fault in sender.faults().items()}
        assert codes == {"first": None, "a": None, "b": None, "late": "intake-stopped"}
        await sender.commit.stop()

    assert run(play).closed == 1


def test_stopping_before_starting_is_harmless() -> None:
    async def played() -> list[Receipt]:
        commit = GroupCommit(MemoryJournal, max_bytes=1, max_count=1)
        await commit.stop()
        answers: list[Receipt] = []
        commit.submit(Envelope("adt", "mercy", HL7_V2, b"", 0), answers.append)
        await asyncio.sleep(0)
        return answers

    assert [answer.fault and answer.fault.code for answer in asyncio.run(played())] == [
        "intake-stopped"
    ]


def test_a_journal_that_does_not_open_is_told_at_start() -> None:
    def factory() -> MemoryJournal:
        raise FaultError(FULL)

    async def played() -> None:
        GroupCommit(factory, max_bytes=1, max_count=1).start()

    with pytest.raises(FaultError, match="disk-full"):
        asyncio.run(played())
