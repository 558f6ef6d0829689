"""What a case wants against what came out; each difference with the rules behind the actual value.

A text is the only value there is; a list all values, in order; a mapping an object that has at
least these members; `absent` is nothing; `{ref: Type}` a reference to a resource made here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.values import Merge
from engine.mapping.documents import listed, text_at
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Place, Problems
from engine.mapping.testing import path as paths
from engine.mapping.testing import written
from engine.mapping.testing.case import REF, Case, Expectation, noted, texts
from engine.mapping.testing.outcome import Outcome
from engine.mapping.testing.path import Made

NONE = "none"
_POINTING = ("reference", "url")  # of a Reference, of an Attachment


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise. `actual` is written as a test would write it."""

    what: str
    expected: str
    actual: str
    place: Place  # of what is expected, or of the case
    rules: tuple[str, ...] = ()  # `PID-19 at base/segments/PID-Patient.yaml:12`
    node: Node | None = None  # what to put `actual` in place of, where it can be accepted
    fault: bool = False  # a refusal or a diagnostic, which are accepted by name alone
    element: str = ""  # what rules fill there, as `Patient.name`


def differences(case: Case, found: Outcome) -> Iterator[Difference]:
    """Yield what differs, golden files aside."""
    for expectation in case.expect:
        values = expectation.path.read(found.made)
        if not agrees(expectation.wanted, values, found.made):
            yield _of_path(expectation, values, found)
    yield from _refused(case, found)
    yield from _filtered(case, found)
    yield from _noted(case, found)
    yield from _named(case, found)


def _of_path(expectation: Expectation, values: list[Any], found: Outcome) -> Difference:
    return Difference(
        expectation.path.text,
        shown(expectation.wanted),
        written.values([_telling(value, _names(found.made)) for value in values]),
        expectation.key.mark,
        rules_of(expectation.path.type, expectation.path.top, found),
        expectation.wanted,
        element=f"{expectation.path.type}.{expectation.path.top}" if expectation.path.top else "",
    )


def rules_of(kind: str, top: str, found: Outcome) -> tuple[str, ...]:
    """Return the rules that filled an element of the resources of a type."""
    path = f"{kind}.{top}"
    lines = (
        f"{line.source} at {line.rule}"
        for line in found.lineage
        if top and line.resource.startswith(f"{kind}/") and is_within(line.path, path)
    )
    return tuple(dict.fromkeys(lines))


def is_within(path: str, asked: str) -> bool:
    """Whether a path is that of an element, in it, or that of a choice it is a form of."""
    rest, form = path.removeprefix(asked), asked.removeprefix(path)
    inside = rest != path and (not rest or rest[0] == "." or rest[0].isupper())
    return inside or (form != asked and form[:1].isupper())


def shown(node: Node) -> str:
    """Return what is wanted, on one line as it would be written."""
    if isinstance(node, Scalar):
        return written.scalar(node.text, meant=False)
    if isinstance(node, Items):
        return "[" + ", ".join(shown(item) for item in node.items) + "]"
    members = (f"{written.scalar(k.text, meant=False)}: {shown(v)}" for k, v in node.entries)
    return "{" + ", ".join(members) + "}"


def agrees(wanted: Node, values: list[Any], made: Made) -> bool:
    """Whether values are what is wanted; `made` are the resources that references point to."""
    if isinstance(wanted, Scalar) and wanted.text == written.ABSENT:
        return not values
    if isinstance(wanted, Items):
        pairs = zip(wanted.items, values, strict=False)
        return len(wanted.items) == len(values) and all(_is(w, v, made) for w, v in pairs)
    return len(values) == 1 and _is(wanted, values[0], made)


def _is(wanted: Node, value: Any, made: Made) -> bool:
    if isinstance(wanted, Fields) and isinstance(value, dict):
        return all(_has(value, key.text, node, made) for key, node in wanted.entries)
    if isinstance(wanted, Scalar) and not isinstance(value, dict | list):
        return written.literal(wanted.text) == written.text(value)
    return False


def _has(value: dict[str, Any], name: str, wanted: Node, made: Made) -> bool:
    if name == REF:
        return any(value.get(key) in _targets(wanted, made) for key in _POINTING)
    return agrees(wanted, _members(value, name), made)


def _members(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    if isinstance(found, list):
        return [item for item in found if item is not None]
    return [] if found is None else [found]


def _targets(node: Node, made: Made) -> set[str]:
    """Return the references that `{ref: Patient}` or `{ref: Organization.where(...)}` allows."""
    if not isinstance(node, Scalar):
        return set()
    path = paths.compiled(node, Problems())
    found = path.read(made) if path is not None else []
    return {
        f"{one['resourceType']}/{one['id']}"
        for one in found
        if isinstance(one, dict) and "id" in one
    }


def _names(made: Made) -> dict[str, str]:
    """Return how tests call each resource, by its reference: `Patient`, of several `Patient[1]`."""
    found: dict[str, str] = {}
    for kind in {one.type for one in made}:
        same = [f"{one.type}/{one.id}" for one in made if one.type == kind]
        several = len(same) > 1
        found |= {one: f"{kind}[{n}]" if several else kind for n, one in enumerate(same)}
    return found


def _telling(value: Any, names: dict[str, str]) -> Any:
    """Return a value with `{ref: Patient}` for references to what was made."""
    if isinstance(value, list):
        return [_telling(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    told = {name: _telling(one, names) for name, one in value.items()}
    for key in _POINTING:
        target = names.get(str(value.get(key)))
        if target is not None:
            del told[key]
            told = {REF: target, **told}
    return told


def _refused(case: Case, found: Outcome) -> Iterator[Difference]:
    node = case.statements.get("refused")
    said = [f"{f.code} at {f.where}" if f.where else f.code for f in found.faults]
    yield from _stated(case, "refused", node, said, fault=True)


def _filtered(case: Case, found: Outcome) -> Iterator[Difference]:
    node = case.statements.get("filtered")
    yield from _stated(case, "filtered", node, list(dict.fromkeys(found.filtered)), fault=True)


def _noted(case: Case, found: Outcome) -> Iterator[Difference]:
    node = case.statements.get("diagnostics")
    if node is not None:
        said = list(dict.fromkeys(noted(note) for note in found.notes))
        yield from _stated(case, "diagnostics", node, said, fault=True)


def _stated(
    case: Case, what: str, node: Node | None, said: list[str], *, fault: bool
) -> Iterator[Difference]:
    """Compare codes; an entry `code` stands for all of that code, `code at place` for one."""
    wanted = [text for text in texts(node) if text != NONE] if node is not None else []
    missed = [text for text in wanted if not any(_covers(text, one) for one in said)]
    extra = [one for one in said if not any(_covers(text, one) for text in wanted)]
    if missed or extra:
        place = node.mark if node is not None else case.place
        expected = shown(node) if node is not None else NONE
        actual = written.values(said) if said else NONE
        yield Difference(what, expected, actual, place, node=node, fault=fault and bool(extra))


def _covers(wanted: str, said: str) -> bool:
    return wanted in {said, said.partition(" at ")[0]}


def _named(case: Case, found: Outcome) -> Iterator[Difference]:
    node = case.statements.get("merge")
    if node is not None:
        items = [item for item in listed(node) if isinstance(item, Fields)]
        wanted = [(text_at(one, "survivor"), text_at(one, "subsumed")) for one in items]
        if wanted != [_pair(merge) for merge in found.merges]:
            actual = [
                dict(zip(("survivor", "subsumed"), _pair(m), strict=True)) for m in found.merges
            ]
            text = written.value(actual) if actual else NONE
            yield Difference("merge", shown(node), text, node.mark, node=node)
    node = case.statements.get("patients")
    if node is not None and [text for text in texts(node) if text != NONE] != list(found.patients):
        text = written.value(list(found.patients)) if found.patients else NONE
        yield Difference("patients", shown(node), text, node.mark, node=node)


def _pair(merge: Merge) -> tuple[str, str]:
    return merge.survivor.local_id, merge.subsumed.local_id
