"""Answers over a real socket: order, pipelining, refusals, lost answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from channels.mllp.framing import wrap
from engine.core.fault import Category, Fault
from engine.plugin.memory import MemoryIntake
from engine.plugin.protocol import Admission

Message = Callable[..., bytes]


def test_two_frames_in_one_read(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            await client.write(wrap(mllp_message(1)) + wrap(mllp_message(2)))
            assert [await client.answer(), await client.answer()] == [("AA", "1"), ("AA", "2")]
            assert listener.control_ids() == ["1", "2"]

    asyncio.run(run())


def test_two_hundred_pipelined_frames_are_answered_in_order(
    serve: Any, mllp_message: Message
) -> None:
    async def run() -> None:
        async with serve(max_pipelined=50) as listener, listener.client() as client:
            await client.write(b"".join(wrap(mllp_message(number)) for number in range(200)))
            answers = [await client.answer() for _ in range(200)]
            assert answers == [("AA", str(number)) for number in range(200)]
            assert listener.control_ids() == [str(number) for number in range(200)]

    asyncio.run(run())


def test_order_holds_when_receipts_come_late_and_refusals_at_once(
    serve: Any, mllp_message: Message
) -> None:
    fault = Fault(Category.UNSUPPORTED, "unknown-trigger", "no rule", "MSH-9")

    def admit(body: bytes) -> Admission:
        return Admission(fault=fault if b"|even|" in body else None)

    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake, admit) as listener, listener.client() as client:
            ids = ["odd", "even", "odd", "even"]
            await client.write(b"".join(wrap(mllp_message(name)) for name in ids))
            await listener.until(lambda: intake.held == 2)
            await asyncio.sleep(0.05)
            assert client.waiting == []
            intake.release()
            assert [await client.answer() for _ in ids] == [
                ("AA", "odd"),
                ("AR", "even"),
                ("AA", "odd"),
                ("AR", "even"),
            ]
            assert listener.control_ids() == ["odd", "odd"]
            assert listener.codes("delivery-refused") == ["unknown-trigger"] * 2

    asyncio.run(run())


def test_a_lost_answer_and_the_resend(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake) as listener:
            async with listener.client() as client:
                await client.write(wrap(mllp_message("A")))
                await intake.arrival()
            await listener.until(lambda: listener.tally.connections == 0)
            intake.release()
            async with listener.client() as client:
                assert await client.ask("A") == ("AA", "A")
            assert listener.control_ids() == ["A", "A"]  # the same bytes: a duplicate downstream
            assert intake.taken[0].body == intake.taken[1].body
            assert (listener.tally.lost, listener.tally.accepted) == (1, 1)

    asyncio.run(run())


def test_the_body_arrives_as_sent(serve: Any) -> None:
    body = b"MSH|^~\\&|A|B|C|D|||ADT^A01|7|P|2.3\rZZZ|\xff\xfe\x0b\x00\r\n\r"

    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            await client.write(wrap(body))
            assert await client.answer() == ("AA", "7")
            (envelope,) = listener.intake.taken
            assert envelope.body == body
            assert (envelope.channel, envelope.site) == ("trial", "mercy")
            assert envelope.received_us > 0

    asyncio.run(run())


def test_admission_gives_control_id_and_lane(serve: Any) -> None:
    async def run() -> None:
        def admit(_: bytes) -> Admission:
            return Admission("C1", "MR:77")

        async with serve(admit=admit) as listener, listener.client() as client:
            assert await client.ask("C1") == ("AA", "C1")
            assert listener.intake.taken[0].control_id == "C1"
            assert listener.intake.taken[0].lane == "MR:77"

    asyncio.run(run())


def test_an_admission_that_raises_is_a_refusal(serve: Any) -> None:
    async def run() -> None:
        def admit(body: bytes) -> Admission:
            if b"|bad|" in body:
                raise KeyError("bad")
            return Admission()

        async with serve(admit=admit) as listener, listener.client() as client:
            code, control_id = await client.ask("bad")
            assert (code in {"AE", "AR"}, control_id) == (True, "bad")
            assert await client.ask("good") == ("AA", "good")
            assert listener.codes("channel-failed") == ["admission-failed"]

    asyncio.run(run())


def test_a_sender_that_closes_its_side_gets_its_answers(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake) as listener, listener.client() as client:
            await client.write(wrap(mllp_message(1)) + wrap(mllp_message(2))[:-1])
            client.writer.write_eof()
            await listener.until(lambda: intake.held == 2)
            intake.release()
            assert [await client.answer(), await client.answer()] == [("AA", "1"), ("AA", "2")]
            assert await client.closed()

    asyncio.run(run())


def test_several_connections_do_not_wait_for_each_other(serve: Any) -> None:
    async def run() -> None:
        async with serve() as listener:

            async def talk(name: int) -> list[tuple[str, str]]:
                async with listener.client() as client:
                    return [await client.ask(f"{name}-{number}") for number in range(20)]

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(talk(name)) for name in range(16)]
            for name, task in enumerate(tasks):
                assert task.result() == [("AA", f"{name}-{number}") for number in range(20)]
            assert listener.tally.connections_total == 16
            assert listener.tally.accepted == 320

    asyncio.run(run())


@pytest.mark.parametrize("accept", ["NE", "ER"])
def test_a_sender_that_wants_no_answer_gets_none(serve: Any, accept: str) -> None:
    body = f"MSH|^~\\&|A|B|C|D|||ADT^A01|7|P|2.5.1|||{accept}|NE\r".encode()

    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            await client.write(wrap(body))
            assert await client.ask("next") == ("AA", "next")
            assert listener.tally.accepted == 2

    asyncio.run(run())
