from typing import Literal

from mpi.cluster import Edge, Partition, Statement, StatementKind, Task, partition


def link(a: str, b: str, bits: float = 10.0) -> Edge:
    return Edge(a, b, bits, "link")


def said(
    kind: StatementKind,
    a: str,
    b: str,
    at: int = 1,
    origin: Literal["source", "steward"] = "source",
    *,
    withdrawn: bool = False,
) -> Statement:
    return Statement(a, b, kind, origin, at, at, withdrawn)


def groups(found: Partition) -> list[str]:
    return ["".join(g) for g in found.groups]


def test_nothing_known_leaves_everyone_alone() -> None:
    assert groups(partition("cab", [], [])) == ["a", "b", "c"]


def test_links_are_transitive() -> None:
    assert groups(partition("abcd", [link("a", "b"), link("b", "c")], [])) == ["abc", "d"]


def test_review_and_apart_join_nobody() -> None:
    edges = [Edge("a", "b", 9, "review"), Edge("b", "c", 9, "apart")]
    found = partition("abc", edges, [])
    assert groups(found) == ["a", "b", "c"]
    assert found.tasks == (Task("possible-match", "a", "b", 9),)


def test_one_task_for_each_two_groups() -> None:
    edges = [link("a", "b"), Edge("a", "c", 2, "review"), Edge("b", "c", 3, "review")]
    assert partition("abc", edges, []).tasks == (Task("possible-match", "b", "c", 3),)


def test_no_path_joins_what_was_declared_different() -> None:
    edges = [link("a", "b", 12), link("b", "c", 11)]
    found = partition("abc", edges, [said("never", "a", "c", origin="steward")])
    assert groups(found) == ["ab", "c"]
    assert found.tasks == (Task("possible-duplicate", "b", "c", 11),)


def test_a_decided_pair_is_not_asked_again() -> None:
    found = partition("ab", [link("a", "b")], [said("unlink", "b", "a")])
    assert (groups(found), found.tasks) == (["a", "b"], ())


def test_a_hard_conflict_stops_a_chain() -> None:
    edges = [link("a", "b", 12), link("b", "c", 11), Edge("a", "c", -3, "apart", hard=True)]
    found = partition("abc", edges, [])
    assert groups(found) == ["ab", "c"]
    assert [t.kind for t in found.tasks] == ["possible-duplicate"]


def test_groups_that_disagree_on_the_whole_are_not_joined() -> None:
    edges = [
        link("a", "b", 12),
        link("c", "d", 12),
        link("b", "c", 8),
        Edge("a", "d", 15, "apart"),
        Edge("a", "c", -6, "apart"),
    ]
    assert groups(partition("abcd", edges, [])) == ["ab", "cd"]


def test_groups_that_agree_on_the_whole_are_joined() -> None:
    edges = [link("a", "b", 12), link("c", "d", 12), link("b", "c", 8), Edge("a", "d", -6, "apart")]
    assert groups(partition("abcd", edges, [])) == ["abcd"]


def test_a_declared_link_needs_no_evidence() -> None:
    assert groups(partition("ab", [], [said("link", "b", "a")])) == ["ab"]


def test_a_declaration_outranks_a_hard_conflict_and_says_so() -> None:
    edges = [Edge("a", "b", -9, "apart", hard=True)]
    found = partition("ab", edges, [said("merge", "b", "a")])
    assert groups(found) == ["ab"]
    assert found.tasks == (Task("conflict", "a", "b", -9),)


def test_the_newest_statement_holds() -> None:
    both = [said("link", "a", "b", 1), said("unlink", "a", "b", 2)]
    assert groups(partition("ab", [], both)) == ["a", "b"]
    assert groups(partition("ab", [], [*both, said("link", "b", "a", 3)])) == ["ab"]


def test_a_steward_outranks_a_newer_source() -> None:
    both = [said("never", "a", "b", 1, "steward"), said("merge", "a", "b", 9)]
    found = partition("ab", [], both)
    assert (groups(found), found.merged) == (["a", "b"], {})


def test_withdrawn_statements_say_nothing() -> None:
    both = [said("never", "a", "b", 2, withdrawn=True), said("link", "a", "b", 1)]
    assert groups(partition("ab", [], both)) == ["ab"]


def test_merges_are_followed_to_the_last_survivor() -> None:
    found = partition("abc", [], [said("merge", "b", "a", 1), said("merge", "c", "b", 2)])
    assert groups(found) == ["abc"]
    assert found.merged == {"a": "c", "b": "c"}


def test_a_merge_back_turns_the_direction() -> None:
    found = partition("ab", [], [said("merge", "b", "a", 1), said("merge", "a", "b", 2)])
    assert found.merged == {"b": "a"}


def test_the_merge_that_closes_a_circle_is_refused() -> None:
    circle = [said("merge", "b", "a", 1), said("merge", "c", "b", 2), said("merge", "a", "c", 3)]
    found = partition("abc", [], circle)
    assert found.merged == {"a": "c", "b": "c"}
    assert [(t.kind, t.a, t.b) for t in found.tasks] == [("merge-cycle", "a", "c")]


def test_a_merge_against_a_never_is_asked() -> None:
    statements = [
        said("link", "a", "b", 1),
        said("never", "a", "c", 2, "steward"),
        said("merge", "b", "c", 3),
    ]
    found = partition("abc", [], statements)
    assert (groups(found), found.merged) == (["ab", "c"], {})
    assert [(t.kind, t.a, t.b) for t in found.tasks] == [("possible-duplicate", "b", "c")]


def test_unknown_records_are_ignored() -> None:
    found = partition("a", [link("a", "z")], [said("merge", "z", "a")])
    assert (groups(found), found.merged, found.tasks) == (["a"], {}, ())
