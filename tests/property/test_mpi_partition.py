"""Clusters and golden records are functions of sets: no order of arrival shows in them."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lexeme import encode
from mpi.cluster import Edge, Partition, Statement, partition
from mpi.person import SSN_SYSTEM
from mpi.survivorship import Member, golden, load_rules
from mpi.survivorship_alone import lone

RECORDS = "abcdef"
RULES = load_rules(
    (Path(__file__).parents[2] / "mpi" / "data" / "survivorship.yaml").read_text("utf-8")
)

pairs = st.sampled_from(list(combinations(RECORDS, 2)))
edges = st.lists(
    st.builds(
        lambda pair, bits, outcome: Edge(pair[0], pair[1], bits, outcome[0], outcome[1]),
        pairs,
        st.integers(-8, 16).map(float),
        st.sampled_from((("link", False), ("review", False), ("apart", False), ("apart", True))),
    ),
    max_size=12,
    unique_by=lambda e: (e.a, e.b),
)
statements = st.lists(
    st.builds(
        lambda pair, kind, origin, at, gone: Statement(
            pair[0], pair[1], kind, origin, at, at, gone
        ),
        pairs.flatmap(lambda p: st.sampled_from((p, p[::-1]))),
        st.sampled_from(("link", "unlink", "never", "merge")),
        st.sampled_from(("source", "steward")),
        st.integers(1, 5),
        st.booleans(),
    ),
    max_size=8,
)


def together(found: Partition, a: str, b: str) -> bool:
    return any(a in g and b in g for g in found.groups)


@settings(max_examples=300)
@given(edges, statements, st.data())
def test_the_order_of_arguments_does_not_show(
    known: list[Edge], said: list[Statement], data: st.DataObject
) -> None:
    found = partition(RECORDS, known, said)
    assert found == partition(
        data.draw(st.permutations(RECORDS)),
        data.draw(st.permutations(known)),
        data.draw(st.permutations(said)),
    )


@settings(max_examples=200)
@given(edges, statements)
def test_everyone_is_in_one_group_and_merged_records_with_their_survivor(
    known: list[Edge], said: list[Statement]
) -> None:
    found = partition(RECORDS, known, said)
    assert sorted(r for g in found.groups for r in g) == sorted(RECORDS)
    for subsumed, survivor in found.merged.items():
        assert together(found, subsumed, survivor)
        assert survivor not in found.merged


@settings(max_examples=200)
@given(edges, statements, pairs)
def test_a_steward_s_never_holds_whatever_else_is_said(
    known: list[Edge], said: list[Statement], pair: tuple[str, str]
) -> None:
    never = Statement(*pair, "never", "steward", 99, 99)
    found = partition(RECORDS, known, [*said, never])
    assert not together(found, *pair)


@settings(max_examples=200)
@given(edges)
def test_evidence_alone_never_joins_a_hard_conflict(known: list[Edge]) -> None:
    found = partition(RECORDS, known, [])
    assert not any(together(found, e.a, e.b) for e in known if e.hard)


@settings(max_examples=200)
@given(edges, statements, statements)
def test_withdrawing_what_was_said_gives_back_what_was(
    known: list[Edge], said: list[Statement], more: list[Statement]
) -> None:
    gone = [
        Statement(s.a, s.b, s.kind, s.origin, s.source_us, s.position, withdrawn=True) for s in more
    ]
    assert partition(RECORDS, known, said + gone) == partition(RECORDS, known, said)


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


name: Callable[..., Any] = lambda use, family, given: {  # noqa: E731 - a value for `builds`
    "use": use,
    "family": family,
    "given": [given],
}
bodies = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "name": st.lists(
            st.builds(
                name,
                some("official", "usual", "maiden"),
                some("Ash", "ASH", "Elm"),
                some("Theo", "BABYBOY", "Theodore"),
            ),
            min_size=1,
            max_size=2,
        ),
        "identifier": st.lists(
            st.fixed_dictionaries(
                {"system": some("urn:a", "urn:b"), "value": some("1", "2", " 1")}
            ),
            min_size=1,
            max_size=3,
        ),
        "telecom": st.lists(
            st.fixed_dictionaries(
                {"system": st.just("phone"), "value": some("608-555-0142", "6085550142", "1")}
            ),
            min_size=1,
            max_size=2,
        ),
        "gender": some("male", "female", "unknown"),
        "birthDate": some("1958-03-09", "1958", "1900-01-01", "1958-09-03"),
        "deceasedBoolean": st.booleans(),
        "multipleBirthInteger": st.integers(1, 3),
        "address": st.lists(
            st.fixed_dictionaries({"city": some("A", "B")}), min_size=1, max_size=2
        ),
        "active": st.booleans(),
    },
)
members = st.lists(
    st.builds(
        Member,
        some("r1", "r2", "r3", "r4"),
        some("epic", "athena", "ecw"),
        st.just("1"),
        bodies,
        st.dictionaries(some("name", "address", "birthDate", "telecom"), st.integers(1, 3)),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda m: m.record,
)


def empty(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(map(empty, value.values()))
    if isinstance(value, list):
        return not value or any(map(empty, value))
    return value is None or value == ""


@given(members, st.data())
def test_a_golden_record_does_not_depend_on_the_order_of_its_members(
    group: list[Member], data: st.DataObject
) -> None:
    found = golden("E1", group, RULES)
    again = golden("E1", data.draw(st.permutations(group)), RULES)
    assert (found, list(found.body)) == (again, list(again.body))
    assert not empty(found.body)
    assert set(found.lineage.values()) <= {m.record for m in group}


@given(members)
def test_building_a_golden_record_changes_no_member(group: list[Member]) -> None:
    before = [repr(m) for m in group]
    golden("E1", group, RULES)
    assert [repr(m) for m in group] == before


NUMBER = {"system": SSN_SYSTEM}
URL = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
further = st.fixed_dictionaries(
    {},
    optional={
        "meta": some({"source": "x"}, {"security": [{"code": "R"}, {"code": "R"}]}),
        "extension": st.lists(
            some({"url": f"{URL}race"}, {"url": f"{URL}birthsex"}, {"url": "urn:a:chart"}),
            max_size=3,
        ),
        "identifier": st.lists(
            some(
                {"system": "urn:a", "value": "1"},
                {"system": "urn:a", "value": " "},
                {**NUMBER, "value": "666-12-0001"},
                {**NUMBER, "value": "0000"},
            ),
            max_size=3,
        ),
        "telecom": st.lists(some({"system": "url", "value": "u"}, {"system": "phone"}), max_size=2),
        "contact": st.lists(some({"name": {"family": "Ash"}}, {"gender": "male"}), max_size=2),
        "communication": st.lists(some({"language": {"text": "x"}}, {"preferred": True})),
        "generalPractitioner": st.lists(some({"display": "P"}, {}), max_size=2),
        "maritalStatus": some({"text": "Married"}),
        "_birthDate": some({"id": "b"}, {}),
        "deceasedDateTime": some("2020", ""),
        "multipleBirthBoolean": st.booleans(),
        "name": st.lists(some({"text": "A B"}, {"text": ""}, {}), max_size=2),
    },
)


@settings(max_examples=300)
@given(bodies, further, st.booleans())
def test_one_record_alone_is_shown_as_the_only_one_of_several(
    body: dict[str, Any], other: dict[str, Any], merged: bool
) -> None:
    member = Member("r1", "epic", "1", {**body, **other}, {}, merged)
    found = lone("E1", member, RULES)
    assert encode(found) == encode(golden("E1", [member], RULES).body)


def reachable(known: list[Edge], said: list[Statement]) -> list[str]:
    """Records in parts that no link and no declaration of being one connects."""
    part = {r: {r} for r in RECORDS}
    ties = [(e.a, e.b) for e in known if e.outcome == "link"]
    ties += [(s.a, s.b) for s in said if s.kind in {"link", "merge"} and not s.withdrawn]
    for a, b in ties:
        whole = part[a] | part[b]
        part.update(dict.fromkeys(whole, whole))
    return sorted({"".join(sorted(whole)) for whole in part.values()})


@settings(max_examples=200)
@given(edges, statements)
def test_each_part_can_be_divided_on_its_own(known: list[Edge], said: list[Statement]) -> None:
    whole = partition(RECORDS, known, said)
    parts = [partition(part, known, said) for part in reachable(known, said)]
    assert sorted(g for p in parts for g in p.groups) == list(whole.groups)
    assert {a: b for p in parts for a, b in p.merged.items()} == whole.merged
