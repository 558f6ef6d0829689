"""Whatever a sender puts into a resource: it is mapped to valid R4, or refused as its fault."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from engine.core.fault import FaultError
from engine.core.lexeme import encode
from engine.core.values import Contribution
from engine.formats.fhir_json import read_json
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import Issue, validate

ROOT = Path(__file__).parents[2]
RESOURCES = sorted(ROOT.glob("samples/resources/*/*.json"))
RECEIVED_US = 1_790_000_000_000_000
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["#x", "Patient/a-1.E-2", "urn:uuid:9", "Type/1", "http://a.example/Patient/1"]
    ),
    st.just({}),
    st.just([]),
    st.dictionaries(
        st.sampled_from(["reference", "coding", "value", "url", "ß"]), st.text(max_size=3)
    ),
    st.lists(st.text(max_size=3), max_size=2),
)


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    library = read_library(ROOT / "mappings")
    vendors = {
        "lakeside": "vendor/athena",
        "mercy": "vendor/epic",
        "glenhaven": "vendor/oracle",
        "riverbend": "vendor/nextgen",
    }
    return {
        site: compile_plan(
            library, SiteProfile(site, "UTC", ("base", "us", vendor, f"site/{site}"), b"k")
        )
        for site, vendor in vendors.items()
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to everything inside a value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items if isinstance(value, dict | list) else ():
        found += places(item, (*path, key))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> None:
    *before, last = path
    for key in before:
        value = value[key]
    value[last] = new


@st.composite
def resources(draw: st.DrawFn) -> tuple[str, Any]:
    """A sample with some of its values replaced."""
    path = draw(st.sampled_from(RESOURCES))
    value = json.loads(path.read_text("utf-8"))
    for _ in range(draw(st.integers(1, 4))):
        try:
            changed(value, draw(st.sampled_from(places(value))), draw(ODD))
        except (KeyError, IndexError, TypeError):
            continue
    return path.parent.name, value


def flaws(told: Contribution) -> list[Issue]:
    """Return what is wrong but rules about the whole, which the pipeline quarantines for."""
    found = [*validate(told.body, told.proven), *validate(told.body)]
    return [issue for issue in found if (issue.code, issue.path) != ("invariant", told.type)]


@given(resources())
def test_what_comes_out_is_valid_or_nothing(plans: dict[str, Plan], sent: tuple[str, Any]) -> None:
    site, value = sent
    read = read_json(json.dumps(value).encode())
    try:
        mapped = plans[site].map_resource(read, RECEIVED_US)
    except FaultError as error:
        event(error.fault.code)
        return
    for told in mapped.contributions:
        assert flaws(told) == []
    again = plans[site].map_resource(read, RECEIVED_US)
    assert [encode(one.body) for one in again.contributions] == [
        encode(one.body) for one in mapped.contributions
    ]


@given(resources())
def test_the_lane_is_that_of_a_patient_it_names(
    plans: dict[str, Plan], sent: tuple[str, Any]
) -> None:
    site, value = sent
    read = read_json(json.dumps(value).encode())
    try:
        lane = plans[site].lane_of_resource(read)
        mapped = plans[site].map_resource(read, RECEIVED_US)
    except FaultError:
        return
    assert not lane or lane.partition(":")[2] in {key.local_id for key in mapped.patients}
