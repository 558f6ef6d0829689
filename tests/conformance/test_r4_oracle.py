"""A second opinion on R4: the R4B (4.3.0) models of fhir.resources, made from other sources.

R4B differs from R4 in few types. Compared are the elements themselves, the verdicts on HL7's
examples, and the verdicts on damaged ones. Every difference is listed with its reason; what the
models refuse and we accept would be a fault of ours, and there is none.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from engine.r4 import elements
from engine.r4.validate import validate

Json = dict[str, Any]

# R4B changed these, or the models leave something out.
OTHER_ELEMENTS = {
    "ActivityDefinition": "R4B added subjectCanonical",
    "PlanDefinition": "R4B added subjectCanonical",
    "ElementDefinition": "R4B dropped Meta, added CodeableReference and RatioRange",
    "Extension": "R4B dropped Meta, added CodeableReference and RatioRange",
    "Evidence": "written anew in R4B",
    "EvidenceVariable": "written anew in R4B",
}
OTHER_MINIMUM = {
    ("EvidenceVariable", "characteristic"): "optional in R4B",
    ("MarketingStatus", "country"): "optional in R4B",
    ("MarketingStatus", "dateRange"): "optional in R4B",
}
# R4B allows products and studies as subject; R4 does not.
OTHER_TARGETS = {
    ("DiagnosticReport", "subject"),
    ("Group.member", "entity"),
    ("MeasureReport", "subject"),
    ("Observation", "subject"),
}
UNREAD = {"resourceType", "resource_type", "fhir_comments"}

# What the models accept and we refuse, by our code.
NOT_ENFORCED = {
    "bad-code": "required bindings are metadata in the models",
    "wrong-target": "reference targets are metadata, too",
    "bad-reference": "the form of a literal and ref-1 are not looked at",
    "bad-narrative": "a narrative may be any string",
    "bad-uri": "a URI may hold blanks",
    "invariant": "no invariants",
    "empty-value": "empty objects, arrays and some empty strings pass",
}
# Pydantic reads null as absent, numbers as dates since 1970, and true as 1.
COERCED = {"null", "number", "true"}


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    found = {}
    for name in elements.resource_types() | elements.data_types():
        try:
            found[name] = get_fhir_model_class(name)
        except ValueError:  # of R4 only: MedicinalProduct and its kin, profiles of Quantity
            continue
    return found


def _fields(model: Any) -> dict[str, Any]:
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if (field.alias or name) not in UNREAD and not name.endswith("__ext")
    }


def test_elements_are_those_of_the_models(models: dict[str, Any]) -> None:
    assert len(models) == 168
    different = set()
    for name, model in models.items():
        if {n for n in elements.type_children(name) if n not in UNREAD} != set(_fields(model)):
            different.add(name)
    assert different == OTHER_ELEMENTS.keys()


def _known(extra: Json, element: elements.Element) -> bool:
    """Whether the targets, if both sides state some, are the same."""
    theirs = set(extra.get("enum_reference_types") or ())
    anything = "Resource" in theirs or "Resource" in element.targets
    return element.types != ("Reference",) or anything or theirs == set(element.targets)


def test_cardinalities_targets_and_codes_are_those_of_the_models(models: dict[str, Any]) -> None:
    compared = 0
    for name, model in models.items():
        for field_name, field in _fields(model).items():
            element = elements.type_children(name).get(field_name)
            if element is None or element.group:
                continue
            extra = field.json_schema_extra or {}
            place = (name, field_name)
            required = bool(extra.get("element_required")) or field.is_required()
            assert (required != bool(element.min)) == (place in OTHER_MINIMUM), place
            assert ("List" in str(field.annotation)) == element.repeats, place
            assert _known(extra, element) or place in OTHER_TARGETS, place
            codes = {c for c in extra.get("enum_values", ()) if c != "+"}  # `+`: there are more
            assert element.binding is None or codes <= element.binding, place
            compared += 1
    assert compared > 1_500


@pytest.fixture(scope="module")
def examples(models: dict[str, Any]) -> list[tuple[str, Json]]:
    folder = os.environ.get("CONCORD_TESTDATA")
    if not folder:
        pytest.skip("CONCORD_TESTDATA is not set: HL7's R4 examples are not at hand")
    paths = sorted((Path(folder) / "fhir-r4" / "examples").glob("*.json"))
    found = [(path.stem, json.loads(path.read_bytes())) for path in paths]
    return [(name, r) for name, r in found if r["resourceType"] in models]


def _accepts(models: dict[str, Any], resource: Json) -> bool:
    try:
        models[resource["resourceType"]].model_validate(resource)
    except (ValueError, TypeError, AttributeError):  # what is no string crashes its URL check
        return False
    return True


def test_verdicts_on_the_examples_agree(
    models: dict[str, Any], examples: list[tuple[str, Json]]
) -> None:
    assert len(examples) > 700
    for name, resource in examples:
        codes = {issue.code for issue in validate(resource)}
        if _accepts(models, resource):
            assert codes <= NOT_ENFORCED.keys(), name
        elif not codes:
            assert resource["resourceType"] in OTHER_ELEMENTS, name


def _objects(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    members = value.values() if isinstance(value, dict) else value
    for member in members if isinstance(value, dict | list) else ():
        yield from _objects(member)


def _damages(owner: Json) -> Iterator[tuple[str, Json]]:
    """Copies of the object with one element damaged, and how."""
    yield "unknown", {**owner, "zzUnknown": 1}
    for name in [n for n in owner if n != "resourceType"]:
        value = owner[name]
        yield "dropped", {n: v for n, v in owner.items() if n != name}
        yield "wrapped", {**owner, name: value[0] if isinstance(value, list) else [value]}
        damaged: dict[str, Any] = {"null": None, "number": 17, "true": True, "blank": ""}
        damaged |= {"day": "2024-02-31", "text": "zz zz", "object": {"zz": 1}, "none": []}
        for kind, other in damaged.items():
            yield kind, {**owner, name: other}


def _damaged(resource: Json) -> Iterator[tuple[str, Json]]:
    for owner in list(_objects(resource))[:3]:
        sound = dict(owner)
        for kind, other in list(_damages(sound)):
            owner.clear()
            owner.update(other)
            yield kind, resource
        owner.clear()
        owner.update(sound)


@pytest.mark.slow
def test_verdicts_on_damaged_examples_agree(
    models: dict[str, Any], examples: list[tuple[str, Json]]
) -> None:
    tried = 0
    for name, sound in examples:
        if sound["resourceType"] in OTHER_ELEMENTS or len(str(sound)) > 3_500:
            continue
        for kind, resource in _damaged(sound):
            codes = {issue.code for issue in validate(resource)}
            tried += 1
            if not _accepts(models, resource):
                assert codes, (name, kind)
            elif kind not in COERCED:
                assert codes <= NOT_ENFORCED.keys(), (name, kind, codes)
    assert tried > 20_000
