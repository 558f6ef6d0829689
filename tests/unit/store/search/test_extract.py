from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.store.codes import NAMES, code_of, known, name_of
from engine.store.search import params
from engine.store.search.dates import EARLIEST, LATEST, MISSING, range_of
from engine.store.search.extract import Rows, extract
from engine.store.search.fold import EDGE
from engine.store.search.params import SUPPORTED, parameters, patient_parameters
from engine.store.search.paths import compile_path

RECORD = "a-record"


def terms(kind: str, name: str, body: dict[str, Any]) -> set[str]:
    codes = parameters(kind)[name].codes
    return {value for param, value in extract(kind, RECORD, body).terms if param in codes}


def dates(kind: str, name: str, body: dict[str, Any]) -> list[tuple[int, int]]:
    code = parameters(kind)[name].code
    return [(low, high) for param, low, high in extract(kind, RECORD, body).dates if param == code]


def test_a_name_is_found_by_each_of_its_parts() -> None:
    name = {"family": "Quill", "given": ["Ada", "Zoë"], "text": "Ada Zoë Quill"}
    folded = {value.partition(EDGE)[0] for value in terms("Patient", "name", {"name": [name]})}
    assert folded == {"quill", "ada", "zoe", "ada zoe quill"}
    assert {v.partition(EDGE)[0] for v in terms("Patient", "given", {"name": [name]})} == {
        "ada",
        "zoe",
    }


def test_contact_points_are_divided_by_their_system() -> None:
    body = {
        "telecom": [
            {"system": "phone", "value": "+1-202-555-0100"},
            {"system": "email", "value": "ada@quill.example"},
            {"system": "phone"},
        ]
    }
    assert terms("Patient", "phone", body) == {"+1-202-555-0100"}
    assert terms("Patient", "email", body) == {"ada@quill.example"}
    assert terms("Patient", "telecom", body) == {"+1-202-555-0100", "ada@quill.example"}


def test_what_two_parameters_find_is_stored_once() -> None:
    body = {
        "name": [{"family": "Quill", "given": ["Ada"], "prefix": ["Dr"]}],
        "telecom": [{"system": "phone", "value": "555-0100"}, {"system": "fax", "value": "1"}],
        "address": [{"line": ["1 Elm St"], "city": "Northport", "state": "NP"}],
    }
    rows = extract("Patient", RECORD, body).terms
    assert sorted(value.partition(EDGE)[0] for _, value in rows) == sorted(
        ["quill", "ada", "dr", "555-0100", "1", "1 elm st", "northport", "np"]
    )
    related = {"telecom": [{"system": "phone", "value": "555-0100"}]}
    assert terms("RelatedPerson", "telecom", related) == {"555-0100"}


def test_tokens_keep_their_system_unless_the_element_implies_it() -> None:
    identifier = {"identifier": [{"system": "urn:mrn", "value": "7"}, {"system": "urn:no-value"}]}
    assert terms("Patient", "identifier", identifier) == {f"7{EDGE}urn:mrn"}
    assert terms("Patient", "gender", {"gender": "female"}) == {"female"}
    assert terms("Patient", "active", {"active": False}) == {"false"}
    coded = {"code": {"coding": [{"code": "a"}, {"code": "b", "system": "urn:s"}], "text": "x"}}
    assert terms("Observation", "code", coded) == {f"a{EDGE}", f"b{EDGE}urn:s"}


def test_a_choice_is_found_in_each_of_its_forms() -> None:
    span = range_of("2024-02-29")
    assert dates("Observation", "date", {"effectiveDateTime": "2024-02-29"}) == [span]
    assert dates("Observation", "date", {"effectiveInstant": "2024-02-29T00:00:00Z"}) != [MISSING]
    assert dates("Patient", "death-date", {"deceasedBoolean": True}) == [MISSING]
    assert dates("Patient", "death-date", {"deceasedDateTime": "2024-02-29"}) == [span]


def test_an_open_period_has_no_end_and_a_wrong_date_is_none() -> None:
    start = range_of("2024-02-29")
    assert start
    assert dates("Encounter", "date", {"period": {"start": "2024-02-29"}}) == [(start[0], LATEST)]
    assert dates("Encounter", "date", {"period": {"end": "2024"}})[0][0] == EARLIEST
    for period in ({}, {"start": "soon"}, {"start": "2025", "end": "2024"}):
        assert dates("Encounter", "date", {"period": period}) == [MISSING]
    event = {"effectiveTiming": {"event": ["2024-01-01", "2024-03-01"]}}
    first, last = range_of("2024-01-01"), range_of("2024-03-01")
    assert first
    assert last
    assert dates("Observation", "date", event) == [(first[0], last[1])]


def test_references_are_literal_and_lead_to_no_patient() -> None:
    body = {
        "participant": [
            {"actor": {"reference": "Practitioner/p"}},
            {"actor": {"reference": "Patient/x"}},
            {"actor": {"reference": "Location/l"}},
            {"actor": {"display": "someone"}},
        ]
    }
    assert terms("Appointment", "practitioner", body) == {"Practitioner/p"}
    assert terms("Appointment", "location", body) == {"Location/l"}
    encounter = {"encounter": {"reference": "urn:uuid:1"}}
    assert terms("Observation", "encounter", encounter) == set()


def test_clinical_rows_have_one_for_each_code_and_one_for_all() -> None:
    body = {"code": {"coding": [{"code": "a"}, {"code": "b"}]}, "effectiveDateTime": "2024"}
    span = range_of("2024")
    assert span
    found = extract("Observation", RECORD, body).clinical
    kind = code_of("Observation")
    assert found == {(RECORD, kind, code, span[0]) for code in ("", f"a{EDGE}", f"b{EDGE}")}
    assert extract("Observation", "", body).clinical == frozenset()
    assert extract("Patient", RECORD, {}).clinical == frozenset()


def test_a_type_without_parameters_has_no_terms() -> None:
    assert extract("Basic", "", {"resourceType": "Basic"}) == Rows()


def test_damaged_bodies_are_indexed_as_far_as_they_go() -> None:
    body = {"name": 7, "identifier": [None], "birthDate": 7, "telecom": [{}], "gender": "male"}
    assert {value for _, value in extract("Patient", RECORD, body).terms} == {"male"}


def test_all_parameters_compile_and_have_codes_of_their_own() -> None:
    params.check()
    codes = [p.code for kind in SUPPORTED for p in parameters(kind).values()]
    assert len(codes) == len(set(codes))
    assert set(patient_parameters("Observation")) == {"patient", "subject"}
    assert set(patient_parameters("Coverage")) == {"patient", "beneficiary"}


@pytest.mark.parametrize(
    "expression",
    ["Patient.deceased.exists()", "Patient.nothing", "Encounter.status", "Patient.name[0]"],
)
def test_an_expression_outside_the_subset_is_refused(expression: str) -> None:
    with pytest.raises(FaultError, match="search-expression"):
        compile_path("Patient", expression)


def test_type_codes_are_fixed_places() -> None:
    # Stored in every row: a changed place would turn one type into another.
    assert (code_of("Account"), code_of("Patient"), code_of("VisionPrescription")) == (0, 102, 145)
    assert [name_of(code_of(name)) for name in NAMES] == list(NAMES)
    assert known("Patient")
    assert not known("patient")
    with pytest.raises(FaultError, match="unknown-type"):
        code_of("Potion")
