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
from engine.pipeline.activation import Libraries, SitePlan, library_of
from engine.pipeline.tables import PLAN
from engine.plugin.functions import installed_functions

_KEEP = inserting(
    PLAN,
    *("plan", "site", "library", "chain", "timezone", "charset", "processing", "first_us"),
    "last_us",
    on_conflict="replace",
    replaced=("last_us",),
)
_TEXT = Statement(
    select(PLAN.c.library).where(PLAN.c.plan == bindparam("plan_"), PLAN.c.site == bindparam("s_")),
    *("plan_", "s_"),
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


def keep_texts(
    tx: Transaction, sites: Mapping[str, SitePlan], libraries: Libraries, now_us: int
) -> None:
    """Keep the files of these plans, once for each plan and site."""
    for name, one in sites.items():
        site, packed = one.profile, libraries[name].to_bytes()
        chain, processing = ",".join(site.chain), ",".join(site.processing)
        tx.run(
            _KEEP,
            *(one.plan, name, packed, chain, site.timezone, site.charset, processing),
            *(now_us, now_us),
        )


def keep_plans(tx: Transaction, plans: Mapping[str, Plan], library: Library, now_us: int) -> None:
    """Keep the files of compiled plans."""
    sites = {name: SitePlan(plan.id, plan.site) for name, plan in plans.items()}
    libraries = {name: library_of(library, plan.site.chain) for name, plan in plans.items()}
    keep_texts(tx, sites, libraries, now_us)


def kept_library(tx: Transaction, plan_id: str, site: str) -> Library | None:
    """Return the files of a plan of the past, or None when it was never used here."""
    row = tx.one(_TEXT, plan_id, site)
    return None if row is None else Library.from_bytes(row[0])


def kept_plan(tx: Transaction, plan_id: str, site: str, id_key: bytes) -> Plan | None:
    """Compile a plan of the past again, or None when it was never used here.

    MappingErrors when it calls a plug-in that is gone, or this program reads another language.
    """
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
        functions=installed_functions(),
    )
    return compile_plan(Library.from_bytes(text), profile)
