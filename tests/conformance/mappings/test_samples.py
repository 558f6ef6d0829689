"""The project's own samples: what each hard case among them must become."""

import csv
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any, Protocol

import pytest

from engine.core.fault import Category, FaultError
from engine.core.values import Contribution

ADMISSION = ("10-adt-a03", "11-adt-a01", "12-adt-a13")


class Said(Protocol):
    mapped: Any
    all: Callable[[str], list[dict[str, Any]]]
    one: Callable[[str], dict[str, Any]]
    coded: Callable[[str, str], dict[str, Any]]
    contribution: Callable[[str], Contribution]


Read = Callable[[str], Said]
Fold = Callable[[list[tuple[int, Contribution]]], dict[str, Any]]


@pytest.fixture
def read(say: Callable[[Path, str], Said], samples: Path) -> Read:
    """Map `site/start-of-the-name`."""

    def of(name: str) -> Said:
        site, _, start = name.partition("/")
        (path,) = (samples / "messages" / site).glob(f"{start}*.hl7")
        return say(path, f"site/{site}")

    return of


@pytest.mark.parametrize("order", list(permutations(ADMISSION)))
def test_visit_status_does_not_depend_on_arrival(
    read: Read, fold: Fold, order: tuple[str, ...]
) -> None:
    told = [read(f"mercy/{name}") for name in order]
    given = [(said.mapped.source_us, said.contribution("Encounter")) for said in told]
    encounter = fold(given)
    assert len({contribution.id for _, contribution in given}) == 1
    assert encounter["status"] == "in-progress"
    assert encounter["period"] == {"start": "2026-10-11T07:00:00-05:00"}


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (("01-adt-a01", "02-adt-a08", "06-adt-a03", "26-adt-a08"), "finished"),
        (("08-adt-a01", "09-adt-a11"), "cancelled"),
        (("01-adt-a01", "26-adt-a08"), "in-progress"),
    ],
)
def test_last_word_on_a_visit_is_the_triggers(
    read: Read, fold: Fold, names: list[str], status: str
) -> None:
    told = [read(f"mercy/{name}") for name in names]
    given = [(said.mapped.source_us, said.contribution("Encounter")) for said in told]
    for order in permutations(given):
        assert fold(list(order))["status"] == status


def test_update_alone_says_nothing_certain_about_the_visit(read: Read) -> None:
    assert "status" in read("mercy/26-adt-a08").contribution("Encounter").weak


def test_results_keep_their_id_from_preliminary_to_corrected(read: Read) -> None:
    told = [read(f"mercy/{number}") for number in ("03", "04", "05")]
    potassium = [said.coded("Observation", "2823-3") for said in told]
    assert len({body["id"] for body in potassium}) == 1
    assert [body["status"] for body in potassium] == ["preliminary", "final", "corrected"]
    assert [body["valueQuantity"]["value"] for body in potassium] == ["5.4", "5.40", "4.90"]


def test_two_insurances_two_subscribers(read: Read) -> None:
    first, second = read("mercy/01").all("Coverage")
    assert first["subscriber"] == first["beneficiary"]
    assert second["subscriber"]["reference"].startswith("RelatedPerson/")
    assert "spouse" in [each["code"] for each in second["relationship"]["coding"]]


def test_delimiters_are_those_of_the_message(read: Read) -> None:
    patient = read("mercy/24").one("Patient")
    assert patient["address"][0]["line"] == ["3 R%D MILL & SONS YARD"]
    assert patient["name"][0]["family"] == "LINDQVIST"


def test_latin_1_as_declared(read: Read) -> None:
    (name,) = read("hilltop/02").one("Patient")["name"]
    assert name["family"] == "Müller Åkerström"


def test_number_of_times_changes_nothing(read: Read) -> None:
    assert read("mercy/02").mapped == read("mercy/23").mapped
    assert read("hilltop/08").mapped == read("hilltop/09").mapped


def test_cleared_elements_are_said_so(read: Read) -> None:
    given = read("hilltop/14").contribution("Patient")
    assert "address" in given.clears
    assert given.parts["telecom"].said == {"home": None, "home-mail": None}


def test_month_of_birth_stays_a_month(read: Read) -> None:
    assert read("hilltop/10").one("Patient")["birthDate"] == "1976-02"


def test_twins_know_their_order(read: Read) -> None:
    orders = [read(f"lakeside/{n}").one("Patient")["multipleBirthInteger"] for n in ("05", "06")]
    assert orders == [1, 2]


def test_newborn_carries_the_mothers_number(read: Read) -> None:
    said = read("mercy/16")
    mother = said.one("RelatedPerson")
    assert mother["identifier"][0]["value"] == "M4413100"
    (extension,) = said.one("Patient")["_birthDate"]["extension"]
    assert extension["valueDateTime"] == "2026-10-02T04:31:00-05:00"


def test_local_tests_get_loinc_beside_their_own_code(read: Read) -> None:
    coding = read("hilltop/05").coded("Observation", "CHOL")["code"]["coding"]
    assert [each["code"] for each in coding] == ["CHOL", "2093-3"]


def test_text_with_a_comparator_is_a_quantity(read: Read) -> None:
    quantity = read("hilltop/05").coded("Observation", "HDLC")["valueQuantity"]
    assert (quantity["comparator"], quantity["value"]) == (">", "60")


@pytest.mark.parametrize(
    ("name", "status"),
    [("07", "booked"), ("08", "booked"), ("09", "cancelled"), ("10", "noshow")],
)
def test_appointments(read: Read, name: str, status: str) -> None:
    assert read(f"lakeside/{name}").one("Appointment")["status"] == status


def test_one_appointment_through_its_life(read: Read) -> None:
    assert len({read(f"lakeside/{n}").one("Appointment")["id"] for n in ("07", "08", "09")}) == 1


def test_training_system_is_filtered(read: Read) -> None:
    assert read("lakeside/15").mapped.filtered == "not-production"


def test_every_record_of_the_truth_is_sent(read: Read, samples: Path) -> None:
    sent: set[tuple[str, str]] = set()
    for path in sorted((samples / "messages").rglob("*.hl7")):
        mapped = read(f"{path.parent.name}/{path.stem}").mapped
        sent |= {(each.site, each.local_id) for each in mapped.patients}
    with (samples / "truth.csv").open(encoding="utf-8", newline="") as lines:
        told = {(row["site"], row["local_id"]) for row in csv.DictReader(lines)}
    assert sent == told


@pytest.mark.parametrize(
    ("name", "category", "code"),
    [
        ("unknown-trigger", Category.UNSUPPORTED, "unknown-trigger"),
        ("no-patient-number", Category.INVALID, "missing-patient-key"),
        ("declared-utf8-sent-latin-1", Category.INVALID, "charset-mismatch"),
        ("too-many-repetitions", Category.INVALID, "too-many-elements"),
        ("garbage", Category.INVALID, ""),
        ("no-header", Category.INVALID, ""),
        ("delimiters-twice", Category.INVALID, ""),
    ],
)
def test_bad_messages_are_refused_with_a_fault(
    say: Callable[[Path, str], Said], samples: Path, name: str, category: Category, code: str
) -> None:
    with pytest.raises(FaultError) as refused:
        say(samples / "bad" / f"{name}.hl7", "site/mercy")
    assert refused.value.fault.category is category
    assert not code or refused.value.fault.code == code


@pytest.mark.parametrize("name", ["mercy/03", "mercy/20", "mercy/17", "lakeside/07"])
def test_messages_that_only_identify_update_nothing(read: Read, name: str) -> None:
    patient = read(name).contribution("Patient")
    said = set(patient.body) - {"resourceType", "id", "meta"}
    assert said <= patient.weak
    assert not patient.clears


def test_result_without_ssn_leaves_the_ssn(read: Read, fold: Fold) -> None:
    told = [read(f"mercy/{name}") for name in ("01", "04")]
    patient = fold([(said.mapped.source_us, said.contribution("Patient")) for said in told])
    assert "666417702" in [each["value"] for each in patient["identifier"]]


def test_transfer_names_the_new_place_and_the_prior_one(read: Read) -> None:
    transfer, admission = read("mercy/27").one("Encounter"), read("mercy/01").one("Encounter")
    now, before = transfer["location"]
    assert (now["status"], before["status"]) == ("active", "completed")
    assert before["location"] == admission["location"][0]["location"]
    assert transfer["id"] == admission["id"]


def test_document_among_results_is_the_printed_report(read: Read) -> None:
    said = read("lakeside/16")
    (form,) = said.one("DiagnosticReport")["presentedForm"]
    assert form["contentType"] == "application/pdf"
    assert said.one("Observation")["category"][0]["coding"][0]["code"] == "imaging"
