"""Every public HL7 v2 message: mapped to valid R4 that resolves, or refused by a fault."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

MAPPINGS = Path(__file__).parents[2] / "mappings"
FOLDER = os.environ.get("CONCORD_TESTDATA", "")
KNOWN_REFUSALS = {
    "unknown-trigger",
    "missing-patient-key",
    "no-header",
    "charset-mismatch",
    "bad-delimiters",
    "bad-segment",
}


def bodies() -> Iterator[bytes]:
    for path in sorted((Path(FOLDER) / "hl7v2").rglob("*.hl7")):
        yield from split_batch(path.read_bytes())


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def base_plan() -> Plan:
    site = SiteProfile("corpus", "UTC", ("base",), b"k" * 32, processing=("", "P", "T", "D"))
    return compile_plan(read_library(MAPPINGS), site)


def checked(plan: Plan, message: Message) -> int:
    resources = [entry["resource"] for entry in plan.bundle([message], 0)["entry"]]
    known = {f"{body['resourceType']}/{body['id']}" for body in resources}
    for body in resources:
        assert validate(body) == []
        assert set(references(body)) <= known
    return len(resources)


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="CONCORD_TESTDATA names no folder of test data")
def test_corpus_maps_or_is_refused() -> None:
    plan = base_plan()
    seen: Counter[str] = Counter()
    for body in bodies():
        try:
            seen["resources"] += checked(plan, parse(body))
            seen["mapped"] += 1
        except FaultError as error:
            seen[error.fault.code] += 1
    print(dict(seen))  # noqa: T201
    assert set(seen) - {"resources", "mapped"} <= KNOWN_REFUSALS
    assert seen["mapped"] >= 300
