"""How much of the public messages arrives does not fall: floors, by the guide's own tool.

`python -m tests.benchmark.fidelity` has all sources and figures; here are those that are quick.
"""

from pathlib import Path

import pytest

from tests.benchmark import fidelity

# Per source: strict, and with the corrections fidelity.py explains. They rise with the mappings.
FLOORS = {
    "cdc-phdi": (84.3, 93.7),
    "efferent-hl7-v2": (95.0, 96.2),
    "google-whistle": (89.9, 95.4),
    "hl7-v2-to-fhir-ig": (83.8, 89.5),
    "hl7apy": (98.1, 98.1),
    "ms-fhir-converter": (86.7, 91.6),
    "node-hl7": (94.0, 94.4),
    "panates-hl7v2": (90.9, 97.7),
    "python-hl7": (93.0, 93.8),
    "rethinkhealth-hl7v2": (87.9, 91.8),
}


@pytest.fixture(scope="module")
def reached(testdata: Path) -> dict[str, dict[str, float]]:
    tools = testdata.with_name("tools")
    if not (tools / "fidelity.py").is_file():
        pytest.skip("no tools/fidelity.py beside the folder of CONCORD_TESTDATA")
    types = tuple(fidelity.TYPES.split(","))
    sources, _, refused = fidelity.scored(fidelity.tool(tools), testdata, types, tuple(FLOORS))
    assert list(refused.values()) == ["bad-segment"]
    return {name: tally.shares() for name, tally in sources.items()}


@pytest.mark.parametrize("source", FLOORS)
def test_no_source_falls(reached: dict[str, dict[str, float]], source: str) -> None:
    strict, corrected = FLOORS[source]
    assert reached[source]["strict"] >= strict
    assert reached[source]["all"] >= corrected
