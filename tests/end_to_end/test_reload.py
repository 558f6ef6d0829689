"""`concord reload` and `rollback` beside a running daemon: checked, at one place, in every role."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import ROOT, Daemon, command, write_region
from tests.chaos.reckoning import read, settled
from tests.chaos.wire import Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WITHOUT_ADDRESS = "map: v1\nkind: overlay\nchange:\n  PID-Patient: {address: remove}\n"
OVERLAY = "mappings/site/mercy/later.yaml"


def send(line: Line, numbers: range) -> None:
    for number in numbers:
        person = Person(
            f"88{number:05d}", family=f"FAMILY{number}", born=f"19{number % 80 + 10}0307"
        )
        assert line.exchange(mercy_adt(person, control_id())).code == "AA"


def addresses(region: Path) -> list[bool]:
    """Say of each of Mercy's source Patients, as they came, whether it has an address."""
    found = settled(region)
    mercy = sorted(
        (local, record) for (site, local), record in found.records.items() if site == "mercy"
    )
    return ["address" in found.resources[record][1] for _, record in mercy]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a region with mappings of its own."""
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    return write_region(tmp_path, {"mappings_folder": "mappings"})


def test_a_running_region_takes_other_mappings(
    place: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(place)
    daemon.start()
    line = Line(lambda: daemon.address("mercy-hl7"))
    send(line, range(5))
    pids = {name: one.pid for name, one in daemon.notices().items()}
    same = command(place, "reload", str(place))
    assert (same.returncode, same.stdout) == (0, "nothing changed\n")
    overlay = place.parent / OVERLAY
    overlay.write_text(WITHOUT_ADDRESS.replace("address", "adress"))
    wrong = command(place, "reload", str(place))
    assert wrong.returncode == 1
    assert "adress" in wrong.stderr
    assert "nothing was changed" in wrong.stderr
    send(line, range(5, 10))
    overlay.write_text(WITHOUT_ADDRESS)
    done = command(place, "reload", str(place), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["sites"].keys() == {"mercy"}
    assert [one["path"] for one in told["files"]] == ["site/mercy/later.yaml"]
    send(line, range(10, 20))
    assert addresses(place) == [True] * 10 + [False] * 10
    found = read(place)
    plans = {at > told["position"]: one.plan for at, one in found.accounts.items()}
    assert plans == {False: told["sites"]["mercy"]["from"], True: told["sites"]["mercy"]["to"]}
    assert {name: one.pid for name, one in daemon.notices().items()} == pids
    line.close()


def test_a_start_takes_what_holds_and_says_what_differs(
    place: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(place)
    daemon.start()
    daemon.stop()
    (place.parent / OVERLAY).write_text("map: v1\nkind: overlay\nchange: {[\n")
    daemon.start()
    line = Line(lambda: daemon.address("mercy-hl7"))
    send(line, range(3))
    assert addresses(place) == [True] * 3
    assert "the files say otherwise for mercy" in daemon.told()
    line.close()


def test_a_region_goes_back_to_what_held(place: Path, daemon_of: Callable[..., Daemon]) -> None:
    daemon = daemon_of(place)
    daemon.start()
    nothing = command(place, "rollback", str(place))
    assert nothing.returncode == 1
    assert "nothing-before" in nothing.stderr
    line = Line(lambda: daemon.address("mercy-hl7"))
    (place.parent / OVERLAY).write_text(WITHOUT_ADDRESS)
    assert command(place, "reload", str(place)).returncode == 0
    send(line, range(2))
    back = command(place, "rollback", str(place), "--json")
    assert (back.returncode, back.stderr) == (0, "")
    send(line, range(2, 4))
    assert addresses(place) == [False] * 2 + [True] * 2
    listed = command(place, "plans", str(place), "--json")
    acts = [json.loads(one) for one in listed.stdout.splitlines()]
    assert [one["act"] for one in acts] == ["rollback", "reload", "start"]
    assert acts[0]["plans"] == acts[2]["plans"]
    assert acts[0]["of"] == acts[2]["position"]
    line.close()
