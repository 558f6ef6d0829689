"""HL7's 722 official R4 examples: all are valid, and none stays so once it is damaged.

The examples that are wrong themselves are listed with the reason, and refused.
"""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.lexeme import Number
from engine.r4 import elements
from engine.r4.validate import Issue, validate

Json = dict[str, Any]

# The example contradicts the definitions of the release it is published with.
WRONG = {
    "DeviceMetric-example": {
        # a parent is a Device, not a DeviceDefinition
        ("wrong-target", "DeviceMetric.parent.reference"),
    },
    "DeviceUseStatement-example": {
        # the reason of use is no Procedure
        ("wrong-target", "DeviceUseStatement.reasonReference[0].reference"),
    },
    "MedicationRequest-medrx0301": {
        # the intended dispenser is an Organization
        ("wrong-target", "MedicationRequest.dispenseRequest.performer.reference"),
    },
    "Observation-clinical-gender": {
        # a performer is a person or an organization, not an Encounter
        ("wrong-target", "Observation.performer[0].reference"),
    },
    "Questionnaire-qs1": {
        # 32 items without the linkId that R4 requires
        ("missing-element", "Questionnaire.item[0].item[0].linkId"),
    },
}


@pytest.fixture(scope="module")
def examples() -> dict[str, Json]:
    folder = os.environ.get("CONCORD_TESTDATA")
    if not folder:
        pytest.skip("CONCORD_TESTDATA is not set: HL7's R4 examples are not at hand")
    paths = sorted((Path(folder) / "fhir-r4" / "examples").glob("*.json"))
    return {p.stem: json.loads(p.read_bytes(), parse_float=Number) for p in paths}


def _places(issues: list[Issue]) -> set[tuple[str, str]]:
    return {(issue.code, issue.path) for issue in issues}


def test_official_examples_are_valid(examples: dict[str, Json]) -> None:
    assert len(examples) == 722
    refused = {name: _places(validate(r)) for name, r in examples.items() if validate(r)}
    assert refused.keys() == WRONG.keys()
    assert all(WRONG[name] <= issues for name, issues in refused.items())


def _objects(value: Any, path: str, at: str) -> Iterator[tuple[Json, str, str]]:
    """Every typed object in a resource: itself, its definition's path, its place."""
    if isinstance(value, dict):
        yield value, path, at
        known = elements.children(path)
        for name, member in value.items():
            if name in known and known[name].types != ("Resource",):
                yield from _objects(member, f"{path}.{name}", f"{at}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _objects(member, path, f"{at}[{index}]")


def _sound(examples: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    for name, resource in examples.items():
        if name not in WRONG:
            yield resource["resourceType"], copy.deepcopy(resource)


LIMIT = 40  # objects damaged per example: the large definitional ones repeat a few shapes


def _targets(type_name: str, resource: Json) -> list[tuple[Json, str, str]]:
    return list(_objects(resource, type_name, type_name))[:LIMIT]


def test_without_a_required_element_no_example_is_valid(examples: dict[str, Json]) -> None:
    tried = 0
    for type_name, resource in _sound(examples):
        for owner, path, at in _targets(type_name, resource):
            for name, element in elements.children(path).items():
                if not element.min or name not in owner or len(owner) < 2:
                    continue
                kept = {n: owner.pop(n) for n in (name, f"_{name}") if n in owner}
                missing = ("missing-element", f"{at}.{element.group or name}")
                assert missing in _places(validate(resource)), missing
                owner.update(kept)
                tried += 1
    assert tried > 4_500


def test_with_an_unknown_element_no_example_is_valid(examples: dict[str, Json]) -> None:
    tried = 0
    for type_name, resource in _sound(examples):
        for owner, _, at in _targets(type_name, resource):
            owner["zzUnknown"] = "x"
            assert ("unknown-element", f"{at}.zzUnknown") in _places(validate(resource)), at
            del owner["zzUnknown"]
            tried += 1
    assert tried > 10_000


def _broken(value: Any) -> Any:
    """The same element with another JSON type."""
    if isinstance(value, list):
        return value[0]
    return [value]


def test_with_a_broken_type_no_example_is_valid(examples: dict[str, Json]) -> None:
    tried = 0
    for type_name, resource in _sound(examples):
        for owner, path, at in _targets(type_name, resource)[:8]:
            for name in [n for n in owner if n in elements.children(path)]:
                sound = owner[name]
                owner[name] = _broken(sound)
                codes = {code for code, where in _places(validate(resource)) if at in where}
                assert "wrong-type" in codes, f"{at}.{name}"
                owner[name] = sound
                tried += 1
    assert tried > 10_000


def test_with_an_unlisted_code_no_example_is_valid(examples: dict[str, Json]) -> None:
    tried = 0
    for type_name, resource in _sound(examples):
        for owner, path, at in _targets(type_name, resource):
            for name, element in elements.children(path).items():
                if element.binding is None or not isinstance(owner.get(name), str):
                    continue
                sound, owner[name] = owner[name], "zz-no-such-code"
                assert ("bad-code", f"{at}.{name}") in _places(validate(resource)), at
                owner[name] = sound
                tried += 1
    assert tried > 1_000
