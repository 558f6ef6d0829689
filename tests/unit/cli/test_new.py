"""`concord new site`: files written, lines for the region file, nothing overwritten."""

from pathlib import Path

import pytest

from engine.cli.check import check
from engine.cli.new import site
from tests.small_mapping import SEX, small_mapping

USAGE, PROBLEMS = 2, 1
RULES = small_mapping("name: PID-5", "gender: {from: PID-8, map: sex}")
MESSAGE = "MSH|^~\\&|A|B|||20260314||ADT^A01|1|P|2.5\rPID|1||4711^^^HOSP^MR||Doe^Ann|||X\rZPV|7\r"


@pytest.fixture
def mappings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mappings"
    (folder / "base" / "codes").mkdir(parents=True)
    (folder / "base" / "rules.yaml").write_text(RULES, "utf-8")
    (folder / "base" / "codes" / "sex.csv").write_text(SEX, "utf-8")
    (tmp_path / "one.hl7").write_text(MESSAGE, "utf-8", newline="")
    (tmp_path / "census.csv").write_text("Account,Last Name\n1,Roe\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_draft_is_written_and_passes_check(
    mappings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [tmp_path / "one.hl7", tmp_path / "census.csv"]
    assert site("newtown", samples=samples, chain="base", mappings=mappings) == 0
    told = capsys.readouterr().out
    assert (
        "  newtown: {ehr: other, timezone: America/New_York, mappings: [base, site/newtown]}"
        in told
    )
    assert "newtown-hl7: {type: mllp" in told
    assert (mappings / "site" / "newtown" / "overlay.yaml").exists()
    assert (mappings / "site" / "newtown" / "feeds" / "census.yaml").exists()
    assert check(mappings) == 0
    assert "base + site/newtown" in capsys.readouterr().out


def test_codes_to_fill_in_stand_in_a_sheet(mappings: Path, tmp_path: Path) -> None:
    samples = [tmp_path / "one.hl7"]
    out = tmp_path / "draft"
    assert site("newtown", samples=samples, chain="base", mappings=mappings, out=out) == 0
    assert (out / "site" / "newtown" / "overlay.yaml").exists()
    assert not (mappings / "site").exists()
    sheet = (tmp_path / "newtown-codes.csv").read_text("utf-8-sig")
    assert sheet.splitlines()[1].startswith("sex,,X,")


def test_what_is_there_is_not_overwritten(
    mappings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [tmp_path / "one.hl7"]
    assert site("newtown", samples=samples, chain="base", mappings=mappings) == 0
    text = (mappings / "site" / "newtown" / "overlay.yaml").read_text("utf-8")
    assert site("newtown", samples=samples, chain="base", mappings=mappings) == PROBLEMS
    assert (mappings / "site" / "newtown" / "overlay.yaml").read_text("utf-8") == text
    assert "site-exists" in capsys.readouterr().err


def test_what_was_typed_wrongly(mappings: Path, tmp_path: Path) -> None:
    samples = [tmp_path / "one.hl7"]
    assert site("x", samples=samples, chain="base,vendor/none", mappings=mappings) == USAGE
    assert site("x", samples=[tmp_path / "none.hl7"], chain="base", mappings=mappings) == USAGE
    assert site("../x", samples=samples, chain="base", mappings=mappings) == USAGE
