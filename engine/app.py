"""The composition root: a region file becomes the objects the roles run, wired here by hand."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from channels.csv_sftp.inbound import SPEC as CSV
from channels.fhir_pull.inbound import SPEC as PULL
from channels.fhir_rest.inbound import SPEC as FHIR
from channels.mllp.inbound import SPEC as MLLP
from engine.core.clock import SystemClock
from engine.core.collector import at_rest
from engine.core.fault import Category, FaultError, refuse
from engine.core.ids import keyed_id
from engine.database.metadata import STORE
from engine.database.protocol import Database
from engine.database.sqlite import LOG_PAGES, SqliteDatabase
from engine.journal.binding import bind
from engine.journal.protocol import Journal
from engine.journal.sqlite import INDEX_NAME, SqliteJournal, found_journal
from engine.mapping.examination import distinct
from engine.mapping.library import Library, read_library
from engine.mapping.plan import MappingErrors, Plan, Problem, compile_plan
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata
from engine.pipeline.activations import start_with
from engine.pipeline.key_mark import keep_mark
from engine.pipeline.reconcile import Reconciling
from engine.plugin.functions import installed_functions
from engine.plugin.spec import Registry
from engine.security.keys import RegionKey
from engine.security.secret import read, read_or_make
from engine.settings.load import load_region
from engine.settings.region import Region
from engine.settings.secret import read_secret
from mpi.model import load_model
from mpi.resolve import Policy
from mpi.survivorship import load_rules

if TYPE_CHECKING:
    from engine.journal.postgres import PostgresJournal

BUILT_IN = Registry((MLLP, CSV, FHIR, PULL))
_PATIENT_LOG = 4 * LOG_PAGES  # by then whoever else writes has moved it
_KEY = re.compile(r"[0-9a-fA-F]{64}")
_PACKAGE = Path(__file__).parent.parent
DEFAULT_MODEL = _PACKAGE / "mpi" / "data" / "model-default.yaml"
DEFAULT_RULES = _PACKAGE / "mpi" / "data" / "survivorship.yaml"


def region_of(file: Path) -> Region:
    """Read and check a region file. SettingsErrors with everything that is wrong in it."""
    return load_region(file, BUILT_IN)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a region keeps its things, all below its data folder."""

    folder: Path

    @property
    def region_key(self) -> Path:
        return self.folder / "keys" / "region.key"

    @property
    def token(self) -> Path:
        return self.folder / "keys" / "api.token"

    def token_of(self, channel: str) -> Path:
        """Return the token of a channel whose settings name none."""
        return self.folder / "keys" / f"{channel}.token"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    @property
    def run(self) -> Path:
        """Return the folder of what running processes say about themselves."""
        return self.folder / "run"

    def make(self) -> None:
        """Create the folders, for the owner alone."""
        for folder in (self.folder, self.journal, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def examine_channels(region: Region) -> None:
    """Look at the files the channels need. FaultError with the first thing that is wrong."""
    doors: set[str] = set()
    fetched = _fetched(region)
    for channel in region.channels:
        spec = BUILT_IN.get(channel.type, channel.direction)
        if spec and spec.at_endpoint:
            if channel.site in doors:
                message = "a site has one address at the endpoint, and another channel has it"
                raise refuse(Category.CONFLICT, "two-doors", message, f"channel {channel.name}")
            doors.add(channel.site)
        if spec and spec.fetches(channel.config) and fetched.count(channel.site) > 1:
            message = "two channels get what events of this site name: set `events: false` for one"
            raise refuse(Category.CONFLICT, "two-fetchers", message, f"channel {channel.name}")
        fault = spec and spec.examine(channel.config, SystemClock())
        if fault:
            raise FaultError(replace(fault, where=f"channel {channel.name}, {fault.where}"))


def places(region: Region) -> Places:
    return Places(region.data_folder)


def region_key(region: Region) -> RegionKey:
    """Return the region's key: from where the file says, else the one made at the first start.

    FaultError `secret-missing` when there is data but no key: a new one would open none of it.
    """
    reference = region.storage.region_key
    if reference is None:
        _refuse_orphans(places(region))
        return RegionKey(read_or_make(places(region).region_key))
    written = read_secret(reference, os.environ, region.file.parent)
    if not _KEY.fullmatch(written):
        message = "the region key is 64 hexadecimal digits"
        raise refuse(Category.INVALID, "secret-damaged", message)
    return RegionKey(bytes.fromhex(written))


def _refuse_orphans(here: Places) -> None:
    written = here.store.exists() or (here.journal / INDEX_NAME).exists()
    if written and not here.region_key.exists():
        message = "the region's key is gone and cannot be made again: put it back from its backup"
        raise refuse(Category.UNAVAILABLE, "secret-missing", message, str(here.region_key))


def api_token(region: Region) -> str:
    """Return the bearer token of the endpoint; it is made at the first start if need be."""
    if region.api.token is None:
        return read_or_make(places(region).token).hex()
    return read_secret(region.api.token, os.environ, region.file.parent)


def known_token(region: Region) -> str:
    """Return the bearer token for a client on this host, without making one."""
    if region.api.token is None:
        return read(places(region).token).hex()
    return read_secret(region.api.token, os.environ, region.file.parent)


def _key_of(region: Region, key: RegionKey) -> Callable[[str], bytes | None]:
    return key.file_key if region.storage.encrypt else _plain


def _plain(_: str) -> None:
    return None


def _dsn(region: Region) -> str:
    """Return where the region's server is, empty when journal and store are files of ours."""
    reference = region.storage.dsn
    return read_secret(reference, os.environ, region.file.parent) if reference else ""


def _schema(region: Region) -> str:
    """Several regions may share a database: each has a schema."""
    return f"concord_{region.name.replace('-', '_')}"


def _needs_standby(region: Region) -> bool:
    return region.storage.standby == "required"


def open_journal(region: Region, key: RegionKey) -> "SqliteJournal | PostgresJournal":
    """Open the journal where the region file says it is."""
    if dsn := _dsn(region):
        # Its driver takes a tenth of a second to load, which regions without a server need not pay.
        from engine.journal.postgres import open_postgres_journal  # noqa: PLC0415

        return open_postgres_journal(dsn, _schema(region), standby=_needs_standby(region))
    return SqliteJournal(places(region).journal, _key_of(region, key))


def open_store(region: Region, key: RegionKey, *, first: bool = False) -> Database:
    """Open the store where the region file says it is.

    Who writes little and is waited for may be `first`; on SQLite it leaves tidying to others.
    """
    if dsn := _dsn(region):
        from engine.database.postgres import PostgresDatabase  # noqa: PLC0415

        standby = _needs_standby(region)
        return PostgresDatabase(dsn, schema=_schema(region), standby=standby, first=first)
    path = places(region).store
    log_pages = _PATIENT_LOG if first else LOG_PAGES
    return SqliteDatabase(path, _key_of(region, key)(path.name), log_pages=log_pages, first=first)


def has_begun(region: Region) -> bool:
    """Tell whether there is a journal to open. Of a server, opening it tells."""
    return region.storage.dsn is not None or (places(region).journal / INDEX_NAME).exists()


def is_founded(region: Region) -> bool:
    """Tell whether the region has data where its file says, be it half of what it had."""
    if dsn := _dsn(region):
        from engine.journal.postgres import open_postgres_journal  # noqa: PLC0415

        try:
            open_postgres_journal(dsn, _schema(region)).close()
        except FaultError as error:
            if error.fault.code != "journal-missing":
                raise
            return False
        return True
    return has_begun(region) or places(region).store.exists()


def require_founded(region: Region) -> None:
    """FaultError `region-not-founded`: a disk that is not mounted must not look like a new region.

    Trying again helps when the disk comes late.
    """
    if not is_founded(region):
        message = (
            "there is no data of this region: mount its disk or start its server; "
            f"if it is new, found it with `concord init {region.file}`"
        )
        where = _schema(region) if region.storage.dsn else str(region.data_folder)
        raise refuse(Category.UNAVAILABLE, "region-not-founded", message, where)


def _found_journal(region: Region, key: RegionKey, instance: str) -> None:
    partitions = region.storage.partitions
    if dsn := _dsn(region):
        from engine.journal.postgres import found_postgres_journal  # noqa: PLC0415

        found_postgres_journal(dsn, _schema(region), instance=instance, partitions=partitions)
    else:
        folder = places(region).journal
        found_journal(folder, _key_of(region, key), instance=instance, partitions=partitions)


def prepare_storage(region: Region, key: RegionKey, plans: Mapping[str, Plan]) -> None:
    """Found journal and store if they are missing, check that they belong together.

    The plans hold from now on, if they are others than those that do.

    FaultError `journal-mismatch` or `offset-beyond-head` when one was restored without the other,
    `journal-partitions` when the region file asks for another number than the journal has,
    `wrong-key` when another host founded the region with another key.
    """
    here = places(region)
    here.make()
    instance = keyed_id(key.id_key(), region.name, "Journal", (os.urandom(16).hex(),))
    _found_journal(region, key, instance)
    journal, store = open_journal(region, key), open_store(region, key)
    try:
        _keep_partitions(region, journal)
        store.create(STORE)
        with store.write() as tx:
            keep_mark(tx, region.name, key.id_key())
            bind(tx, journal.identity(), journal.head())
        start_with(store, journal, plans, SystemClock())
    finally:
        journal.close()
        store.close()


def _keep_partitions(region: Region, journal: Journal) -> None:
    """A lane's messages keep their order only while they stay in one partition."""
    founded, asked = journal.identity().partitions, region.storage.partitions
    if founded != asked:
        message = "the journal's number is fixed: set storage.partitions back to it"
        where = f"storage.partitions {asked}, journal {founded}"
        raise refuse(Category.CONFLICT, "journal-partitions", message, where)


def compile_plans(region: Region, key: RegionKey) -> Mapping[str, Plan]:
    """Compile every site's mapping. MappingErrors with everything that is wrong in the files."""
    with at_rest():
        library = read_library(region.mappings_folder)
        profiles = {name: site_profile(region, name, key) for name in region.sites}
        strata = Strata(library)
        plans: dict[str, Plan] = {}
        problems: list[Problem] = []
        for name, profile in profiles.items():
            try:
                plans[name] = compile_plan(library, profile, strata=strata)
            except MappingErrors as error:  # others may have mistakes of their own
                problems.extend(error.problems)
        if problems:
            raise MappingErrors(tuple(distinct(problems)))
        return plans


def compile_kept(
    region: Region, key: RegionKey, strata: Strata, library: Library, profile: SiteProfile
) -> Plan:
    """Compile what was activated: its profile holds, but for what the region alone knows."""
    fetches, functions = profile.name in _fetched(region), installed_functions()
    whole = replace(profile, id_key=key.id_key(), fetches=fetches, functions=functions)
    with at_rest():
        return compile_plan(library, whole, strata=strata)


def site_profile(region: Region, name: str, key: RegionKey) -> SiteProfile:
    site = region.sites[name]
    return SiteProfile(
        name=name,
        timezone=site.timezone,
        chain=site.mappings,
        id_key=key.id_key(),
        charset=site.charset,
        require_control_id=site.require_control_id,
        processing=("", "P") if site.training == "filter" else ("", "P", "T", "D"),
        functions=installed_functions(),
        fetches=name in _fetched(region),
    )


def _fetched(region: Region) -> list[str]:
    """Return the sites for which a channel gets what events only name, each time one does."""
    known = ((one, BUILT_IN.get(one.type, one.direction)) for one in region.channels)
    return [one.site for one, spec in known if spec and spec.fetches(one.config)]


def reconciling(region: Region, key: RegionKey) -> Reconciling:
    """Load the match model and the survivorship rules the region decides by."""
    model = load_model((region.identity.model or DEFAULT_MODEL).read_text("utf-8"))
    rules = load_rules((region.identity.survivorship or DEFAULT_RULES).read_text("utf-8"))
    id_key = key.id_key()

    trust = {**rules.trust, **region.identity.trust}

    def mint(founder: str) -> str:
        return keyed_id(id_key, region.name, "Person", (founder,))

    return Reconciling(Policy(model, mint), replace(rules, trust=trust))


def role_names(region: Region) -> list[tuple[str, str]]:
    """Return role and process name of every process the region runs."""
    count = region.workers or os.cpu_count() or 1
    workers = [("worker", f"worker-{number}") for number in range(1, count + 1)]
    return [("intake", "intake"), *workers, ("api", "api")]
