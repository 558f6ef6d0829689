"""Expanding value sets from the code systems at hand."""

from typing import Any

import pytest

from engine.r4.expansion import ValueSets

Json = dict[str, Any]
SYSTEM = "http://x.example/system"


def system(**more: Any) -> Json:
    concepts = [
        {"code": "a", "concept": [{"code": "a1"}, {"code": "a2", "concept": [{"code": "a21"}]}]},
        {"code": "b"},
        {"code": "c", "property": [{"code": "subsumedBy", "valueCode": "b"}]},
    ]
    base = {"resourceType": "CodeSystem", "url": SYSTEM, "content": "complete"}
    return {**base, "concept": concepts, **more}


def value_set(url: str, include: list[Json], exclude: list[Json] | None = None) -> Json:
    compose = {"include": include, "exclude": exclude or []}
    return {"resourceType": "ValueSet", "url": f"http://x.example/{url}", "compose": compose}


def expand(include: Json, *others: Json, exclude: list[Json] | None = None) -> Any:
    sets = ValueSets([system(), value_set("v", [include], exclude), *others])
    return sets.expand("http://x.example/v|4.0.1")


def rule(op: str, value: str, name: str = "concept") -> Json:
    return {"system": SYSTEM, "filter": [{"property": name, "op": op, "value": value}]}


@pytest.mark.parametrize(
    ("include", "codes"),
    [
        ({"system": SYSTEM}, {"a", "a1", "a2", "a21", "b", "c"}),
        ({"system": SYSTEM, "concept": [{"code": "a1"}]}, {"a1"}),
        (rule("is-a", "a"), {"a", "a1", "a2", "a21"}),
        (rule("descendent-of", "a"), {"a1", "a2", "a21"}),
        (rule("is-a", "b"), {"b", "c"}),
    ],
)
def test_include(include: Json, codes: set[str]) -> None:
    assert expand(include) == {SYSTEM: codes}


@pytest.mark.parametrize(
    "include",
    [
        {"system": "urn:ietf:bcp:13"},
        rule("regex", "a.*"),
        rule("is-a", "a", name="kind"),
        {"valueSet": ["http://x.example/nowhere"]},
        {"valueSet": ["http://x.example/v", "http://x.example/w"]},
        {"system": SYSTEM, "valueSet": ["http://x.example/w"]},
    ],
)
def test_what_cannot_be_enumerated_has_no_expansion(include: Json) -> None:
    assert expand(include) is None


def test_a_fragment_of_a_code_system_is_not_enough() -> None:
    sets = ValueSets([system(content="fragment"), value_set("v", [{"system": SYSTEM}])])
    assert sets.expand("http://x.example/v") is None


def test_excluded_codes_are_left_out() -> None:
    exclude = [{"system": SYSTEM, "concept": [{"code": "b"}, {"code": "c"}]}]
    assert expand({"system": SYSTEM}, exclude=exclude) == {SYSTEM: {"a", "a1", "a2", "a21"}}


def test_a_value_set_may_include_another() -> None:
    other = value_set("w", [{"system": SYSTEM, "concept": [{"code": "b"}]}])
    assert expand({"valueSet": ["http://x.example/w"]}, other) == {SYSTEM: {"b"}}
