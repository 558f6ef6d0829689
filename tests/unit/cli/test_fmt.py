"""`concord fmt`: which files it writes, which it only names, and which it leaves."""

from pathlib import Path

import pytest

from engine.cli.fmt import fmt

UNTIDY = "a:   {b: 1,c: 2}\n"
TIDY = "a: {b: 1, c: 2}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "deep" / "a.yaml"
    found.parent.mkdir()
    found.write_text(UNTIDY, "utf-8")
    found.chmod(0o640)
    return found


def test_files_of_a_folder_are_laid_out(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt([file.parent.parent]) == 0
    assert file.read_text("utf-8") == TIDY
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]
    assert "1 file, 1 changed" in capsys.readouterr().out
    assert fmt([file], check=True) == 0


def test_check_writes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt([file], check=True) == 1
    assert file.read_text("utf-8") == UNTIDY
    assert f"{file}: would change" in capsys.readouterr().out


def test_a_file_with_a_mistake_is_left_and_shown(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("a: [1\n", "utf-8")
    other = file.with_name("b.yaml")
    other.write_text(UNTIDY, "utf-8")
    assert fmt([file.parent]) == 78
    assert file.read_text("utf-8") == "a: [1\n"
    assert other.read_text("utf-8") == TIDY
    assert "E101" in capsys.readouterr().err


def test_no_such_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt([tmp_path / "none.yaml"]) == 78
    assert "none.yaml" in capsys.readouterr().err
