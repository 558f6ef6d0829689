"""What was typed wrongly is said with what can be typed, and ends with exit code 2."""

from pathlib import Path

import pytest

from engine.cli import app
from engine.cli.init import init
from engine.cli.map import Which, map_files
from engine.cli.messages import messages
from engine.cli.mpi import link, unlink

USAGE = 2
RESOURCE = '{"resourceType": "Patient", "id": "1"}'


@pytest.fixture
def region(tmp_path: Path) -> Path:
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    file = tmp_path / "region.yaml"
    site = "{ehr: other, timezone: UTC, mappings: [base]}"
    file.write_text(f"region: north\nsites:\n  mercy: {site}\n", "utf-8")
    return file


def test_a_state_nobody_knows_is_refused(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["messages", str(region), "--state", "nonsense"])
    assert ended.value.code == USAGE
    said = capsys.readouterr()
    assert "quarantined" in said.out + said.err


def test_a_site_nobody_knows_is_refused(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(region) == 0
    assert messages(region, site="mercy") == 0
    assert messages(region, site="mercey") == USAGE
    assert "mercy" in capsys.readouterr().err


@pytest.mark.parametrize("act", [link, unlink])
@pytest.mark.parametrize("reason", ["", " "])
def test_who_is_who_is_stated_with_a_reason(
    region: Path, act: object, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(region) == 0
    assert callable(act)
    assert act("mercy|1", "mercy|2", reason=reason, config=region) == USAGE
    assert "--reason" in capsys.readouterr().err


def test_a_site_is_not_mapped_without_its_vendor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.hl7"
    file.touch()
    assert map_files([file], which=Which("mercy")) == USAGE
    assert "--config" in capsys.readouterr().err


def test_a_folder_without_anything_to_map_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").touch()
    assert map_files([tmp_path]) == USAGE
    assert "*.json" in capsys.readouterr().err


def test_resources_in_a_folder_are_mapped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "patient.JSON").write_text(RESOURCE, "utf-8")
    map_files([tmp_path], as_json=True)
    assert '"files": 1' in capsys.readouterr().out


@pytest.mark.parametrize("out", ["/proc/out", "/dev/null/out"])
def test_a_place_nothing_can_be_written_to_is_named(
    out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = Path("samples/messages/mercy/01-adt-a01-admit.hl7")
    assert map_files([message], out=Path(out)) == 78
    assert out in capsys.readouterr().err
