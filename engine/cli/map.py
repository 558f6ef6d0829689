"""`concord map`: HL7 v2, CSV and FHIR files to FHIR bundles, without a running region."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from engine.app import places, region_key, region_of, site_profile
from engine.cli.map_resources import SUFFIXES, mapped_resources
from engine.cli.map_rows import mapped_rows
from engine.cli.named import require_site
from engine.cli.told import told
from engine.cli.unused import unused
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault, FaultError, refuse
from engine.core.lexeme import encode
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.library import Library, read_library
from engine.mapping.plan import Plan, Traced, compile_plan
from engine.mapping.site import SiteProfile
from engine.plugin.functions import installed_functions
from engine.security.keys import RegionKey
from engine.settings.region import Region

_PROBLEMS, _USAGE = 1, 2
_MESSAGES, _ROWS = ".hl7", ".csv"
_GENERIC = ("base", "us", "generic")
_DEMO_KEY = b"concord map without a region".ljust(32, b".")  # ids to look at, not to keep
_EVERYTHING = ("", "P", "T", "D")  # who tries a mapping out wants training messages mapped, too
_HERE, _OWN = Path("mappings"), Path(__file__).parent.parent.parent / "mappings"
DEFAULT_FOLDER = _HERE if (_HERE / "base").is_dir() else _OWN  # where one works, else Concord's


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    source: Path
    name: str  # relative to the folder given
    bundle: dict[str, Any] | None
    faults: tuple[Fault, ...]
    traced: tuple[Traced, ...] = ()


def _chain(library: Library, site: str, chain: str) -> tuple[str, ...]:
    if chain:
        return tuple(name.strip() for name in chain.split(","))
    if site != "generic":
        message = "which vendor's mapping a site has says the region file: name it with --config"
        raise refuse(Category.INVALID, "site-needs-region", message, f"--site {site}")
    return tuple(name for name in _GENERIC if library.layer(name))


def files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file to map and its name relative to what was given."""
    for path in paths:
        if path.is_dir():
            for file in _below(path):
                yield file, file.relative_to(path).as_posix()
        else:
            yield path, path.name


def _below(folder: Path) -> list[Path]:
    """Return messages and rows of a folder; beside them JSON is what others made of them."""
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    given = [file for file in found if file.suffix.lower() in {_MESSAGES, _ROWS}]
    return given or [file for file in found if file.suffix.lower() in SUFFIXES]


def _messages(body: bytes, charset: str) -> tuple[list[Message], list[Fault]]:
    messages, faults = [], []
    for part in split_batch(body):
        try:
            messages.append(parse(part, charset))
        except FaultError as error:
            faults.append(error.fault)
    return messages, faults


def outcome(plan: Plan, file: Path, name: str, received_us: int, *, trace: bool) -> Outcome:
    """Map one file. A message or row that is refused does not keep back the others of its file."""
    if file.suffix.lower() == _ROWS:
        rows, faults, traces = mapped_rows(plan, file, received_us, trace=trace)
        return Outcome(file, name, rows, tuple(faults), tuple(traces))
    if file.suffix.lower() in SUFFIXES:
        made, faults, traces = mapped_resources(plan, file, received_us, trace=trace)
        return Outcome(file, name, made, tuple(faults), tuple(traces))
    messages, faults = _messages(file.read_bytes(), plan.site.charset)
    kept, traced = [], []
    for message in messages:
        try:
            if trace:
                traced.append(plan.trace(message, received_us))
            else:
                plan.map(message, received_us)
            kept.append(message)
        except FaultError as error:
            faults.append(error.fault)
    bundle = plan.bundle(kept, received_us) if kept else None
    return Outcome(file, name, bundle, tuple(faults), tuple(traced))


def _write(found: Outcome, out: Path) -> None:
    if found.bundle is None:
        return
    target = (out / found.name).with_suffix(".json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encode(found.bundle) + b"\n")


def _show_trace(traced: Traced) -> None:
    for line in traced.lineage:
        print(f"{line.resource} {line.path} <- {line.source} ({line.rule})")
    for note in traced.mapped.diagnostics:
        print(f"! {note.code} at {note.where}: {note.message}")


def _show(found: Outcome) -> None:
    if found.bundle is not None:
        print(json.dumps(json.loads(encode(found.bundle)), indent=2, ensure_ascii=False))
    for traced in found.traced:
        _show_trace(traced)


def _as_dict(found: Outcome) -> dict[str, Any]:
    faults = [{"category": f.category, "code": f.code, "where": f.where} for f in found.faults]
    return {"file": found.name, "mapped": found.bundle is not None, "faults": faults}


def _tell(outcomes: list[Outcome], *, as_json: bool) -> int:
    refused = [found for found in outcomes if found.faults]
    if as_json:
        rows = [_as_dict(found) for found in outcomes]
        print(json.dumps({"files": len(outcomes), "refused": len(refused), "results": rows}))
        return _PROBLEMS if refused else 0
    for found in refused:
        for fault in found.faults:
            print(f"{found.name}: {fault}", file=sys.stderr)
    if len(outcomes) > 1 or refused:
        print(f"{len(outcomes)} files, {len(refused)} with refused messages", file=sys.stderr)
    return _PROBLEMS if refused else 0


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Which:
    """The mapping to use.

    Parameters
    ----------
    site
        The site whose mapping is used. All but `generic` need the region file, which says the
        vendor's mapping they have, or a chain.
    config
        The region file that defines the site.
    chain
        Layers of mapping files instead of a region file, e.g. base,us,vendor/epic.
    timezone
        Zone of times without offset, when no region file says it.
    mappings
        The mappings folder, when no region file says it.
    """

    site: str = "generic"
    config: Annotated[Path | None, Parameter(name=["--config", "-c"])] = None
    chain: str = ""
    timezone: str = "UTC"
    mappings: Path = DEFAULT_FOLDER


def _key(region: Region) -> RegionKey:
    """Return the region's key. A look at a message is not the first start and makes none."""
    if region.storage.region_key is None and not places(region).region_key.exists():
        print("no region key here yet: these ids are not the region's own", file=sys.stderr)
        return RegionKey(_DEMO_KEY)
    return region_key(region)


def mapping_of(which: Which) -> tuple[Library, SiteProfile]:
    """Find the files and the profile of what was asked for: a site of a region file, or a chain."""
    if which.config is not None:
        region = region_of(which.config)
        require_site(which.site, region.sites)
        profile = site_profile(region, which.site, _key(region))
        return read_library(region.mappings_folder), profile
    library = read_library(which.mappings)
    chain = _chain(library, which.site, which.chain)
    profile = SiteProfile(
        which.site,
        which.timezone,
        chain,
        _DEMO_KEY,
        processing=_EVERYTHING,
        functions=installed_functions(),
    )
    return library, profile


def plan_of(which: Which, *, traced: bool = False) -> Plan:
    """Compile the mapping to try."""
    return compile_plan(*mapping_of(which), traced=traced)


@told
def map_files(
    paths: list[Path],
    *,
    which: Which | None = None,
    out: Path | None = None,
    trace: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Map HL7 v2, CSV and FHIR files to FHIR R4 bundles.

    Parameters
    ----------
    paths
        Files (*.hl7, *.csv, and *.json or *.ndjson with FHIR), or folders with such files at any
        depth; of one with messages or rows no JSON is taken, which may have been made of them.
    which
        The mapping to use.
    out
        Write one bundle for each file here, at the same relative path.
    trace
        Say where each element came from, and at the end what was sent and not used.
    as_json
        Print a summary as JSON; bundles only with --out.
    """
    plan = plan_of(which or Which(), traced=trace)
    received_us = SystemClock().now_us()
    outcomes: list[Outcome] = []
    for file, name in files(paths):
        if not file.is_file():
            print(f"concord: no file {file}", file=sys.stderr)
            return _USAGE
        found = outcome(plan, file, name, received_us, trace=trace)
        if out is not None:
            _write(found, out)
        elif not as_json:
            _show(found)
            for line in unused(plan, file, received_us) if trace else ():
                print(line)
        outcomes.append(found)
    if not outcomes:
        message = "no file to map: *.hl7, *.csv, *.json, *.ndjson"
        raise refuse(Category.NOT_FOUND, "nothing-to-map", message, " ".join(map(str, paths)))
    return _tell(outcomes, as_json=as_json)
