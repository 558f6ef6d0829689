"""Every plan that ever mapped a message, kept so that it can be asked again.

A plan is named by its content hash; the mapping files it was compiled from lie in the store, so the
lines that made a resource can be found years after the files have changed.
"""

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.mapping.library import Library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.pipeline.tables import PLAN

_KEEP = inserting(
    PLAN,
    *("plan", "site", "library", "chain", "timezone", "charset", "processing", "first_us"),
    "last_us",
    on_conflict="replace",
    replaced=("last_us",),
)
_NEWEST = Statement(
    select(PLAN.c.plan)
    .where(PLAN.c.site == bindparam("site_"))
    .order_by(PLAN.c.last_us.desc(), PLAN.c.first_us.desc())
    .limit(1),
    "site_",
)
_FIND = Statement(
    select(
        PLAN.c.site,
        PLAN.c.timezone,
        PLAN.c.chain,
        PLAN.c.charset,
        PLAN.c.processing,
        PLAN.c.library,
    ).where(PLAN.c.plan == bindparam("plan_"), PLAN.c.site == bindparam("site_")),
    *("plan_", "site_"),
)


def keep_plans(tx: Transaction, plans: Mapping[str, Plan], library: Library, now_us: int) -> None:
    """Keep the files of these plans, once for each plan and site."""
    text = library.to_bytes()
    for plan in plans.values():
        site = plan.site
        chain, processing = ",".join(site.chain), ",".join(site.processing)
        tx.run(
            _KEEP,
            *(plan.id, site.name, text, chain, site.timezone, site.charset, processing),
            *(now_us, now_us),
        )


def newest_plan(tx: Transaction, site: str) -> str:
    """Return the plan the last daemon that started uses for a site, empty when none ever did."""
    row = tx.one(_NEWEST, site)
    return str(row[0]) if row else ""


def kept_plan(tx: Transaction, plan_id: str, site: str, id_key: bytes) -> Plan | None:
    """Compile a plan of the past again, or None when it was never used here."""
    row = tx.one(_FIND, plan_id, site)
    if row is None:
        return None
    name, timezone, chain, charset, processing, text = row
    profile = SiteProfile(
        name=name,
        timezone=timezone,
        chain=tuple(chain.split(",")),
        id_key=id_key,
        charset=charset,
        processing=tuple(processing.split(",")),
    )
    return compile_plan(Library.from_bytes(text), profile)
