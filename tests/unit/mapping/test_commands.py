"""`concord map`, `check` and `explain` as functions: what they print, write and return."""

import json
from pathlib import Path

import pytest

from engine.cli.check import check
from engine.cli.explain import explain
from engine.cli.map import Which, map_files

PID = "PID|1||7^^^HOSP^MR||QUILL^TESS||19800112|F"
HEADER = "MSH|^~\\&|APP|FAC|||20260314101500||ADT^A01|C1|P|2.5.1"


@pytest.fixture
def folder(tmp_path: Path, files: dict[str, str]) -> Path:
    """A mappings folder with one layer."""
    for name, text in files.items():
        path = tmp_path / "mappings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "mappings"


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """A folder with a good message, two in one file, and one that nothing maps."""
    found = tmp_path / "in"
    (found / "adt").mkdir(parents=True)
    (found / "adt" / "one.hl7").write_text(f"{HEADER}\r{PID}")
    (found / "two.hl7").write_text(f"{HEADER}\r{PID}\r{HEADER}\r{PID.replace('7^', '8^')}")
    (found / "odd.hl7").write_text(f"{HEADER.replace('A01', 'A77')}\r{PID}")
    return found


def test_map_writes_a_bundle_at_the_same_place_and_lists_refusals(
    folder: Path, messages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert map_files([messages], which=Which(mappings=folder), out=out) == 1
    bundle = json.loads((out / "adt" / "one.json").read_text())
    assert bundle["resourceType"] == "Bundle"
    both = json.loads((out / "two.json").read_text())
    kinds = [entry["resource"]["resourceType"] for entry in both["entry"]]
    assert kinds.count("Patient") == 2
    assert not (out / "odd.json").exists()
    said = capsys.readouterr().err
    assert "odd.hl7: unknown-trigger" in said
    assert "3 files, 1 with refused messages" in said


def test_map_prints_a_bundle_and_its_trace(
    folder: Path, messages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = messages / "adt" / "one.hl7"
    assert map_files([file], which=Which(mappings=folder), trace=True) == 0
    said = capsys.readouterr().out
    assert '"resourceType": "Bundle"' in said
    assert "Patient.birthDate <- PID-7 (base/resources.yaml:12)" in said


def test_map_as_json_summarises(
    folder: Path, messages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert map_files([messages], which=Which(mappings=folder), as_json=True) == 1
    summary = json.loads(capsys.readouterr().out)
    assert (summary["files"], summary["refused"]) == (3, 1)
    odd = next(row for row in summary["results"] if row["file"] == "odd.hl7")
    assert odd["faults"] == [
        {"category": "unsupported", "code": "unknown-trigger", "where": "MSH-9"}
    ]


def test_map_of_a_wrong_mapping_shows_frames(
    folder: Path, messages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "base" / "resources.yaml").write_text("map: v1\nkind: resorce\n")
    assert map_files([messages], which=Which(mappings=folder)) == 78
    assert "E114" in capsys.readouterr().err


def test_map_of_a_missing_file_is_wrong_usage(folder: Path, tmp_path: Path) -> None:
    assert map_files([tmp_path / "none.hl7"], which=Which(mappings=folder)) == 2


def test_check_compiles_every_chain(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vendor = folder / "vendor" / "epic"
    vendor.mkdir(parents=True)
    (vendor / "overlay.yaml").write_text("map: v1\nkind: overlay\n")
    assert check(folder) == 0
    assert "2 chains, no problems" in capsys.readouterr().out


def test_check_shows_the_mistakes_of_a_vendor_and_a_site(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for layer, line in (("vendor/epic", "gendr: PID-8"), ("site/north", "birthDate: PID-77")):
        (folder / layer).mkdir(parents=True)
        text = f"map: v1\nkind: overlay\nchange:\n  PID-Patient:\n    {line}\n"
        (folder / layer / "overlay.yaml").write_text(text)
    assert check(folder, as_json=True) == 78
    found = json.loads(capsys.readouterr().out)
    assert [(p["code"], p["file"], p["line"]) for p in found["problems"]] == [
        ("E203", "vendor/epic/overlay.yaml", 5),
        ("E202", "site/north/overlay.yaml", 5),
    ]


def test_check_without_a_folder(tmp_path: Path) -> None:
    assert check(tmp_path / "none") == 78


def test_explain_knows_codes_of_mappings_and_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("e203") == 0
    assert capsys.readouterr().out.startswith("E203: ")
    assert explain("E302", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "E302"


def test_explain_of_an_unknown_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("E204x") == 2
    assert "did you mean 'E204'?" in capsys.readouterr().err
