from itertools import permutations
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.core.values import Contribution
from engine.store import registers, splice, stamps
from engine.store.registers import State, gather, register_of


def told(mode: str = "merge", **options: Any) -> Contribution:
    body = options.pop("body", {})
    return Contribution("Patient", "p", {"meta": {"source": "urn:a"}, **body}, "p", mode, **options)


def fold(*messages: tuple[Contribution, int, int]) -> State:
    state: State | None = None
    for contribution, source_us, position in messages:
        state = registers.merge(state, contribution, source_us, position)
    assert state is not None
    return state


def body(state: State) -> dict[str, Any]:
    full = registers.body_of(state, "Patient", "p")
    return {name: full[name] for name in full if name not in {"resourceType", "id", "meta"}}


def test_members_of_one_element_share_a_register() -> None:
    assert register_of("Patient", "deceasedBoolean") == register_of("Patient", "deceasedDateTime")
    assert register_of("Patient", "deceased[x]") == "deceased"
    assert register_of("Patient", "_birthDate") == "birthDate"
    assert gather("Patient", {"id": "p", "_birthDate": 1, "birthDate": 2, "own": 3}) == {
        "birthDate": {"_birthDate": 1, "birthDate": 2},
        "own": {"own": 3},
    }


def test_a_newer_message_sets_what_it_names_and_leaves_the_rest() -> None:
    first = told(body={"gender": "male", "birthDate": "1980"})
    second = told(body={"gender": "female"})
    assert body(fold((first, 1, 1), (second, 2, 2))) == {"gender": "female", "birthDate": "1980"}


def test_an_emptied_element_stays_empty_until_a_newer_value() -> None:
    known, empty = told(body={"gender": "male"}), told(clears=("gender",))
    assert body(fold((known, 1, 1), (empty, 2, 2))) == {}
    assert body(fold((empty, 2, 2), (known, 1, 1))) == {}
    assert body(fold((empty, 2, 2), (known, 3, 3))) == {"gender": "male"}


def test_another_form_of_a_choice_replaces_it() -> None:
    one, other = told(body={"deceasedBoolean": True}), told(body={"deceasedDateTime": "2024"})
    assert body(fold((one, 1, 1), (other, 2, 2))) == {"deceasedDateTime": "2024"}


def test_a_default_fills_a_gap_and_never_replaces() -> None:
    default = told(body={"gender": "unknown"}, weak=frozenset({"gender"}))
    said = told(body={"gender": "male"})
    assert body(fold((default, 9, 9))) == {"gender": "unknown"}
    assert body(fold((said, 1, 1), (default, 9, 9))) == {"gender": "male"}
    assert body(fold((default, 9, 9), (said, 1, 1))) == {"gender": "male"}


def test_a_lower_rank_never_replaces_a_higher_one() -> None:
    final = told("replace", body={"gender": "male"}, rank=2)
    preliminary = told("replace", body={"gender": "other"}, rank=1)
    assert body(fold((final, 1, 1), (preliminary, 5, 5))) == {"gender": "male"}


def test_replacing_drops_what_is_not_named_but_not_what_is_newer() -> None:
    detail = told(body={"gender": "male", "birthDate": "1980"})
    newer = told(body={"active": True})
    whole = told("replace", body={"gender": "female"})
    expected = {"active": True, "gender": "female"}
    assert body(fold((detail, 1, 1), (newer, 3, 3), (whole, 2, 2))) == expected
    assert body(fold((whole, 2, 2), (newer, 3, 3), (detail, 1, 1))) == expected


def test_of_one_message_the_first_statement_holds() -> None:
    part, whole = (
        told(body={"gender": "male"}),
        told("replace", body={"gender": "other", "active": True}),
    )
    assert body(fold((part, 1, 1), (whole, 1, 1))) == {"gender": "male", "active": True}
    assert body(fold((whole, 1, 1), (part, 1, 1))) == {"gender": "other", "active": True}


def test_the_same_message_again_gives_the_same_state_object() -> None:
    state = fold((told(body={"gender": "male"}), 1, 1))
    assert registers.merge(state, told(body={"gender": "male"}), 1, 1) is state


def test_elements_stand_in_fhir_order_and_meta_has_no_version() -> None:
    messy = told(body={"link": [], "name": [], "active": True, "own": 1})
    messy.body["meta"] = {"versionId": "9", "source": "urn:a", "lastUpdated": "2024"}
    full = registers.body_of(fold((messy, 1, 1)), "Patient", "p")
    assert list(full) == ["resourceType", "id", "meta", "active", "name", "link", "own"]
    assert full["meta"] == {"source": "urn:a"}


def test_most_resources_need_one_stamp() -> None:
    one = fold((told("replace", body={"gender": "male"}), 5, 6))
    assert stamps.to_text(one) == "1.5.6"
    several = fold((told(body={"gender": "male", "name": [1]}, clears=("photo",)), 5, 6))
    assert stamps.to_text(several) == ";1.5.6*:photo"
    mixed = fold(
        (told(body={"gender": "male", "active": True}), 5, 6), (told(body={"name": [1]}), 7, 7)
    )
    assert stamps.to_text(mixed) == ";1.5.6*;1.7.7:name"
    assert stamps.times(stamps.to_text(mixed), "Patient", body(mixed)) == {
        "gender": 5,
        "active": 5,
        "name": 7,
    }


def test_a_body_the_splice_cannot_work_on_is_refused() -> None:
    with pytest.raises(FaultError, match="body-misordered"):
        splice.encoded({"resourceType": "Patient", "meta": {}, "id": "p"})


def test_a_person_id_of_another_length_is_refused() -> None:
    record = "0" * 36
    text = splice.encoded(
        {
            "resourceType": "Basic",
            "id": "b",
            "meta": {},
            "subject": {"reference": f"Patient/{record}"},
        }
    )
    refs = splice.offsets("Basic", text)
    assert splice.records(text, refs) == [record]
    with pytest.raises(FaultError, match="person-id-length"):
        splice.with_persons(text, refs, {record: "short"})
    assert (
        splice.spliced(text, splice.head_length("Basic", "b"), 1, 0).count(b'"versionId":"1"') == 1
    )


def label(code: str, **more: str) -> dict[str, str]:
    return {"system": "urn:confidentiality", "code": code, **more}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_security_label_stays_whatever_is_said_later(order: tuple[int, ...]) -> None:
    """A message that has none, or another one, takes nothing back; nor does the order matter."""
    said: list[dict[str, Any]] = [
        {"source": "urn:1", "security": [label("R", display="restricted")]},
        {"source": "urn:2"},
        {"source": "urn:3", "security": [label("V")]},
        {"source": "urn:4", "security": [label("R", display="Restricted")]},
    ]
    meta = fold(*((told(body={"meta": said[at]}), at, at) for at in order)).meta
    labels = [label("R", display="Restricted"), label("V")]
    assert meta == {"source": "urn:4", "security": labels}
