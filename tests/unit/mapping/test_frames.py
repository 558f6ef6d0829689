"""Mistakes in mapping files: all of one run, each with its place and what was probably meant."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.mapping import codes
from engine.mapping.codes import CODES
from engine.mapping.plan import MappingErrors, Plan, Problem

MakePlan = Callable[..., Plan]
HEAD = "map: v1\nkind: overlay\nchange:\n  PID-Patient:\n"


@pytest.fixture
def mistakes(files: dict[str, str], make_plan: MakePlan) -> Callable[[str], list[Problem]]:
    """Return what is wrong with a site's overlay."""

    def found(text: str) -> list[Problem]:
        files["site/x/overlay.yaml"] = text
        with pytest.raises(MappingErrors) as raised:
            make_plan("site/x")
        return list(raised.value.problems)

    return found


Mistakes = Callable[[str], list[Problem]]


def test_misspelt_element_shows_caret_and_suggestion(mistakes: Mistakes) -> None:
    (problem,) = mistakes(HEAD + "    name: [{family: PID-5.1, familly: PID-5.1}]\n")
    assert problem.frame() == "\n".join(
        [
            "site/x/overlay.yaml:5:30: E203 no element 'familly' on name",
            "     5 |     name: [{family: PID-5.1, familly: PID-5.1}]",
            "       |                              ^^^^^^^",
            "       = help: did you mean 'family'?",
        ]
    )


def test_field_beyond_its_segment_shows_the_place_inside_the_expression(
    mistakes: Mistakes,
) -> None:
    (problem,) = mistakes(HEAD + "    birthDate: PID-7 | PID-41\n")
    assert problem.frame() == "\n".join(
        [
            "site/x/overlay.yaml:5:24: E202 unknown field PID-41 (PID has 40)",
            "     5 |     birthDate: PID-7 | PID-41",
            "       |                        ^^^^^^",
            "       = help: did you mean PID-40?",
        ]
    )


def test_types_without_conversion(mistakes: Mistakes) -> None:
    (problem,) = mistakes(HEAD + "    address: PID-7\n")
    assert problem.frame() == "\n".join(
        [
            "site/x/overlay.yaml:5:14: E220 no conversion: PID-7 is DTM, address a Address",
            "     5 |     address: PID-7",
            "       |              ^^^^^",
            "       = help: take a component, or nest the elements",
        ]
    )


def test_unreachable_label_of_an_overlay(mistakes: Mistakes) -> None:
    (problem,) = mistakes(HEAD + "    telecom.work: remove\n")
    assert problem.frame().splitlines()[:3] == [
        "site/x/overlay.yaml:5:5: E120 'telecom.work' changes nothing",
        "     5 |     telecom.work: remove",
        "       |     ^^^^^^^^^^^^",
    ]


@pytest.mark.parametrize(
    ("line", "code", "help_"),
    [
        ("gender: {from: PID-8, map: sax}", "E210", "did you mean 'sex'?"),
        ("gender: {from: PID-8, map: sex, defualt: x}", "E111", "did you mean 'default'?"),
        ("birthDate: subst(PID-7, 1)", "E205", "did you mean 'substr'?"),
        ("birthDate: PID-7 |", "E201", "see section 5 of LANGUAGE.md"),
        ("birthDate: PID-3.99", "E204", ""),
        ("birthDate: recieved", "E206", "did you mean 'received'?"),
        ('active: PID-5 matches "("', "E207", "RE2 has no look-around"),
        ("birthDate: $", "E208", "use each:"),
        ('gender: "=femal"', "E213", "female, male, other, unknown"),
        ('maritalStatus: "=odd"', None, None),
        ("multipleBirth: {integr: PID-25}", "E221", "did you mean 'integer'?"),
        ('communication: [{preferred: "=true"}]', "E222", ""),
        ("generalPractitioner: [{ref: {Device: PV1-7}}]", "E223", None),
        ("generalPractitioner: [{ref: Practitionr}]", "E223", "did you mean 'Practitioner'?"),
        ("generalPractitioner: [{ref: Organization}]", "E224", None),
        (
            "extension: [{ext: us-core-rase, valueString: PID-10.1}]",
            "E225",
            "did you mean 'us-core-race'?",
        ),
        ("gender: {from: PID-8, map: {F: femal}}", "E214", None),
        ("birthDate: PID-5", "E220", "take a component, or nest the elements"),
        ("birthDate: PID-3", "E220", None),
        ("active: PID-5", "E220", None),
        ("gender: {from: PID-8, if: PID-7 valued}", "E113", "a condition of the whole is `when`"),
        ("birthDate: {start: PID-7}", "E113", "write {from: ...}"),
        ("$mode: both", "E113", ""),
    ],
)
def test_each_mistake_has_its_code(
    files: dict[str, str], make_plan: MakePlan, line: str, code: str | None, help_: str | None
) -> None:
    files["site/x/overlay.yaml"] = f"{HEAD}    {line}\n"
    if code is None:
        make_plan("site/x")
        return
    with pytest.raises(MappingErrors) as raised:
        make_plan("site/x")
    problems = [one for one in raised.value.problems if one.code == code]
    assert problems
    assert problems[0].place.line == 5 or code in {"E113", "E214"}
    if help_ is not None:
        assert problems[0].help == help_


def test_duplicate_key_is_refused_by_the_loader(mistakes: Mistakes) -> None:
    problems = mistakes(HEAD + "    active: PID-30\n    active: PID-24\n")
    assert [(one.code, one.place.line) for one in problems] == [("E102", 6)]


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: !!python/object 1\n", "- [\n"])
def test_what_yaml_should_not_do_is_refused(mistakes: Mistakes, text: str) -> None:
    assert all(one.code.startswith("E10") for one in mistakes(text))


def test_all_mistakes_of_a_run_are_reported_in_order(mistakes: Mistakes) -> None:
    problems = mistakes(HEAD + "    birthDate: PID-99\n    gendr: PID-8\n    active: PID-98\n")
    assert [(one.code, one.place.line) for one in problems] == [
        ("E202", 5),
        ("E203", 6),
        ("E202", 7),
    ]


def test_bad_code_table_is_refused_with_its_line(
    files: dict[str, str], make_plan: MakePlan
) -> None:
    files["base/codes/odd.csv"] = files["base/codes/sex.csv"] + ",,,nothing,,,\n"
    with pytest.raises(MappingErrors) as raised:
        make_plan()
    assert [(one.code, one.place.line) for one in raised.value.problems] == [("E211", 5)]


def test_layer_without_files_is_refused(make_plan: MakePlan) -> None:
    with pytest.raises(MappingErrors) as raised:
        make_plan("vendor/nobody")
    assert [one.code for one in raised.value.problems] == ["E110"]


def test_unknown_zone_is_refused(make_plan: MakePlan) -> None:
    with pytest.raises(MappingErrors) as raised:
        make_plan(zone="America/Chikago")
    assert [one.code for one in raised.value.problems] == ["E241"]


def test_every_code_in_the_source_is_explained_and_no_other() -> None:
    folder = Path(codes.__file__).parent
    files = [*folder.rglob("*.py"), folder.parent / "cli" / "fmt.py"]  # which reads mappings, too
    sources = [path.read_text("utf-8") for path in files if path.name != "codes.py"]
    used = {code for text in sources for code in re.findall(r'"(E\d{3})"', text)}
    assert used - {"E101", "E102"} == set(CODES)  # those are the shared loader's
    assert all(cause.endswith(".") and cure.endswith(".") for cause, cure in CODES.values())
