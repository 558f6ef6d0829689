from collections.abc import Mapping
from typing import Any

import pytest

from engine.r4.validate import validate
from mpi.person import SSN_SYSTEM
from mpi.survivorship import Golden, Member, Rules, golden

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


def member(
    record: str,
    body: Mapping[str, Any],
    times: Mapping[str, int] | None = None,
    *,
    merged: bool = False,
) -> Member:
    site = {"1": "epic", "2": "athena", "3": "ecw"}[record[-1]]
    return Member(record, site, record, {"resourceType": "Patient", **body}, times or {}, merged)


def build(rules: Rules, *members: Member) -> Golden:
    return golden("E1", members, rules)


def test_the_frame_of_a_golden_record(rules: Rules) -> None:
    body = build(rules, member("r2", {}), member("r1", {})).body
    assert body == {
        "resourceType": "Patient",
        "id": "E1",
        "meta": {
            "source": "urn:concord:region",
            "tag": [{"system": "urn:concord:tag", "code": "golden"}],
        },
        "active": True,
        "link": [
            {"other": {"reference": "Patient/r1"}, "type": "seealso"},
            {"other": {"reference": "Patient/r2"}, "type": "seealso"},
        ],
    }


def test_elements_stand_in_the_order_of_fhir(rules: Rules) -> None:
    whole = {
        "link": [],
        "generalPractitioner": [{"display": "P"}],
        "communication": [{"language": {"text": "English"}}],
        "contact": [{"name": {"family": "Ash"}}],
        "multipleBirthInteger": 1,
        "maritalStatus": {"text": "Married"},
        "address": [{"city": "Alder Fork"}],
        "deceasedBoolean": False,
        "birthDate": "1958-03-09",
        "gender": "female",
        "telecom": [{"system": "phone", "value": "608-555-0142"}],
        "name": [{"family": "Ash"}],
        "active": True,
        "identifier": [{"system": "s", "value": "1"}],
        "extension": [{"url": RACE, "extension": [{"url": "text", "valueString": "White"}]}],
    }
    found = build(rules, member("r1", whole)).body
    assert validate(found) == []
    assert list(found) == [
        *("resourceType", "id", "meta", "extension", "identifier", "active", "name", "telecom"),
        *("gender", "birthDate", "deceasedBoolean", "address", "maritalStatus"),
        *("multipleBirthInteger", "contact", "communication", "generalPractitioner", "link"),
    ]


def test_the_fullest_name_is_official_and_the_others_are_kept(rules: Rules) -> None:
    found = build(
        rules,
        member("r1", {"name": [{"use": "official", "family": "Ash", "given": ["Theodore", "K"]}]}),
        member("r2", {"name": [{"family": "ASH", "given": ["TED"]}]}),
        member("r3", {"name": [{"use": "nickname", "family": "Ash", "given": ["Teddy"]}]}),
    )
    assert validate(found.body) == []
    assert [(n["use"], n["given"]) for n in found.body["name"]] == [
        ("official", ["Theodore", "K"]),
        ("old", ["TED"]),
        ("nickname", ["Teddy"]),
    ]
    assert [found.lineage[f"name[{i}]"] for i in range(3)] == ["r1", "r2", "r3"]


def test_one_name_in_two_spellings_is_shown_once(rules: Rules) -> None:
    names = [{"family": "Núñez", "given": ["José"]}], [{"family": "NUNEZ", "given": ["JOSE"]}]
    found = build(rules, *(member(f"r{i}", {"name": n}) for i, n in enumerate(names, 1)))
    assert len(found.body["name"]) == 1


def test_a_stand_in_name_gives_way(rules: Rules) -> None:
    found = build(
        rules,
        member("r1", {"name": [{"family": "Ash", "given": ["BABYBOY", "A", "OF LINDA"]}]}),
        member("r2", {"name": [{"family": "Ash", "given": ["Theo"]}]}),
    )
    assert [n["given"] for n in found.body["name"]] == [["Theo"]]


def test_a_stand_in_name_is_better_than_none(rules: Rules) -> None:
    found = build(rules, member("r1", {"name": [{"family": "Ash", "given": ["BABYBOY"]}]}))
    assert found.body["name"] == [{"use": "official", "family": "Ash", "given": ["BABYBOY"]}]


def test_the_birth_date_of_most_and_never_a_stand_in(rules: Rules) -> None:
    dates = ["1958-03-09", "1958-03-09", "1958-09-03"]
    found = build(rules, *(member(f"r{i}", {"birthDate": d}) for i, d in enumerate(dates, 1)))
    assert found.body["birthDate"] == "1958-03-09"
    assert found.conflicts == ("birthDate",)
    stand_in = build(
        rules, member("r1", {"birthDate": "1900-01-01"}), member("r2", {"birthDate": "1958"})
    )
    assert (stand_in.body["birthDate"], stand_in.conflicts) == ("1958", ())


def test_a_partial_date_is_no_contradiction(rules: Rules) -> None:
    found = build(
        rules, member("r1", {"birthDate": "1958"}), member("r2", {"birthDate": "1958-03"})
    )
    assert (found.body["birthDate"], found.conflicts) == ("1958-03", ())


def test_the_birth_time_comes_with_its_date(rules: Rules) -> None:
    timed = {"extension": [{"url": "birthTime", "valueDateTime": "2016-07-14T03:02:00Z"}]}
    found = build(rules, member("r1", {"birthDate": "2016-07-14", "_birthDate": timed}))
    assert found.body["_birthDate"] == timed


def test_unknown_gender_gives_way(rules: Rules) -> None:
    found = build(rules, member("r1", {"gender": "unknown"}), member("r2", {"gender": "female"}))
    assert (found.body["gender"], found.conflicts) == ("female", ())
    assert build(rules, member("r1", {"gender": "unknown"})).body["gender"] == "unknown"


def number(value: str) -> dict[str, Any]:
    return {"identifier": [{"system": SSN_SYSTEM, "value": value}]}


def test_one_social_security_number_and_a_conflict(rules: Rules) -> None:
    found = build(
        rules,
        member("r1", number("*****0309")),
        member("r2", number("666-12-0309")),
        member("r3", number("666998877")),
    )
    shown = [i["value"] for i in found.body["identifier"]]
    assert shown == ["666-12-0309"]
    assert found.conflicts == ("ssn",)


def test_a_stand_in_number_is_not_shown(rules: Rules) -> None:
    assert "identifier" not in build(rules, member("r1", number("999-99-9999"))).body


def test_identifiers_keep_system_and_assigner_and_appear_once(rules: Rules) -> None:
    one = {"system": "urn:a", "value": "Z99", "assigner": {"display": "A"}}
    found = build(
        rules,
        member("r1", {"identifier": [one, {"system": "urn:a", "value": "   Z99"}]}),
        member("r2", {"identifier": [{"system": "urn:b", "value": "Z99"}]}),
    )
    assert found.body["identifier"] == [{"system": "urn:b", "value": "Z99"}, one]


def test_identifiers_of_a_merged_record_are_old(rules: Rules) -> None:
    found = build(
        rules,
        member("r1", {"identifier": [{"system": "urn:a", "value": "1"}], "gender": "male"}),
        member(
            "r2",
            {"identifier": [{"use": "usual", "system": "urn:a", "value": "2"}], "gender": "female"},
            merged=True,
        ),
    )
    assert found.body["identifier"] == [
        {"system": "urn:a", "value": "1"},
        {"use": "old", "system": "urn:a", "value": "2"},
    ]
    assert found.body["gender"] == "male"


def test_telecom_is_joined_newest_first_without_stand_ins(rules: Rules) -> None:
    found = build(
        rules,
        member(
            "r1",
            {"telecom": [{"system": "phone", "value": "(608)555-0142"}]},
            {"telecom": 1},
        ),
        member(
            "r2",
            {
                "telecom": [
                    {"system": "phone", "value": "6085550142", "use": "home"},
                    {"system": "email", "value": "A@mail.example"},
                    {"system": "phone", "value": "0000000000"},
                ]
            },
            {"telecom": 2},
        ),
    )
    assert [t["value"] for t in found.body["telecom"]] == ["6085550142", "A@mail.example"]


def test_the_newest_address_wins(rules: Rules) -> None:
    found = build(
        rules,
        member("r1", {"address": [{"city": "Old Fork"}]}, {"address": 1}),
        member("r2", {"address": [{"city": "New Fork"}]}, {"address": 2}),
    )
    assert [a["city"] for a in found.body["address"]] == ["New Fork"]
    assert found.lineage["address[0]"] == "r2"


@pytest.mark.parametrize(
    ("said", "shown", "conflicts"),
    [
        (({"deceasedBoolean": True},), {"deceasedBoolean": True}, ()),
        (({"deceasedBoolean": False}, {}), {"deceasedBoolean": False}, ()),
        (({"deceasedBoolean": True}, {"deceasedBoolean": False}), {}, ("deceased",)),
        (
            ({"deceasedBoolean": True}, {"deceasedDateTime": "2024-02-18"}, {}),
            {"deceasedDateTime": "2024-02-18"},
            (),
        ),
        (
            (
                {"deceasedBoolean": True},
                {"deceasedDateTime": "2024-02-18"},
                {"deceasedBoolean": False},
            ),
            {"deceasedDateTime": "2024-02-18"},
            ("deceased",),
        ),
    ],
)
def test_death_needs_two_sites_or_no_contradiction(
    rules: Rules,
    said: tuple[dict[str, Any], ...],
    shown: dict[str, Any],
    conflicts: tuple[str, ...],
) -> None:
    found = build(rules, *(member(f"r{i}", b) for i, b in enumerate(said, 1)))
    assert {k: v for k, v in found.body.items() if k.startswith("deceased")} == shown
    assert found.conflicts == conflicts


def test_active_unless_every_record_in_force_is_not(rules: Rules) -> None:
    off, on = {"active": False}, {"active": True}
    assert build(rules, member("r1", off), member("r2", on)).body["active"] is True
    assert build(rules, member("r1", off), member("r2", on, merged=True)).body["active"] is False


def test_extensions_about_the_person_one_for_each_url(rules: Rules) -> None:
    coded = {"url": RACE, "extension": [{"url": "text", "valueString": "White"}]}
    local = {"url": "https://ehr.example/chart-group", "valueString": "1"}
    found = build(
        rules,
        member("r1", {"extension": [{"url": RACE}, local]}),
        member("r2", {"extension": [coded]}),
    )
    assert found.body["extension"] == [coded]


def test_security_labels_protect_the_whole(rules: Rules) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    found = build(rules, member("r1", {"meta": {"security": [label]}}), member("r2", {}))
    assert found.body["meta"]["security"] == [label]


def test_contacts_and_languages_appear_once(rules: Rules) -> None:
    english = {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}}
    son = {"name": {"family": "Ash", "given": ["Gordon"]}}
    other = {"name": {"family": "ASH", "given": ["GORDON"]}}
    found = build(
        rules,
        member("r1", {"communication": [english], "contact": [son]}),
        member("r2", {"communication": [english | {"preferred": True}], "contact": [other]}),
    )
    assert found.body["communication"] == [english]
    assert found.body["contact"] == [son]
