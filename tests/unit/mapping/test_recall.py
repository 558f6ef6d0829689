"""Rules that remember: what is done again, what is forgotten, who rests."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import parse
from engine.mapping.grammar import Touched
from engine.mapping.recall import LONGEST, remembering, remembering_part
from engine.mapping.scope import NO_FIELDS, NOTHING, WIDTH, Env, Frame, Scope, standing_on
from engine.mapping.shelf import ROOM, Memory

PID = Touched({(0, 3), (0, 5)})


def scope_on(*texts: str) -> Scope:
    """Return a scope that reads these segments."""
    message = parse("\r".join(["MSH|^~\\&|A", *texts]).encode())
    bound = Bound("ADT_A01", None)
    for segment in message.segments[1:]:
        bound.segments[segment.name] = [segment]
    return standing_on(Env(message, "", 0), Frame(bound, None), bound, message.segments[1:])


class Rule:
    """A rule that counts how often it is really run."""

    def __init__(self, work: Callable[[Scope], Any]) -> None:
        self.runs = 0
        self._work = work

    def __call__(self, scope: Scope) -> Any:
        self.runs += 1
        return self._work(scope)


def test_the_same_fields_give_the_same_object() -> None:
    rule = Rule(lambda scope: {"value": scope.rows[0][3]})
    op, _ = remembering(rule, PID, Memory(), bool)
    first, again = op(scope_on("PID|1||7||X")), op(scope_on("PID|2||7||X|other"))
    assert first is again
    assert op(scope_on("PID|1||7||Y")) == first
    assert op(scope_on("PID|1||8")) == {"value": "8"}
    assert rule.runs == 3


def test_nulls_defaults_and_diagnostics_are_done_again() -> None:
    def work(scope: Scope) -> None:
        scope.nulled = scope.defaulted = True
        scope.env.note("code", "PID-3", "message")

    op, _ = remembering(Rule(work), PID, Memory(), bool)
    for _ in range(2):
        scope = scope_on("PID|1||7")
        op(scope)
        assert (scope.nulled, scope.defaulted, len(scope.env.diagnostics)) == (True, True, 1)


def test_effects_are_done_again_once() -> None:
    done: list[str] = []

    def work(scope: Scope) -> None:
        scope.env.do(lambda at: at.env.do(lambda _: done.append("inner"), at), scope)

    op, _ = remembering(Rule(work), PID, Memory(), bool)
    for _ in range(3):
        op(scope_on("PID|1||7"))
    assert done == ["inner"] * 3


def test_all_segments_of_a_name_are_part_of_what_is_read() -> None:
    rule = Rule(lambda scope: len(scope.bound.segments.get("NK1", ())))
    op, _ = remembering(rule, Touched({(0, 3)}, {("NK1", 1)}), Memory(), bool)
    bare, with_kin = scope_on("PID|1||7"), scope_on("PID|1||7", "NK1|1")
    bare.rows.append(NO_FIELDS)
    bare.shape = (*bare.shape, b"")
    assert [op(bare), op(with_kin), op(bare)] == [0, 1, 0]
    assert rule.runs == 2


@pytest.mark.parametrize("touched", [Touched(more=True), Touched({(0, 3)}, more=True)])
def test_what_sees_more_than_fields_is_not_remembered(touched: Touched) -> None:
    rule = Rule(lambda _: "x")
    assert remembering(rule, touched, Memory(), bool) == (rule, None)


def test_an_effect_is_done_once_to_a_message() -> None:
    done: list[str] = []

    def work(scope: Scope) -> str:
        scope.env.do(lambda _: done.append("linked"), scope)
        return "x"

    op, _ = remembering(Rule(work), PID, Memory(), bool)
    op(scope_on("PID|1||7"))
    scope = scope_on("PID|1||7")
    assert [op(scope), op(scope)] == ["x", "x"]
    assert done == ["linked"] * 2


def test_a_member_is_remembered_where_its_object_is_not() -> None:
    def work(scope: Scope) -> str:
        scope.nulled = scope.doubtful = True
        scope.env.note("code", "PID-5", "message")
        return scope.rows[0][5]

    inner, memory = Rule(work), Memory()
    part = remembering_part(inner, Touched({(0, 5)}), memory)
    op, _ = remembering(Rule(lambda scope: [scope.rows[0][3], part(scope)]), PID, memory, bool)
    for number in range(3):
        for _ in range(2):
            scope = scope_on(f"PID|1||{number}||X")
            assert op(scope) == [str(number), "X"]
            assert (scope.nulled, len(scope.env.diagnostics)) == (True, 1)
    assert inner.runs == 1


def test_what_was_noted_before_a_remembered_member_stays_noted() -> None:
    part = remembering_part(Rule(lambda _: "x"), PID, Memory())
    for _ in range(2):
        scope = scope_on("PID|1||7")
        scope.nulled = scope.defaulted = scope.doubtful = True
        part(scope)
        assert (scope.nulled, scope.defaulted, scope.doubtful) == (True, True, True)


def test_a_member_that_reads_nothing_or_more_than_fields_is_itself() -> None:
    rule = Rule(lambda _: "x")
    for touched in (Touched(), Touched({(0, 3)}, more=True)):
        assert remembering_part(rule, touched, Memory()) is rule


def test_long_texts_are_not_kept() -> None:
    memory = Memory()
    op, _ = remembering(Rule(lambda _: "x"), PID, memory, bool)
    op(scope_on("PID|1||" + "x" * (LONGEST + 1)))
    assert memory.size == 0


def test_memory_is_bounded_for_all_rules_together() -> None:
    memory = Memory()
    ops = [remembering(Rule(lambda _: "x"), PID, memory, bool)[0] for _ in range(20)]
    for number in range(ROOM // 2):
        for op in ops:
            scope = scope_on(f"PID|1||{number // 3}")
            op(scope)
    assert ROOM // 2 < memory.size <= 2 * ROOM


def test_a_rule_whose_fields_never_repeat_rests_and_is_tried_again() -> None:
    memory = Memory()
    rule = Rule(lambda scope: scope.rows[0][3])
    op, _ = remembering(rule, PID, memory, bool)
    for number in range(1_000):
        assert op(scope_on(f"PID|1||{number}")) == str(number)
    assert memory.size == 0
    for number in range(12_000):
        assert op(scope_on(f"PID|1||{number % 3}")) == str(number % 3)
    assert rule.runs < 11_100
    assert memory.size == 3


def test_fields_beyond_the_usual_width_are_read() -> None:
    width = WIDTH + 5
    op, _ = remembering(
        Rule(lambda scope: scope.rows[0][width]), Touched({(0, 3), (0, width)}), Memory(), bool
    )
    fields = ["", *map(str, range(1, width))]
    for last in ("a", "b", "a"):
        assert op(scope_on("|".join(["PID", *fields[1:], last]))) == last


def test_fields_of_several_segments_are_told_apart() -> None:
    touched = Touched({(0, 3), (1, 2), (1, 4), (2, 1)})
    op, _ = remembering(
        Rule(lambda scope: [row[:5] for row in scope.rows]), touched, Memory(), bool
    )
    first, second = scope_on("PID|1||7", "PV1|1|I||x"), scope_on("PID|1||7", "PV1|1|I|x|")
    for scope in (first, second):
        scope.rows.append(scope.env.row(NOTHING))
    assert op(first) != op(second)
    assert op(first) is op(first)


def test_what_reads_nothing_is_made_once() -> None:
    rule = Rule(lambda _: {"code": "active"})
    op, _ = remembering(rule, Touched(), Memory(), bool)
    assert op(scope_on("PID|1||7")) is op(scope_on("PID|1||8"))
    assert rule.runs == 1
