"""Verdicts hold only where what a document asked for has the same answer."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.mapping.examination import Examination, chains
from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, compile_plan
from engine.mapping.problem import Problem
from engine.mapping.site import SiteProfile
from engine.mapping.verdicts import Asked

HEADER = "source_system,source_code,target_system,target_code,target_display,relationship,comment\n"
VISIT = """map: v1
kind: resource
name: visit
from: PV1
to: Encounter
key: [PV1-19]
Encounter:
  status: {from: PV1-2, map: class}
  class: "=http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP"
  reasonCode: {from: ZPD-2}
"""
OVERLAY = "map: v1\nkind: overlay\n"


@pytest.mark.parametrize("name", ["a", "c"])
def test_an_answer_that_differs_is_seen(name: str) -> None:
    asked = Asked({"a": 1, "b": 2})
    assert asked.get(name) == {"a": 1}.get(name)
    assert asked.agrees({"a": 1}) is True
    assert asked.agrees({"a": 3, "c": 4}) is False


def test_listing_the_names_asks_nothing() -> None:
    asked = Asked({"a": 1})
    assert (sorted(asked), len(asked)) == (["a"], 1)
    assert asked.agrees({})


def alone(library: Library, chain: tuple[str, ...]) -> tuple[Problem, ...]:
    try:
        compile_plan(library, SiteProfile("check", "UTC", chain, b"\x00" * 32))
    except MappingErrors as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    "vendor",
    [
        {"overlay.yaml": f"{OVERLAY}segments: {{ZPD: {{2: CWE}}}}\n"},
        {"overlay.yaml": f"{OVERLAY}codes: {{class: {{add: {{E: nothing}}}}}}\n"},
        {"codes/class.csv": f"{HEADER},I,urn:s,wrong,,,\n"},
        {"overlay.yaml": f"{OVERLAY}change: {{visit: {{status: PV1-99}}}}\n"},
    ],
)
def test_a_chain_is_judged_as_it_is_alone(files: dict[str, str], vendor: Mapping[str, Any]) -> None:
    whole = {
        **files,
        "base/resources.yaml": files["base/resources.yaml"] + f"---\n{VISIT}",
        "base/codes/class.csv": f"{HEADER},I,urn:s,in-progress,,,\n",
        "vendor/a/overlay.yaml": f"{OVERLAY}segments: {{ZPD: {{1: CWE}}}}\n",
        **{f"vendor/b/{name}": text for name, text in vendor.items()},
    }
    library = Library(tuple(sorted(whole.items())))
    together = Examination(library)
    found = {chain: together.problems(chain) for chain in [*chains(library)] * 2}
    assert found == {chain: alone(library, chain) for chain in chains(library)}
    assert len(set(found.values())) > 1
