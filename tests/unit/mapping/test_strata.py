"""Layers put upon one another: what one changes, those below it keep as it was."""

import pytest

from engine.mapping.documents import Effective
from engine.mapping.library import Library
from engine.mapping.problem import Problems
from engine.mapping.strata import Strata

HEADER = "source_system,source_code,target_system,target_code,target_display,relationship,comment\n"
PATIENT = "map: v1\nkind: resource\nfrom: PID\nto: Patient\nPatient: {birthDate: PID-7}\n"
OTHER = "map: v1\nkind: resource\nfrom: PV1\nto: Encounter\nEncounter: {status: '=finished'}\n"
OVERLAY = """map: v1
kind: overlay
segments: {ZPD: {2: CWE}}
change: {PID-Patient: {birthDate: PID-33}}
codes: {sex: {add: {X: other}}}
identity: {assigners: {B: "urn:b"}}
"""
FILES = {
    "base/codes/sex.csv": f"{HEADER},M,urn:s,male,,,\n",
    "base/codes/class.csv": f"{HEADER},I,urn:s,IMP,,,\n",
    "base/encounter.yaml": OTHER,
    "base/overlay.yaml": "map: v1\nkind: overlay\nsegments: {ZPD: {1: ST}}\n",
    "base/patient.yaml": PATIENT,
    "vendor/a/overlay.yaml": OVERLAY,
    "vendor/b/codes/class.csv": f"{HEADER},I,urn:s,AMB,,,\n",
}


@pytest.fixture
def strata() -> Strata:
    return Strata(Library(tuple(sorted(FILES.items()))))


def effective(strata: Strata, *chain: str) -> Effective:
    problems = Problems()
    found = strata.effective(chain, problems)
    assert len(problems) == 0
    return found


def test_what_a_layer_changes_is_its_own_and_the_rest_is_shared(strata: Strata) -> None:
    vendor = effective(strata, "base", "vendor/a")
    base = effective(strata, "base")
    assert vendor.resources["PID-Patient"] != base.resources["PID-Patient"]
    assert vendor.resources["PV1-Encounter"] is base.resources["PV1-Encounter"]
    assert list(vendor.tables["sex"].rows) == [("", "M"), ("", "X")]
    assert list(base.tables["sex"].rows) == [("", "M")]
    assert vendor.tables["class"] is base.tables["class"]
    assert list(vendor.segments["ZPD"]) == [1, 2]
    assert list(base.segments["ZPD"]) == [1]
    assert (list(vendor.assigners), list(base.assigners)) == (["B"], [])


def test_layers_beside_each_other_do_not_see_each_other(strata: Strata) -> None:
    first = effective(strata, "base", "vendor/a")
    second = effective(strata, "base", "vendor/b")
    assert second.tables["class"].rows["", "I"].code == "AMB"
    assert first.tables["class"].rows["", "I"].code == "IMP"
    assert list(second.segments["ZPD"]) == [1]


def test_mistakes_of_a_layer_come_with_every_chain_upon_it() -> None:
    files = {**FILES, "base/patient.yaml": PATIENT.replace("kind: resource", "kind: resorce")}
    strata = Strata(Library(tuple(sorted(files.items()))))
    for chain in (("base",), ("base", "vendor/b"), ("base",)):
        problems = Problems()
        strata.effective(chain, problems)
        assert [one.code for one in problems.own()] == ["E114"]
