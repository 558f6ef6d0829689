from pathlib import Path

import pytest

from engine.app import is_founded, places, region_of, require_founded
from engine.cli.init import init
from engine.cli.messages import messages
from engine.cli.recover import recover
from engine.cli.status import status
from engine.core.fault import Category, FaultError


@pytest.fixture
def region(tmp_path: Path) -> Path:
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    file = tmp_path / "region.yaml"
    site = "{ehr: other, timezone: UTC, mappings: [base]}"
    file.write_text(f"region: north\nsites:\n  mercy: {site}\n", "utf-8")
    return file


def test_a_region_is_founded_once(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(region) == 0
    here = places(region_of(region))
    key = here.region_key.read_bytes()
    assert here.token.exists()
    assert str(here.region_key) in capsys.readouterr().out
    assert init(region) == 1
    assert "region-founded" in capsys.readouterr().err
    assert here.region_key.read_bytes() == key
    require_founded(region_of(region))
    assert status(region) == 0


@pytest.mark.parametrize("mounted_on", [True, False])
def test_a_disk_that_is_not_mounted_is_no_new_region(region: Path, *, mounted_on: bool) -> None:
    """The mount point is there and empty, or lies on the missing disk itself."""
    assert init(region) == 0
    folder = places(region_of(region)).folder
    folder.rename(folder.with_name("elsewhere"))
    if mounted_on:
        folder.mkdir()
    with pytest.raises(FaultError) as caught:
        require_founded(region_of(region))
    fault = caught.value.fault
    assert (fault.code, fault.category) == ("region-not-founded", Category.UNAVAILABLE)
    assert not folder.exists() or not list(folder.iterdir())


def test_nothing_is_made_where_nothing_is(region: Path) -> None:
    """Whoever looks at a region, or recovers it, while its disk is not mounted."""
    assert recover(region) == 75
    assert messages(region) == status(region) == 1
    assert not places(region_of(region)).folder.exists()


def test_half_of_a_region_is_one(region: Path) -> None:
    """A journal that is lost is a matter of `concord recover`."""
    assert init(region) == 0
    (places(region_of(region)).journal / "journal-index.db").unlink()
    assert is_founded(region_of(region))
