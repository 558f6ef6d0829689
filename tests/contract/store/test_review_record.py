"""Whose a resource is: the patient of the statement that holds, in whatever order they came."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.core.values import Contribution
from engine.database.protocol import Database
from engine.store.put import Write, put

P1, P2 = "00000000-0000-8000-8000-000000000001", "00000000-0000-8000-8000-000000000002"
LAB = "00000000-0000-8000-8000-0000000000aa"


def result(status: str, patient: str, source_us: int, position: int) -> Write:
    body = {
        "resourceType": "Observation",
        "id": LAB,
        "status": status,
        "subject": {"reference": f"Patient/{patient}"},
    }
    rank = int(status == "final")
    told = Contribution("Observation", LAB, body, patient, "replace", rank=rank)
    return Write(told, "mercy", source_us, position)


@pytest.mark.parametrize("together", [True, False])
def test_a_preliminary_result_takes_no_final_one_to_another_patient(
    new_store: Callable[[], Database], together: bool
) -> None:
    """A late preliminary result names the wrong patient; of the final one it changes nothing."""
    said = (result("final", P1, 100, 1), result("preliminary", P2, 200, 2))
    for order in itertools.permutations(said):
        store = new_store()
        for batch in [order] if together else [[one] for one in order]:
            with store.write() as tx:
                put(tx, batch, 1)
        assert _held(store) == (P1, f"Patient/{P1}", "final")


def _held(store: Database) -> tuple[Any, ...]:
    with store.read() as tx:
        ((record, text),) = tx.query(
            "SELECT r.record, b.bytes FROM resource r JOIN body b ON b.bid = r.bid", ()
        )
    body = json.loads(bytes(text))
    return (record, body["subject"]["reference"], body["status"])
