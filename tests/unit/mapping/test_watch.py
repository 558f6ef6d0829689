"""What becomes of each value of a message, a row, a resource."""

from engine.formats.delimited.delivery import RowDelivery
from engine.mapping.library import Library
from engine.mapping.plan import Plan, Traced, compile_plan
from engine.mapping.site import SiteProfile
from tests.unit.mapping.conftest import MakePlan, Read
from tests.unit.mapping.fhir_documents import FILES, RECEIVED_US, observation, plan_of

PID = "PID|1||4711^^^HOSP^MR||Doe^Ann||19800401|F"


def states(traced: Traced) -> dict[str, str]:
    return {use.name: use.state for use in traced.uses}


def into(traced: Traced, name: str) -> tuple[str, ...]:
    return next(use.into for use in traced.uses if use.name == name)


def test_a_carried_value_says_into_which_elements(plan: Plan, read: Read) -> None:
    traced = plan.trace(read(PID), 0)
    assert into(traced, "PID-5") == ("Patient.name",)
    assert states(traced)["PID-8"] == "carried"
    assert "PID-1" not in states(traced)


def test_what_only_names_or_times_decides(plan: Plan, read: Read) -> None:
    found = states(plan.trace(read(PID, "MRG|1"), 0))
    assert (found["MSH-7"], found["MSH-9"], found["MSH-10"]) == ("decides",) * 3


def test_a_value_that_gives_nothing_is_lost(plan: Plan, read: Read) -> None:
    found = states(plan.trace(read("PID|1||4711^^^HOSP^MR||Doe^Ann||not-a-date|F"), 0))
    assert found["PID-7"] == "lost"


def test_values_of_a_resource_that_is_not_made_are_lost(plan: Plan, read: Read) -> None:
    found = plan.trace(read(PID, "DG1|1||||20260101", "PV1|1|I|||||||||||||||||V1"), 0)
    assert all(c.type != "Condition" for c in found.mapped.contributions)
    assert states(found).get("DG1-5") is None


def test_an_alternative_that_came_second(make_plan: MakePlan, read: Read, files: dict) -> None:  # type: ignore[type-arg]
    files["base/resources.yaml"] = files["base/resources.yaml"].replace(
        "birthDate: PID-7", "birthDate: PID-7 | PID-29"
    )
    found = states(make_plan().trace(read(PID + "|" * 21 + "20250101"), 0))
    assert found["PID-29"] == "carried", "the rule of deceased takes it"
    rules = files["base/resources.yaml"].replace("dateTime: PID-29", "dateTime: PID-33")
    files["base/resources.yaml"] = rules
    assert states(make_plan().trace(read(PID + "|" * 21 + "20250101"), 0))["PID-29"] == "second"


def test_a_null_that_clears_is_carried(plan: Plan, read: Read) -> None:
    found = plan.trace(read('PID|1||4711^^^HOSP^MR||Doe^Ann||""|F'), 0)
    assert states(found)["PID-7"] == "carried"


def test_a_condition_decides(make_plan: MakePlan, read: Read, files: dict) -> None:  # type: ignore[type-arg]
    files["base/messages.yaml"] = files["base/messages.yaml"].replace(
        "from: PV1}", 'from: PV1, when: PV1-51 != "no"}'
    )
    visit = "PV1|1|I" + "|" * 17 + "V1" + "|" * 32 + "no"
    found = states(make_plan().trace(read(PID, visit), 0))
    assert found["PV1-51"] == "decides"
    assert "PV1-19" not in found


def test_a_code_that_no_table_has_is_told_with_its_table(plan: Plan, read: Read) -> None:
    traced = plan.trace(read(PID[:-1] + "Z"), 0)
    (missed,) = traced.missed
    assert (missed.table, missed.element, missed.raw) == ("sex", "Patient.gender", "Z")


def test_a_traced_message_gives_what_an_untraced_one_gives(plan: Plan, read: Read) -> None:
    message = read(PID, "NK1|1|Doe^Joe", "PV1|1|I|||||77^House^Greg", "DG1|1||A00")
    assert plan.trace(message, 5).mapped.contributions == plan.map(message, 5).contributions


def test_two_messages_with_the_same_key_are_both_watched(plan: Plan, read: Read) -> None:
    visit = "PV1|1|I" + "|" * 17 + "V1"
    first, second = (states(plan.trace(read(PID, visit), 0)) for _ in range(2))
    assert first == second
    assert second["PV1-19"] == "decides"


def test_elements_of_a_resource(read: Read) -> None:
    plan = plan_of(FILES)
    found = states(plan.trace_resource(observation(), RECEIVED_US))
    assert found["Observation.subject"] in {"carried", "decides"}
    assert found["Observation.code"] == "carried"


def test_columns_by_their_headers() -> None:
    files = {
        "base/identity.yaml": "map: v1\nkind: identity\npatient: [{label: acct, from: PID-2}]\n",
        "base/patients.yaml": """map: v1
kind: csv
feed: patients
files: "p*.csv"
columns:
  Account: {header: No, type: id}
  Last: {header: Name, type: str}
  Spare: {type: str, optional: true}
patient: {acct: Account}
to: Patient
key: [Account]
ignore: {Spare: "agreed with nobody"}
Patient: {name: [{set: {family: Last}}]}
""",
    }
    profile = SiteProfile("mercy", "UTC", ("base",), b"k" * 32)
    plan = compile_plan(Library(tuple(files.items())), profile)
    row = RowDelivery("patients", "0" * 64, 1, 0, {"No": "1", "Name": "Doe", "Spare": "x"})
    assert states(plan.trace_row(row, 0)) == {"No": "decides", "Name": "carried"}
    assert plan.ignored["patients.Spare"].reason == "agreed with nobody"


def test_a_branch_that_came_second(plan: Plan, read: Read) -> None:
    found = states(plan.trace(read(PID + "|" * 21 + "20250101|Y"), 0))
    assert (found["PID-29"], found["PID-30"]) == ("carried", "second")
    assert states(plan.trace(read(PID + "|" * 22 + "Y"), 0))["PID-30"] == "carried"


def test_an_alternative_within_an_expression_that_came_second(
    make_plan: MakePlan, read: Read, files: dict[str, str]
) -> None:
    files["base/resources.yaml"] = files["base/resources.yaml"].replace(
        "birthDate: PID-7", "birthDate: date(PID-7 | PID-33)"
    )
    plan = make_plan()
    assert states(plan.trace(read(PID + "|" * 25 + "20200101"), 0))["PID-33"] == "second"
