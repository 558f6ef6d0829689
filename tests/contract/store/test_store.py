import uuid
from typing import Any

import orjson

from engine.core.lexeme import Number
from engine.core.values import Contribution, Parts
from engine.database.protocol import Database
from engine.store.membership import Membership, assign, members_of, persons_of, relink
from engine.store.people import Golden, put_goldens, retired
from engine.store.put import Write, put, remove, source_patient
from engine.store.read import UNIFIED, Stored, View, history, read, vread
from engine.store.stamps import times

PATIENT = str(uuid.UUID(int=1))
OTHER = str(uuid.UUID(int=2))
OBSERVATION = str(uuid.UUID(int=3))
PERSON = str(uuid.UUID(int=100))
SECOND_PERSON = str(uuid.UUID(int=101))
META = {"source": "urn:concord:site:mercy"}


def patient(record: str = PATIENT, mode: str = "merge", **members: Any) -> Contribution:
    body = {"resourceType": "Patient", "id": record, "meta": META, **members}
    return Contribution("Patient", record, body, record, mode)


def observation(value: str, *, subject: str = PATIENT, about: str = OBSERVATION) -> Contribution:
    body = {
        "resourceType": "Observation",
        "id": about,
        "meta": META,
        "status": "final",
        "code": {"text": "glucose"},
        "subject": {"reference": f"Patient/{subject}"},
        "valueQuantity": {"value": Number(value), "unit": "mg/dL"},
    }
    return Contribution("Observation", about, body, subject)


def write(contribution: Contribution, source_us: int = 10, position: int = 1) -> Write:
    return Write(contribution, "mercy", source_us, position)


def current(database: Database, kind: str, about: str, view: View = UNIFIED) -> Stored:
    with database.read() as tx:
        found = read(tx, kind, about, view)
    assert found is not None
    return found


def test_a_new_resource_reads_back_with_version_time_and_decimals_as_sent(
    database: Database,
) -> None:
    with database.write() as tx:
        [written] = put(tx, [write(observation("13.10"))], 1_700_000_000_000_000)
    assert (written.outcome, written.version) == ("created", 1)
    found = current(database, "Observation", OBSERVATION)
    assert b'"value":13.10,' in found.body
    meta = orjson.loads(found.body)["meta"]
    assert meta == {"versionId": "1", "lastUpdated": "2023-11-14T22:13:20.000Z", **META}


def test_equal_content_makes_no_version_and_older_content_changes_nothing(
    database: Database,
) -> None:
    with database.write() as tx:
        put(tx, [write(observation("1.0"), 10, 1)], 1)
        outcomes = [
            put(tx, [write(observation("1.0"), 11, 2)], 2)[0].outcome,
            put(tx, [write(observation("9.0"), 9, 3)], 3)[0].outcome,
            put(tx, [write(observation("1.0"), 11, 2)], 4)[0].outcome,
            put(tx, [write(observation("1.00"), 12, 4)], 5)[0].outcome,
        ]
    assert outcomes == ["unchanged", "older", "unchanged", "updated"]
    with database.read() as tx:
        assert [s.version for s in history(tx, "Observation", OBSERVATION, UNIFIED)] == [2, 1]
        old = vread(tx, "Observation", OBSERVATION, 1, UNIFIED)
    assert old is not None
    assert b'"value":1.0,' in old.body


def test_one_whole_follows_another_and_equal_wholes_make_no_version(database: Database) -> None:
    def ranked(value: str, rank: int, *, source: str = "urn:a") -> Contribution:
        told = observation(value)
        return told._replace(rank=rank, body={**told.body, "meta": {"source": source}})

    steps = [
        (ranked("1.0", 1), 10, "created", 1),
        (ranked("2.0", 1), 11, "updated", 2),
        (ranked("2.0", 2), 12, "unchanged", 2),  # the same, as of higher rank
        (ranked("3.0", 1), 13, "older", 2),  # later, but of lower rank
        (ranked("3.0", 2), 14, "updated", 3),
        (ranked("4.0", 2), 9, "older", 3),
        (ranked("3.0", 2, source="urn:b"), 15, "unchanged", 3),
        (ranked("5.0", 2, source="urn:b"), 16, "updated", 4),
    ]
    said = [(write(told, at, at), outcome, version) for told, at, outcome, version in steps]
    with database.write() as tx:
        alone = [put(tx, [one], one.position)[0] for one, _, _ in said]
    assert [(one.outcome, one.version) for one in alone] == [step[1:] for step in said]
    stored = current(database, "Observation", OBSERVATION)
    assert b'"source":"urn:b"' in stored.body
    assert b'"value":5.0' in stored.body
    with database.write() as tx:
        remove(tx, [("Observation", OBSERVATION)], 90, 90)
        [back, *_, last] = put(tx, [one for one, _, _ in said], 91)
    assert back.outcome == "updated"
    assert last.version == back.version + 3
    assert current(database, "Observation", OBSERVATION).body[-40:] == stored.body[-40:]


def test_elements_of_several_messages_merge_by_time(database: Database) -> None:
    name = [{"family": "Quill"}]
    with database.write() as tx:
        put(tx, [write(patient(name=name, gender="female"), 20, 2)], 1)
        put(tx, [write(patient(gender="male", birthDate="1980-02-29"), 10, 1)], 2)
        found = source_patient(tx, PATIENT)
    assert found is not None
    body = orjson.loads(found[0])
    assert (body["name"], body["gender"], body["birthDate"]) == (name, "female", "1980-02-29")
    assert times(found[1], "Patient", body) == {"name": 20, "gender": 20, "birthDate": 10}


def test_parts_of_an_element_merge_by_time_and_say_so(database: Database) -> None:
    def numbers(**said: Any) -> Contribution:
        told = patient(identifier=[item for items in said.values() for item in items])
        return told._replace(parts={"identifier": Parts(("mrn", "ssn"), said)})

    mrn, ssn = [{"value": "m"}], [{"value": "s"}]
    with database.write() as tx:
        put(tx, [write(numbers(mrn=mrn, ssn=ssn), 10, 1)], 1)
        [again] = put(tx, [write(numbers(mrn=mrn), 20, 2)], 2)
        found = source_patient(tx, PATIENT)
    assert (again.outcome, again.version, again.advanced) == ("unchanged", 1, True)
    assert found is not None
    body = orjson.loads(found[0])
    assert body["identifier"] == mrn + ssn
    assert times(found[1], "Patient", body) == {"identifier": 20}


def test_the_unified_view_shows_the_person_and_the_site_view_the_record(
    database: Database,
) -> None:
    with database.write() as tx:
        assign(tx, [Membership(PATIENT, PERSON, "mercy", "M1")])
        put(tx, [write(patient(gender="male")), write(observation("1.5"))], 1)
        put_goldens(tx, [Golden(PERSON, {"meta": META, "gender": "male"}, 1)], 1)
    unified = orjson.loads(current(database, "Observation", OBSERVATION).body)
    own = orjson.loads(current(database, "Observation", OBSERVATION, View("mercy")).body)
    assert unified["subject"] == {"reference": f"Patient/{PERSON}"}
    assert own["subject"] == {"reference": f"Patient/{PATIENT}"}
    with database.read() as tx:
        assert read(tx, "Patient", PERSON, View("mercy")) is None
        assert read(tx, "Observation", OBSERVATION, View("lakeside")) is None
        assert read(tx, "Patient", PATIENT, UNIFIED) is not None


def test_relink_adds_a_version_that_names_the_new_person(database: Database) -> None:
    with database.write() as tx:
        assign(tx, [Membership(PATIENT, PERSON, "mercy", "M1")])
        put(tx, [write(patient(gender="male")), write(observation("1.5"))], 1)
    with database.write() as tx:
        assign(tx, [Membership(PATIENT, SECOND_PERSON, "mercy", "M1")])
        assert relink(tx, [PATIENT], 7_000_000, 5) == 1
        assert relink(tx, [PATIENT], 8_000_000, 6) == 0
        assert persons_of(tx, [PATIENT, OTHER]) == {PATIENT: SECOND_PERSON}
        assert members_of(tx, [PERSON]) == {}
    now = current(database, "Observation", OBSERVATION)
    assert (now.version, now.updated_us) == (2, 7_000_000)
    assert f"Patient/{SECOND_PERSON}".encode() in now.body
    with database.read() as tx:
        old = vread(tx, "Observation", OBSERVATION, 1, UNIFIED)
    assert old is not None
    assert f"Patient/{PERSON}".encode() in old.body


def test_a_record_assigned_after_its_first_write_gets_no_second_version(
    database: Database,
) -> None:
    with database.write() as tx:
        put(tx, [write(patient(gender="male")), write(observation("1.5"))], 3)
        assign(tx, [Membership(PATIENT, PERSON, "mercy", "M1")])
        assert relink(tx, [PATIENT], 3, 1) == 0
    now = current(database, "Observation", OBSERVATION)
    assert now.version == 1
    assert f"Patient/{PERSON}".encode() in now.body


def test_a_retired_person_points_to_the_survivor_and_can_come_back(database: Database) -> None:
    golden = {"meta": META, "gender": "male"}
    with database.write() as tx:
        assert put_goldens(tx, [Golden(PERSON, golden, 1)], 1)[0].outcome == "created"
        assert put_goldens(tx, [Golden(PERSON, golden, 2)], 2)[0].outcome == "unchanged"
        assert put_goldens(tx, [retired(PERSON, SECOND_PERSON, 3)], 3)[0].version == 2
        assert put_goldens(tx, [retired(PERSON, SECOND_PERSON, 4)], 4)[0].outcome == "unchanged"
    body = orjson.loads(current(database, "Patient", PERSON).body)
    assert body["active"] is False
    assert body["link"][0]["other"] == {"reference": f"Patient/{SECOND_PERSON}"}
    with database.write() as tx:
        assert put_goldens(tx, [Golden(PERSON, golden, 5)], 5)[0].version == 3
    assert b"active" not in current(database, "Patient", PERSON).body


def test_several_writes_of_one_resource_in_a_batch_are_versions_in_order(
    database: Database,
) -> None:
    with database.write() as tx:
        done = put(tx, [write(observation(value), 10 + n, n) for n, value in enumerate("1123")], 1)
        again = put(tx, [write(observation("3"), 99, 99)], 2)
    assert [(w.outcome, w.version) for w in done + again] == [
        ("created", 1),
        ("unchanged", 1),
        ("updated", 2),
        ("updated", 3),
        ("unchanged", 3),
    ]


def test_meta_alone_makes_no_version_but_the_newest_is_shown(database: Database) -> None:
    first, second = observation("1"), observation("1")
    first.body["meta"] = {"source": "urn:a"}
    second.body["meta"] = {"source": "urn:b"}
    for order in ((first, 1), (second, 2)), ((second, 2), (first, 1)):
        about = str(uuid.uuid5(uuid.NAMESPACE_OID, str(order[0][1])))
        with database.write() as tx:
            for told, at in order:
                renamed = Contribution(told.type, about, told.body, told.patient)
                put(tx, [write(renamed, at, at)], at)
        found = current(database, "Observation", about)
        assert found.version == 1
        assert orjson.loads(found.body)["meta"]["source"] == "urn:b"


def test_a_security_label_stays_when_a_later_message_has_none(database: Database) -> None:
    label = {"system": "urn:confidentiality", "code": "R"}
    labelled, plain = observation("1"), observation("1")
    labelled.body["meta"] = {"source": "urn:a", "security": [label]}
    plain.body["meta"] = {"source": "urn:b"}
    for order in ((labelled, 1), (plain, 2)), ((plain, 2), (labelled, 1)):
        about = str(uuid.uuid5(uuid.NAMESPACE_OID, f"label {order[0][1]}"))
        with database.write() as tx:
            for told, at in order:
                renamed = Contribution(told.type, about, told.body, told.patient)
                put(tx, [write(renamed, at, at)], at)
        meta = orjson.loads(current(database, "Observation", about).body)["meta"]
        assert (meta["source"], meta["security"]) == ("urn:b", [label])


def test_a_version_that_named_a_person_is_never_changed(database: Database) -> None:
    with database.write() as tx:
        assign(tx, [Membership(PATIENT, PERSON, "mercy", "M1")])
        put(tx, [write(observation("1.5"))], 3)
    with database.write() as tx:
        assign(tx, [Membership(PATIENT, SECOND_PERSON, "mercy", "M1")])
        assert relink(tx, [PATIENT], 3, 2) == 1
        old = vread(tx, "Observation", OBSERVATION, 1, UNIFIED)
    assert old is not None
    assert f"Patient/{PERSON}".encode() in old.body


def test_links_between_source_patients_stay_as_the_source_wrote_them(database: Database) -> None:
    link = [{"other": {"reference": f"Patient/{OTHER}"}, "type": "refer"}]
    with database.write() as tx:
        assign(tx, [Membership(OTHER, PERSON, "mercy", "M2")])
        put(tx, [write(patient(link=link))], 1)
        put_goldens(tx, [Golden(PERSON, {"meta": META, "link": link}, 1)], 1)
    for about in (PATIENT, PERSON):
        assert orjson.loads(current(database, "Patient", about).body)["link"] == link


def test_references_to_other_patients_show_their_persons(database: Database) -> None:
    told = observation("1")
    told.body["performer"] = [{"reference": f"Patient/{OTHER}"}, {"reference": "Patient/unknown"}]
    with database.write() as tx:
        assign(tx, [Membership(OTHER, PERSON, "mercy", "M2")])
        put(tx, [write(told)], 1)
    body = orjson.loads(current(database, "Observation", OBSERVATION).body)
    assert body["subject"]["reference"] == f"Patient/{PATIENT}"
    assert [p["reference"] for p in body["performer"]] == [f"Patient/{PERSON}", "Patient/unknown"]
