"""Commands that meet files, keys and readers that are not as they should be."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.app import region_key, region_of
from engine.cli.map import Which, map_files
from engine.cli.mpi import explain
from engine.cli.status import status
from engine.cli.told import told
from engine.core.fault import FaultError

LINES = 20_000


@pytest.fixture
def region(tmp_path: Path) -> Path:
    base = tmp_path / "mappings" / "base"
    base.mkdir(parents=True)
    identity = "map: v1\nkind: identity\npatient: [{label: MR, from: 'PID-3[1]'}]\n"
    (base / "identity.yaml").write_text(identity, "utf-8")
    file = tmp_path / "region.yaml"
    site = "{ehr: other, timezone: UTC, mappings: [base]}"
    file.write_text(f"region: north\nsites:\n  mercy: {site}\n", "utf-8")
    return file


def test_looking_at_a_region_that_never_ran_makes_nothing(
    region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(region) == 1
    assert explain("mercy|1", "mercy|2", config=region) == 1
    assert capsys.readouterr().err.count("region-not-founded: there is no data of this region") == 2
    assert not (region.parent / "data").exists()


def test_a_lost_key_is_not_replaced(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = region.parent / "data" / "journal"
    journal.mkdir(parents=True)
    (journal / "journal-index.db").touch()
    assert status(region) == 75
    with pytest.raises(FaultError, match="secret-missing"):
        region_key(region_of(region))
    assert "put it back from its backup" in capsys.readouterr().err
    assert not (region.parent / "data" / "keys").exists()


def test_a_try_of_a_mapping_makes_no_key(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = region.parent / "one.hl7"
    message.write_text("MSH|^~\\&|A|B|||20260314101500||ADT^A01|C1|P|2.5.1\rPID|1||7", "utf-8")
    map_files([message], which=Which(site="mercy", config=region))
    assert "no region key here yet" in capsys.readouterr().err
    assert not (region.parent / "data").exists()


def test_a_site_that_is_not_there_is_named(
    region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert map_files([region], which=Which(site="merci", config=region)) == 2
    assert "did you mean 'mercy'?" in capsys.readouterr().err


def test_a_file_where_a_folder_belongs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    @told
    def command() -> int:
        raise NotADirectoryError(20, "Not a directory", "data/keys")

    assert command() == 78
    assert capsys.readouterr().err == "concord: Not a directory: data/keys\n"


def test_control_c_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    @told
    def command() -> int:
        raise KeyboardInterrupt

    assert command() == 130
    assert capsys.readouterr().err == ""


def test_a_reader_may_leave_early() -> None:
    program = (
        "import sys; from engine.cli.told import told\n"
        f"sys.exit(told(lambda: print('line\\n' * {LINES}) or 0)())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_secret_that_is_not_where_the_file_says_is_a_mistake_of_the_file(
    region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = region.parent / "region.yaml"
    storage = "storage: {region_key: {file: nowhere.key}}\n"
    file.write_text(file.read_text("utf-8") + storage, "utf-8")
    (region.parent / "data" / "journal").mkdir(parents=True)
    (region.parent / "data" / "journal" / "journal-index.db").touch()
    assert status(region) == 78
    assert "secret-unreadable" in capsys.readouterr().err
