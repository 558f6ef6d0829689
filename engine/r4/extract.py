"""Makes the tables of `engine/r4/data` from HL7's published definitions of FHIR R4 4.0.1.

    python -m engine.r4.extract DIR [OUT]

DIR holds `profiles-resources.json.gz`, `profiles-types.json.gz`, `valuesets.json.gz` and
`search-parameters.json` of the R4 definitions. The output is a function of the input: rows in the
order of the definitions, everything else sorted, no time stamp. Nothing at run time needs DIR.

Two files come out. `elements.json.gz`: `types` (name -> kind, abstract, rows) and `value_sets`
(URL -> system -> codes). `search.json.gz`: `parameters`. `engine.r4.tables` says what a row holds.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from engine.r4.expansion import ValueSets

VERSION = "4.0.1"
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
# An element of R5 that found its way even into the differential.
_NOT_R4 = {"ResearchStudy.studyDesign"}
# Here it is the differential that was changed: R4 binds the status to ResearchStudyStatus.
_SNAPSHOT_BINDS = {"ResearchStudy.status", "ResearchStudy.primaryPurposeType"}
_KINDS = {"resource", "complex-type", "primitive-type"}

Json = dict[str, Any]


def _read(path: Path) -> list[Json]:
    packed = path.read_bytes()
    bundle = json.loads(gzip.decompress(packed) if path.suffix == ".gz" else packed)
    return [entry["resource"] for entry in bundle["entry"]]


def _last(url: str) -> str:
    return url.partition("|")[0].rpartition("/")[2]


def _type_name(declared: Json) -> str:
    """A type's FHIR name. Ids and URLs of extensions are FHIRPath strings that name their own."""
    code: str = declared["code"]
    if "fhirpath/System." not in code:
        return code
    named = [x["valueUrl"] for x in declared.get("extension", []) if x["url"] == _FHIR_TYPE]
    return named[0] if named else "string"


def _types(element: Json, kind: str) -> list[str]:
    owner, _, name = element["path"].rpartition(".")
    if kind == "resource" and name == "id" and "." not in owner:
        return ["id"]  # the definitions say `string`; resource.html#id says `id`
    return [_type_name(declared) for declared in element.get("type", [])]


def _targets(element: Json) -> list[str]:
    return sorted(
        {
            _last(profile)
            for declared in element.get("type", [])
            if declared["code"] == "Reference"
            for profile in declared.get("targetProfile", [])
        }
    )


def _profile(element: Json) -> str:
    """The datatype profile all uses of `Quantity` have to follow here: SimpleQuantity and such."""
    named = [
        p for t in element.get("type", []) if t["code"] == "Quantity" for p in t.get("profile", [])
    ]
    return _last(named[0]) if named else ""


def _row(element: Json, kind: str) -> list[Any]:
    binding = element.get("binding", {})
    reference = element.get("contentReference", "")
    row = [
        element["path"].partition(".")[2],
        element["min"],
        None if element["max"] == "*" else int(element["max"]),
        _types(element, kind),
        _targets(element),
        binding.get("strength", ""),
        binding.get("valueSet", "").partition("|")[0],
        _profile(element),
        reference.removeprefix("#"),
    ]
    while not row[-1] and len(row) > 3:
        row.pop()
    return row


def _elements(structure: Json) -> list[Json]:
    """A type's elements, children of one parent in the standard's order: inherited, then its own.

    Inherited ones stand in the snapshot only. Its own are read from the differential: snapshots in
    circulation carry additions of a server's vendor and of later releases, differentials do not.
    """
    snapshot: list[Json] = structure["snapshot"]["element"][1:]
    if structure.get("derivation") == "constraint":
        return snapshot
    by_path = {element["path"]: element for element in snapshot}
    stated = structure["differential"]["element"]
    own = [e for e in stated if "." in e["path"] and e["path"] not in _NOT_R4]
    parents = {structure["type"], *(element["path"] for element in own)}
    inherited = [
        element
        for element in snapshot
        if element["base"]["path"] != element["path"]
        and element["path"].rpartition(".")[0] in parents
    ]
    return inherited + [
        e | {"binding": by_path[e["path"]]["binding"]} if e["path"] in _SNAPSHOT_BINDS else e
        for e in own
    ]


def _definition(structure: Json) -> Json:
    kind = structure["kind"]
    simple = kind == "primitive-type"
    elements = [] if simple else [e for e in _elements(structure) if e["max"] != "0"]
    rows = [_row(element, kind) for element in elements]
    return {"abstract": structure["abstract"], "kind": kind, "rows": rows}


def element_tables(folder: Path) -> Json:
    """Return the content of `elements.json.gz`."""
    found = _read(folder / "profiles-types.json.gz") + _read(folder / "profiles-resources.json.gz")
    types = {
        s["name"]: _definition(s)
        for s in found
        if s["resourceType"] == "StructureDefinition"
        and s["kind"] in _KINDS
        and s["version"] == VERSION
    }
    value_sets = ValueSets(_read(folder / "valuesets.json.gz"))
    needed = {
        row[6]
        for definition in types.values()
        for row in definition["rows"]
        if len(row) > 6 and row[5] == "required"
    }
    expanded = {url: value_sets.expand(url) for url in sorted(needed)}
    return {
        "types": types,
        "value_sets": {
            url: {system: sorted(codes) for system, codes in found.items()}
            for url, found in expanded.items()
            if found is not None
        },
    }


def search_tables(folder: Path) -> Json:
    """Return the content of `search.json.gz`."""
    found = _read(folder / "search-parameters.json")
    by_url = {p["url"]: p["code"] for p in found}
    rows = [
        [
            p["code"],
            p["type"],
            sorted(p["base"]),
            p.get("expression", ""),
            sorted(p.get("target", [])),
            [[by_url[c["definition"]], c["expression"]] for c in p.get("component", [])],
        ]
        for p in found
        if p["version"] == VERSION
    ]
    return {"parameters": sorted(rows)}


def write(table: Json, path: Path) -> None:
    """Write one table, compressed, the same bytes for the same content."""
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def main(arguments: list[str]) -> int:
    """Run as a program; return the exit code."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write("usage: python -m engine.r4.extract DIR [OUT]\n")
        return 2
    source = Path(arguments[0])
    target = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).parent / "data"
    write(element_tables(source), target / "elements.json.gz")
    write(search_tables(source), target / "search.json.gz")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
