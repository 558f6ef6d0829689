"""The channel at work: polls, compares and gets what was named, side by side, in its turn.

Nothing that happens here ends the channel but the engine itself: a server that fails is asked
again, a store that is busy is waited for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from channels.fhir_pull.chain import Desk, Errand, follow
from channels.fhir_pull.course import Course, key_of, resumed
from channels.fhir_pull.deliver import Counter
from channels.fhir_pull.event import PullCompared
from channels.fhir_pull.named import fetch_named
from channels.fhir_pull.quota import SECOND_US
from channels.fhir_pull.resolve import networks
from channels.fhir_pull.server import Manners, Server
from channels.fhir_pull.settings import FhirPull, Search
from channels.fhir_pull.timetable import next_us
from channels.fhir_pull.token import Tokens
from channels.fhir_pull.wire import Bounds, wire
from engine.core.fault import Category, FaultError, refuse
from engine.plugin.event import ChannelFailed
from engine.plugin.protocol import Intake, Surroundings
from engine.plugin.recall import Memory
from engine.plugin.span import seconds

LOOK_S = 1.0  # how soon something new is noticed
RETRY_S = 30.0  # how soon a search that was refused is tried again, if not polled sooner
TURN_S = 5.0  # how often this process shows that it lives


def bounds_of(settings: FhirPull) -> Bounds:
    return Bounds(
        timeout_s=settings.timeout_s,
        max_bytes=settings.max_page_bytes,
        allowed=networks(settings.allow),
        ca=settings.ca,
    )


@asynccontextmanager
async def reached(settings: FhirPull, around: Surroundings) -> AsyncIterator[Server]:
    """Give the server of the settings for as long as the block runs."""
    async with wire(bounds_of(settings)) as line:
        tokens = Tokens(settings.auth, line, around.clock) if settings.auth else None
        longest_s = seconds(settings.longest_wait)
        per_s, per_minute = settings.max_requests_per_s, settings.max_requests_per_minute
        yield Server(line, tokens, Manners(per_s, per_minute, longest_s), around)


@dataclass(slots=True)
class Runner:
    """One life of the channel."""

    desk: Desk
    courses: dict[str, Course]

    async def run(self) -> None:
        """Work until cancelled. FaultError `fenced-off` when another host has the turn."""
        settings = self.desk.settings
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_turn())
            if settings.resources:
                group.create_task(self._again(self._poll))
                group.create_task(self._again(self._compare))
            if settings.events:
                group.create_task(self._again(self._named))

    async def _keep_turn(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            await self._guarded(self._show_life)

    async def _again(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Do it again and again; at once while it says that there is more.

        While what is behind us fails, ever more seldom: what cannot be remembered would come again.
        """
        every_s = min(LOOK_S, seconds(self.desk.settings.every))
        failures = 0
        while True:
            more = await self._guarded(work)
            failures = failures + 1 if more is None else 0
            wait_s = min(RETRY_S, every_s * 2.0 ** min(failures, 10))
            await asyncio.sleep(0 if more else wait_s)

    async def _guarded(self, work: Callable[[], Awaitable[bool]]) -> bool | None:
        """Return what it says, None when it failed. FaultError `fenced-off` alone gets out."""
        around = self.desk.around
        try:
            return await work()
        except FaultError as error:
            if error.fault.code == "fenced-off":
                raise
            around.report(ChannelFailed(around.channel, around.site, error.fault.code))
        except Exception:  # noqa: BLE001 - this channel must not end the intake of every site
            around.report(ChannelFailed(around.channel, around.site, "unexpected-error"))
        return None

    async def _show_life(self) -> bool:
        if not await asyncio.to_thread(self.desk.memory.take_turn):
            text = "another host fetches for this channel now"
            raise refuse(Category.CONFLICT, "fenced-off", text)
        return False

    async def _named(self) -> bool:
        return await fetch_named(self.desk)

    async def _poll(self) -> bool:
        more = False
        for search in self.desk.settings.resources:
            errand = self._errand(search, whole=False)
            if search.by == "last-updated" and self._is_due(errand):
                more |= await self._step(errand)
        return more

    async def _compare(self) -> bool:
        more = False
        for search in self.desk.settings.resources:
            errand = self._errand(search, whole=True)
            if self._is_due(errand):
                more |= await self._step(errand)
        return more

    def _errand(self, search: Search, *, whole: bool) -> Errand:
        return Errand(search, key_of(self.desk.settings.base_url, search), whole)

    async def _step(self, errand: Errand) -> bool:
        """Do some pages; tell whether the chain goes on at once."""
        before = self.courses.get(errand.note, Course())
        course = await follow(self.desk, errand, before)
        self.courses[errand.note] = course
        finished = course.ended_us != before.ended_us
        if finished and errand.whole:
            await self._compared(errand, course)
        return bool(course.next) and not course.code

    async def _compared(self, errand: Errand, course: Course) -> None:
        memory, around = self.desk.memory, self.desk.around
        unseen = await asyncio.to_thread(memory.forget_unseen, errand.key, course.begun_us)
        around.report(PullCompared(around.channel, around.site, count=unseen))

    def _is_due(self, errand: Errand) -> bool:
        """A chain goes on as soon as the server can be asked; a new one begins at its time."""
        now_us = self.desk.around.clock.now_us()
        course = self.courses.get(errand.note, Course())
        passed_us = now_us - course.tried_us
        every_s = seconds(self.desk.settings.every)
        rest_s = min(every_s, RETRY_S) if course.code else every_s
        rested = not 0 <= passed_us < int(rest_s * SECOND_US)
        if course.code and self.desk.server.fault is not None:
            return self.desk.server.is_ready
        if course.next and not course.code:
            return True
        if not errand.whole or course.next or course.code:
            return rested
        return self._is_time(errand, course, now_us)

    def _is_time(self, errand: Errand, course: Course, now_us: int) -> bool:
        """The first poll of a search compares as well, so the next comparison is a while away."""
        last_us = course.begun_us or self.courses.get(errand.key, Course()).first_us
        if not last_us:
            return errand.search.by == "compare"
        due_us = next_us(self.desk.settings.compare, self.desk.around.timezone, last_us)
        return due_us is not None and due_us <= now_us


async def open_and_run(
    settings: FhirPull, around: Surroundings, intake: Intake, memory: Memory
) -> None:
    """Wait for the turn, work, and begin again when it is lost or cannot begin; until cancelled."""
    while True:
        code = ""
        try:
            await _life(settings, around, intake, memory)
        except* FaultError as several:
            code = _first(several).fault.code
        except* Exception:  # noqa: BLE001 - this channel must not end the intake of every site
            code = "unexpected-error"
        around.tally.trouble = code
        around.report(ChannelFailed(around.channel, around.site, code))
        await asyncio.sleep(min(TURN_S, seconds(settings.every)))


async def _life(settings: FhirPull, around: Surroundings, intake: Intake, memory: Memory) -> None:
    """Work from one turn to its loss. FaultError of the store, and of files that are missing."""
    await _until_turn(memory)
    notes = await asyncio.to_thread(memory.notes)
    courses = {name: resumed(text) for name, text in notes.items()}
    async with reached(settings, around) as server:
        around.tally.trouble = ""
        counter = Counter(around, intake, memory)
        await Runner(Desk(settings, server, counter, memory, around), courses).run()


def _first(several: BaseExceptionGroup[FaultError]) -> FaultError:
    first = several.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _until_turn(memory: Memory) -> None:
    """Look again and again: the turn is another host's, of which no event tells us."""
    while not await asyncio.to_thread(memory.take_turn):  # noqa: ASYNC110
        await asyncio.sleep(TURN_S)
