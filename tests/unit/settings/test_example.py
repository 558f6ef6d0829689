"""The example region is complete, true about the defaults, and can be loaded."""

from pathlib import Path

from engine.app import BUILT_IN
from engine.core import strict_yaml
from engine.settings.load import load_region
from engine.settings.reference import settings

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "region.yaml"
SHOWN_ELSEWHERE = {
    "identity.model",
    "api.token.file",
    "storage.region_key.env",
    "channels.<fhir_pull in>.auth.client_secret",  # instead of a key
}


def shown(tree: object, path: str = "") -> set[str]:
    if isinstance(tree, list):
        return {path, *(one for item in tree for one in shown(item, path))}
    if not isinstance(tree, dict):
        return {path}
    return {path, *(one for key, value in tree.items() for one in shown(value, f"{path}.{key}"))}


def test_it_loads_with_the_mappings_of_the_project() -> None:
    region = load_region(EXAMPLE, BUILT_IN)
    ports = [channel.ports for channel in region.channels]
    assert ports == [(2575,), (2576,), (2577,), (), (), (), ()]
    assert region.identity.survivorship is not None
    assert region.identity.survivorship.is_file()


def test_it_shows_every_setting() -> None:
    root = strict_yaml.read(EXAMPLE.read_text("utf-8"), "region.yaml").root
    assert root is not None
    keys = {path.rpartition(".")[2] for path in shown(strict_yaml.plain(root))}
    rows = [row for row in settings(BUILT_IN) if row.path not in SHOWN_ELSEWHERE]
    assert [row.path for row in rows if row.path.rpartition(".")[2] not in keys] == []


def test_the_spec_s_own_example_loads(tmp_path: Path) -> None:
    (tmp_path / "mappings/base").mkdir(parents=True)
    site = "sites: {mercy: {ehr: epic, timezone: UTC, mappings: [base]}}"
    for number, spec in enumerate(BUILT_IN):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"region: north\n{site}\nchannels:\n  {spec.example}", "utf-8")
        (channel,) = load_region(path, BUILT_IN).channels
        assert (channel.type, channel.direction) == (spec.name, spec.direction)
