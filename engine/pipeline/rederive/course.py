"""How far a replay has come: one row per site, written with whatever it counts."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from engine.core.fault import Category, refuse
from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.rederive.tables import COURSE

_COLUMNS = tuple(column.name for column in COURSE.columns)
_READ = Statement(select(COURSE).where(COURSE.c.site == bindparam("site_")), "site_")
_WRITE = inserting(COURSE, *_COLUMNS, on_conflict="replace")
_END = Statement(delete(COURSE).where(COURSE.c.site == bindparam("site_")), "site_")

FOLD, ADOPT, CREATE, IDENTITY, ACCOUNT = "fold", "adopt", "create", "identity", "account"
PHASES = (FOLD, ADOPT, CREATE, IDENTITY, ACCOUNT)


@dataclass(frozen=True, slots=True)
class Course:
    """The columns of the table, in their order."""

    site: str
    plan: str
    phase: str
    folded: int
    goal: int
    cursor: str
    messages: int = 0
    changed: int = 0
    created: int = 0
    removed: int = 0

    @property
    def mark(self) -> str:
        """Return the name of the part of the site that is meant, empty for all of it."""
        return self.cursor if self.phase == FOLD else ""


def read(tx: Transaction, site: str) -> Course | None:
    """Return how far a site's replay is, None when none is under way."""
    row = tx.one(_READ, site)
    return None if row is None else Course(*row)


def write(tx: Transaction, course: Course) -> None:
    values = (getattr(course, name) for name in _COLUMNS)
    tx.run(_WRITE, *values)


def require(tx: Transaction, course: Course) -> None:
    """FaultError `replay-elsewhere` when somebody else has moved it on, ended or begun it anew.

    The shadow is theirs then: what is not in it would be taken for what no message says any more.
    """
    if read(tx, course.site) != course:
        message = "another replay of the site is at work"
        raise refuse(Category.CONFLICT, "replay-elsewhere", message, f"site {course.site}")


def end(tx: Transaction, site: str) -> None:
    """Say that a site's replay is over."""
    tx.run(_END, site)
