"""The committed JSON Schemas are those of the code, and they describe what the loader accepts."""

import json
from pathlib import Path
from typing import Any

from engine.app import BUILT_IN
from engine.settings.reference import schema

FOLDER = Path("docs") / "schemas"


def _committed(root: Path, name: str) -> dict[str, Any]:
    content = json.loads((root / FOLDER / name).read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def test_the_schema_of_a_region_file_is_fresh(root: Path) -> None:
    expected = json.loads(json.dumps(schema(BUILT_IN)))
    assert _committed(root, "region.schema.json") == expected, "run `make docs`"


def test_no_schema_lies_there_unchecked(root: Path) -> None:
    assert [path.name for path in (root / FOLDER).iterdir()] == ["region.schema.json"]


def test_each_channel_has_its_branch(root: Path) -> None:
    channels = _committed(root, "region.schema.json")["properties"]["channels"]
    branches = channels["additionalProperties"]["oneOf"]
    named = {
        (one["properties"]["type"]["const"], one["properties"]["direction"]["const"])
        for one in branches
    }
    assert named == {(spec.name, spec.direction) for spec in BUILT_IN}
    assert all(one["additionalProperties"] is False for one in branches)
