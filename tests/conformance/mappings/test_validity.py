"""Every message of the samples and of the shelf maps to valid R4 whose references resolve."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.r4.validate import validate

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "samples" / "messages").rglob("*.hl7"))
VENDOR_OF = ["", *["epic"] * 4, *["athena"] * 4, *["ecw"] * 4]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def assert_sound(mapped: Any) -> None:
    bodies = [given.body for given in mapped.contributions]
    made = {f"{body['resourceType']}/{body['id']}" for body in bodies}
    issues = [(body["resourceType"], issue) for body in bodies for issue in validate(body)]
    assert not issues
    assert {each for body in bodies for each in references(body)} <= made
    assert bodies or mapped.filtered


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_sample_is_sound(say: Callable[[Path, str], Any], path: Path) -> None:
    assert_sound(say(path, f"site/{path.parent.name}").mapped)


def test_site_traffic_is_sound(say: Callable[[Path, str], Any], testdata: Path) -> None:
    paths = sorted((testdata / "sites").glob("*.hl7"))
    assert len(paths) == 12
    for path in paths:
        assert_sound(say(path, f"vendor/{VENDOR_OF[int(path.name[:2])]}").mapped)
