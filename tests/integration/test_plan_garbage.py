"""A worker's collector rests: what mapping made has to be freed without it."""

import csv
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.app import compile_plans, region_of
from engine.core.values import CSV_ROW, FHIR_JSON, HL7_V2, Entry, Envelope
from engine.formats.delimited.delivery import RowDelivery
from engine.pipeline.prepare import prepare
from engine.security.keys import RegionKey

SAMPLES = Path("samples")
START_US = 1_791_800_000_000_000


@pytest.fixture
def resting() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def entries() -> list[Entry]:
    found = []
    for media_type, folder in ((HL7_V2, "messages"), (FHIR_JSON, "resources")):
        for path in sorted(SAMPLES.glob(f"{folder}/*/*.*")):
            body = path.read_bytes()
            found.append(Envelope("c", path.parent.name, media_type, body, START_US))
    return [Entry(number, 0, one) for number, one in enumerate(found, 1)]


def rows() -> list[Entry]:
    (path,) = SAMPLES.glob("files/hilltop/problems*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        found = [
            RowDelivery("problems", "0" * 64, number, START_US, row).to_bytes()
            for number, row in enumerate(csv.DictReader(file, delimiter="|"), 1)
        ]
    some = [Envelope("c", "hilltop", CSV_ROW, body, START_US) for body in found]
    return [Entry(number, 0, one) for number, one in enumerate(some, 1)]


@pytest.mark.usefixtures("resting")
def test_what_is_mapped_leaves_no_ring_of_objects() -> None:
    plans = compile_plans(region_of(SAMPLES / "region.yaml"), RegionKey(bytes(32)))
    given = entries() + rows()
    for _ in range(2):  # what is compiled when it is first used, or used often, leaves some
        items = [prepare(entry, plans) for entry in given]
    kinds = {item.mapped.kind.partition(":")[0] for item in items if item.mapped}
    assert kinds >= {"ADT^A01", "ORU^R01", "fhir", "csv"}
    gc.collect()
    for entry in given:
        prepare(entry, plans)
    assert gc.collect() == 0
