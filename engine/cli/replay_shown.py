"""What a replay says while it is at work, and what came of it."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict

from engine.pipeline.rederive.course import FOLD, Course

_TELL_S = 1.0
_PHASES = {
    "fold": "reading messages",
    "adopt": "putting resources in place",
    "create": "adding new resources",
    "identity": "bringing identity up to date",
    "account": "correcting accounts",
}


def shown(steps: Iterator[Course]) -> Course:
    """Go through the steps of a replay, saying on a terminal how far it is; returns the last."""
    began_s = told_s = time.monotonic()
    terminal = sys.stderr.isatty()
    course = next(steps)
    for course in steps:
        if terminal and time.monotonic() - told_s > _TELL_S:
            told_s = time.monotonic()
            print(f"\r\x1b[K{_progress(course, told_s - began_s)}", end="", file=sys.stderr)
    if terminal:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return course


def _progress(course: Course, seconds: float) -> str:
    text = _PHASES[course.phase]
    if course.phase == FOLD:
        return f"{text}: {course.folded} of {course.goal} journal entries, {seconds:.0f} s"
    done = f"{course.changed} changed, {course.created} new, {course.removed} removed"
    return f"{text}: {done}, {seconds:.0f} s"


def summary(course: Course) -> str:
    """Say what came of a replay."""
    return (
        f"{course.site}: {course.messages} messages mapped again; {course.changed} resources"
        f" changed, {course.created} new, {course.removed} no longer produced"
    )


def as_dict(course: Course) -> dict[str, object]:
    """Return the counts of a replay for programs."""
    wanted = ("site", "plan", "messages", "changed", "created", "removed")
    return {name: value for name, value in asdict(course).items() if name in wanted}
