"""Test documents run on the small library of the folder above."""

from collections.abc import Callable

import pytest

from engine.mapping.library import Library
from engine.mapping.testing.suite import Result, Suite, cases_of

HEAD = """map: v1
kind: tests
message: |
  MSH|^~\\&|APP|FAC|||20260314101500||ADT^A01|C1|P|2.5.1
  PID|1||7^^^HOSP^MR||QUILL^TESS||19800112|F|||||^PRN^PH^^^312^5550142
  PV1|1|I|||||||||||||||||V1
cases:
"""
PLACE = "base/one.test.yaml"
RunCases = Callable[..., list[Result]]


@pytest.fixture
def suite(files: dict[str, str]) -> Suite:
    """A suite of the small library; its problems are those of all cases."""
    return Suite(Library(tuple(sorted(files.items()))), {"base": ("base",)}, {})


@pytest.fixture
def run_cases(suite: Suite) -> RunCases:
    """Run cases under a head, a document with a message."""

    def run(cases: str, head: str = HEAD, known: tuple[str, ...] = ()) -> list[Result]:
        found = cases_of({PLACE: head + cases}, known, suite.problems)
        return [result for case in found if (result := suite.run(case)) is not None]

    return run


@pytest.fixture
def codes(suite: Suite, run_cases: RunCases) -> Callable[..., list[str]]:
    """Run cases and return the codes of what is wrong with them."""

    def found(cases: str, head: str = HEAD) -> list[str]:
        run_cases(cases, head)
        return [one.code for one in suite.problems.own()]

    return found
