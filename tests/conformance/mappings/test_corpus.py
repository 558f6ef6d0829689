"""The public corpus under the library of unknown senders: mapped or refused, and sound."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

MAPPINGS = Path(__file__).parents[3] / "mappings"
REFUSALS = {"bad-delimiters", "no-header", "charset-mismatch", "bad-segment", "unknown-trigger"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    chain = ("base", "us", "generic")
    profile = SiteProfile(
        "generic", "America/Chicago", chain, b"key of a corpus", processing=("", "P", "T", "D")
    )
    return compile_plan(read_library(MAPPINGS), profile)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def defects(plan: Plan, body: bytes) -> list[str]:
    """Map one message; return what is wrong with its resources."""
    bodies = [given.body for given in plan.map(parse(body), 0).contributions]
    made = {f"{each['resourceType']}/{each['id']}" for each in bodies}
    lost = [name for each in bodies for name in references(each) if name not in made]
    issues = [f"{issue.code} {issue.path}" for each in bodies for issue in validate(each)]
    return lost + issues


def test_corpus_is_mapped_or_refused(
    plan: Plan, testdata: Path, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for path in sorted((testdata / "hl7v2").rglob("*.hl7")):
        try:
            for body in split_batch(path.read_bytes()):
                wrong += [f"{path.name}: {defect}" for defect in defects(plan, body)]
                counts["mapped"] += 1
        except FaultError as refused:
            counts[refused.fault.code] += 1
    record_property("corpus", dict(counts))
    assert wrong == []
    assert set(counts) - {"mapped"} <= REFUSALS
    assert counts["mapped"] > 400
