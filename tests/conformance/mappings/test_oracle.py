"""Oracle Health: its habits in messages, resources and extracts, by the samples of glenhaven."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest


class Said(Protocol):
    mapped: Any
    all: Callable[[str], list[dict[str, Any]]]
    one: Callable[[str], dict[str, Any]]
    coded: Callable[[str, str], dict[str, Any]]
    get: Callable[[str], dict[str, Any]]


Read = Callable[[str], Said]


@pytest.fixture
def read(say: Callable[[Path, str], Said], samples: Path) -> Read:
    """Map a message by the start of its name, a resource by `+` and the start."""

    def of(start: str) -> Said:
        folder = "resources" if start.startswith("+") else "messages"
        (path,) = (samples / folder / "glenhaven").glob(f"{start.removeprefix('+')}*")
        return say(path, "site/glenhaven")

    return of


def keys(said: Said) -> list[str]:
    return [key.local_id for key in said.mapped.patients]


def test_the_community_number_is_the_key_also_cut_off(read: Read) -> None:
    assert keys(read("01")) == ["480012345"]
    assert keys(read("03")) == ["480012402"]  # its type arrived as `CM`


def test_a_medical_record_number_counts_with_its_pool(read: Read) -> None:
    one, other = read("05"), read("07")
    assert (keys(one), keys(other)) == (["7709913-GLN-MRN"], ["7709913-GLW-MRN"])
    assert one.mapped.aliases[0].system != other.mapped.aliases[0].system


def test_numbers_of_other_systems_join_nobody(read: Read) -> None:
    said = read("01")
    assert "55120077" in [each["value"] for each in said.one("Patient")["identifier"]]
    assert {alias.value for alias in said.mapped.aliases} == {"7704410", "480012345"}


def test_a_merge_by_medical_record_number_needs_no_more_header(read: Read) -> None:
    (merge,) = read("04").mapped.merges
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("480012402", "7709913-GLN-MRN")


def test_a_merge_by_community_number(read: Read) -> None:
    (merge,) = read("06").mapped.merges
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("480012345", "480019876")


def test_words_stand_for_codes(read: Read) -> None:
    patient = read("01").one("Patient")
    assert [name["use"] for name in patient["name"]] == ["official", "old"]
    assert [each.get("use") for each in patient["telecom"]] == ["home", "mobile", "work", None]
    assert patient["telecom"][3]["value"] == "t.vance@mail.example"
    assert patient["address"][0]["use"] == "home"
    assert "multipleBirthInteger" not in patient  # 0 is not an order of birth


def test_a_visit_is_its_fin_in_messages_and_resources(read: Read) -> None:
    told = [read(name).one("Encounter") for name in ("01", "02", "08", "+02")]
    assert len({encounter["id"] for encounter in told}) == 1
    assert told[0]["class"]["code"] == "IMP"
    assert told[0]["identifier"][0]["value"] == "90055012"
    assert told[2]["period"]["end"] == "2026-10-09T15:45:00-07:00"


def test_a_provider_is_one_participant_for_all_aliases(read: Read) -> None:
    said = read("01")
    names = [
        said.get(each["individual"]["reference"]) for each in said.one("Encounter")["participant"]
    ]
    assert [each["identifier"][0]["value"] for each in names] == [
        "GAUTHIERP",
        "LINDGREND",
        "GAUTHIERP",
    ]


def test_a_range_that_comes_three_times_is_said_once(read: Read) -> None:
    (found,) = read("02").coded("Observation", "718-7")["referenceRange"]
    assert found["text"] == "12.0-16.0"
    assert (found["low"]["value"], found["high"]["value"]) == ("12.0", "16.0")


def test_a_code_value_without_alias_is_kept(read: Read) -> None:
    smear = read("02").coded("Observation", "CD:2700655")
    assert smear["valueCodeableConcept"]["coding"] == [
        {"code": "CD:2811", "display": "Not indicated"}
    ]


def test_latin_1_as_declared(read: Read) -> None:
    assert read("03").one("Patient")["name"][0]["family"] == "BRANDÃO-LEÃO"


def test_a_resource_is_joined_to_messages_by_the_medical_record_number(read: Read) -> None:
    message, resource = (
        {(alias.system, alias.value) for alias in read(name).mapped.aliases}
        for name in ("01", "+01")
    )
    assert message & resource == {("urn:oid:2.999.5501.2", "7704410")}


def test_log_in_names_are_no_identifiers(read: Read) -> None:
    values = [each["value"] for each in read("+01").one("Patient")["identifier"]]
    assert values == ["7704410", "7704999"]


def test_a_combined_record_has_nothing_but_its_link(read: Read) -> None:
    said = read("+04")
    (merge,) = said.mapped.merges
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("12880417", "12880999")
    assert not {"identifier", "name"} & said.one("Patient").keys()
    assert keys(read("+03")) == ["12880417"]  # what a reference says is that record


def test_the_clients_codes_stay_beside_the_standard_ones(read: Read) -> None:
    local, loinc = read("+03").one("Observation")["code"]["coding"]
    assert local["system"].endswith("/codeSet/72")
    assert (loinc["system"], loinc["code"]) == ("http://loinc.org", "718-7")


def test_a_class_of_table_0004_becomes_one_of_r4(read: Read) -> None:
    found = read("+05").one("Encounter")["class"]
    assert (found["system"].rpartition("/")[2], found["code"]) == ("v3-ActCode", "AMB")
