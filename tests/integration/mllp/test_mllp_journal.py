"""From the wire to the disk: the listener over the real journal, with little room and with SIGKILL.

The oracle is the sender's own record of what was acknowledged, compared with the journal read back
by a new process; no counter of listener or journal is believed.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from channels.mllp.framing import wrap
from channels.mllp.inbound import SPEC
from engine.core.values import Entry
from engine.journal.group_commit import GroupCommit
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.plugin.memory import surroundings
from engine.plugin.protocol import Intake
from engine.plugin.share import Share

PROGRAM = """
import asyncio, sys
from pathlib import Path
from channels.mllp.inbound import SPEC
from engine.journal.group_commit import GroupCommit
from engine.journal.sqlite import SqliteJournal
from engine.plugin.memory import surroundings

async def run():
    folder = Path(sys.argv[1])
    intake = GroupCommit(
        lambda: SqliteJournal(folder, lambda _: None), max_bytes=10_000_000, max_count=1000
    )
    intake.start()
    channel = SPEC.build(SPEC.config(port=0), surroundings())
    await channel.run(intake, lambda places: print(places[0], flush=True))

asyncio.run(run())
"""

Message = Callable[..., bytes]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    found_journal(tmp_path, lambda _: None, instance="trial")
    return tmp_path


def read_back(folder: Path) -> list[Entry]:
    opened = SqliteJournal(folder, lambda _: None)
    try:
        entries: list[Entry] = []
        while batch := opened.read_on(entries[-1].position if entries else 0, 500, 1 << 24, None):
            if not batch.entries:
                return entries
            entries += batch.entries
        return entries
    finally:
        opened.close()


def control_ids(entries: list[Entry]) -> list[str]:
    return [entry.envelope.body.split(b"|")[9].decode() for entry in entries]


async def pipelined(connect: Any, address: str, name: int, message: Message) -> list[str]:
    """Send sixty messages at once; returns the control ids acknowledged, in that order."""
    client = await connect(address)
    try:
        frames = [wrap(message(f"{name}-{number}", "Z" * 2000)) for number in range(60)]
        client.writer.write(b"".join(frames))
        answers = [await client.answer() for _ in frames]
        assert {code for code, _ in answers} == {"AA"}
        return [control_id for _, control_id in answers]
    finally:
        await client.close()


@pytest.mark.parametrize("shared", [False, True])
def test_little_room_refuses_nothing_and_keeps_order(
    journal: Path, connect: Any, mllp_message: Message, shared: bool
) -> None:
    async def run() -> list[list[str]]:
        intake = GroupCommit(
            lambda: SqliteJournal(journal, lambda _: None), max_bytes=100_000, max_count=16
        )
        intake.start()
        given: Intake = Share(intake, 20_000, 5) if shared else intake
        channel = SPEC.build(SPEC.config(port=0), surroundings())
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(channel.run(given, lambda at: address.set_result(at[0])))
            where = await address
            async with asyncio.TaskGroup() as senders:
                tasks = [
                    senders.create_task(pipelined(connect, where, name, mllp_message))
                    for name in range(6)
                ]
            task.cancel()
        await intake.stop()
        return [one.result() for one in tasks]

    acknowledged = asyncio.run(run())
    stored = control_ids(read_back(journal))
    assert Counter(stored) == Counter(one for each in acknowledged for one in each)
    for name, each in enumerate(acknowledged):
        assert each == [f"{name}-{number}" for number in range(60)]
        assert [one for one in stored if one.startswith(f"{name}-")] == each


BHS = b"BHS|^~\\&|TEST|MERCY|ENGINE|NORTH|||||B-1\r"


async def batch(connect: Any, address: str, bodies: list[bytes]) -> list[tuple[str, str]]:
    """Send all in one frame; returns code and control id of each answer. ConnectionError: none."""
    client = await connect(address, limit=1 << 24)
    try:
        client.writer.write(wrap(BHS + b"".join(bodies) + b"BTS|%d\r" % len(bodies)))
        answer = await client.reader.readuntil(b"\x1c\r")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error
    finally:
        await client.close()
    rows = [line.decode().split("|") for line in answer.split(b"\r")]
    return [(row[1], row[2]) for row in rows if row[0] == "MSA"]


def test_little_room_refuses_nothing_of_a_batch(
    journal: Path, connect: Any, mllp_message: Message
) -> None:
    names = [f"b{number}" for number in range(2000)]

    async def run() -> list[tuple[str, str]]:
        intake = GroupCommit(
            lambda: SqliteJournal(journal, lambda _: None), max_bytes=100_000, max_count=64
        )
        intake.start()
        channel = SPEC.build(SPEC.config(port=0), surroundings())
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(channel.run(intake, lambda at: address.set_result(at[0])))
            bodies = [mllp_message(name, "ZZZ|" + "z" * 1000 + "\r") for name in names]
            answers = await batch(connect, await address, bodies)
            task.cancel()
        await intake.stop()
        return answers

    assert asyncio.run(run()) == [("AA", name) for name in names]
    assert control_ids(read_back(journal)) == names


def test_no_message_of_an_answered_batch_is_lost_to_a_kill(
    journal: Path, connect: Any, mllp_message: Message
) -> None:
    acknowledged: list[str] = []

    async def talk(address: str, name: str) -> None:
        for number in range(1000):
            bodies = [mllp_message(f"{name}-{number}-{n}", "ZZZ|1\r" * 60) for n in range(100)]
            try:
                answers = await batch(connect, address, bodies)
            except ConnectionError:
                return
            assert [code for code, _ in answers] == ["AA"] * 100
            acknowledged.extend(control_id for _, control_id in answers)

    async def run(address: str, round_: int, kill: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(talk(address, f"{round_}{name}"))
            await asyncio.sleep(0.4 + round_ * 0.07)
            kill()

    for round_ in range(3):
        words = [sys.executable, "-c", PROGRAM, str(journal)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                asyncio.run(run(process.stdout.readline().strip(), round_, process.kill))
            finally:
                process.kill()
    stored = Counter(control_ids(read_back(journal)))
    assert len(acknowledged) >= 100
    assert [one for one in acknowledged if stored[one] != 1] == []
    assert len(stored) - len(acknowledged) <= 3 * 3 * 100  # stored, killed before the answer


def test_nothing_acknowledged_is_lost_to_a_kill(
    journal: Path, connect: Any, mllp_message: Message
) -> None:
    acknowledged: list[str] = []

    async def talk(address: str, name: str) -> None:
        client = await connect(address)
        try:
            for number in range(100_000):
                code, control_id = await client.ask(f"{name}-{number}")
                assert code == "AA"
                acknowledged.append(control_id)
        except ConnectionError:
            await client.close()

    async def run(round_: int, address: str, kill: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as group:
            for name in "abcdef":
                group.create_task(talk(address, f"{round_}{name}"))
            await asyncio.sleep(0.2 + round_ * 0.05)
            kill()

    for round_ in range(3):
        words = [sys.executable, "-c", PROGRAM, str(journal)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            asyncio.run(run(round_, process.stdout.readline().strip(), process.kill))
    stored = Counter(control_ids(read_back(journal)))
    assert len(acknowledged) > 50
    assert [one for one in acknowledged if stored[one] != 1] == []
    assert len(stored) - len(acknowledged) <= 3 * 6  # stored, killed before the answer
