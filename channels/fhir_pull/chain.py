"""One search, page after page: each is in the journal before the next is asked for.

A server may send us round in circles: the same page again, pages without an end, links elsewhere.
Each is a fault of this search alone, after which it begins anew at its next time.
"""

import asyncio
import hashlib
from dataclasses import dataclass, replace

from channels.fhir_pull.course import Course, begun, ended, failed, first_url, turned
from channels.fhir_pull.deliver import Counter, Why
from channels.fhir_pull.event import PullRefused
from channels.fhir_pull.origin import next_of
from channels.fhir_pull.page import Sheet, sheet
from channels.fhir_pull.quota import date_us
from channels.fhir_pull.server import Server
from channels.fhir_pull.settings import FhirPull, Search
from engine.core.failpoint import failpoint
from engine.core.fault import Category, Fault, FaultError
from engine.plugin.protocol import Surroundings
from engine.plugin.recall import Deed, Held, Memory
from engine.plugin.span import seconds

LARGE_BYTES = 64 * 1024
_LOOP = Fault(Category.UNAVAILABLE, "page-loop", "the server's pages lead round in a circle")
_MOST_EMPTY = 50  # pages in a row without a resource; some servers search first and filter then


@dataclass(frozen=True, slots=True)
class Desk:
    """What it takes to fetch for one channel."""

    settings: FhirPull
    server: Server
    counter: Counter
    memory: Memory
    around: Surroundings


@dataclass(frozen=True, slots=True)
class Errand:
    """A search to go through: `whole` compares everything, else only what changed is asked for."""

    search: Search
    key: str  # what it is remembered under
    whole: bool

    @property
    def note(self) -> str:
        return f"{self.key} compare" if self.whole else self.key


async def follow(desk: Desk, errand: Errand, course: Course) -> Course:
    """Go on with a chain or begin one, some pages of it; returns how far it got.

    What the server refuses is noted in the course. FaultError of what is behind us alone.
    """
    now_us = desk.around.clock.now_us()
    course = replace(course, tried_us=now_us) if course.next else begun(course, now_us)
    seen: set[str] = set()
    empty = 0
    for _ in range(desk.settings.max_pages):
        url = course.next or _first(desk, errand, course)
        if url in seen or empty > _MOST_EMPTY:
            return await _refused(desk, errand, course, _LOOP)
        seen.add(url)
        try:
            page, course = await _turn(desk, errand, course, url)
        except FaultError as error:
            return await _refused(desk, errand, course, error.fault)
        if not course.next:
            break
        empty = 0 if page.found else empty + 1
        if page.found and (content := _content(page)) in seen:
            return await _refused(desk, errand, course, _LOOP)
        if page.found:
            seen.add(content)
    return course


def _first(desk: Desk, errand: Errand, course: Course) -> str:
    settings = desk.settings
    overlap_us = int(seconds(settings.overlap) * 1_000_000)
    given = (settings.base_url, errand.search, course, settings.page_size, overlap_us)
    return first_url(*given, whole=errand.whole)


async def _turn(desk: Desk, errand: Errand, course: Course, url: str) -> tuple[Sheet, Course]:
    """Fetch a page, hand it on and remember it."""
    answer = await desk.server.get(url, f"{errand.search.type}, page {course.pages + 1}")
    page = await _read(answer.body)
    next_url = next_of(desk.settings.base_url, url, page.next) if page.next else ""
    whole = errand.whole or not course.mark_us
    handed = await desk.counter.hand_on(
        page.found, Why(errand.key, course.begun_us if whole else 0)
    )
    if handed.fault is not None:
        raise FaultError(handed.fault)
    course = turned(course, page.found, next_url, date_us(answer.headers) or 0)
    if not next_url:
        course = ended(course, desk.around.clock.now_us())
    failpoint("before-watermark")
    await _keep(desk, errand, course, handed.held)
    return page, course


async def _read(body: bytes) -> Sheet:
    """Read a page. One that nobody can read is asked for again: what is in it is still to come."""
    try:
        return sheet(body) if len(body) <= LARGE_BYTES else await asyncio.to_thread(sheet, body)
    except FaultError as error:
        found = replace(error.fault, category=Category.UNAVAILABLE)
        raise FaultError(found) from error


async def _refused(desk: Desk, errand: Errand, course: Course, fault: Fault) -> Course:
    """Note what stood in the way. A page that will never come begins the chain anew."""
    if fault.code == "fenced-off":
        raise FaultError(fault)
    again = fault.category not in {Category.UNAVAILABLE, Category.BUSY} or fault == _LOOP
    noted = failed(replace(course, next="") if again else course, fault)
    if desk.server.fault is None and course.code != fault.code:
        around = desk.around
        around.report(PullRefused(around.channel, around.site, fault.code))
    await _keep(desk, errand, noted, ())
    return noted


async def _keep(desk: Desk, errand: Errand, course: Course, held: tuple[Held, ...]) -> None:
    deed = Deed(notes={errand.note: course.to_text()}, held=held)
    await asyncio.to_thread(desk.memory.keep, deed)


def _content(page: Sheet) -> str:
    names = "\n".join(f"{one.name} {one.digest}" for one in page.found)
    return hashlib.sha256(names.encode()).hexdigest()
