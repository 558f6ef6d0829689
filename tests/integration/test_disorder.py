"""A day that arrives in another order than it happened: the same people, the same content."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from engine.app import compile_plans, region_of
from engine.core.values import HL7_V2, Entry, Envelope
from engine.formats.hl7v2.parse import parse
from engine.security.keys import RegionKey
from tests.chaos.calm import calm
from tests.chaos.day import bodies
from tests.chaos.place import KEY, write_region
from tests.chaos.reckoning import Found, unlike

NOON_US = 1_790_000_000_000_000


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """A day of three sites, in the order in which it happened."""
    plans = compile_plans(region_of(write_region(tmp_path_factory.mktemp("plans"))), RegionKey(KEY))
    made = []
    for site, some in bodies(53, 120).items():
        for body in some:
            message = parse(body, plans[site].site.charset)
            given = (f"{site}-hl7", site, HL7_V2, body, NOON_US, message.control_id)
            made.append(Entry(0, 0, Envelope(*given, lane=plans[site].lane(message))))
    return made


@pytest.fixture(scope="module")
def in_order(day: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> Found:
    return calm(tmp_path_factory.mktemp("order") / "calm", day)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_late_and_early_messages_lead_to_the_same(
    seed: int | None, day: list[Entry], in_order: Found, tmp_path: Path
) -> None:
    late = list(reversed(day)) if seed is None else random.Random(seed).sample(day, len(day))
    late = [
        replace(one, envelope=replace(one.envelope, received_us=NOON_US + number))
        for number, one in enumerate(late)
    ]
    found = calm(tmp_path / "calm", late)
    assert len(found.accounts) == len(in_order.accounts) == len(day)
    states = {one.state for one in found.accounts.values()}
    assert states <= {"written", "filtered", "duplicate"}
    assert {one.code for one in found.accounts.values() if one.state == "filtered"} == {"older"}
    assert unlike(found, in_order) == []
