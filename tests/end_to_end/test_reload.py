"""`concord reload` and `rollback` beside a running daemon: checked, at one place, in every role."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from engine.app import known_token, region_of
from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import ROOT, Daemon, command, wait_until, write_region
from tests.chaos.reckoning import read, settled
from tests.chaos.wire import Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WITHOUT_ADDRESS = "map: v1\nkind: overlay\nchange:\n  PID-Patient: {address: remove}\n"
WITHOUT_STATUS = (
    "map: v1\nkind: overlay\nchange:\n  AL1-AllergyIntolerance: {clinicalStatus: remove}\n"
)
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


def provenance(daemon: Daemon, position: int) -> dict[str, Any]:
    """Ask the endpoint where the resources of a message come from."""
    address = daemon.address("api")
    assert address is not None
    url = f"http://{address[0]}:{address[1]}/fhir/Provenance/message-{position}"
    token = known_token(region_of(daemon.region))
    asked = Request(url, headers={"Authorization": f"Bearer {token}"})
    with urlopen(asked, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read())
    return found


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
    daemon.wait_ready("api")
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
    provenances = [provenance(daemon, at) for at in (min(found.accounts), max(found.accounts))]
    assert [one["policy"] for one in provenances] == [
        [f"urn:concord:plan:{told['sites']['mercy'][word]}"] for word in ("from", "to")
    ]
    lines = [[one["valueString"] for one in body["extension"]] for body in provenances]
    assert len(lines[0]) > len(lines[1]) > 0, "the address has no rule any more"
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


def allergies(line: Line, numbers: range) -> None:
    """Send patients who are allergic to something."""
    for number in numbers:
        body = mercy_adt(Person(f"88{number:05d}", family=f"FAMILY{number}"), control_id())
        assert line.exchange(body + b"AL1|1|DA|70618^Penicillin^RXN\r").code == "AA"


def test_what_a_rule_broke_is_written_after_the_fix(
    place: Path, daemon_of: Callable[..., Daemon]
) -> None:
    overlay = place.parent / OVERLAY
    daemon = daemon_of(place)
    daemon.start()
    line = Line(lambda: daemon.address("mercy-hl7"))
    allergies(line, range(2))
    overlay.write_text(WITHOUT_STATUS)
    assert command(place, "reload", str(place)).returncode == 0
    allergies(line, range(2, 5))
    found = settled(place)
    wrong = [one for one in found.accounts.values() if one.state == "quarantined"]
    assert [one.code for one in wrong] == ["r4-invariant"] * 3
    (told,) = {one.place for one in wrong}
    assert re.fullmatch(
        r"AllergyIntolerance \(base/segments/AL1-AllergyIntolerance\.yaml:\d+, AL1-\d\)", told
    )
    overlay.unlink()
    before = command(place, "replay", str(place), "--where", "quarantined")
    assert before.returncode == 1
    assert "plan-not-running" in before.stderr
    assert command(place, "reload", str(place)).returncode == 0
    meant = "site=mercy and quarantined and code=r4-*"
    tried = command(place, "replay", str(place), "--where", meant, "--dry-run")
    assert tried.stdout == "3 quarantined messages would be tried once more\n"
    assert command(place, "replay", str(place), "--where", meant).returncode == 0
    found = settled(place)
    assert found.states()["quarantined"] == 0
    assert found.counted()["mercy", "AllergyIntolerance"] == 5
    line.close()


def test_some_messages_are_derived_again(place: Path, daemon_of: Callable[..., Daemon]) -> None:
    daemon = daemon_of(place)
    daemon.start()
    line = Line(lambda: daemon.address("mercy-hl7"))
    send(line, range(6))
    settled(place)
    (place.parent / OVERLAY).write_text(WITHOUT_ADDRESS)
    assert command(place, "reload", str(place)).returncode == 0
    last = max(read(place).accounts)
    meant = f"type=ADT^A08 and plan!=current and position!={last}"
    tried = command(place, "replay", str(place), "--where", meant, "--dry-run", "--json")
    (told,) = json.loads(tried.stdout)["sites"]
    assert (told["messages"], told["changed"]) == (5, 5)
    assert all(one.endswith("changed: address") for one in told["examples"])
    assert addresses(place) == [True] * 6
    done = command(place, "replay", str(place), "--where", meant)
    assert (done.returncode, done.stderr) == (0, "")
    assert addresses(place) == [False] * 5 + [True]
    wrong = command(place, "replay", str(place), "--where", "sit=mercy")
    assert wrong.returncode == 2
    assert "did you mean 'site'?" in wrong.stderr
    line.close()


def test_a_reload_that_is_killed_holds_or_does_not(
    place: Path, daemon_of: Callable[..., Daemon]
) -> None:
    """Killed before the journal has it, between journal and store, and behind both."""
    daemon = daemon_of(place)
    daemon.start()
    line = Line(lambda: daemon.address("mercy-hl7"))
    overlay = place.parent / OVERLAY

    def killed_at(point: str) -> None:
        died = command(place, "reload", str(place), CONCORD_FAILPOINT=f"{point}:1")
        assert died.returncode == -signal.SIGKILL

    def acts() -> list[str]:
        listed = command(place, "plans", str(place), "--json")
        return [json.loads(one)["act"] for one in listed.stdout.splitlines()]

    overlay.write_text(WITHOUT_ADDRESS)
    killed_at("before-activation")
    send(line, range(2))
    assert (addresses(place), acts()) == ([True] * 2, ["start"])
    killed_at("inside-activation")
    daemon.signal("worker-1", signal.SIGKILL)
    wait_until(lambda: acts() == ["reload", "start"], "a worker that learns of it")
    send(line, range(2, 4))
    assert addresses(place) == [True] * 2 + [False] * 2
    overlay.unlink()
    killed_at("after-activation")
    send(line, range(4, 6))
    assert addresses(place) == [True] * 2 + [False] * 2 + [True] * 2
    assert command(place, "reload", str(place)).stdout == "nothing changed\n"
    line.close()
