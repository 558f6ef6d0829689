"""Two mappings over one traffic."""

import pytest

from engine.mapping.library import Library
from engine.mapping.site import SiteProfile
from engine.survey.comparison import Comparison, Side, compared
from engine.survey.difference import narrowed
from tests.unit.survey.conftest import FILES, RULES, SEX, Send

PID = "PID|1||4711^^^HOSP^MR||Doe^Ann||19800401|F"
VISIT = "PV1|1|I" + "|" * 17 + "V1"
WITH_VISITS = RULES.replace(
    "  - Patient: {map: PID-Patient, from: PID}\n",
    "  - Patient: {map: PID-Patient, from: PID}\n"
    "  - Encounter: {map: PV1-Encounter, from: PV1}\nlink: {subject: Patient}\n",
)
VISITS = """map: v1
kind: resource
from: PV1
to: Encounter
key: [PV1-19]
Encounter:
  status: "=finished"
  class: {from: PV1-2, map: {I: IMP}}
"""


def side(**files: str) -> Side:
    texts = {**FILES, "base/rules.yaml": WITH_VISITS, "base/visits.yaml": VISITS}
    texts |= {name.replace("_", "/") + ".yaml": text for name, text in files.items()}
    profile = SiteProfile("mercy", "UTC", ("base",), b"k" * 32)
    return Side(Library(tuple(sorted(texts.items()))), profile)


def lines(found: Comparison) -> list[tuple[str, str, str, int]]:
    return [(one.line, one.element, one.kind, one.deliveries) for one in found.groups()]


@pytest.fixture
def old() -> Side:
    return side()


def number(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


def test_nothing_changed_is_identical(old: Side, send: Send) -> None:
    moved = side(base_rules="\n" + WITH_VISITS)
    found = compared(old, moved, iter([send(PID, VISIT), send("PID|1")]))
    assert found.counts == {"identical": 2, "changed": 0, "newly failing": 0, "newly passing": 0}
    assert found.groups() == []


def test_a_changed_rule_is_to_blame(old: Side, send: Send) -> None:
    text = "\n" + WITH_VISITS.replace("birthDate: PID-7", "birthDate: PID-29")
    found = compared(old, side(base_rules=text), iter([send(PID, name="a"), send(PID, name="b")]))
    gone = number(WITH_VISITS, "birthDate")
    assert lines(found) == [(f"base/rules.yaml:{gone} (old)", "Patient.birthDate", "changed", 2)]
    (group,) = found.groups()
    assert group.examples == ["a", "b"]
    assert list(group.shapes) == [("9999-99-99", "-")]


def test_a_changed_table_shows_at_its_rule_with_codes(old: Side, send: Send) -> None:
    files = {**FILES, "base/rules.yaml": WITH_VISITS, "base/visits.yaml": VISITS}
    files["base/codes/sex.csv"] = SEX.replace("female,Female", "other,Other")
    profile = SiteProfile("mercy", "UTC", ("base",), b"k" * 32)
    found = compared(old, Side(Library(tuple(files.items())), profile), iter([send(PID)]))
    (group,) = found.groups()
    assert group.line == f"base/rules.yaml:{number(WITH_VISITS, 'gender')}"
    assert list(group.shapes) == [("female", "other")]


def test_a_changed_key_is_no_other_resource(old: Side, send: Send) -> None:
    new = side(base_visits=VISITS.replace("key: [PV1-19]", "key: [PV1-19, PV1-2]"))
    found = compared(old, new, iter([send(PID, VISIT)]))
    assert lines(found) == [("base/visits.yaml", "Encounter.id", "changed", 1)]


def test_resources_that_come_and_go(old: Side, send: Send) -> None:
    bare = side(base_rules=WITH_VISITS.replace("from: PV1}", 'from: PV1, when: PV1-2 = "O"}'))
    found = compared(old, bare, iter([send(PID, VISIT)]))
    assert lines(found) == [("base/visits.yaml", "Encounter", "gone", 1)]
    found = compared(bare, old, iter([send(PID, VISIT)]))
    assert lines(found) == [("base/visits.yaml", "Encounter", "new", 1)]


def test_what_begins_and_ceases_to_fail(old: Side, send: Send) -> None:
    strict = side(base_rules=WITH_VISITS.replace("map: sex}", "map: sex, unmapped: error}"))
    traffic = [send(PID, name="a"), send(PID[:-1] + "Z", name="b")]
    found = compared(old, strict, iter(traffic))
    assert found.counts["newly failing"] == 1
    (group,) = (one for one in found.groups() if one.kind == "newly failing")
    assert group.examples == ["b"]
    assert group.element.startswith("unmapped-code-refused at PID-8")
    assert group.line.startswith("base/rules.yaml:")
    assert compared(strict, old, iter(traffic)).counts["newly passing"] == 1


def test_who_a_message_is_about(old: Side, send: Send) -> None:
    text = WITH_VISITS.replace("from: 'PID-3[1]'", "from: 'PID-2'")
    found = compared(old, side(base_rules=text), iter([send("PID|1|77|4711||Doe", name="a")]))
    assert "identity: patients" in [one.element for one in found.groups()]
    assert "Patient.id" in [one.element for one in found.groups()]


def test_shapes_hold_no_value(old: Side, send: Send) -> None:
    new = side(base_rules=WITH_VISITS.replace("name: PID-5", "name: PID-9"))
    (group,) = compared(old, new, iter([send(PID)])).groups()
    assert list(group.shapes) == [("[{family: Aaa, given: [Aaa]}]", "-")]


def test_what_is_made_only_to_be_referred_to_is_blamed_on_its_referrer(
    old: Side, send: Send
) -> None:
    rule = "  participant: [{individual: {ref: {Practitioner: PV1-7}}}]\n"
    new = side(base_visits=VISITS + rule)
    visit = "PV1|1|I|||||77^House^Greg" + "|" * 12 + "V1"
    found = compared(old, new, iter([send(PID, visit)]))
    line = number(VISITS + rule, "participant")
    assert lines(found) == [
        (f"base/visits.yaml:{line}", "Encounter.participant", "changed", 1),
        ("base/visits.yaml", "Practitioner", "new", 1),
    ]


def test_only_what_differs_of_an_element_is_shown(old: Side, send: Send) -> None:
    new = side(base_rules=WITH_VISITS.replace("name: PID-5", "name: [PID-5, PID-9]"))
    patient = "PID|1||4711^^^HOSP^MR||Doe^Ann||19800401|F|Roe^Joe"
    (group,) = compared(old, new, iter([send(patient)])).groups()
    assert list(group.shapes) == [("[]", "[{family: Aaa, given: [Aaa]}]")]


def test_narrowing() -> None:
    before = {"coding": [{"code": "a"}, {"code": "b"}], "text": "x"}
    assert narrowed(before, {"coding": [{"code": "a"}, {"code": "c"}], "text": "x"}) == (
        {"coding": [{"code": "b"}]},
        {"coding": [{"code": "c"}]},
    )
    assert narrowed([1, 2], [2, 1]) == ([1, 2], [2, 1])
    assert narrowed("a", None) == ("a", None)
