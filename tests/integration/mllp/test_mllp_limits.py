"""Bad senders over a real socket: refused in bounded time and memory, others unharmed."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from channels.mllp.framing import MAX_JUNK_BYTES, wrap
from engine.core.fault import FaultError
from engine.plugin.memory import MemoryIntake

Message = Callable[..., bytes]


def test_garbage_ends_the_connection_and_no_other(serve: Any) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as good, listener.client() as bad:
            assert await good.ask(1) == ("AA", "1")
            await bad.write(b"\x17\x03\x01\x02\x00" * (MAX_JUNK_BYTES // 5 + 1))
            assert await bad.closed()
            assert await good.ask(2) == ("AA", "2")
            assert listener.codes("partial-dropped") == ["frame-missing"]
            assert listener.tally.received == 2

    asyncio.run(run())


def test_a_message_without_a_frame_is_answered_after_the_deadline(
    serve: Any, mllp_message: Message
) -> None:
    async def run() -> None:
        async with serve(frame_deadline_s=0.2) as listener, listener.client() as client:
            await client.write(mllp_message("bare"))
            assert await client.answer() == ("AR", "bare")
            assert await client.closed()
            assert listener.intake.taken == []

    asyncio.run(run())


def test_garbage_in_a_frame_is_refused_and_the_connection_goes_on(serve: Any) -> None:
    async def run() -> None:
        async with serve() as listener, listener.client() as client:
            for garbage in (b"", b"\x00\x01 no header", b"GET / HTTP/1.1\r\n\r\n", b"MSH"):
                await client.write(wrap(garbage))
                assert await client.answer() == ("AR", "")
            assert await client.ask(2) == ("AA", "2")
            assert listener.control_ids() == ["2"]
            assert (listener.tally.received, listener.tally.refused) == (5, 4)

    asyncio.run(run())


def test_a_frame_beyond_the_limit_is_refused_and_closed(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        async with serve(max_frame_bytes=2048) as listener, listener.client() as client:
            await client.write(wrap(mllp_message("big", "Z" * 4096)))
            assert await client.answer() == ("AR", "big")
            assert await client.closed()
            assert listener.intake.taken == []
            assert listener.codes("delivery-refused") == ["frame-too-large"]

    asyncio.run(run())


def test_a_frame_without_end_is_held_only_up_to_the_limit(serve: Any) -> None:
    async def run() -> None:
        async with serve(max_frame_bytes=100_000) as listener, listener.client() as client:
            await client.write(b"\x0bMSH|")
            with pytest.raises(ConnectionError):
                await client.flood(b"x" * 50_000)
            assert listener.tally.bytes_received < 1_000_000
            assert listener.intake.taken == []

    asyncio.run(run())


def test_unfinished_frames_together_are_bounded(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        limits = {"max_frame_bytes": 1_000_000, "max_held_bytes": 1_000_000}
        async with serve(**limits) as listener, listener.client() as small:
            await small.write(wrap(mllp_message(1, "Z" * 300_000))[:-2])
            await listener.until(lambda: listener.tally.bytes_received > 300_000)
            async with listener.client() as large:
                with contextlib.suppress(ConnectionError):
                    await large.write(b"\x0bMSH|" + b"x" * 900_000)
                assert await large.closed()
            await small.write(b"\x1c\r")
            assert await small.answer() == ("AA", "1")
            assert listener.codes("peer-dropped") == ["too-many-bytes-held"]

    asyncio.run(run())


def test_a_trickling_sender_is_closed_at_the_deadline(serve: Any) -> None:
    async def run() -> None:
        async with serve(frame_deadline_s=0.4) as listener, listener.client() as good:
            async with listener.client() as slow, asyncio.timeout(3):
                await slow.write(b"\x0bMSH|")
                with pytest.raises(ConnectionError):
                    await slow.flood(b"x", pause_s=0.02)
            assert await good.ask(1) == ("AA", "1")
            assert listener.codes("peer-dropped") == ["frame-deadline"]
            assert listener.control_ids() == ["1"]

    asyncio.run(run())


def test_the_deadline_is_of_one_frame_not_of_the_connection(serve: Any) -> None:
    async def run() -> None:
        async with serve(frame_deadline_s=0.4) as listener, listener.client() as client:
            for number in range(8):
                assert await client.ask(number) == ("AA", str(number))
                await asyncio.sleep(0.1)
            assert listener.codes("peer-dropped") == []

    asyncio.run(run())


def test_fs_without_cr_is_an_end_after_a_moment_of_silence(
    serve: Any, mllp_message: Message
) -> None:
    async def run() -> None:
        async with serve(end_grace_s=0.1) as listener, listener.client() as client:
            await client.write(wrap(mllp_message(1))[:-1])
            assert await client.answer() == ("AA", "1")
            await client.write(b"\r" + wrap(mllp_message(2)))
            assert await client.answer() == ("AA", "2")
            assert listener.control_ids() == ["1", "2"]

    asyncio.run(run())


def test_a_reset_in_the_middle_of_a_frame(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        async with serve() as listener:
            async with listener.client() as client:
                await client.write(wrap(mllp_message(1))[:40])
                await listener.until(lambda: listener.tally.bytes_received == 40)
            await listener.until(lambda: listener.tally.connections == 0)
            assert listener.intake.taken == []
            assert listener.codes("partial-dropped") == ["connection-lost"]

    asyncio.run(run())


def test_too_many_connections_are_closed_and_the_others_stay(serve: Any) -> None:
    async def run() -> None:
        async with serve(max_connections=2) as listener:
            async with listener.client() as one, listener.client() as two:
                assert await one.ask(1) == ("AA", "1")
                assert await two.ask(2) == ("AA", "2")
                async with listener.client() as three:
                    assert await three.closed()
                assert await one.ask(3) == ("AA", "3")
            await listener.until(lambda: listener.tally.connections == 0)
            async with listener.client() as four:
                assert await four.ask(4) == ("AA", "4")
            assert listener.codes("peer-dropped") == ["too-many-connections"]

    asyncio.run(run())


def test_connections_of_one_peer_are_bounded(serve: Any) -> None:
    async def run() -> None:
        async with serve(max_connections_per_peer=1) as listener, listener.client() as one:
            assert await one.ask(1) == ("AA", "1")
            async with listener.client() as two:
                assert await two.closed()
            assert listener.codes("peer-dropped") == ["too-many-connections-of-peer"]
            assert listener.tally.connections_refused == 1

    asyncio.run(run())


def test_only_listed_networks_may_connect(serve: Any) -> None:
    async def run() -> None:
        async with serve(allow=["10.0.0.0/8"]) as listener, listener.client() as client:
            assert await client.closed()
            assert listener.codes("peer-dropped") == ["peer-not-allowed"]
        async with serve(allow=["127.0.0.0/8"]) as listener, listener.client() as client:
            assert await client.ask(1) == ("AA", "1")

    asyncio.run(run())


def test_an_idle_connection_is_closed_where_the_site_wants_that(serve: Any) -> None:
    async def run() -> None:
        async with serve(idle_timeout_s=0.2) as listener, listener.client() as client:
            assert await client.ask(1) == ("AA", "1")
            assert await client.closed()
            assert listener.codes("peer-dropped") == ["idle"]

    asyncio.run(run())


def test_a_full_intake_stops_the_sender_and_bounds_memory(
    serve: Any, mllp_message: Message
) -> None:
    async def run() -> None:
        intake = MemoryIntake(is_full=True)
        frames = b"".join(wrap(mllp_message(number, "Z" * 10_000)) for number in range(2000))
        async with serve(intake, frame_deadline_s=0.3) as listener, listener.client() as client:
            client.writer.write(frames)
            await asyncio.sleep(1)
            assert intake.taken == []
            # read and held: what one call gave. The rest lies with the system and the sender
            assert listener.tally.bytes_received <= 512 * 1024
            intake.make_room()
            answers = [await client.answer() for _ in range(2000)]
            assert answers == [("AA", str(number)) for number in range(2000)]
            assert listener.codes("peer-dropped") == []  # waiting for us is not the sender's fault

    asyncio.run(run())


def test_a_slow_disk_bounds_what_is_unanswered(serve: Any, mllp_message: Message) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake, max_pipelined=10) as listener, listener.client() as client:
            await client.write(b"".join(wrap(mllp_message(number)) for number in range(100)))
            await listener.until(lambda: intake.held == 10)
            await asyncio.sleep(0.1)
            assert intake.held == 10
            intake.release()
            assert [await client.answer() for _ in range(100)] == [
                ("AA", str(number)) for number in range(100)
            ]

    asyncio.run(run())


def flood(port: int, frames: bytes) -> None:
    """Send and never read, from a thread: on the listener's own loop both would wait together."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(20)
        deaf.connect(("127.0.0.1", port))
        while True:
            deaf.sendall(frames)


def test_a_sender_that_never_reads_its_answers_is_closed(serve: Any, mllp_message: Message) -> None:
    frames = b"".join(wrap(mllp_message(number)) for number in range(200))

    async def run() -> None:
        async with serve(frame_deadline_s=1) as listener:
            port = int(listener.address.rpartition(":")[2])
            with pytest.raises(ConnectionError):
                await asyncio.to_thread(flood, port, frames)
            assert listener.codes("peer-dropped") == ["answers-not-read"]

    asyncio.run(run())


def test_a_taken_port_is_said_before_and_at_the_start(serve: Any) -> None:
    async def run() -> None:
        async with serve() as listener:
            port = int(listener.address.rpartition(":")[2])
            with pytest.raises(ExceptionGroup) as caught:
                async with serve(port=port):
                    raise AssertionError("it started")
            (error,) = caught.value.exceptions
            assert isinstance(error, FaultError)
            assert error.fault.code == "port-in-use"

    asyncio.run(run())


@pytest.mark.parametrize(("drain_s", "answered"), [(5, True), (0.2, False)])
def test_stopping_waits_for_receipts_but_not_forever(
    serve: Any, mllp_message: Message, drain_s: float, answered: bool
) -> None:
    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with contextlib.AsyncExitStack() as later, asyncio.timeout(3):
            async with serve(intake, drain_s=drain_s) as listener:
                client = await later.enter_async_context(listener.client())
                await client.write(wrap(mllp_message(1)))
                await intake.arrival()
                if answered:
                    asyncio.get_running_loop().call_later(0.1, intake.release)
            told = ["stopped-before-answer", "stopped"]
            assert listener.codes("peer-dropped") == ([] if answered else told)
            if answered:
                assert await client.answer() == ("AA", "1")
            assert await client.closed()

    asyncio.run(run())
