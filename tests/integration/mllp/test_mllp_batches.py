"""Batches over MLLP: many messages in a frame, each a delivery of its own, answered as one."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from channels.mllp.framing import wrap
from engine.core.fault import Category, Fault
from engine.core.values import Envelope, Receipt
from engine.plugin.memory import MemoryIntake
from engine.plugin.protocol import Admission

Message = Callable[..., bytes]
BHS = b"BHS|^~\\&|TEST|MERCY|ENGINE|NORTH|20261120103000||||B-1\r"
REFUSED = Fault(Category.UNSUPPORTED, "unknown-trigger", "no rule", "MSH-9")


def refuse_odd(body: bytes) -> Admission:
    number = int(body.split(b"|")[9])
    return Admission(str(number), fault=REFUSED if number % 2 else None)


@pytest.fixture
def batch(mllp_message: Message) -> Callable[..., bytes]:
    def build(numbers: range, declared: object = None, more: str = "EVN|A01\r") -> bytes:
        count = len(numbers) if declared is None else declared
        messages = b"".join(mllp_message(number, more) for number in numbers)
        return BHS + messages + f"BTS|{count}\r".encode()

    return build


async def whole_answer(client: Any) -> list[list[str]]:
    """Return the segments of the next frame that comes back, cut into fields."""
    async with asyncio.timeout(20):
        frame = await client.reader.readuntil(b"\x1c\r")
    assert frame[:1] == b"\x0b"
    return [line.split("|") for line in frame[1:-2].decode().split("\r")[:-1]]


def names(answer: list[list[str]]) -> list[str]:
    return [line[0] for line in answer]


def told(answer: list[list[str]]) -> list[tuple[str, str]]:
    return [(line[1], line[2]) for line in answer if line[0] == "MSA"]


def test_each_message_is_a_delivery_and_has_its_answer(
    serve: Any, batch: Callable[..., bytes]
) -> None:
    async def run() -> None:
        async with serve(admit=refuse_odd) as listener, listener.client() as client:
            await client.write(wrap(batch(range(4))))
            answer = await whole_answer(client)
            assert answer[0][:6] == ["BHS", "^~\\&", "ENGINE", "NORTH", "TEST", "MERCY"]
            assert answer[0][11] == "B-1"
            assert told(answer) == [("AA", "0"), ("AR", "1"), ("AA", "2"), ("AR", "3")]
            assert names(answer) == [
                "BHS",
                *("MSH", "MSA", "MSH", "MSA", "ERR", "MSH", "MSA", "MSH", "MSA", "ERR"),
                "BTS",
            ]
            assert answer[-1] == ["BTS", "4"]
            assert listener.control_ids() == ["0", "2"]
            tally = listener.tally
            assert (tally.received, tally.accepted, tally.refused) == (4, 2, 2)
            assert await client.ask(4) == ("AA", "4")

    asyncio.run(run())


def test_only_errors(serve: Any, batch: Callable[..., bytes]) -> None:
    async def run() -> None:
        settings = {"batch_answers": "errors"}
        async with serve(admit=refuse_odd, **settings) as listener, listener.client() as client:
            await client.write(wrap(batch(range(4))) + wrap(batch(range(0, 8, 2))))
            answer = await whole_answer(client)
            assert told(answer) == [("AR", "1"), ("AR", "3")]
            assert answer[-1] == ["BTS", "2"]
            assert names(await whole_answer(client)) == ["BHS", "BTS"]  # nothing was wrong

    asyncio.run(run())


def test_no_answer_where_none_is_wanted(
    serve: Any, batch: Callable[..., bytes], mllp_message: Message
) -> None:
    async def run() -> None:
        async with serve(batch_answers="none") as listener, listener.client() as client:
            await client.write(wrap(batch(range(3))) + wrap(mllp_message(3)))
            assert await client.answer() == ("AA", "3")
            assert listener.control_ids() == ["0", "1", "2", "3"]

    asyncio.run(run())


def test_a_wrong_count_is_said_on_both_sides_and_loses_nothing(
    serve: Any, batch: Callable[..., bytes]
) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            await client.write(wrap(b"FHS|^~\\&|TEST\r" + batch(range(3), 5) + b"FTS|2\r"))
            answer = await whole_answer(client)
            assert answer[-2][2].startswith("3 messages received")
            assert answer[-1][2].startswith("1 batches received")
            assert listener.codes("batch-miscounted") == [
                "batch-count-mismatch",
                "file-count-mismatch",
            ]
            assert listener.control_ids() == ["0", "1", "2"]

    asyncio.run(run())


def test_messages_side_by_side_are_answered_one_by_one(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            await client.write(wrap(mllp_message(1) + mllp_message(2)))
            assert [await client.answer(), await client.answer()] == [("AA", "1"), ("AA", "2")]
            assert listener.control_ids() == ["1", "2"]

    asyncio.run(run())


def test_an_empty_batch_is_answered_by_one(serve: Any, batch: Callable[..., bytes]) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            await client.write(wrap(batch(range(0))))
            assert names(await whole_answer(client)) == ["BHS", "BTS"]
            assert listener.tally.received == 0

    asyncio.run(run())


def test_nothing_is_answered_before_the_last_receipt_and_the_order_holds(
    serve: Any, batch: Callable[..., bytes], mllp_message: Message
) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake) as listener, listener.client() as client:
            await client.write(wrap(batch(range(3))) + wrap(mllp_message("next")))
            await listener.until(lambda: intake.held == 4)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.1)
            intake.release()
            assert [code for code, _ in told(await whole_answer(client))] == ["AA"] * 3
            assert await client.answer() == ("AA", "next")

    asyncio.run(run())


class SlowIntake(MemoryIntake):
    """Has room for few; counts the most that ever lay in it."""

    room = 40

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.most = 0

    def full(self) -> bool:
        return self.inside >= self.room

    def submit(self, envelope: Envelope, done: Callable[[Receipt], None]) -> None:
        assert not self.full()
        self.inside += 1
        self.most = max(self.most, self.inside)
        asyncio.get_running_loop().call_later(0.001, self.take, envelope, done)

    def take(self, envelope: Envelope, done: Callable[[Receipt], None]) -> None:
        self.inside -= 1
        self.taken.append(envelope)
        done(Receipt(len(self.taken)))
        if not self.inside:
            self.make_room()


@pytest.mark.parametrize("limits", [{}, {"max_pipelined": 1}, {"max_pipelined": 7}])
def test_back_pressure_holds_inside_a_batch(
    serve: Any, batch: Callable[..., bytes], limits: dict[str, int]
) -> None:
    async def run() -> None:
        intake = SlowIntake()
        async with serve(intake, **limits) as listener, listener.client() as client:
            await client.write(wrap(batch(range(300))))
            assert told(await whole_answer(client)) == [("AA", str(n)) for n in range(300)]
            assert intake.most <= limits.get("max_pipelined", SlowIntake.room)
            assert await client.ask("after") == ("AA", "after")
            assert listener.tally.pending == 0

    asyncio.run(run())


def test_a_large_batch_keeps_within_its_memory(serve: Any, batch: Callable[..., bytes]) -> None:
    frame = wrap(batch(range(5000), more="ZZZ|" + "z" * 1400 + "\r"))

    async def run() -> int:
        intake = MemoryIntake()
        wide = {"limit": 10_000_000}
        async with serve(intake) as listener, listener.client(**wide) as client:
            tracemalloc.start()
            await client.write(frame)
            answer = await client.reader.readuntil(b"BTS|5000\r\x1c\r")
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert answer.count(b"MSA|AA|") == 5000
            assert listener.tally.accepted == 5000
            assert len(set(listener.control_ids())) == 5000
            return peak - sum(len(one.body) for one in intake.taken)

    assert asyncio.run(run()) < 4 * len(frame)


def test_others_are_served_while_a_batch_is_read(serve: Any, batch: Callable[..., bytes]) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as large, listener.client() as small:
            await large.write(wrap(batch(range(20_000))))
            await listener.until(lambda: listener.tally.received > 0)
            assert await small.ask("small") == ("AA", "small")
            assert listener.tally.received < 20_000
            await listener.until(lambda: listener.tally.accepted == 20_001)

    asyncio.run(run())


def test_a_sender_that_goes_in_the_middle_is_told_nothing_and_sends_again(
    serve: Any, batch: Callable[..., bytes]
) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake, max_pipelined=10) as listener:
            async with listener.client() as client:
                await client.write(wrap(batch(range(50))))
                await listener.until(lambda: intake.held == 10)
            intake.release()
            await listener.until(lambda: listener.tally.connections == 0)
            async with listener.client() as again:
                await again.write(wrap(batch(range(50))))
                assert len(told(await whole_answer(again))) == 50
            assert set(listener.control_ids()) == {str(number) for number in range(50)}
            tally = listener.tally
            assert tally.received == tally.accepted + tally.lost == len(intake.taken)

    asyncio.run(run())


def test_stopping_in_the_middle_gives_no_answer_to_the_half(
    serve: Any, batch: Callable[..., bytes]
) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with asyncio.timeout(5):
            async with serve(intake, max_pipelined=10) as listener:
                client = await listener.client().__aenter__()
                await client.write(wrap(batch(range(50))))
                await listener.until(lambda: intake.held == 10)
                asyncio.get_running_loop().call_later(0.05, intake.release)
            assert await client.reader.read() == b""
            await client.close()
        assert listener.codes("peer-dropped") == []
        assert len(listener.control_ids()) == 10

    asyncio.run(run())


def test_a_batch_that_waits_counts_among_what_is_held(
    serve: Any, batch: Callable[..., bytes]
) -> None:
    async def run() -> None:
        intake = MemoryIntake(is_full=True)
        frame = wrap(batch(range(100), more="ZZZ|" + "z" * 1000 + "\r"))
        async with serve(intake, max_held_bytes=int(len(frame) * 1.5)) as listener:
            async with listener.client() as one, listener.client() as two:
                await one.write(frame)
                await listener.until(lambda: listener.tally.bytes_received == len(frame))
                await two.write(frame)
                await listener.until(lambda: listener.tally.connections == 1)
            assert listener.codes("peer-dropped") == ["too-many-bytes-held"]

    asyncio.run(run())
