"""How much of the public messages arrives in FHIR, and where: the guide's own tool, run over ours.

    python -m tests.benchmark.fidelity [--tools DIR] [--types ADT_A01,ORU_*] [--json]

Maps `hl7v2` below CONCORD_TESTDATA and scores the bundles with `fidelity.py` of a folder (`tools`
beside the data unless given) by `v2-to-fhir`. Prints for each source, and on average over sources,
F-path as the tool has it (strict), and with four corrections, each alone and all together:

names     a coding system's name of HL7 table 0396 counts where its URI stands (LN, http://loinc.org),
          a local one where the site's own system does (L, urn:id:generic:L)
lines     where the guide has several lines for one component (XAD-7: type or use) each counts
this      lines whose target is `$this` (OBX-4, TQ, SPS, PID-21) count anywhere in the resource that
          the line's map, or that of its data type, leads to
notes     NTE below an OBX of a result counts at Observation.note, as the sheet ORU_R01 has it

The tool reads the first of several lines only, finds no element `$this`, and takes the notes' map
by its name. `names` is a choice of ours: R4 wants URIs. F-carry, V and R are the tool's.
"""

import argparse
import csv
import importlib.util
import json
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.core.fault import FaultError
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile

MAPPINGS = Path(__file__).parents[2] / "mappings"
CORRECTIONS = ("names", "lines", "this", "notes")
TYPES = (
    "ADT_A0[1-8],ADT_A1[1-3],ADT_A28,ADT_A31,ADT_A34,ADT_A40,ADT_A18,ADT_A24,ADT_A37,ADT_A47,"
    "ORU_R01,ORM_O01,OML_O21,SIU_S1[2-57],SIU_S26,MDM_*,VXU_V04,RDE_O11,RDS_O13,DFT_P03,BAR_*,"
    "PPR_*,MFN_M02,MFN_M05"
)
Bundle = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """Leaves of one source: all, those found anywhere, and those in place by each way to count."""

    leaves: int = 0
    carried: int = 0
    placed: Counter[str] = field(default_factory=Counter)

    def shares(self) -> dict[str, float]:
        """Return percentages: F-carry, and F-path strict, with each correction, with all."""
        ways = ("strict", *CORRECTIONS, "all")
        return {
            "F-carry": 100 * self.carried / self.leaves,
            **{way: 100 * self.placed[way] / self.leaves for way in ways},
        }


def tool(folder: Path) -> ModuleType:
    """Load `fidelity.py` of a folder."""
    spec = importlib.util.spec_from_file_location("fidelity_tool", folder / "fidelity.py")
    if spec is None or spec.loader is None or not (folder / "fidelity.py").is_file():
        raise SystemExit(f"--tools: no fidelity.py in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def uris() -> dict[str, str]:
    """Return the URI of each coding system by its name of table 0396, in lower case."""
    found: dict[str, str] = {}
    for layer in ("base", "us"):
        path = MAPPINGS / layer / "codes" / "coding-system.csv"
        lines = [line for line in path.read_text("utf-8").splitlines() if line[:1] != "#"]
        for row in csv.DictReader(lines):
            found[row["source_code"].casefold()] = row["target_code"].casefold()
    return found


def plan() -> Plan:
    """Return the mapping of senders nobody has described."""
    chain = ("base", "us", "generic")
    site = SiteProfile("generic", "UTC", chain, b"fidelity", processing=("", "P", "T", "D"))
    return compile_plan(read_library(MAPPINGS), site)


def bundle_of(mapping: Plan, body: bytes) -> tuple[Bundle, str]:
    """Map the messages of a file to one bundle; an empty one and the reason where they are not."""
    try:
        messages = [parse(each) for each in split_batch(body)]
        return mapping.bundle(messages, 0), ""
    except FaultError as refused:
        return {}, refused.fault.code


class Scorer:
    """Scores messages by the maps of the guide."""

    def __init__(self, module: ModuleType, maps: Path) -> None:
        self._tool = module
        self._maps = module.load_maps(maps)
        self._uris = uris()
        self._lines = _component_lines(module, maps / "datatypes")

    def messages(self, body: bytes, types: tuple[str, ...]) -> list[Any]:
        """Return the messages of a file that are of these types; none of one without header."""
        options = self._tool.Options(Path(), Path(), "", True, (), types)
        try:
            found = self._tool.messages_in(body.decode("utf-8", "replace"))
        except ValueError:
            return []
        return [message for message in found if options.wants(message.type)]

    def bundle(self, content: Bundle) -> Any:
        """Index a bundle."""
        return self._tool.Bundle(content)

    def count(self, message: Any, bundle: Any, tally: Tally) -> None:
        """Add the leaves of a message."""
        wanted = self._maps.wanted(self._tool.structure_of(message, self._maps))
        for segment, cells in message.segments:
            for number, text in enumerate(cells):
                rows = wanted.get(segment, {}).get(number)
                if not rows or text in {"", '""'} or (segment == "MSH" and number < 3):
                    continue
                for leaf in self._leaves(text, rows, message):
                    self._judge(segment, leaf, rows, bundle, tally)

    def _leaves(self, text: str, rows: list[Any], message: Any) -> Iterator[Any]:
        for repetition in filter(None, text.split(message.repetition)):
            seen: set[tuple[str, str]] = set()
            for row in rows:
                for raw in self._tool.leaves_of(repetition, row, message, self._maps):
                    value = self._tool.unescape(raw.value)
                    if value.strip() and (raw.path, value) not in seen:
                        seen.add((raw.path, value))
                        yield self._tool.Leaf(raw.path, value, raw.v2_type, raw.vocabulary)

    def _judge(self, segment: str, leaf: Any, rows: list[Any], bundle: Any, tally: Tally) -> None:
        known = self._maps.vocabularies
        strict = any(bundle.target(row).has(leaf, known) for row in rows)
        tally.leaves += 1
        tally.carried += bundle.all.has(leaf, known)
        found = {"strict": strict}
        if not strict:
            found |= self._corrected(segment, leaf, rows, bundle)
        for way in (*CORRECTIONS, "strict"):
            tally.placed[way] += strict or found.get(way, False)
        tally.placed["all"] += any(found.values())

    def _corrected(self, segment: str, leaf: Any, rows: list[Any], bundle: Any) -> dict[str, bool]:
        known, places = self._maps.vocabularies, [bundle.target(row) for row in rows]
        name = leaf.value.strip().casefold()
        systems = {self._uris.get(name, ""), f"urn:id:generic:{name}"} - {""}
        words = {
            known[name].get(leaf.value.strip(), "").casefold()
            for row in rows
            for name in self._lines.get((row.datatype_map, leaf.path), ())
            if name in known
        } - {""}
        return {
            "names": any(systems & place.exact for place in places),
            "lines": any(words & place.exact for place in places),
            "this": any(
                self._of(bundle, kind).has(leaf, known)
                for row in rows
                if row.attribute == "$this"
                for kind in _types(row)
            ),
            "notes": segment == "NTE" and self._of(bundle, "Observation", "note").has(leaf, known),
        }

    def _of(self, bundle: Any, *place: str) -> Any:
        """Return the values of a resource type, or of one of its elements, once for a bundle."""
        if place not in bundle.targets:
            found = bundle.roots[place] if len(place) > 1 else bundle.types[place[0]]
            bundle.targets[place] = self._tool.Values(found)
        return bundle.targets[place]


def _types(row: Any) -> list[str]:
    """Return the resource types a line leads to: the first words in brackets of both its maps.

    `OBX[Observation-Component]` leads to Observation, `CX[RelatedPerson-Mother]` to RelatedPerson.
    """
    return re.findall(r"\[([A-Za-z]+)", f"{row.segment_map} {row.datatype_map}")


def _component_lines(module: ModuleType, folder: Path) -> Mapping[tuple[str, str], set[str]]:
    """Return the concept maps of all lines of a component, by data type map and its path."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, lines in module.sheets(folder):
        for line in lines[1:]:
            _, _, number = line[1].strip().partition(".")
            if number.isdecimal() and line[15].strip():
                found[name, f".{number}"].add(line[15].strip())
    return found


def scored(
    module: ModuleType, data: Path, types: tuple[str, ...], only: tuple[str, ...] = ()
) -> tuple[dict[str, Tally], dict[str, Tally], dict[str, str]]:
    """Map and score messages: tallies by source and by type, and refused files with why.

    `only`: these sources alone, when there are any.
    """
    scorer, mapping = Scorer(module, data / "v2-to-fhir"), plan()
    sources: dict[str, Tally] = defaultdict(Tally)
    kinds: dict[str, Tally] = defaultdict(Tally)
    refused: dict[str, str] = {}
    root = data / "hl7v2"
    for path in sorted(root.rglob("*.hl7")):
        source = path.relative_to(root).parts[0]
        body = path.read_bytes() if not only or source in only else b""
        messages = scorer.messages(body, types)
        if not messages:
            continue
        content, why = bundle_of(mapping, body)
        if why:
            refused[str(path.relative_to(root))] = why
        bundle = scorer.bundle(content)
        for message in messages:
            for tally in (sources[source], kinds[message.type]):
                scorer.count(message, bundle, tally)
    return sources, kinds, refused


def macro(sources: Mapping[str, Tally]) -> dict[str, float]:
    """Return each share averaged over the sources, which count the same whatever their size."""
    each = [tally.shares() for tally in sources.values()]
    return {name: sum(shares[name] for shares in each) / len(each) for name in each[0]}


def _table(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    names = list(next(iter(rows.values())))
    sys.stdout.write(f"{title:36}" + "".join(f"{name:>9}" for name in names) + "\n")
    for name, shares in rows.items():
        figures = "".join(f"{shares[column]:9.1f}" for column in names)
        sys.stdout.write(f"{name:36}{figures}\n")


def main() -> int:
    data = Path(os.environ.get("CONCORD_TESTDATA", ""))
    words = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    words.add_argument("--tools", type=Path, default=data.with_name("tools"))
    words.add_argument("--types", default=TYPES)
    words.add_argument("--json", action="store_true")
    given = words.parse_args()
    types = tuple(given.types.split(",")) if given.types else ()
    sources, kinds, refused = scored(tool(given.tools), data, types)
    by_source = {name: tally.shares() for name, tally in sorted(sources.items())}
    by_source["MACRO"] = macro(sources)
    by_type = {name: tally.shares() for name, tally in sorted(kinds.items())}
    if given.json:
        report = {"sources": by_source, "types": by_type, "refused": refused}
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
        return 0
    _table("source", by_source)
    _table("\ntype", by_type)
    sys.stdout.writelines(f"refused: {name}: {why}\n" for name, why in refused.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
