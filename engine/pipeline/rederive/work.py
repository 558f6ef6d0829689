"""A replay from its beginning to its end, in steps that each hold the store for a moment.

Killed anywhere, it goes on from its last step. Workers go on writing meanwhile: they and a replay
use one mapping, and each chunk is adopted together with everything they have written.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from engine.core.clock import Clock
from engine.core.failpoint import failpoint
from engine.core.fault import Category, refuse
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.journal.offsets import lowest
from engine.journal.protocol import Journal
from engine.mapping.plan import Plan
from engine.pipeline.pace import first_pace
from engine.pipeline.reconcile import Reconciling
from engine.pipeline.rederive import course as courses
from engine.pipeline.rederive import shadow
from engine.pipeline.rederive.account import account, newly_failing
from engine.pipeline.rederive.adopt import Deciding, adopt_new, adopt_stored, revise_identity
from engine.pipeline.rederive.course import ACCOUNT, ADOPT, CREATE, FOLD, IDENTITY, PHASES, Course
from engine.pipeline.rederive.fold import Seen, catch_up, fold, is_outdated, lagging, read

_MOST = 512
_GOAL_US = 25_000
"""How long a chunk should work under the lock: it is not cut short for somebody in a hurry."""
_LAGGING = 64
_PAUSE_S = 0.02

Step = Callable[[Transaction, Course, int, Deciding], Course | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a replay works with."""

    journal: Journal
    database: Database
    plan: Plan
    reconciling: Reconciling
    clock: Clock
    accepts_failing: bool = False  # messages the mapping cannot read any more are quarantined


class Replay:
    """One site's replay. `steps` yields how far it is; the last course has the counts."""

    def __init__(self, around: Surroundings, mark: str = "") -> None:
        """`mark` names a part of the site (`engine.pipeline.rederive.part`), empty for all."""
        self._around = around
        self._mark = mark
        self._site = around.plan.site.name
        self._seen = Seen()
        self._pace = first_pace(_MOST, _GOAL_US)

    def steps(self) -> Iterator[Course]:
        """Go on until it is done.

        FaultError `plan-changed` when a daemon mapped messages otherwise meanwhile,
        `replay-failing` when the mapping cannot read what was written until now; nothing has been
        changed then. `replay-elsewhere` when another replay of the site has begun meanwhile.
        """
        course: Course | None = self.begin()
        last = course
        while course is not None:
            last = course
            yield course
            course = self._next(course)
        self._tidy(last)

    def _next(self, course: Course) -> Course | None:
        if course.phase == FOLD:
            return self._fold(course)
        return self._step(course, _CHUNKS[course.phase])

    def begin(self) -> Course:
        """Return how far it is; written down anew when there is nothing to go on from."""
        around = self._around
        with around.database.read() as tx:
            found = courses.read(tx, self._site)
            usable = (
                found
                and (found.plan, found.mark) == (around.plan.id, self._mark)
                and not is_outdated(tx, found)
            )
        if found and usable:
            return found
        with around.database.write() as tx:  # first: no one may go on with half a shadow
            courses.end(tx, self._site)
        self._tidy(None)
        course = Course(self._site, around.plan.id, FOLD, 0, around.journal.head(), self._mark)
        with around.database.write() as tx:
            courses.write(tx, course)
        return course

    def _fold(self, course: Course) -> Course:
        around = self._around
        stretch = read(
            around.journal, course.folded, self._pace.size, around.plan, self._seen.beyond
        )
        with self._writing() as tx:
            courses.require(tx, course)
            folded = fold(tx, course, stretch)
            course = self._folded(course, folded.upto, folded.positions)
            if folded.upto >= course.goal:
                self._require_readable(tx)
                course = course if self._mark else replace(course, phase=ADOPT, cursor="")
            courses.write(tx, course)
        if folded.upto < stretch.upto and not stretch.items:
            time.sleep(_PAUSE_S)
        return course

    def _folded(self, course: Course, upto: int, positions: frozenset[int]) -> Course:
        fresh = positions - self._seen.beyond
        self._seen = self._seen.also(positions).settled(upto)
        return replace(course, folded=upto, messages=course.messages + len(fresh))

    def _require_readable(self, tx: Transaction) -> None:
        failing = newly_failing(tx, self._site)
        if failing and not self._around.accepts_failing:
            message = f"the mapping cannot read {len(failing)} messages that were written"
            where = f"message {failing[0]}"
            raise refuse(Category.CONFLICT, "replay-failing", message, where)

    def folding(self) -> Iterator[Course]:
        """Go on until the shadow holds what all messages say; faults as `steps`."""
        course = self.begin()
        yield course
        while course.phase == FOLD and course.folded < course.goal:
            course = self._fold(course)
            yield course

    def chunk(self, course: Course, step: Step) -> Course:
        """Bring the shadow up to now, then do a step of the caller's in the same deed."""
        following = self._step(course, step)
        return course if following is None else following

    def end(self, course: Course) -> None:
        """Drop the shadow of a course that is done."""
        self._tidy(course)

    def _step(self, course: Course, step: Step) -> Course | None:
        """Bring the shadow up to now, then do the next chunk of the phase in the same deed."""
        self._catch_up(course)
        around = self._around
        deciding = Deciding(around.reconciling, around.clock.now_us())
        with self._writing() as tx:
            courses.require(tx, course)
            fresh, _ = catch_up(tx, course, self._seen, around.journal, around.plan, 1 << 30)
            self._seen = self._seen.also(fresh).settled(lowest(tx))
            course = replace(course, messages=course.messages + len(fresh))
            after = step(tx, course, self._pace.size, deciding)
            following = after or _next(course)
            if following is not None:
                courses.write(tx, following)
        failpoint("replay-chunk")
        return following

    def _catch_up(self, course: Course) -> None:
        """Fold what workers have written since, outside of the step that has to have it all."""
        around = self._around
        with around.database.read() as tx:
            complete = lagging(tx, course, self._seen) < _LAGGING
        while not complete:
            with around.database.write() as tx:
                courses.require(tx, course)
                fresh, complete = catch_up(
                    tx, course, self._seen, around.journal, around.plan, _LAGGING
                )
            self._seen = self._seen.also(fresh)
            complete = complete or len(fresh) < _LAGGING

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        """Open a deed, and let the next one be larger or smaller by the work this one took."""
        with self._around.database.write() as tx:
            began_ns = time.thread_time_ns()
            yield tx
            held_us = (time.thread_time_ns() - began_ns) // 1000
        self._pace = self._pace.after(self._pace.size, held_us)

    def _tidy(self, last: Course | None) -> None:
        """Drop the shadow, in pieces; it is that of `last`, or nobody's."""
        complete = False
        while not complete:
            with self._around.database.write() as tx:
                if last is not None:
                    courses.require(tx, last)
                complete = shadow.forget(tx, self._site, _MOST)
                if complete:
                    courses.end(tx, self._site)
        self._seen = Seen()


def _account(tx: Transaction, course: Course, most: int, _: Deciding) -> Course | None:
    return account(tx, course, most)


_CHUNKS: dict[str, Step] = {
    ADOPT: adopt_stored,
    CREATE: adopt_new,
    IDENTITY: revise_identity,
    ACCOUNT: _account,
}


def _next(course: Course) -> Course | None:
    place = PHASES.index(course.phase) + 1
    return replace(course, phase=PHASES[place], cursor="") if place < len(PHASES) else None
