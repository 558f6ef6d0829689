"""csv documents: rows become resources; mistakes are shown with their place."""

from dataclasses import replace
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.core.values import Mapped
from engine.formats.delimited.delivery import RowDelivery
from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, Plan, compile_plan
from engine.mapping.site import SiteProfile

IDENTITY = "map: v1\nkind: identity\npatient:\n  - {label: acct, from: PID-2}\n"
PATIENTS = """map: v1
kind: csv
feed: patients
files: "patients*.csv"
deletes: "patients*_delete.csv"
dialect: {encoding: [utf-8-sig, cp1252], delimiter: tab, null_values: [NULL]}
columns:
  Account: {header: Patient No, type: id}
  Last: {header: Last Name, type: str}
  First: {header: First Name, type: str}
  Born: {header: DOB, type: date(%m/%d/%Y), optional: true}
  Sex: {type: code, optional: true}
  Zip: {type: zip, optional: true, bad: value}
  Phone: {type: phone, optional: true}
  Status: {type: code, optional: true}
  Modified: {type: datetime(%m/%d/%Y %H:%M), optional: true}
changed: Modified
patient: {acct: Account}
to: Patient
key: [Account]
skip: Last = "TEST"
fills: [gender]
delete_when: Status = "Gone"
on_delete: {active: "=false"}
Patient:
  identifier: [{label: account, set: {system: "=https://x.example/account", value: Account}}]
  name: [{set: {family: Last, given: [First]}}]
  telecom: [{from: Phone, fill: {use: "=home"}}]
  gender: {from: Sex, map: {F: female, M: male}}
  birthDate: Born
  address: [{when: Zip valued, set: {postalCode: Zip}}]
"""
VISITS = """map: v1
kind: csv
feed: visits
files: "visits*.csv"
columns: {Visit: id, Account: id, Begin: datetime(%Y-%m-%d %H:%M)}
patient: {acct: Account}
to: Encounter
key: [Visit]
Patient: {identifier: [{set: {system: "=https://x.example/account", value: Account}}]}
Encounter:
  status: "=finished"
  class: "=http://terminology.hl7.org/CodeSystem/v3-ActCode|AMB"
  period: {start: Begin}
"""
RECEIVED_US = 1_790_000_000_000_000
EXTRACT_US = 1_789_000_000_000_000
Fault = tuple[str, str]


def plan_of(*documents: str) -> Plan:
    files = tuple((f"site/x/{n}.yaml", text) for n, text in enumerate((IDENTITY, *documents)))
    return compile_plan(Library(files), SiteProfile("x", "America/Denver", ("site/x",), b"k" * 32))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(PATIENTS, VISITS)


def row(feed: str = "patients", **columns: str) -> RowDelivery:
    given = {"Patient No": "7", "Last Name": "Doe", "First Name": "Ida"}
    renamed = {name.replace("_", " "): value for name, value in columns.items()}
    if feed != "patients":
        given = {}
    return RowDelivery(feed, "ab" * 32, 1, EXTRACT_US, {**given, **renamed})


def body(mapped: Mapped, kind: str = "Patient") -> dict[str, Any]:
    return next(given.body for given in mapped.contributions if given.type == kind)


def test_a_row_is_a_patient(plan: Plan) -> None:
    mapped = plan.map_row(row(DOB="3/9/1958", Sex="F", Phone="608-555-0119"), RECEIVED_US)
    found = body(mapped)
    assert found["name"] == [{"family": "Doe", "given": ["Ida"]}]
    assert (found["birthDate"], found["gender"]) == ("1958-03-09", "female")
    assert found["telecom"] == [{"system": "phone", "value": "608-555-0119", "use": "home"}]
    assert (mapped.kind, mapped.source_us) == ("csv:patients", EXTRACT_US)
    assert mapped.control_id == f"{'ab' * 8}:1"
    assert [key.local_id for key in mapped.patients] == ["7"]
    (given,) = mapped.contributions
    assert (set(given.weak), given.mode, list(given.clears)) == ({"gender"}, "merge", [])


def test_cells_are_text_whatever_stands_in_them(plan: Plan) -> None:
    name = 'A^B|C~D&E\\F "G"\nH'
    assert body(plan.map_row(row(Last_Name=name), RECEIVED_US))["name"][0]["family"] == name


def test_the_same_patient_as_in_messages_keeps_one_lane(plan: Plan) -> None:
    assert plan.row_lane(row()) == "acct:7"


def test_empty_and_null_cells_say_nothing(plan: Plan) -> None:
    mapped = plan.map_row(row(DOB="NULL", Phone="", Zip=" "), RECEIVED_US)
    assert {"birthDate", "telecom", "address"}.isdisjoint(body(mapped))
    assert mapped.contributions[0].clears == ()


def test_empty_cells_take_back_where_the_site_says_so() -> None:
    plan = plan_of(PATIENTS + "empty: clear\n")
    (given,) = plan.map_row(row(DOB="NULL", Phone=""), RECEIVED_US).contributions
    assert set(given.clears) == {"birthDate", "telecom"}


def test_a_row_knows_when_it_was_changed(plan: Plan) -> None:
    mapped = plan.map_row(row(Modified="09/14/2026 08:30"), RECEIVED_US)
    assert mapped.source_us == 1_789_396_200_000_000  # 14:30 UTC


def test_a_value_of_no_use_is_left_out_and_noted_by_its_header(plan: Plan) -> None:
    mapped = plan.map_row(row(Zip="3777"), RECEIVED_US)
    assert "address" not in body(mapped)
    assert [(note.code, note.where) for note in mapped.diagnostics] == [("bad-zip", "Zip")]


def test_what_the_mapping_notes_names_the_header(plan: Plan) -> None:
    mapped = plan.map_row(row(Sex="Q"), RECEIVED_US)
    assert [(note.code, note.where) for note in mapped.diagnostics] == [("unmapped-code", "Sex")]


def test_rows_can_be_left_out(plan: Plan) -> None:
    mapped = plan.map_row(row(Last_Name="TEST"), RECEIVED_US)
    assert (mapped.filtered, mapped.contributions, mapped.patients) == ("skipped-row", (), ())


def test_a_deletion_says_only_that(plan: Plan) -> None:
    gone = replace(row(), columns={"Patient No": "7"}, deleted=True)
    found = body(plan.map_row(gone, RECEIVED_US))
    assert set(found) == {"resourceType", "id", "meta", "active"}
    assert found["active"] is False
    marked = body(plan.map_row(row(Status="Gone"), RECEIVED_US))
    assert (marked["active"], marked["name"][0]["family"]) == (False, "Doe")
    assert marked["id"] == found["id"]


def test_another_resource_speaks_of_its_patient(plan: Plan) -> None:
    given = row("visits", Visit="V1", Account="7", Begin="2026-09-14 08:30")
    mapped = plan.map_row(given, RECEIVED_US)
    patient, visit = mapped.contributions
    assert visit.body["subject"] == {"reference": f"Patient/{patient.id}"}
    assert visit.body["period"] == {"start": "2026-09-14T08:30:00-06:00"}
    assert patient.weak == {"identifier"}
    assert patient.id == plan.map_row(row(), RECEIVED_US).contributions[0].id
    assert visit.patient == patient.id


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (row(Patient_No=""), ("missing-patient-key", "row")),
        (row(DOB="1958-03-09"), ("bad-date", "DOB")),
        (row("visits", Visit="V1", Account="7"), ("column-missing", "Begin")),
        (row("visits", Visit="", Account="7", Begin=""), ("missing-key", "row")),
        (row("prescriptions"), ("unknown-feed", "")),
    ],
)
def test_a_row_that_breaks_the_contract_is_a_fault(
    plan: Plan, given: RowDelivery, fault: Fault
) -> None:
    with pytest.raises(FaultError) as caught:
        plan.map_row(given, RECEIVED_US)
    assert (caught.value.fault.code, caught.value.fault.where) == fault


def test_a_traced_row_names_rules_and_columns(plan: Plan) -> None:
    traced = plan.trace_row(row(DOB="3/9/1958"), RECEIVED_US)
    born = next(line for line in traced.lineage if line.path == "Patient.birthDate")
    assert (born.source, born.rule) == ("DOB", "site/x/1.yaml:30")
    assert (
        traced.mapped.contributions == plan.map_row(row(DOB="3/9/1958"), RECEIVED_US).contributions
    )


def test_the_contract_comes_from_the_document(plan: Plan) -> None:
    contract = next(one for one in plan.contracts if one.feed == "patients")
    assert contract.key == ("Account",)
    assert contract.dialect.delimiter == "\t"
    assert contract.dialect.null_values == {"", "NULL"}
    assert contract.takes("patients_1.csv")
    assert contract.deletes_rows("patients_1_delete.csv")
    assert str(contract.zone) == "America/Denver"


@pytest.mark.parametrize(
    ("old", "new", "code", "shown"),
    [
        ("birthDate: Born", "birthDate: Brn", "E250", "did you mean 'Born'?"),
        ("birthDate: Born", "birthDate: PID-7", "E250", "a file has no PID-7"),
        ("type: zip", "type: zipp", "E251", "did you mean 'zip'?"),
        ("date(%m/%d/%Y)", "date(%m/%d/%y)", "E251", "no type of column"),
        ("utf-8-sig", "utf-9", "E251", "utf-9"),
        ("delimiter: tab", "delimiter: x", "E251", "delimiter"),
        ("header: DOB", "heeder: DOB", "E111", "did you mean 'header'?"),
        ("Last: {header: Last Name", "Last: {header: First Name", "E251", "same header"),
        ("patient: {acct", "patient: {akct", "E252", "did you mean 'acct'?"),
        ("changed: Modified", "changed: Last", "E250", "date or datetime"),
        ('on_delete: {active: "=false"}', "", "E253", "on_delete"),
        ("fills: [gender]", "fills: [gendr]", "E203", "did you mean 'gender'?"),
        ("feed: patients", "", "E112", "needs 'feed'"),
        ("to: Patient", "to: Pation", "E112", "needs"),
        ("skip: Last", "skipp: Last", "E111", "did you mean 'skip'?"),
    ],
)
def test_mistakes_are_shown_with_advice(old: str, new: str, code: str, shown: str) -> None:
    assert old in PATIENTS
    with pytest.raises(MappingErrors) as caught:
        plan_of(PATIENTS.replace(old, new, 1))
    assert code in [problem.code for problem in caught.value.problems]
    assert shown in caught.value.frame()


def test_a_mistake_in_an_expression_has_its_caret() -> None:
    with pytest.raises(MappingErrors) as caught:
        plan_of(PATIENTS.replace("family: Last,", "family: 'concat(Last, Frist)',"))
    (problem,) = caught.value.problems
    assert problem.place.source[problem.place.column - 1 :].startswith("Frist")


def test_a_site_changes_a_feed_by_overlay() -> None:
    change = "map: v1\nkind: overlay\nchange:\n  patients:\n    columns.Born.header: Birth Date\n"
    plan = plan_of(PATIENTS, change)
    given = replace(row(), columns={**row().columns, "Birth Date": "3/9/1958"})
    assert body(plan.map_row(given, RECEIVED_US))["birthDate"] == "1958-03-09"
