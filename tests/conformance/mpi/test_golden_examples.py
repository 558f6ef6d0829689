"""A golden record made of the Patients of the R4 specification is valid R4."""

import json
import os
from pathlib import Path

import pytest

from engine.r4.validate import validate
from mpi.survivorship import Member, golden, load_rules

RULES = Path(__file__).parents[3] / "mpi" / "data" / "survivorship.yaml"


def test_golden_records_of_the_specification_s_examples() -> None:
    data = os.environ.get("CONCORD_TESTDATA")
    if not data:
        pytest.skip("CONCORD_TESTDATA names no folder of test data")
    rules = load_rules(RULES.read_text(encoding="utf-8"))
    patients = [
        body
        for path in sorted((Path(data) / "fhir-r4" / "examples").glob("Patient-*.json"))
        if not validate(body := json.loads(path.read_bytes()))
    ]
    assert len(patients) > 5
    sites = ("epic", "athena", "ecw")
    for one, other in zip(patients, patients[1:] + patients[:1], strict=True):
        members = [
            Member(f"r{i}", sites[i], str(i), body, {}) for i, body in enumerate((one, other))
        ]
        assert validate(golden("E1", members, rules).body) == []
