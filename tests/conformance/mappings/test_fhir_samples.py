"""The project's own resources: what they become, and that a fact told twice is one resource."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any, Protocol

import pytest

from engine.core.fault import FaultError
from engine.core.values import Contribution
from engine.formats.fhir_json import read_json
from engine.r4.validate import validate
from engine.store.registers import State, body_of, merge

SAMPLES = Path(__file__).parents[3] / "samples"
RESOURCES = sorted(SAMPLES.glob("resources/*/*.json"))


class Said(Protocol):
    mapped: Any
    one: Callable[[str], dict[str, Any]]
    coded: Callable[[str, str], dict[str, Any]]
    contribution: Callable[[str], Contribution]


Read = Callable[[str], Said]


@pytest.fixture
def read(say: Callable[[Path, str], Said], samples: Path) -> Read:
    """Map `site/start-of-the-name` of a message, `site/+start` of a resource."""

    def of(name: str) -> Said:
        site, _, start = name.partition("/")
        folder = "resources" if start.startswith("+") else "messages"
        (path,) = (samples / folder / site).glob(f"{start.removeprefix('+')}*")
        return say(path, f"site/{site}")

    return of


def entries(value: dict[str, Any]) -> list[dict[str, Any]]:
    if value["resourceType"] != "Bundle":
        return [value]
    return [entry["resource"] for entry in value["entry"]]


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_is_valid_and_so_is_what_it_becomes(
    say: Callable[[Path, str], Said], path: Path
) -> None:
    value = read_json(path.read_bytes())
    assert [issue for one in entries(value) for issue in validate(one)] == []
    mapped = say(path, f"site/{path.parent.name}").mapped
    assert mapped.diagnostics == ()
    for told in mapped.contributions:
        assert validate(told.body) == []
        assert validate(told.body, told.proven) == []
    named = {f"{told.type}/{told.id}" for told in mapped.contributions}
    patients = [name for name in named if name.startswith("Patient/")]
    assert patients == [f"Patient/{mapped.patients[0].record}"]


SAME = [
    ("lakeside/03-oru", "lakeside/+02", "Observation", "4548-4"),
    ("lakeside/03-oru", "lakeside/+10", "Observation", "EAG"),
    ("lakeside/03-oru", "lakeside/+03", "DiagnosticReport", ""),
    ("mercy/04-oru", "mercy/+03", "Observation", "2951-2"),
    ("mercy/04-oru", "mercy/+04", "DiagnosticReport", ""),
    ("mercy/01-adt", "mercy/+02", "Encounter", ""),
    ("mercy/01-adt", "mercy/+05", "Condition", "J44.1"),
    ("mercy/20-mdm", "mercy/+08", "DocumentReference", ""),
    ("lakeside/02-adt", "lakeside/+01", "Patient", ""),
    ("mercy/01-adt", "mercy/+01", "Patient", ""),
]


@pytest.mark.parametrize(("message", "resource", "kind", "code"), SAME)
def test_a_fact_told_by_both_is_one_resource(
    read: Read, message: str, resource: str, kind: str, code: str
) -> None:
    told = [read(message), read(resource)]
    found = [said.coded(kind, code) if code else said.one(kind) for said in told]
    assert found[0]["id"] == found[1]["id"]


def laid(told: list[tuple[int, int, Contribution]]) -> dict[str, Any]:
    """Return what the store makes of statements in this order."""
    state: State | None = None
    for position, source_us, one in told:
        state = merge(state, one, one.said_us or source_us, position)
    assert state is not None
    return body_of(state, told[0][2].type, told[0][2].id)


def statements(read: Read, kind: str, *names: str) -> list[tuple[int, int, Contribution]]:
    """Return what messages and resources say of the resource the first of them is about."""
    told = [read(name).mapped for name in names]
    wanted = next(one.id for one in told[-1].contributions if one.type == kind)
    return [
        (position, mapped.source_us, one)
        for position, mapped in enumerate(told, 1)
        for one in mapped.contributions
        if one.id == wanted
    ]


def test_the_newest_statement_on_a_result_holds_in_either_order(read: Read) -> None:
    """Of one code in order 2280911, the resource is newer by a minute."""
    told = statements(read, "Observation", "lakeside/03-oru", "lakeside/+02")
    assert len(told) == 2
    shown = [laid(list(order)) for order in permutations(told)]
    assert shown[0] == shown[1]
    assert shown[0]["valueQuantity"]["value"] == "6.80"
    assert shown[0]["identifier"][0]["value"] == "a-888120.labresult-2280911-1"


def test_a_corrected_message_holds_over_an_older_resource(read: Read) -> None:
    """The potassium of order 2207714 is said by messages alone; its sodium by both."""
    told = statements(read, "Observation", "mercy/04-oru", "mercy/05-oru", "mercy/+03")
    shown = {str(laid(list(order))["valueQuantity"]["value"]) for order in permutations(told)}
    assert shown == {"135.0"}


@pytest.mark.parametrize(
    "names",
    [
        ("lakeside/01-adt", "lakeside/02-adt", "lakeside/03-oru", "lakeside/+01"),
        ("mercy/01-adt", "mercy/02-adt", "mercy/04-oru", "mercy/+01"),
    ],
)
def test_a_patient_is_the_same_whatever_came_first(read: Read, names: tuple[str, ...]) -> None:
    told = statements(read, "Patient", *names)
    assert len(told) == len(names)
    shown = [laid(list(order)) for order in permutations(told)]
    assert all(one == shown[0] for one in shown)
    assert validate(shown[0]) == []
    systems = {one.get("system") for one in shown[0]["identifier"]}
    assert "http://hl7.org/fhir/sid/us-ssn" in systems  # the resource does not say it


def test_a_merge_told_by_both_is_the_same_statement(read: Read) -> None:
    by_message = read("lakeside/11-adt-a40").mapped.merges
    assert read("lakeside/+09").mapped.merges == by_message
    assert len(by_message) == 1


def test_what_the_sender_reports_of_itself_is_no_data(read: Read) -> None:
    kinds = {one.type for one in read("lakeside/+10").mapped.contributions}
    assert kinds == {"Observation", "Patient", "Organization"}


def test_references_lead_to_what_messages_made(read: Read) -> None:
    visit = read("mercy/01-adt").one("Encounter")["id"]
    sodium = read("mercy/+03").one("Observation")
    assert sodium["encounter"]["reference"] == f"Encounter/{visit}"
    a1c = read("lakeside/+02").one("Observation")
    assert (
        a1c["encounter"]["reference"]
        == f"Encounter/{read('lakeside/03-oru').one('Encounter')['id']}"
    )
    report = read("lakeside/+03").one("DiagnosticReport")
    assert [one["identifier"]["value"] for one in report["result"]] == [
        "a-888120.labresult-2280911-1",
        "a-888120.labresult-2280911-2",
    ]


def test_vendor_quirks_are_undone(read: Read) -> None:
    body = read("mercy/+01").one("Patient")
    assert {one["value"] for one in body["identifier"]} == {
        "M4410027", "810200114", "MRHZZINVENTED07", "Z44120",
    }  # fmt: skip
    race = body["extension"][0]["extension"][0]["valueCoding"]
    assert race["system"] == "urn:oid:2.16.840.1.113883.6.238"
    language = body["communication"][0]["language"]["coding"][0]
    assert language["system"] == "urn:ietf:bcp:47"
    assert body["maritalStatus"]["coding"][0]["code"] == "M"
    code = read("mercy/+05").one("Condition")["code"]["coding"]
    assert [coding["system"] for coding in code] == [
        "http://hl7.org/fhir/sid/icd-10-cm",
        "http://snomed.info/sct",
    ]
    urls = [one["url"] for one in read("lakeside/+01").one("Patient")["extension"]]
    assert not any("fhir.athena.io" in url for url in urls)


def test_a_patient_of_another_practice_is_nobody_here(
    samples: Path, say: Callable[[Path, str], Said], tmp_path: Path
) -> None:
    text = (samples / "resources/lakeside/01-patient.json").read_text("utf-8")
    foreign = tmp_path / "foreign.json"
    foreign.write_text(text.replace("a-888120.E-", "a-888121.E-"), "utf-8")
    with pytest.raises(FaultError, match="missing-patient-key"):
        say(foreign, "site/lakeside")
