"""Expressions on a message: values, conditions, functions, the search for a segment."""

from collections.abc import Callable

import pytest

from engine.formats.hl7v2 import dictionary
from engine.formats.hl7v2.groups import compile_binder
from engine.formats.hl7v2.parse import parse
from engine.mapping.expression import Compiler
from engine.mapping.grammar import Grammar, Slots
from engine.mapping.node import Scalar
from engine.mapping.problem import Place, Problems
from engine.mapping.scope import Env, Frame, Scope, standing_on
from engine.mapping.sight import Sight, nearest
from engine.mapping.tables import Table, Target

BODY = "\r".join(
    [
        "MSH|^~\\&|APP|FAC|||20260314101500||ORU^R01|C1|P|2.5.1",
        'PID|1||7^^^HOSP^MR~E9^^^^EPI||O\\T\\HARE^TESS^^JR||19800112|F|""',
        "OBR|1||F1|P^Panel^LN",
        "NTE|1||of the order",
        "OBX|1|NM|A^x^LN||13.1|mg^^UCUM|3.5-5.1|||F",
        "OBX|2|ST|B||a~b||<5|||F",
        "NTE|1||of B",
    ]
).encode()
RECEIVED_US = 1_773_483_300_000_042
Ask = Callable[[str], str]


def scope_on(segment: int, grammar: Grammar) -> Scope:
    message = parse(BODY)
    bound = compile_binder(dictionary.structure("2.5.1", "ORU_R01")).bind(message)
    order = bound.groups["PATIENT_RESULT"][0].groups["ORDER_OBSERVATION"][0]
    place = order.groups["OBSERVATION"][segment]
    repeating = frozenset({"PATIENT_RESULT", "ORDER_OBSERVATION", "OBSERVATION"})
    sight = Sight(frozenset(segment.name for segment in message.segments), repeating)
    found = [nearest(place, key[-1], sight) for key in grammar.slots.keys]
    return standing_on(Env(message, "C1", RECEIVED_US), Frame(place, None), place, found)


def evaluate(text: str, segment: int = 0) -> tuple[str, bool]:
    """Return an expression as text and as condition, from an OBX."""
    table = Table("words")
    table.add("", "A", Target("s", "alpha"), Place("f", 1, 1))
    problems = Problems()
    grammar = Grammar(problems, Slots(), {}, {"words": table}, {"$site.name": "mercy"})
    grammar.slots.index(("OBX",))
    compiler = Compiler(grammar, Scalar(text, Place("f", 1, 1)))
    tree = compiler.parse(text)
    assert tree is not None
    read, test = compiler.text(tree), compiler.test(tree)
    problems.raise_any()
    scope = scope_on(segment, grammar)
    return read(scope), test(scope)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("PID-5", "O&HARE"),
        ("PID-5.2", "TESS"),
        ("PID-3[2]", "E9"),
        ('PID-3[$5 = "EPI"]', "E9"),
        ('PID-3[$5 in ("X", "MR")].4', "HOSP"),
        ('PID-3[$5 = "none"]', ""),
        ("PID-9", ""),
        ("PID-9 | PID-8", "F"),
        ("MSH-9.2", "R01"),
        ("OBR-3", "F1"),
        ("$site.name", "mercy"),
        ("received", "20260314101500.000042+0000"),
        ("NTE-3", "of the order"),
        ('join(PID-3, "+")', "7+E9"),
        ("count(PID-3)", "2"),
        ("last(PID-3)", "E9"),
        ("length(PID-7)", "8"),
        ("substr(PID-7, 1, 4)", "1980"),
        ("substr(PID-7, 5)", "0112"),
        ('split(OBX-7, "-", 2)', "5.1"),
        ("range_low(OBX-7)", "3.5"),
        ("range_high(OBX-7)", "5.1"),
        ('lookup(OBX-3, "words")', "alpha"),
        ('pad(OBX-1, 3, "0")', "001"),
        ('replace(PID-5.2, "S", "Z")', "TEZZ"),
        ("upper(lower(PID-5.2))", "TESS"),
        ('concat(PID-5.2, "-", PID-8)', "TESS-F"),
        ("digits(OBX-7)", "3551"),
        ('phone_e164("(555) 555-0100")', "+15555550100"),
        ('name_part("Quill, Tess Ann Jr", "given")', "Tess Ann"),
        ('name_part("Quill Jr, Tess", "family")', "Quill"),
        ('name_part("Tess Quill Jr", "suffix")', "Jr"),
        ('plus_minutes("202603142350", 20)', "202603150010"),
        ('plus_minutes("20260314235000-0500", 20)', "20260315001000-0500"),
        ('plus_minutes("20260314", 20)', ""),
        ('base64("abc")', "YWJj"),
        ("coalesce(PID-9, PID-8)", "F"),
        ("trim(PID-8)", "F"),
        ("date(MSH-7)", "20260314"),
    ],
)
def test_text(text: str, value: str) -> None:
    assert evaluate(text)[0] == value


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("PID-8 valued", True),
        ("PID-9 valued", False),
        ("PID-9 null", True),
        ("PID-8 is null", False),
        ("PID-10 is not null", True),
        ('PID-8 = "F" and OBX-2 = "NM"', True),
        ('PID-8 = "M" or OBX-2 = "NM"', True),
        ('not PID-8 = "M"', True),
        ('PID-8 != "M"', True),
        ("OBX-5 > 9", True),
        ("OBX-5 > 100", False),
        ('OBX-5 <= "13.1"', True),
        ('OBX-5 matches "^[0-9]{2}[.]"', True),
        ('PID-5.2 starts with "TE"', True),
        ('PID-8 not in ("M", "F")', False),
        ("PID-8 in (PID-8)", True),
        ("exists(OBR)", True),
        ("exists(SPM)", False),
        ("exists(PID-9)", False),
        ('exists(PID-3[$5 = "EPI"])', True),
        ("(PID-9 valued or PID-8 valued) and OBX-1 valued", True),
    ],
)
def test_condition(text: str, true: bool) -> None:
    assert evaluate(text)[1] is true


def test_a_result_sees_its_own_note_before_the_orders() -> None:
    assert evaluate("NTE-3", 1)[0] == "of B"


def test_a_neighbours_segment_is_never_taken() -> None:
    assert evaluate("OBX-5", 1)[0] == "a"
    assert evaluate("SPM-4", 1)[0] == ""
