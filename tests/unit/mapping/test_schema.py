"""The JSON Schema takes every mapping there is, and refuses what an editor should underline."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, ValidationError

from engine.mapping.schema import schema

FOLDER = Path(__file__).parents[3] / "mappings"
FILES = sorted(FOLDER.rglob("*.yaml"))


@pytest.fixture(scope="module")
def judge() -> Callable[[Any], Any]:
    Draft7Validator.check_schema(schema())
    return Draft7Validator(schema()).validate


def test_every_mapping_fits(judge: Callable[[Any], Any]) -> None:
    assert len(FILES) > 60
    for file in FILES:
        for document in yaml.safe_load_all(file.read_text("utf-8")):
            judge(document)


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema())))
    assert {"Patient", "HumanName", "Patient.contact"} <= names <= set(schema()["definitions"])


HEAD = "map: v1\nkind: resource\nfrom: PID\nto: Patient\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (HEAD + "Patient: {name: {familly: PID-5.1}}", "familly"),
        (HEAD + "Patient: {nmae: PID-5}", "nmae"),
        (HEAD + "Patient: {contact: [{when: NK1-2 valued, set: {gendre: NK1-15}}]}", "gendre"),
        (HEAD + "Patient: {gender: {form: PID-8}}", "form"),
        (HEAD + "mood: merge\nPatient: {gender: PID-8}", "mood"),
        (HEAD + "mode: both\nPatient: {gender: PID-8}", "mode"),
        ("map: v1\nkind: overlay\nchanges: {}", "changes"),
        ("map: v1\nkind: mesage\nstructure: A", "kind"),
        ("map: v2\nkind: identity", "map"),
        ("map: v1\nkind: tests\ncases: [{name: a, expct: {}}]", "expct"),
        ("map: v1\nkind: tests\nsite: {zone: UTC}\ncases: []", "zone"),
        ("map: v1\nkind: message\nstructure: A\ntriggers: [A]\nmake: [{Pateint: {}}]", "Pateint"),
        ("map: v1\nkind: message\nstructure: A\ntriggers: [A]", "make"),
    ],
)
def test_what_is_misspelt_is_refused(judge: Callable[[Any], Any], text: str, name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        judge(yaml.safe_load(text))


def test_what_editors_read_differently_is_taken() -> None:
    read = yaml.safe_load(HEAD + "Patient: {active: true, multipleBirthInteger: 1, _birthDate: a}")
    assert read["Patient"]["active"] is True
    assert Draft7Validator(schema()).is_valid(read)
