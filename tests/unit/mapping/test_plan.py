"""What a plan makes of messages: contributions, identities, statements, diagnostics."""

from collections.abc import Callable

import pytest

from engine.core.fault import Category, FaultError
from engine.core.lexeme import Number
from engine.core.values import Contribution, Mapped
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.library import Library
from engine.mapping.plan import Plan

MakePlan = Callable[..., Plan]
Read = Callable[..., Message]
PID = "PID|1||7^^^HOSP^MR||QUILL^TESS||19800112|F"


def only(mapped: Mapped, kind: str) -> Contribution:
    found = [made for made in mapped.contributions if made.type == kind]
    assert len(found) == 1
    return found[0]


def codes(mapped: Mapped) -> set[str]:
    return {note.code for note in mapped.diagnostics}


def test_patient_has_the_elements_in_the_order_of_r4(plan: Plan, read: Read) -> None:
    body = only(plan.map(read(PID), 0), "Patient").body
    assert list(body) == [
        "resourceType",
        "id",
        "meta",
        "identifier",
        "name",
        "gender",
        "birthDate",
    ]
    assert body["meta"] == {"source": "urn:concord:site:mercy"}
    assert body["identifier"][0]["system"] == "urn:oid:1.2.3"
    assert body["gender"] == "female"
    assert body["birthDate"] == "1980-01-12"


def test_patient_id_is_the_record_and_the_key_prefers_the_first_label(
    plan: Plan, read: Read
) -> None:
    mapped = plan.map(read("PID|1||7^^^HOSP^MR~E9^^^^EPI"), 0)
    assert [key.local_id for key in mapped.patients] == ["E9"]
    assert only(mapped, "Patient").id == mapped.patients[0].record
    assert only(mapped, "Patient").patient == mapped.patients[0].record


def test_lane_follows_the_same_rule(plan: Plan, read: Read) -> None:
    assert plan.lane(read("PID|1||7^^^HOSP^MR~E9^^^^EPI")) == "EPI:E9"
    assert plan.lane(read(PID)) == "MR:7"
    assert plan.lane(read("PV1|1|I")) == ""


def test_aliases_carry_assigner_type_label_or_field(plan: Plan, read: Read) -> None:
    mapped = plan.map(read("PID|1||7^^^HOSP^MR~8^^^^EPI|55"), 0)
    assert {(a.system, a.value) for a in mapped.aliases} == {
        ("urn:oid:1.2.3", "7"),
        ("urn:id:mercy:EPI", "8"),
        ("urn:id:mercy:chart", "55"),
    }


def test_null_clears_and_empty_does_not(plan: Plan, read: Read) -> None:
    cleared = only(plan.map(read('PID|1||7^^^HOSP^MR||QUILL^TESS||""|F|||||""'), 0), "Patient")
    assert set(cleared.clears) == {"birthDate", "telecom"}
    silent = only(plan.map(read("PID|1||7^^^HOSP^MR||QUILL^TESS"), 0), "Patient")
    assert silent.clears == ()


def test_null_of_a_choice_clears_every_form(plan: Plan, read: Read) -> None:
    pid = "|".join(["PID", "1", "", "7^^^HOSP^MR", *[""] * 26, '""'])
    found = only(plan.map(read(pid), 0), "Patient")
    assert set(found.clears) == {"deceasedBoolean", "deceasedDateTime"}


def test_default_is_weak_and_a_value_is_not(plan: Plan, read: Read) -> None:
    assert only(plan.map(read("PID|1||7"), 0), "Patient").weak == {"gender"}
    assert only(plan.map(read(PID), 0), "Patient").weak == frozenset()


def test_default_after_a_null_is_a_statement_of_the_source(plan: Plan, read: Read) -> None:
    found = only(plan.map(read('PID|1||7|||||""'), 0), "Patient")
    assert found.body["gender"] == "unknown"
    assert found.weak == frozenset()


def test_entry_that_only_identifies_is_weak_throughout(plan: Plan, read: Read) -> None:
    mapped = plan.map(read('PID|1||7||QUILL^TESS||""', "OBR|1||F1|A", kind="ORU^R01"), 0)
    patient = only(mapped, "Patient")
    assert patient.weak == {"identifier", "name", "gender"}
    assert patient.clears == ()


def test_references_of_a_message_resolve_to_its_own_resources(plan: Plan, read: Read) -> None:
    mapped = plan.map(
        read(PID, "PV1|1|I|||||1^OKORO^IFE||||||||||||V1", "DG1|1||R07.9^Pain", "DG1|2||I10^BP"), 0
    )
    encounter = only(mapped, "Encounter")
    conditions = [made for made in mapped.contributions if made.type == "Condition"]
    patient = only(mapped, "Patient")
    assert encounter.body["subject"] == {"reference": f"Patient/{patient.id}"}
    assert [d["condition"]["reference"] for d in encounter.body["diagnosis"]] == [
        f"Condition/{made.id}" for made in conditions
    ]
    doctor = only(mapped, "Practitioner")
    assert (
        encounter.body["participant"][0]["individual"]["reference"] == f"Practitioner/{doctor.id}"
    )
    assert doctor.mode == "merge"


def test_resource_without_a_required_element_goes_with_the_references_to_it(
    plan: Plan, read: Read
) -> None:
    mapped = plan.map(read(PID, "PV1|1|I", "DG1|1|||nothing coded"), 0)
    assert not [made for made in mapped.contributions if made.type == "Condition"]
    assert "diagnosis" not in only(mapped, "Encounter").body
    assert "missing-required" in codes(mapped)


def test_same_key_with_other_content_is_numbered_and_reported(plan: Plan, read: Read) -> None:
    results = ("OBX|1|NM|A^x||1|mg|||||F", "OBX|2|NM|A^x||2|mg|||||F", "OBX|3|NM|A^x||1|mg|||||F")
    mapped = plan.map(read(PID, "OBR|1||F1|P", *results, kind="ORU^R01"), 0)
    found = [made for made in mapped.contributions if made.type == "Observation"]
    assert [made.body["valueQuantity"]["value"] for made in found] == ["1", "2"]
    assert len({made.id for made in found}) == 2
    assert "repeated-key" in codes(mapped)


def test_decimals_keep_their_digits(plan: Plan, read: Read) -> None:
    mapped = plan.map(read(PID, "OBR|1||F1|P", "OBX|1|NM|A||13.10|mg|||||F", kind="ORU^R01"), 0)
    value = only(mapped, "Observation").body["valueQuantity"]["value"]
    assert isinstance(value, Number)
    assert value == "13.10"


def test_preliminary_results_rank_below_final_ones(plan: Plan, read: Read) -> None:
    def rank(status: str) -> int:
        result = f"OBX|1|NM|A||1|mg|||||{status}"
        mapped = plan.map(read(PID, "OBR|1||F1|P", result, kind="ORU^R01"), 0)
        return only(mapped, "Observation").rank

    assert (rank("P"), rank("F")) == (0, 1)


def test_notes_stay_with_their_own_result(plan: Plan, read: Read) -> None:
    segments = (
        "OBR|1||F1|P",
        "NTE|1||of the order",
        "OBX|1|ST|A||x||||||F",
        "OBX|2|ST|B||y||||||F",
        "NTE|1||of B",
    )
    mapped = plan.map(read(PID, *segments, kind="ORU^R01"), 0)
    notes = {
        made.body["code"]["coding"][0]["code"]: made.body.get("note")
        for made in mapped.contributions
        if made.type == "Observation"
    }
    assert notes == {"A": None, "B": [{"text": "of B"}]}


def test_report_collects_the_results_of_its_own_order(plan: Plan, read: Read) -> None:
    segments = ("OBR|1||F1|P", "OBX|1|ST|A||x||||||F", "OBR|2||F2|Q", "OBX|1|ST|B||y||||||F")
    mapped = plan.map(read(PID, *segments, kind="ORU^R01"), 0)
    reports = [made for made in mapped.contributions if made.type == "DiagnosticReport"]
    assert [len(made.body["result"]) for made in reports] == [1, 1]
    assert reports[0].body["result"] != reports[1].body["result"]


MILLIGRAM = {"unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        (">^60", {"valueQuantity": {"value": "60", "comparator": ">", **MILLIGRAM}}),
        (
            "^1^-^3",
            {
                "valueRange": {
                    "low": {"value": "1", **MILLIGRAM},
                    "high": {"value": "3", **MILLIGRAM},
                }
            },
        ),
        ("^1^:^8", {"valueRatio": {"numerator": {"value": "1"}, "denominator": {"value": "8"}}}),
        ("^1^+", {"valueString": "1+"}),
    ],
)
def test_structured_numerics(plan: Plan, read: Read, raw: str, form: dict[str, object]) -> None:
    result = f"OBX|1|SN|A||{raw}|mg|||||F"
    body = only(plan.map(read(PID, "OBR|1||F1|P", result, kind="ORU^R01"), 0), "Observation").body
    assert {name: value for name, value in body.items() if name.startswith("value")} == form


def test_merge_states_survivor_and_subsumed_and_their_aliases(plan: Plan, read: Read) -> None:
    mapped = plan.map(read("EVN||20260314", PID, "MRG|8^^^HOSP^MR", kind="ADT^A40"), 0)
    merge = mapped.merges[0]
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("7", "8")
    assert mapped.patients == (merge.survivor, merge.subsumed)
    assert {(a.record, a.value) for a in mapped.aliases} == {
        (merge.survivor.record, "7"),
        (merge.subsumed.record, "8"),
    }


def test_each_repeated_merge_group_is_a_statement(plan: Plan, read: Read) -> None:
    groups = ("PID|1||1", "MRG|2", "PID|2||3", "MRG|4")
    mapped = plan.map(read("EVN||20260314", *groups, kind="ADT^A40"), 0)
    assert [(m.survivor.local_id, m.subsumed.local_id) for m in mapped.merges] == [
        ("1", "2"),
        ("3", "4"),
    ]


def test_merge_without_a_prior_patient_is_refused(plan: Plan, read: Read) -> None:
    with pytest.raises(FaultError) as refused:
        plan.map(read("EVN||20260314", PID, kind="ADT^A40"), 0)
    assert refused.value.fault.code == "missing-patient-key"
    assert refused.value.fault.where == "MRG-1"


def test_unknown_trigger_is_unsupported(plan: Plan, read: Read) -> None:
    with pytest.raises(FaultError) as refused:
        plan.map(read(PID, kind="ADT^A99"), 0)
    assert refused.value.fault.category is Category.UNSUPPORTED
    assert refused.value.fault.code == "unknown-trigger"


def test_message_without_patient_key_is_refused_without_patient_data(
    plan: Plan, read: Read
) -> None:
    with pytest.raises(FaultError) as refused:
        plan.map(read("PID|1||||QUILL^TESS"), 0)
    assert refused.value.fault.code == "missing-patient-key"
    assert "QUILL" not in str(refused.value.fault)


def test_volatile_patient_is_stable_for_a_repeated_delivery(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["base/identity.yaml"] += "missing: volatile\n"
    plan = make_plan()
    first, again = (plan.map(read("PID|1||||QUILL^TESS"), time) for time in (0, 1))
    other = plan.map(read("PID|1||||QUILL^TESS", control="C2"), 0)
    assert first.patients == again.patients != other.patients
    assert "volatile-id" in codes(first)


def test_control_id_is_needed_only_where_the_site_says_so(
    plan: Plan, make_plan: MakePlan, read: Read
) -> None:
    assert plan.map(read(PID, control=""), 0).control_id == ""
    with pytest.raises(FaultError) as refused:
        make_plan(require_control_id=True).map(read(PID, control=""), 0)
    assert refused.value.fault.code == "missing-control-id"


def test_training_messages_are_filtered_by_a_named_rule(plan: Plan, make_plan: MakePlan) -> None:
    text = f"MSH|^~\\&|APP|FAC|||20260314101500||ADT^A01|C1|T|2.5.1\r{PID}"
    mapped = plan.map(parse(text.encode()), 0)
    assert (mapped.filtered, mapped.contributions) == ("not-production", ())
    assert make_plan(processing=("", "P", "T")).map(parse(text.encode()), 0).contributions


@pytest.mark.parametrize(
    ("event", "expected_us"),
    [
        ("EVN||20260314120000-0500", 1773507600_000_000),  # its own offset
        ("EVN||20260314120000", 1773507600_000_000),  # Chicago, daylight time
        ("EVN||20260314", 1773501300_000_000),  # says only the day: MSH-7
        ("PV1|1", 1773501300_000_000),  # 10:15 in Chicago
    ],
)
def test_source_time_is_the_senders_in_the_sites_zone(
    plan: Plan, read: Read, event: str, expected_us: int
) -> None:
    assert plan.map(read(event, PID), 0).source_us == expected_us


def test_arrival_time_stands_in_for_a_missing_one(plan: Plan) -> None:
    mapped = plan.map(parse(f"MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5\r{PID}".encode()), 77)
    assert mapped.source_us == 77
    assert "no-source-time" in codes(mapped)


def test_utf8_under_a_declared_ascii_is_said(plan: Plan) -> None:
    body = "MSH|^~\\&|A|B|||20260314||ADT^A01|1|P|2.5||||||ASCII\rPID|1||7^^^HOSP^MR||NÚÑEZ^ZOË"
    mapped = plan.map(parse(body.encode()), 0)
    assert only(mapped, "Patient").body["name"][0]["family"] == "NÚÑEZ"
    assert "beyond-ascii" in codes(mapped)
    within = plan.map(parse(body.replace("NÚÑEZ^ZOË", "NUNEZ^ZOE").encode()), 0)
    assert "beyond-ascii" not in codes(within)


def test_other_delimiters_mean_the_same(plan: Plan, read: Read) -> None:
    usual = plan.map(read("PID|1||7^^^HOSP^MR||O\\T\\HARE^TESS~BELL^TESS"), 0)
    text = "MSH$%*!@$APP$FAC$$$20260314101500$$ADT%A01$C1$P$2.5.1\r"
    other = plan.map(parse(f"{text}PID$1$$7%%%HOSP%MR$$O&HARE%TESS*BELL%TESS".encode()), 0)
    assert other.contributions == usual.contributions


def test_plan_id_depends_on_files_and_profile_but_not_on_the_key(
    files: dict[str, str], make_plan: MakePlan
) -> None:
    plan = make_plan()
    assert make_plan(id_key=b"other").id == plan.id
    assert make_plan(zone="UTC").id != plan.id
    files["base/codes/sex.csv"] += ",U,,unknown,,,\n"
    assert make_plan().id != plan.id


def test_ids_depend_on_site_and_key(make_plan: MakePlan, read: Read) -> None:
    plans = (make_plan(), make_plan(name="north"), make_plan(id_key=b"other"))
    assert len({plan.map(read(PID), 0).patients[0].record for plan in plans}) == 3


def test_trace_names_source_and_rule_line_and_maps_the_same(plan: Plan, read: Read) -> None:
    traced = plan.trace(read(PID), 0)
    plain = plan.map(read(PID), 0)
    assert traced.mapped.contributions == plain.contributions
    births = [line for line in traced.lineage if line.path == "Patient.birthDate"]
    assert [(line.source, line.rule) for line in births] == [("PID-7", "base/resources.yaml:12")]
    assert "base/resources.yaml:12" in traced.mapped.lines
    assert plain.lines == ()


def test_library_survives_storage(files: dict[str, str]) -> None:
    library = Library(tuple(sorted(files.items())))
    assert Library.from_bytes(library.to_bytes()) == library


def test_bundle_resolves_and_holds_one_header(plan: Plan, read: Read) -> None:
    bundle = plan.bundle([read(PID, "PV1|1|I|||||1^OKORO")], 0)
    resources = [entry["resource"] for entry in bundle["entry"]]
    names = {f"{r['resourceType']}/{r['id']}" for r in resources}
    headers = [r for r in resources if r["resourceType"] == "MessageHeader"]
    assert bundle["type"] == "transaction"
    assert len(headers) == 1
    assert {focus["reference"] for focus in headers[0]["focus"]} <= names
    assert headers[0]["sender"]["reference"] in names


def test_what_msh_8_holds_is_nobodys_to_read(plan: Plan) -> None:
    text = f"MSH|^~\\&|A|B|||20260314101500|open-sesame|ADT^A01|1|P|2.5\r{PID}"
    assert "open-sesame" not in str(plan.bundle([parse(text.encode())], 0))


def test_z_segment_of_an_overlay_is_read_where_it_stands(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["vendor/epic/overlay.yaml"] = """map: v1
kind: overlay
segments: {ZPD: {1: ST}}
change:
  PID-Patient:
    active: 'ZPD-1 = "Y"'
"""
    plan = make_plan("vendor/epic")
    assert only(plan.map(read(PID, "ZPD|Y"), 0), "Patient").body["active"] is True
    assert "active" not in only(plan.map(read(PID), 0), "Patient").body
