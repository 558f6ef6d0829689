"""A small mapping, compiled, and deliveries to look at."""

from collections.abc import Callable

import pytest

from engine.formats.hl7v2.parse import parse
from engine.mapping.library import Library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.survey.given import Given
from tests.small_mapping import small_mapping

RULES = (
    small_mapping("name: PID-5", "birthDate: PID-7", "gender: {from: PID-8, map: sex}")
    + """---
map: v1
kind: overlay
ignore: {PID-1: "number of the segment", ZIN: "billing"}
"""
)
SEX = """source_system,source_code,target_system,target_code,target_display,relationship,comment
,M,http://hl7.org/fhir/administrative-gender,male,Male,,
,F,http://hl7.org/fhir/administrative-gender,female,Female,,
"""
FILES = {"base/rules.yaml": RULES, "base/codes/sex.csv": SEX}
Replaced = Callable[[str, str], Plan]
Send = Callable[..., Given]


def _compiled(files: dict[str, str]) -> Plan:
    profile = SiteProfile("mercy", "UTC", ("base",), b"k" * 32)
    return compile_plan(Library(tuple(sorted(files.items()))), profile)


@pytest.fixture
def plan() -> Plan:
    return _compiled(dict(FILES))


@pytest.fixture
def replaced() -> Replaced:
    """Compile the rules with one text replaced by another."""

    def make(old: str, new: str) -> Plan:
        assert RULES.count(old) == 1
        return _compiled({**FILES, "base/rules.yaml": RULES.replace(old, new)})

    return make


@pytest.fixture
def send() -> Send:
    """Make a delivery of segments; a header goes before them."""

    def given(*segments: str, name: str = "one", mode: str = "P", kind: str = "ADT^A01") -> Given:
        header = f"MSH|^~\\&|APP|FAC|||20260314101500||{kind}|C1|{mode}|2.5.1"
        return Given(name, parse("\r".join([header, *segments]).encode()), 5)

    return given
