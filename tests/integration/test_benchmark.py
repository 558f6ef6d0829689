"""What Concord is judged by has to run, and to send what it says it sends."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmark.people import tools
from tests.benchmark.table import Row
from tests.benchmark.traffic import stream

ROOT = Path(__file__).parents[2]


def test_admissions_are_of_the_size_the_target_names() -> None:
    sent = stream("adt", 300)
    assert {one.kind for one in sent} == {"ADT^A01"}
    assert 1400 <= sum(len(one.body) for one in sent) / 300 <= 1600
    patients = {one.body.partition(b"PID|1||")[2].partition(b"^")[0] for one in sent}
    assert 180 <= len(patients) <= 240, "three in ten are about somebody known"
    assert sent == stream("adt", 300)


def test_reports_have_twenty_results() -> None:
    assert {one.body.count(b"\rOBX|") for one in stream("oru", 20)} == {20}


def test_one_kind_can_be_taken_out_of_a_stream() -> None:
    assert {one.kind for one in stream("mix", 300, "ORU^R01")} == {"ORU^R01"}


def test_tools_lie_where_they_are_said_to_be_or_beside_the_test_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("gen_people.py", "render_people.py"):
        (folder / name).touch()
    monkeypatch.setenv("CONCORD_TESTDATA", str(tmp_path / "data"))
    with pytest.raises(SystemExit, match=r"mllp_load\.py not found"):
        tools("", "python3")
    (folder / "mllp_load.py").touch()
    assert tools("", "python3") == tools(str(folder), "python3")


def test_a_tool_that_fails_says_why(tmp_path: Path) -> None:
    for name in ("gen_people.py", "render_people.py", "mllp_load.py"):
        (tmp_path / name).write_text("raise SystemExit('numpy is missing')")
    with pytest.raises(RuntimeError, match=r"gen_people\.py: numpy is missing"):
        tools(str(tmp_path), sys.executable).registrations(tmp_path, 10)


@pytest.mark.parametrize(
    ("figures", "least", "verdict"),
    [([2.0, 3.0, 1.0], True, "holds"), ([1.0, 1.0, 3.0], True, "missed"), ([1.0], False, "holds")],
)
def test_a_row_is_judged_by_its_median(figures: list[float], least: bool, verdict: str) -> None:
    line = Row("rate", figures, 1.5, "/s", least=least, probes=[7000.0]).line()
    assert line.startswith(f"| rate | {'>=' if least else '<='} 1.5/s | ")
    assert "| 7000 |" in line
    assert line.endswith(f"| {verdict} |")


@pytest.mark.slow
def test_a_worker_is_measured_stage_by_stage() -> None:
    command = [sys.executable, "-m", "tests.benchmark.worker", "--count", "30", "--store", "plain"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "30 written" in done.stdout, done.stderr
    assert re.search(r"us a message: .*commit.*put.*resolve", done.stdout)
    assert re.search(r"ADT\^A01 +30( +[0-9]+){8}", done.stdout)


@pytest.mark.slow
def test_a_daemon_is_measured_under_load() -> None:
    command = [sys.executable, "-m", "tests.benchmark.end_to_end", "--count", "40"]
    command += ["--store", "plain", "--connections", "4"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "{'written': 40}, refused 0" in done.stdout, done.stderr
    for text in ("acknowledged after, ms, p99", "memory of all roles", "CPU of intake"):
        assert text in done.stdout
