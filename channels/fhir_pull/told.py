"""Where a pulling channel stands, in lines for people, from what it noted. Pure."""

from collections.abc import Iterator, Mapping

from channels.fhir_pull.course import Course, course_of, key_of
from channels.fhir_pull.settings import FhirPull, Search
from engine.core.clock import instant
from engine.plugin.span import seconds

_MICRO = 1_000_000


def told(settings: FhirPull, notes: Mapping[str, str], now_us: int) -> list[str]:
    """Return a line for each search, and one for what is compared, in the settings' order."""
    lines = [one for search in settings.resources for one in _of(settings, search, notes, now_us)]
    return lines or ["has not searched for anything yet"]


def _of(settings: FhirPull, search: Search, notes: Mapping[str, str], now_us: int) -> Iterator[str]:
    name = " ".join((search.type, *(f"{key}={value}" for key, value in search.search.items())))
    key = key_of(settings.base_url, search)
    if key in notes:
        course = course_of(notes[key])
        every_us = int(seconds(settings.every) * _MICRO)
        due = instant(max(now_us, course.tried_us + every_us))
        yield f"{name}: {_line(course)}{_mark(course, now_us)}, next poll {due}"
    if f"{key} compare" in notes:
        yield f"{name}, compared: {_line(course_of(notes[f'{key} compare']))}"


def _mark(course: Course, now_us: int) -> str:
    if not course.mark_us:
        return ", no watermark yet"
    ago_s = max(0, now_us - course.mark_us) // _MICRO
    return f", watermark {instant(course.mark_us)} ({ago_s} s ago)"


def _line(course: Course) -> str:
    parts = [f"last asked {_time(course.tried_us)}", f"last finished {_time(course.ended_us)}"]
    if course.next:
        parts.append(f"at page {course.pages + 1}")
    if course.code:
        where = f" at {course.where}" if course.where else ""
        parts.append(f"held up by {course.code}{where}")
    return ", ".join(parts)


def _time(time_us: int) -> str:
    return instant(time_us) if time_us else "never"
