"""A channel's share of the intake: bounded by itself, and by the intake behind it."""

import asyncio

import pytest

from engine.core.values import HL7_V2, Envelope, Receipt
from engine.plugin.memory import MemoryIntake
from engine.plugin.share import Share


def envelope(body: bytes = b"x") -> Envelope:
    return Envelope("adt", "mercy", HL7_V2, body, 0)


def ignore(_: Receipt) -> None:
    return


def test_it_is_full_by_count_and_by_bytes() -> None:
    intake = MemoryIntake(hold=True)
    share = Share(intake, max_bytes=10, max_count=3)
    share.submit(envelope(), ignore)
    share.submit(envelope(), ignore)
    assert not share.full()
    share.submit(envelope(), ignore)
    assert share.full()
    large = Share(intake, max_bytes=10, max_count=3)
    large.submit(envelope(b"x" * 10), ignore)
    assert large.full()
    assert not intake.full()


def test_it_is_full_when_the_intake_is() -> None:
    assert Share(MemoryIntake(is_full=True), 10, 10).full()


def test_receipts_pass_through_and_make_room() -> None:
    async def run() -> list[object]:
        intake = MemoryIntake(hold=True)
        share = Share(intake, max_bytes=1000, max_count=2)
        seen: list[object] = []
        share.submit(envelope(), seen.append)
        share.submit(envelope(), seen.append)
        share.on_drained(lambda: seen.append("room"))
        intake.release()
        await asyncio.sleep(0)
        assert not share.full()
        return seen

    assert asyncio.run(run()) == [Receipt(1), Receipt(2), "room"]


def test_waiting_for_the_intake_behind_it() -> None:
    intake = MemoryIntake(is_full=True)
    share = Share(intake, 10, 10)
    seen: list[str] = []
    share.on_drained(lambda: seen.append("room"))
    assert seen == []
    intake.make_room()
    assert seen == ["room"]


def test_a_submit_that_raises_uses_nothing_up() -> None:
    intake = MemoryIntake(error=RuntimeError("disk"))
    share = Share(intake, max_bytes=10, max_count=1)
    with pytest.raises(RuntimeError):
        share.submit(envelope(), ignore)
    assert not share.full()


def test_a_flood_on_one_channel_leaves_room_for_the_other() -> None:
    intake = MemoryIntake(hold=True)
    flooded, quiet = Share(intake, 10_000, 4), Share(intake, 10_000, 4)
    while not flooded.full():
        flooded.submit(envelope(), ignore)
    assert not quiet.full()
