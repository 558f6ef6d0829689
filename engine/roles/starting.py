"""With which plans a daemon starts: with those that hold, whatever lies on the disk by now.

A host that is started again at night, or comes to others that serve the region already, must not
let files hold that somebody is in the middle of changing. What is on the disk comes to hold by
`concord reload`; only a site that has no plan yet gets it from there.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from engine.app import compile_kept, compile_plans, open_journal, open_store, places, site_profile
from engine.core.fault import FaultError
from engine.core.values import Entry
from engine.database.metadata import STORE
from engine.database.protocol import Database
from engine.mapping.library import Library, read_library
from engine.mapping.plan import MappingErrors, Plan
from engine.mapping.program import content_hash
from engine.mapping.strata import Strata
from engine.pipeline.activation import Libraries, SitePlan, in_common, read_activation
from engine.pipeline.activations import last_activation, newest, note
from engine.pipeline.in_force import Plans
from engine.pipeline.plans import kept_library
from engine.security.keys import RegionKey
from engine.settings.region import Region


@dataclass(frozen=True, slots=True)
class Held:
    """What holds: plans by site, with the files they were made from."""

    position: int
    sites: dict[str, SitePlan]
    libraries: Libraries


def held(region: Region, key: RegionKey) -> Held | None:
    """Return what holds in a region, None when nothing ever did.

    A store that has lost its activations gets the last one back from the journal.
    """
    places(region).make()
    with closing(open_store(region, key)) as store:
        store.create(STORE)
        found = held_in(store)
        if found is None and _recalled(region, key, store):
            found = held_in(store)
    return found


def held_in(store: Database) -> Held | None:
    """Return what holds, of a store that is open."""
    with store.read() as tx:
        found = newest(tx)
        if found is None:
            return None
        sites = dict(found.activation.sites)
        libraries = {
            name: library
            for name, one in sites.items()
            if (library := kept_library(tx, one.plan, name)) is not None
        }
    return Held(found.position, sites, in_common(libraries))


def _recalled(region: Region, key: RegionKey, store: Database) -> bool:
    """Look for the last activation in the journal; a journal that is missing is told of later."""
    try:
        journal = open_journal(region, key)
    except FaultError as error:
        if error.fault.code != "journal-missing":
            raise
        return False
    with closing(journal):
        entry = last_activation(journal)
    if entry is not None:
        _note(store, entry)
    return entry is not None


def _note(store: Database, entry: Entry) -> None:
    activation, libraries = read_activation(entry.envelope.body)
    with store.write() as tx:
        note(tx, entry.position, activation, libraries)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The plans to start with, and the sites whose files say otherwise."""

    plans: Plans
    differing: tuple[str, ...]


def beginning(region: Region, key: RegionKey) -> Beginning:
    """Compile what a daemon starts with. MappingErrors when it has to come from wrong files."""
    now = held(region, key)
    if now is None:
        return Beginning(compile_plans(region, key), ())
    strata = {id(library): Strata(library) for library in now.libraries.values()}
    plans = {name: _kept(region, key, now, name, strata) for name in region.sites}
    if missing := [name for name, plan in plans.items() if plan is None]:
        some = replace(region, sites={name: region.sites[name] for name in missing})
        plans |= compile_plans(some, key)
    found = {name: plan for name, plan in plans.items() if plan is not None}
    library = _on_disk(region)
    differing = [
        name
        for name, plan in found.items()
        if library is None or content_hash(library, site_profile(region, name, key)) != plan.id
    ]
    return Beginning(found, tuple(differing))


def _kept(
    region: Region, key: RegionKey, now: Held, name: str, strata: Mapping[int, Strata]
) -> Plan | None:
    """Compile what holds for a site; None when nothing does, or this program cannot read it."""
    one, library = now.sites.get(name), now.libraries.get(name)
    if one is None or library is None:
        return None
    try:
        return compile_kept(region, key, strata[id(library)], library, one.profile)
    except MappingErrors:
        return None


def _on_disk(region: Region) -> Library | None:
    try:
        return read_library(region.mappings_folder)
    except (OSError, UnicodeDecodeError):
        return None
