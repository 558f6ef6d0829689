"""What no message can reach, or what would never end, is refused with its place."""

import pytest

from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, compile_plan
from engine.mapping.problem import Problem
from engine.mapping.site import SiteProfile

SITE = SiteProfile("x", "UTC", ("base",), b"k" * 32)


def problems(files: dict[str, str]) -> list[Problem]:
    try:
        compile_plan(Library(tuple(sorted(files.items()))), SITE)
    except MappingErrors as error:
        return list(error.problems)
    return []


def of_patient(rule: str, files: dict[str, str]) -> list[Problem]:
    files["base/more.yaml"] = f"map: v1\nkind: overlay\nchange:\n  PID-Patient:\n    {rule}\n"
    return problems(files)


@pytest.mark.parametrize(
    ("rule", "code", "shown"),
    [
        ('birthDate: ["=2000-01-01", PID-7]', "E290", "PID-7"),
        ('gender: [{from: PID-8, map: sex, default: "=other"}, "=male"]', "E290", '"=male"'),
        ('deceased: [{boolean: "=true"}, {dateTime: PID-29}]', "E290", "{"),
        ("birthDate: {from: 'PID-7 | \"2000\" | PID-8'}", "E290", '"2000"'),
        ('multipleBirth: {switch: PID-24, Y: {boolean: PID-24}, "N,Y": {}}', "E291", '"N,Y"'),
        ('active: {from: PID-30, when: \'"a" = "b"\'}', "E292", '"'),
        ("active: {from: PID-30, when: PID-8.1 = PID-8.1}", "E292", "="),
        ('active: {from: PID-30, when: \'PID-8 = "M" and PID-8 = "F"\'}', "E292", "="),
        ('active: {each: PID-3, if: \'$5 = "MR" and not ("x" = "x")\'}', "E292", "="),
        ('active: {from: PID-30, when: \'PID-8 = "M" or PID-8 = "F"\'}', "", ""),
        ("birthDate: {from: 'PID-7 | PID-8 | \"2000\"'}", "", ""),
    ],
)
def test_what_is_never_reached_is_refused(
    files: dict[str, str], rule: str, code: str, shown: str
) -> None:
    found = of_patient(rule, files)
    assert [one.code for one in found if one.code >= "E290"] == ([code] if code else [])
    if code:
        place = next(one.place for one in found if one.code == code)
        assert (place.file, place.line) == ("base/more.yaml", 5)
        assert place.source[place.column - 1 :].startswith(shown)


def test_keys_that_name_each_other_are_refused(files: dict[str, str]) -> None:
    text = files["base/resources.yaml"]
    text = text.replace("key: [Patient, DG1-3.1]", "key: [Encounter, DG1-3.1]")
    files["base/resources.yaml"] = text.replace("key: [PV1-19]", "key: [[PV1-19, Condition]]")
    found = problems(files)
    assert [one.code for one in found] == ["E228", "E228"]
    assert [one.place.source[one.place.column - 1 :][:9] for one in found] == [
        "Condition",
        "Encounter",
    ]


def test_a_key_that_names_its_own_type_is_refused(files: dict[str, str]) -> None:
    text = files["base/resources.yaml"]
    files["base/resources.yaml"] = text.replace("key: [PV1-19]", "key: [Encounter, PV1-19]")
    assert [one.code for one in problems(files)] == ["E228"]


@pytest.mark.parametrize("pattern", ["(a)\\\\1", "(?=a)b", "a{2000}", "["])
def test_a_pattern_that_would_go_back_is_refused(files: dict[str, str], pattern: str) -> None:
    rule = f"active: {{from: PID-30, when: 'PID-8 matches \"{pattern}\"'}}"
    assert [one.code for one in of_patient(rule, files)] == ["E207"]


def test_a_pattern_that_others_go_back_for_is_taken(files: dict[str, str]) -> None:
    rule = "active: {from: PID-30, when: 'PID-8 matches \"^(a+)+$\"'}"
    assert of_patient(rule, files) == []
