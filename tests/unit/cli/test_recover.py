from pathlib import Path

from engine.app import open_store, region_key, region_of
from engine.cli.init import init
from engine.cli.recover import recover
from engine.pipeline.recollection import Recollection
from engine.plugin.recall import Deed, Held


def test_what_a_lost_journal_had_taken_is_fetched_again(tmp_path: Path) -> None:
    """The journal was restored; what the channel handed on since is in nobody's hands."""
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    region = tmp_path / "region.yaml"
    site = "{ehr: other, timezone: UTC, mappings: [base]}"
    region.write_text(f"region: north\nsites:\n  mercy: {site}\n", "utf-8")
    assert init(region) == 0
    memory = recalled(region)
    assert memory.take_turn()
    memory.keep(Deed(notes={"Patient 1": "{}"}, held=[Held("Patient/2", "d")]))
    memory.close()
    assert recover(region) == 0
    memory = recalled(region)
    assert (memory.notes(), memory.held(["Patient/2"])) == ({}, {})
    memory.close()


def recalled(file: Path) -> Recollection:
    region = region_of(file)
    store = open_store(region, region_key(region))
    return Recollection(lambda: store, ("mercy-pull", "mercy"), "one", alone=True)
