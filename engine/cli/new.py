"""`concord new site`: a first mapping of a site, drafted from samples of what it sends."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli.codes import gap_row
from engine.cli.map import DEFAULT_FOLDER
from engine.cli.map import files as found_in
from engine.cli.told import told
from engine.core.fault import Category, refuse
from engine.mapping.library import Library, read_library
from engine.mapping.site import SiteProfile
from engine.mapping.watch import LOST
from engine.plugin.functions import installed_functions
from engine.survey import sheet
from engine.survey.coverage import UNDECIDED
from engine.survey.draft.site import Draft, Sample, drafted

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")  # as in region files
_BELOW = ("base", "us")
_NO_KEY = b"\x00" * 32
_PROCESSING = ("", "P", "T", "D")  # samples are often training messages
_DEFAULT_ZONE = "America/New_York"


@told
def site(
    name: str,
    *,
    samples: Annotated[list[Path], Parameter(name="--from")],
    vendor: str = "",
    chain: str = "",
    mappings: Path = DEFAULT_FOLDER,
    out: Path | None = None,
) -> int:
    """Draft the mapping of a site from samples: messages, CSV files, FHIR resources.

    Z segments, authorities and columns are declared, with types guessed; what is guessed is marked
    `decide:`. What is mapped already and what is not stands at the end. No value of a patient is
    written. Codes without a row go into a sheet that `concord codes import` takes back.

    Parameters
    ----------
    name
        The site's name: small letters, digits, hyphens.
    samples
        Files or folders, as `concord map` takes them; can be given several times.
    vendor
        The vendor's layer to draft upon, e.g. epic.
    chain
        The layers to draft upon instead, e.g. base,us,vendor/epic.
    mappings
        The mappings folder.
    out
        Where site/NAME is written; else into the mappings folder.
    """
    if not _NAME.fullmatch(name):
        message = "a site's name is small letters, digits and hyphens"
        raise refuse(Category.INVALID, "site-name", message, name)
    library = read_library(mappings)
    below = _chain(library, vendor, chain)
    layer = f"site/{name}"
    target = out or mappings
    _require_new(library, layer, target)
    profile = SiteProfile(
        name,
        "UTC",
        (*below, layer),
        _NO_KEY,
        processing=_PROCESSING,
        functions=installed_functions(),
    )
    found = drafted(library, profile, list(_samples(samples)))
    for path in _written(found, target, name):
        print(path)
    _tell(found, name, vendor, (*below, layer))
    return 0


def _chain(library: Library, vendor: str, chain: str) -> tuple[str, ...]:
    names = tuple(one.strip() for one in chain.split(",")) if chain else ()
    names = names or (*_BELOW, *([f"vendor/{vendor}"] if vendor else []))
    for name in names:
        if not library.layer(name):
            message = "the mappings have no such layer"
            raise refuse(Category.NOT_FOUND, "unknown-layer", message, name)
    return names


def _require_new(library: Library, layer: str, target: Path) -> None:
    if library.layer(layer) or (target / layer).exists():
        message = "there is a mapping of this site already; nothing was written"
        raise refuse(Category.CONFLICT, "site-exists", message, str(target / layer))


def _samples(paths: list[Path]) -> Iterator[Sample]:
    nothing = True
    for file, name in found_in(paths):
        if not file.is_file():
            raise refuse(Category.NOT_FOUND, "no-such-file", "there is no such file", str(file))
        nothing = False
        yield Sample(name, file.read_bytes())
    if nothing:
        message = "no file to look at: *.hl7, *.csv, *.json, *.ndjson"
        raise refuse(Category.NOT_FOUND, "nothing-to-map", message, " ".join(map(str, paths)))


def _written(found: Draft, target: Path, name: str) -> Iterator[Path]:
    for path, text in sorted(found.files.items()):
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="")
        yield file
    if found.gaps:
        codes = Path(f"{name}-codes.csv")  # beside the mappings it would be read as one
        codes.write_bytes(sheet.written(gap_row(gap) for gap in found.gaps))
        yield codes


def _tell(found: Draft, name: str, vendor: str, chain: tuple[str, ...]) -> None:
    paths = list(found.coverage.paths.values())
    left = sum(path.state in {UNDECIDED, LOST} for path in paths)
    print(f"{len(paths)} paths seen: {len(paths) - left} decided, {left} undecided")
    for code, count in found.coverage.refused.most_common():
        print(f"{count} deliveries refused: {code}", file=sys.stderr)
    print("\nFor the region file:\n")
    said = "" if found.habits.offsets else "   # decide: the samples do not say it"
    print("sites:")
    ehr, layers = vendor or "other", ", ".join(chain)
    print(f"  {name}: {{ehr: {ehr}, timezone: {_DEFAULT_ZONE}, mappings: [{layers}]}}{said}")
    if found.habits.messages:
        print("channels:")
        print(f"  {name}-hl7: {{type: mllp, site: {name}, direction: in, port: 2575}}   # decide")
