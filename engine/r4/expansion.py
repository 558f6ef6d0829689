"""Which codes a value set holds, when its code systems are at hand to say so.

Knows `compose` of ValueSet and the concept tree of CodeSystem (R4, valueset.html#expansion), and
the filters `is-a` and `descendent-of`. Knows no terminology server: a value set that draws on a
code system we do not hold whole (mime types, currencies, LOINC) has no expansion here, and the
validator then checks the shape of such a code only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Expansion = dict[str, set[str]]  # code system -> codes

_HIERARCHY_FILTERS = {"is-a", "descendent-of"}


def _walk(concepts: list[Any], ancestors: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for concept in concepts:
        code = concept["code"]
        yield code, ancestors
        yield from _walk(concept.get("concept", []), (*ancestors, code))


def _parents(concept: Mapping[str, Any]) -> set[str]:
    """Parents named by the `subsumedBy` property, which some systems use instead of nesting."""
    return {
        p["valueCode"]
        for p in concept.get("property", [])
        if p["code"] == "subsumedBy" and "valueCode" in p
    }


def _below(system: Mapping[str, Any], root: str) -> set[str]:
    concepts = system.get("concept", [])
    found = {code for code, above in _walk(concepts, ()) if root in above}
    grown = True
    while grown:
        more = {
            c["code"]
            for c in concepts
            if c["code"] not in found and _parents(c) & (found | {root}) and c["code"] != root
        }
        grown = bool(more)
        found |= more
    return found


class ValueSets:
    """The value sets and code systems of one package, by canonical URL without version."""

    def __init__(self, resources: list[Any]) -> None:
        self._sets = {r["url"]: r for r in resources if r["resourceType"] == "ValueSet"}
        self._systems = {r["url"]: r for r in resources if r["resourceType"] == "CodeSystem"}

    def expand(self, url: str) -> Expansion | None:
        """Return all codes by system, or None when they cannot be enumerated from what we hold."""
        value_set = self._sets.get(url.partition("|")[0])
        if value_set is None:
            return None
        compose = value_set.get("compose", {})
        held = self._union(compose.get("include", []))
        dropped = self._union(compose.get("exclude", []))
        if held is None or dropped is None:
            return None
        kept = {system: codes - dropped.get(system, set()) for system, codes in held.items()}
        return {system: codes for system, codes in kept.items() if codes} or None

    def _union(self, parts: list[Any]) -> Expansion | None:
        total: Expansion = {}
        for part in parts:
            found = self._part(part)
            if found is None:
                return None
            for system, codes in found.items():
                total.setdefault(system, set()).update(codes)
        return total

    def _part(self, part: Mapping[str, Any]) -> Expansion | None:
        if "system" not in part:
            return self._union_of_sets(part.get("valueSet", []))
        if "valueSet" in part:
            return None
        codes = self._of_system(part)
        return None if codes is None else {part["system"]: codes}

    def _union_of_sets(self, urls: list[str]) -> Expansion | None:
        # several value sets in one include mean their intersection; the base package has none
        return self.expand(urls[0]) if len(urls) == 1 else None

    def _of_system(self, part: Mapping[str, Any]) -> set[str] | None:
        if "concept" in part:
            return {concept["code"] for concept in part["concept"]}
        system = self._systems.get(part["system"])
        if system is None or system.get("content") != "complete":
            return None
        codes = {code for code, _ in _walk(system.get("concept", []), ())}
        for rule in part.get("filter", []):
            if rule["property"] != "concept" or rule["op"] not in _HIERARCHY_FILTERS:
                return None
            below = _below(system, rule["value"])
            codes &= below | ({rule["value"]} if rule["op"] == "is-a" else set())
        return codes or None
