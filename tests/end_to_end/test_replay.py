"""`concord replay --site` beside a running daemon, killed on the way, while the site sends."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import ROOT, Daemon, command, write_region
from tests.chaos.reckoning import read, settled
from tests.chaos.wire import Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WITHOUT_ADDRESS = "map: v1\nkind: overlay\nchange:\n  PID-Patient: {address: remove}\n"


def send(line: Line, numbers: range) -> None:
    for number in numbers:
        person = Person(
            f"88{number:05d}", family=f"FAMILY{number}", born=f"19{number % 80 + 10}0307"
        )
        assert line.exchange(mercy_adt(person, control_id())).code == "AA"


def with_layer(region: Path) -> None:
    """Put one more layer on the site's mapping."""
    layer = region.parent / "mappings/site/later"
    layer.mkdir()
    (layer / "overlay.yaml").write_text(WITHOUT_ADDRESS)
    text = yaml.safe_load(region.read_text())
    text["sites"]["mercy"]["mappings"].append("site/later")
    region.write_text(yaml.safe_dump(text))


def killed_replay(region: Path) -> None:
    """Start a replay that dies when it has changed resources and has more to do."""
    died = command(
        region, "replay", str(region), "--site", "mercy", CONCORD_FAILPOINT="replay-chunk:1"
    )
    assert died.returncode == -signal.SIGKILL
    assert not all(addresses(region))


def addresses(region: Path) -> list[bool]:
    """Say for each of Mercy's source Patients whether it has an address."""
    found = read(region)
    mercy = [record for (site, _), record in found.records.items() if site == "mercy"]
    return ["address" in found.resources[record][1] for record in mercy]


def test_a_killed_replay_goes_on_and_traffic_flows(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    region = write_region(tmp_path, {"mappings_folder": "mappings"})
    daemon = daemon_of(region)
    daemon.start()
    line = Line(lambda: daemon.address("mercy-hl7"))
    send(line, range(60))
    assert all(addresses_settled(region))
    with_layer(region)
    refused = command(region, "replay", str(region), "--site", "mercy")
    assert refused.returncode == 1
    assert "plan-not-running" in refused.stderr
    assert command(region, "reload", str(region)).returncode == 0
    line.close()
    killed_replay(region)
    replay = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "replay", str(region), "--site", "mercy", "--json"],
        cwd=region.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    number = 60
    while replay.poll() is None:
        send(line, range(number, number + 5))
        number += 5
        time.sleep(0.05)  # a site's pace
    line.close()
    out, _ = replay.communicate()
    assert replay.returncode == 0
    assert json.loads(out)["changed"] >= 60
    found = addresses_settled(region)
    assert len(found) == number
    assert not any(found)


def addresses_settled(region: Path) -> list[bool]:
    settled(region)
    return addresses(region)
