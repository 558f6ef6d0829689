"""Golden files: a Bundle of everything a case gives, compared resource by resource.

Ids are part of it: they are made of business keys and of the fixed key of tests, so a changed id
is a changed key. `ignore` names an element (`meta`), a type (`Provenance`), or one element of a
type (`Patient.telecom`).
"""

from collections.abc import Iterator
from typing import Any

from engine.core.fault import FaultError
from engine.core.lexeme import indented
from engine.formats.fhir_json import read_json
from engine.mapping.testing import written
from engine.mapping.testing.case import Case, Golden
from engine.mapping.testing.compare import Difference, rules_of
from engine.mapping.testing.outcome import Outcome
from engine.mapping.testing.path import Made

Resources = dict[str, dict[str, Any]]  # by Type/id


def text(found: Outcome) -> bytes:
    """Return the golden file of what came out."""
    entries = [{"resource": one.body} for one in found.made]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return indented(bundle if entries else {"resourceType": "Bundle", "type": "collection"})


def differences(case: Case, golden: bytes | None, found: Outcome) -> Iterator[Difference]:
    """Yield what differs from the golden file, which may not be there yet."""
    if case.golden is None:
        return
    wanted = _read(golden) if golden is not None else None
    place = case.golden.name.mark
    if wanted is None:
        state = "no such file" if golden is None else "no JSON"
        yield Difference(case.golden.path, state, f"{len(found.made)} resources", place)
        return
    made = _resources(found.made)
    for name in dict.fromkeys((*wanted, *made)):
        if name.partition("/")[0] not in case.golden.ignore:
            yield from _of_one(name, wanted.get(name), made.get(name), case.golden, found)


def _of_one(
    name: str,
    wanted: dict[str, Any] | None,
    made: dict[str, Any] | None,
    golden: Golden,
    found: Outcome,
) -> Iterator[Difference]:
    kind, place = name.partition("/")[0], golden.name.mark
    if wanted is None or made is None:
        yield Difference(name, _presence(wanted), _presence(made), place)
        return
    for element in dict.fromkeys((*wanted, *made)):
        ignored = {element, f"{kind}.{element}"} & golden.ignore
        if not ignored and wanted.get(element) != made.get(element):
            pair = (wanted.get(element), made.get(element))
            expected, actual = (written.ABSENT if v is None else written.value(v) for v in pair)
            top = element.removeprefix("_")
            rules, filled = rules_of(kind, top, found), f"{kind}.{top}"
            what = f"{name} {element}"
            yield Difference(what, expected, actual, place, rules, element=filled)


def _presence(resource: dict[str, Any] | None) -> str:
    return written.ABSENT if resource is None else "there"


def _resources(made: Made) -> Resources:
    return {f"{one.type}/{one.id}": one.body for one in made}


def _read(data: bytes) -> Resources | None:
    """Return the resources of a Bundle; None when there is none to read."""
    try:
        found = read_json(data)
    except FaultError:
        return None
    entries = found.get("entry", []) if isinstance(found, dict) else None
    if not isinstance(entries, list):
        return None
    resources = [one.get("resource") for one in entries if isinstance(one, dict)]
    return {f"{r.get('resourceType')}/{r.get('id')}": r for r in resources if isinstance(r, dict)}
