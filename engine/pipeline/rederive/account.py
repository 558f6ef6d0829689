"""Writes the mapping a site's messages hold by now into their accounts."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, exists, select, update

from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.ledger import DUPLICATE, QUARANTINED, WRITTEN
from engine.pipeline.rederive.course import Course
from engine.pipeline.rederive.tables import FAILING, STRETCH
from engine.pipeline.tables import LEDGER

_FAILS = exists(
    select(FAILING.c.position).where(
        FAILING.c.site == LEDGER.c.site, FAILING.c.position == LEDGER.c.position
    )
)
_MEND = Statement(
    update(LEDGER)
    .where(STRETCH, LEDGER.c.state == QUARANTINED, ~_FAILS)
    .values(state=WRITTEN, category="", code="", place=""),
    *("after_", "upto_", "site_"),
)
_REPLAN = Statement(
    update(LEDGER)
    .where(STRETCH, LEDGER.c.state != DUPLICATE, LEDGER.c.state != QUARANTINED, ~_FAILS)
    .values(plan=bindparam("plan_")),
    *("plan_", "after_", "upto_", "site_"),
)
_REPLAN_ONE = Statement(
    update(LEDGER)
    .where(
        LEDGER.c.position == bindparam("position_"),
        LEDGER.c.state != DUPLICATE,
        LEDGER.c.state != QUARANTINED,
    )
    .values(plan=bindparam("plan_")),
    *("plan_", "position_"),
)
_FAILING = Statement(
    select(FAILING.c.position, FAILING.c.category, FAILING.c.code, FAILING.c.place)
    .where(
        FAILING.c.site == bindparam("site_"),
        FAILING.c.position > bindparam("after_"),
        FAILING.c.position <= bindparam("upto_"),
    )
    .order_by(FAILING.c.position),
    *("after_", "upto_", "site_"),
)
_QUARANTINE = Statement(
    update(LEDGER)
    .where(LEDGER.c.position == bindparam("position_"))
    .values(
        state=QUARANTINED,
        category=bindparam("category_"),
        code=bindparam("code_"),
        place=bindparam("place_"),
        changed=0,
        unchanged=0,
    ),
    *("category_", "code_", "place_", "position_"),
)
_NEWLY = Statement(
    select(FAILING.c.position)
    .where(FAILING.c.site == bindparam("site_"), FAILING.c.news == 1)
    .order_by(FAILING.c.position),
    "site_",
)


def replan(tx: Transaction, positions: Sequence[int], plan: str) -> None:
    """Write the mapping that messages hold by now into their accounts."""
    tx.run_many(_REPLAN_ONE, [(plan, position) for position in positions])


def newly_failing(tx: Transaction, site: str) -> list[int]:
    """Return the messages that were written until now and which the mapping cannot read."""
    return [row[0] for row in tx.all(_NEWLY, site)]


def account(tx: Transaction, course: Course, most: int) -> Course | None:
    """Correct the accounts of the next entries; None behind the last one folded."""
    after = int(course.cursor or 0)
    if after >= course.folded:
        return None
    upto = min(course.folded, after + most)
    stretch = (after, upto, course.site)
    tx.run(_MEND, *stretch)
    tx.run(_REPLAN, course.plan, *stretch)
    failing = tx.all(_FAILING, *stretch)
    tx.run_many(_QUARANTINE, [(*row[1:], row[0]) for row in failing])
    return replace(course, cursor=str(upto))
