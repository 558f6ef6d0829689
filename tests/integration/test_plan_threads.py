"""One plan maps in two threads at a time: the api examines deliveries while its prompter works."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.app import compile_plans, region_of
from engine.core.lexeme import encode
from engine.core.values import FHIR_JSON, HL7_V2, Entry, Envelope
from engine.mapping.plan import Plan
from engine.pipeline.prepare import prepare
from engine.security.keys import RegionKey

REGION = region_of(Path("samples/region.yaml"))
SITES = ("lakeside", "mercy")
KINDS = ((FHIR_JSON, "resources", "*.json"), (HL7_V2, "messages", "*.hl7"))
START_US = 1_790_000_000_000_000
THREADS, ROUNDS = 3, 2


@pytest.fixture
def hurried() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def entries() -> list[Entry]:
    found: list[Envelope] = []
    for site in SITES:
        for media_type, folder, kind in KINDS:
            paths = sorted(Path(f"samples/{folder}/{site}").glob(kind))
            bodies = (path.read_bytes() for path in paths)
            found += [Envelope("c", site, media_type, body, START_US) for body in bodies]
    return [Entry(number, 0, one) for number, one in enumerate(found, 1)]


def said(entry: Entry, plans: dict[str, Plan]) -> object:
    item = prepare(entry, plans)
    if item.mapped is None:
        return item.fault
    return [(one.type, one.id, encode(one.body), one.clears) for one in item.mapped.contributions]


@pytest.mark.usefixtures("hurried")
def test_threads_do_not_meet_in_a_plan() -> None:
    given = entries()
    assert len(given) > 30
    alone = dict(compile_plans(REGION, RegionKey(bytes(32))))
    expected = [said(one, alone) for one in given]
    shared = dict(compile_plans(REGION, RegionKey(bytes(32))))
    found: list[list[object]] = []

    def work() -> None:
        found.extend([said(one, shared) for one in given] for _ in range(ROUNDS))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == THREADS * ROUNDS
    assert all(one == expected for one in found)
