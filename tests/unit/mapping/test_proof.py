"""A resource counts as valid as a whole when only its content could differ, and that is proven."""

from typing import Any

from engine.core.values import WHOLE
from engine.mapping.proof import Proof

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "1", "meta": {}, "gender": "male"}
ABSENT = {"coding": [{"code": "unknown"}]}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "1",
    "meta": {},
    "status": "final",
    "code": {"text": "Sodium"},
}


def test_what_has_no_doubtful_element_is_proven_as_a_whole() -> None:
    proof = Proof("Patient", sound=True)
    for _ in range(2):
        assert proof.of(PATIENT, set()) == {*PATIENT, WHOLE}


def test_one_doubtful_element_leaves_the_others_proven() -> None:
    proof = Proof("Patient", sound=True)
    assert proof.of(PATIENT, {"gender"}) == {"resourceType", "id", "meta"}
    assert proof.of(PATIENT, set()) == {*PATIENT, WHOLE}


def test_an_unsound_meta_is_looked_at() -> None:
    proof = Proof("Patient", sound=False)
    assert proof.of(PATIENT, set()) == {"resourceType", "id", "gender"}


def test_elements_that_lack_or_contradict_each_other_are_never_passed() -> None:
    proof = Proof("Observation", sound=True)
    without_code = {name: value for name, value in OBSERVATION.items() if name != "code"}
    both = {**OBSERVATION, "valueString": "140", "dataAbsentReason": ABSENT}
    for _ in range(2):
        assert WHOLE in proof.of(OBSERVATION, set())
        assert WHOLE not in proof.of(without_code, set())
        assert WHOLE not in proof.of(both, set())


def test_rules_between_elements_are_asked_for_each_resource() -> None:
    proof = Proof("Appointment", sound=True)
    made = {"resourceType": "Appointment", "id": "1", "meta": {}, "participant": [{}]}
    assert WHOLE in proof.of({**made, "status": "proposed"}, set())
    assert WHOLE not in proof.of({**made, "status": "booked"}, set())


def test_what_is_contained_or_stands_beside_lists_is_always_looked_at() -> None:
    proof = Proof("Patient", sound=True)
    assert WHOLE not in proof.of({**PATIENT, "contained": [{}]}, set())
    assert WHOLE in proof.of({**PATIENT, "_birthDate": {"extension": [{}]}}, set())
    assert WHOLE not in proof.of({**PATIENT, "_birthDate": {}}, {"_birthDate"})
    made = {"resourceType": "Procedure", "id": "1", "meta": {}, "status": "completed"}
    beside = {"subject": {}, "instantiatesUri": ["urn:x"], "_instantiatesUri": [None]}
    assert WHOLE not in Proof("Procedure", sound=True).of({**made, **beside}, set())
