"""Conformance kit: what every inbound channel has to prove, whatever its protocol.

A channel supplies a `Bench`: how to build it, and a sender that speaks its protocol. Each check
runs the real channel against an intake in memory and returns a sentence saying what was broken, or
an empty text. Deliveries are numbered; the sender knows what it was told, the intake what it took,
and the two are compared: no counter of the channel is believed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from engine.core.fault import Category, Fault
from engine.plugin.memory import MemoryIntake, surroundings
from engine.plugin.protocol import Admission, Inbound, Surroundings

WAIT_S = 5.0
SHORT_S = 0.2

Check = Callable[["Bench"], Coroutine[None, None, str]]


class Sender(Protocol):
    """One sending system, connected."""

    async def send(self, number: int) -> bool:
        """Send the delivery and wait for its answer: whether it was accepted.

        ConnectionError when the answer never came.
        """
        ...

    async def close(self) -> None:
        """Close at once, whatever is outstanding."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """One channel on trial. `number_of` reads back which delivery a body is."""

    build: Callable[[Surroundings], Inbound]
    connect: Callable[[str], Awaitable[Sender]]
    number_of: Callable[[bytes], int]


@asynccontextmanager
async def running(channel: Inbound, intake: MemoryIntake) -> AsyncIterator[str]:
    """Run a channel for a while; gives its first address. TimeoutError if it never starts."""
    addresses: list[str] = []
    ready = asyncio.Event()

    def started(places: Sequence[str]) -> None:
        addresses.extend(places)
        ready.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(channel.run(intake, started))
        try:
            async with asyncio.timeout(WAIT_S):
                await ready.wait()
            yield addresses[0]
        finally:
            task.cancel()


@asynccontextmanager
async def connected(bench: Bench, address: str) -> AsyncIterator[Sender]:
    sender = await bench.connect(address)
    try:
        async with asyncio.timeout(WAIT_S):
            yield sender
    finally:
        await sender.close()


@asynccontextmanager
async def on_trial(
    bench: Bench, intake: MemoryIntake, given: Surroundings | None = None
) -> AsyncIterator[Sender]:
    """Run a new channel with one sender connected."""
    channel = bench.build(given or surroundings())
    async with running(channel, intake) as address, connected(bench, address) as sender:
        yield sender


async def starts_and_stops_twice(bench: Bench) -> str:
    """It can be stopped, run again, and stopped again; each time it takes deliveries."""
    intake = MemoryIntake()
    channel = bench.build(surroundings())
    for number in (1, 2):
        async with running(channel, intake) as address, connected(bench, address) as sender:
            if not await sender.send(number):
                return f"run {number}: a good delivery was refused"
    return "" if _numbers(bench, intake) == [1, 2] else "deliveries are missing"


async def stops_before_anyone_connects(bench: Bench) -> str:
    """Stopping an idle channel ends within the time allowed and leaves its address free."""
    channel = bench.build(surroundings())
    async with asyncio.timeout(WAIT_S), running(channel, MemoryIntake()):
        pass
    return channel.check() or ""


async def answers_only_after_the_receipt(bench: Bench) -> str:
    """While the receipt is outstanding the sender hears nothing; then it hears "accepted"."""
    intake = MemoryIntake(hold=True)
    async with on_trial(bench, intake) as sender, asyncio.TaskGroup() as group:
        answer = group.create_task(sender.send(1))
        await asyncio.wait([answer], timeout=SHORT_S)
        early = answer.done()
        intake.release()
        accepted = await answer
    if early:
        return "an answer left before the receipt"
    return "" if accepted else "a good delivery was refused"


async def passes_a_negative_receipt_on(bench: Bench) -> str:
    """A receipt with a fault becomes a negative answer, and the connection goes on."""
    fault = Fault(Category.BUSY, "intake-full", "no room at the moment")
    intake = MemoryIntake(fault=fault)
    async with on_trial(bench, intake) as sender:
        if await sender.send(1):
            return "a delivery that was not stored was accepted"
        intake.fault = None
        return "" if await sender.send(1) else "refused after the fault had passed"


async def survives_a_submit_that_raises(bench: Bench) -> str:
    """An exception behind the channel becomes a negative answer; the next delivery is taken."""
    intake = MemoryIntake(error=RuntimeError("kit"))
    async with on_trial(bench, intake) as sender:
        if await sender.send(1):
            return "a delivery that was not stored was accepted"
        intake.error = None
        return "" if await sender.send(1) else "refused after the failure had passed"


async def refuses_what_is_not_admitted(bench: Bench) -> str:
    """A delivery the site's plan refuses gets a negative answer and is not handed on."""
    fault = Fault(Category.UNSUPPORTED, "unknown-trigger", "no rule for this kind of message")

    def admit(body: bytes) -> Admission:
        return Admission(fault=fault if bench.number_of(body) == 1 else None)

    intake = MemoryIntake()
    async with on_trial(bench, intake, surroundings(admit)) as sender:
        answers = [await sender.send(1), await sender.send(2)]
    if answers != [False, True]:
        return f"answers were {answers}"
    return "" if _numbers(bench, intake) == [2] else "a refused delivery was handed on"


async def waits_while_the_intake_is_full(bench: Bench) -> str:
    """With a full intake nothing is submitted and nothing refused; with room it goes on."""
    intake = MemoryIntake(is_full=True)
    async with on_trial(bench, intake) as sender, asyncio.TaskGroup() as group:
        answer = group.create_task(sender.send(1))
        await asyncio.wait([answer], timeout=SHORT_S)
        early = answer.done() or bool(intake.taken)
        intake.make_room()
        accepted = await answer
    if early:
        return "it went on although the intake was full"
    return "" if accepted else "a good delivery was refused"


async def loses_nothing_over_a_reconnect(bench: Bench) -> str:
    """Cut after every third delivery: all accepted are stored, only unanswered ones twice."""
    intake = MemoryIntake()
    unanswered: set[int] = set()
    async with running(bench.build(surroundings()), intake) as address:
        for number in range(1, 13):
            if number % 3 == 0:
                await _cut_before_the_answer(bench, address, intake, number)
                unanswered.add(number)
            async with connected(bench, address) as sender:
                if not await sender.send(number):
                    return f"delivery {number} was refused"
    times = Counter(_numbers(bench, intake))
    if lost := set(range(1, 13)) - set(times):
        return f"accepted and lost: {sorted(lost)}"
    doubled = {number for number, count in times.items() if count > 1}
    return "" if doubled <= unanswered else f"doubled though answered: {sorted(doubled)}"


async def _cut_before_the_answer(
    bench: Bench, address: str, intake: MemoryIntake, number: int
) -> None:
    intake.hold = True
    sender = await bench.connect(address)
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(_unanswered(sender, number))
        async with asyncio.timeout(WAIT_S):
            await intake.arrival()
        await sender.close()
        await answer
    intake.release()


async def _unanswered(sender: Sender, number: int) -> None:
    try:
        await sender.send(number)
    except ConnectionError:
        return


def _numbers(bench: Bench, intake: MemoryIntake) -> list[int]:
    return [bench.number_of(envelope.body) for envelope in intake.taken]


CHECKS: tuple[Check, ...] = (
    starts_and_stops_twice,
    stops_before_anyone_connects,
    answers_only_after_the_receipt,
    passes_a_negative_receipt_on,
    survives_a_submit_that_raises,
    refuses_what_is_not_admitted,
    waits_while_the_intake_is_full,
    loses_nothing_over_a_reconnect,
)
