"""Group commit over a real journal: each sender is told where its own envelope lies."""

import asyncio
from collections.abc import Callable

from engine.core.values import Envelope, Receipt
from engine.journal.group_commit import GroupCommit
from engine.journal.protocol import Journal

Made = Callable[..., Envelope]


def test_every_sender_is_told_its_own_position(
    opened: Callable[[], Journal], envelope: Made
) -> None:
    told: dict[str, list[Receipt]] = {}

    async def played() -> None:
        commit = GroupCommit(opened, max_bytes=1 << 20, max_count=64)
        commit.start()

        def send(number: int) -> None:
            one = envelope(number, lane=str(number % 7))

            def done(receipt: Receipt) -> None:
                told.setdefault(one.control_id, []).append(receipt)
                if number + 20 < 400:
                    send(number + 20)

            commit.submit(one, done)

        for number in range(20):
            send(number)
        async with asyncio.timeout(30):
            while len(told) < 400:  # noqa: ASYNC110 - the last answer has no event of its own
                await asyncio.sleep(0.01)
        await commit.stop()

    asyncio.run(played())
    journal = opened()
    for name, (receipt,) in told.items():
        entry = journal.entry(receipt.position)
        assert entry is not None
        assert entry.envelope.control_id == name
    assert len({receipts[0].position for receipts in told.values()}) == 400


def test_a_sender_that_heeds_the_pressure_is_never_refused(
    opened: Callable[[], Journal], envelope: Made
) -> None:
    receipts: list[Receipt] = []

    async def played() -> None:
        commit = GroupCommit(opened, max_bytes=1 << 20, max_count=16)
        commit.start()
        for number in range(300):
            if commit.full():
                room = asyncio.Event()
                commit.on_drained(room.set)
                async with asyncio.timeout(10):
                    await room.wait()
            commit.submit(envelope(number), receipts.append)
        await commit.stop()

    asyncio.run(played())
    assert [receipt.fault for receipt in receipts] == [None] * 300
    positions = [receipt.position for receipt in receipts]
    assert positions == sorted(set(positions))
