"""How far a search has got: what is remembered of it between two requests, and what comes next.

A chain is a search with all its pages. Only when its last page is in the journal, the watermark
moves: to the newest time the server itself gave a resource, never to a time of ours, and never
beyond what the server said the time was when the chain began. Until then the address of the next
page is kept, so that a chain goes on where a dead process left it. Pure.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from channels.fhir_pull.origin import search_url
from channels.fhir_pull.page import Fetched
from channels.fhir_pull.settings import Search
from engine.core.clock import instant
from engine.core.fault import Fault


@dataclass(frozen=True, slots=True)
class Course:
    """Times are microseconds since 1970 in UTC; 0 is never."""

    mark_us: int = 0  # all the server changed until then is in the journal
    next: str = ""  # page to go on with; empty: no chain is on its way
    begun_us: int = 0  # when the chain on its way, or the last one, began
    ended_us: int = 0  # when a chain was last finished
    first_us: int = 0  # when one was for the first time
    tried_us: int = 0  # when the server was last asked
    high_us: int = 0  # newest time a resource of the chain has
    cap_us: int = 0  # the server's time when the chain began
    pages: int = 0  # of the chain
    count: int = 0  # resources of the chain
    code: str = ""  # what stood in the way last
    where: str = ""

    def to_text(self) -> str:
        return json.dumps(asdict(self))


_OF_THE_SIZE = "answer-too-large"


def key_of(base: str, search: Search) -> str:
    """Name a search by whom and what it asks, so that it is another one when that changes.

    A watermark of one server says nothing of another, and no page of its is asked for there.
    """
    asked = "&".join(f"{name}={value}" for name, value in sorted(search.search.items()))
    return f"{search.type} {hashlib.sha256(f'{base} {asked}'.encode()).hexdigest()[:12]}"


def course_of(text: str) -> Course:
    """Read it back; what cannot be read begins anew."""
    try:
        return Course(**json.loads(text))
    except (TypeError, ValueError):
        return Course()


def resumed(text: str) -> Course:
    """Return where a new life of the channel goes on.

    A page that was too large was asked for with the settings of then: the chain begins anew with
    those of now, as a smaller `page_size`.
    """
    course = course_of(text)
    return replace(course, next="") if course.code == _OF_THE_SIZE else course


def first_url(
    base: str, search: Search, course: Course, page_size: int, overlap_us: int, *, whole: bool
) -> str:
    """Return the address of a chain's first page. Without a watermark everything is asked for."""
    asked = list(search.search.items())
    if course.mark_us and not whole:
        asked.append(("_lastUpdated", f"ge{instant(max(0, course.mark_us - overlap_us))}"))
    if page_size:
        asked.append(("_count", str(page_size)))
    return search_url(base, search.type, asked)


def begun(course: Course, now_us: int) -> Course:
    """Begin a chain."""
    fresh = Course(course.mark_us, ended_us=course.ended_us, first_us=course.first_us)
    return replace(fresh, begun_us=now_us, tried_us=now_us)


def turned(course: Course, found: Sequence[Fetched], next_url: str, served_us: int) -> Course:
    """Note a page that is in the journal. `served_us` is the server's own time, 0 if untold."""
    newest = max((one.updated_us for one in found), default=0)
    return replace(
        course,
        next=next_url,
        pages=course.pages + 1,
        count=course.count + len(found),
        cap_us=course.cap_us or served_us,
        high_us=max(course.high_us, newest),
        code="",
        where="",
    )


def ended(course: Course, now_us: int) -> Course:
    """Note that a chain is finished, and move the watermark.

    A server that gives its resources no times gets its own time, from when the chain began; one
    that tells no time at all leaves the watermark, and is asked for the same again. Where it does
    not say its own time, ours bounds what it gives its resources.
    """
    high_us = course.high_us if course.high_us or not course.count else course.cap_us
    mark_us = max(course.mark_us, min(high_us, course.cap_us or course.begun_us))
    first_us = course.first_us or now_us
    return replace(course, mark_us=mark_us, next="", ended_us=now_us, first_us=first_us)


def failed(course: Course, fault: Fault) -> Course:
    return replace(course, code=fault.code, where=fault.where)
