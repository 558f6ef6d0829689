"""Roles of one region on several hosts: a worker that sleeps with the lock, a cable that is cut."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos.day import send_all
from tests.chaos.place import ROOT, Daemon, command, is_asleep, wait_until, write_host
from tests.chaos.reckoning import assert_all_there, holders, settled
from tests.chaos.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DaemonOf = Callable[..., Daemon]
HERE, THERE = "127.1.0.1", "127.1.0.2"


@pytest.fixture
def server(server_folder: Path, postgres_binaries: Path) -> Iterator[Server]:
    made = Server(server_folder / "only", postgres_binaries)
    made.found()
    yield made
    made.kill()


def alone(role: str) -> tuple[str, ...]:
    return ("--role", role, "--name", role)


def test_a_host_that_falls_asleep_with_the_lock_is_overtaken(
    tmp_path: Path, server: Server, daemon_of: DaemonOf
) -> None:
    server.start()
    intake, waking, asleep = (
        daemon_of(write_host(tmp_path / name, "split", server.dsn), arguments=alone(role))
        for name, role in (("intake", "intake"), ("waking", "worker"), ("asleep", "worker"))
    )
    asleep.environment = {"CONCORD_FAILPOINT": "before-commit:2:stop"}
    for host in (intake, waking, asleep):  # all at once: one of them founds the region
        host.launch()
    intake.wait_ready("intake")
    waking.wait_ready("worker")
    asleep.wait_ready("worker")
    pid, owner = asleep.pid("worker"), asleep.notices()["worker"].owner
    wait_until(lambda: owner in holders(intake.region), "a share of the partitions")
    try:
        journal = send_all(intake, 51, 90)
        wait_until(lambda: is_asleep(pid), "falling asleep inside a transaction")
        assert_all_there(journal.lines, intake.region, 80)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: '"code":"database-unreachable"' in asleep.told(), "finding out")
    journal.lines += send_all(intake, 52, 30).lines
    assert_all_there(journal.lines, intake.region, 100)
    assert asleep.pid("worker") == pid
    assert [host.stop() for host in (asleep, waking, intake)] == [0, 0, 0]


def test_every_host_maps_by_what_one_activated(
    tmp_path: Path, server: Server, daemon_of: DaemonOf
) -> None:
    """The other host's disk holds the files of before, and keeps them."""
    server.start()
    changes = {"mappings_folder": "mappings"}
    here, there = (
        write_host(tmp_path / name, "versions", server.dsn, changes) for name in ("here", "there")
    )
    for host in (here, there):
        shutil.copytree(ROOT / "mappings", host.parent / "mappings")
    intake = daemon_of(here, arguments=alone("intake"))
    worker = daemon_of(there, arguments=alone("worker"))
    for daemon in (intake, worker):
        daemon.launch()
    intake.wait_ready("intake")
    worker.wait_ready("worker")
    before = len(send_all(intake, 53, 20).accepted)
    overlay = "map: v1\nkind: overlay\nchange:\n  PID-Patient: {address: remove}\n"
    for site in ("mercy", "lakeside", "hilltop"):
        (here.parent / f"mappings/site/{site}/later.yaml").write_text(overlay, encoding="utf-8")
    done = command(here, "reload", str(here), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    send_all(intake, 54, 20)
    found = settled(here)
    old = {one.plan for at, one in found.accounts.items() if at < told["position"]}
    new = {one.plan for at, one in found.accounts.items() if at > told["position"]}
    assert len(found.accounts) > before > 0
    assert old - {""} <= {one["from"] for one in told["sites"].values()}
    assert new - {""} <= {one["to"] for one in told["sites"].values()}
    assert worker.stop() == 0
    worker.launch()
    worker.wait_ready("worker")
    assert "the files say otherwise" in worker.told()
    assert [host.stop() for host in (worker, intake)] == [0, 0]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    """Return two network namespaces, and a cable between them.

    Both ends have a loopback address: our servers speak no TLS, which any other would need.
    """
    names = f"ccdb{os.getpid()}", f"ccnode{os.getpid()}"
    if (
        os.geteuid() != 0
        or subprocess.run(["ip", "netns", "add", names[0]], check=False).returncode
    ):
        pytest.skip("network namespaces need root")
    _ip("netns", "add", names[1])
    try:
        _ip(
            "link",
            "add",
            "cable",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "cable",
            "netns",
            names[1],
        )
        for name, address in zip(names, (HERE, THERE), strict=True):
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "address", "del", "127.0.0.1/8", "dev", "lo")
            told = "sysctl -qw net.ipv4.conf.all.route_localnet=1"
            subprocess.run(["ip", "netns", "exec", name, *told.split()], check=True)
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        yield names
    finally:
        for name in names:
            _ip("netns", "del", name)


@pytest.mark.soak
def test_a_host_whose_cable_is_cut_is_overtaken_and_comes_back(
    tmp_path: Path, server: Server, cable: tuple[str, str], daemon_of: DaemonOf
) -> None:
    server.settings["listen_addresses"] = HERE
    server.prefix = ("ip", "netns", "exec", cable[0])
    (server.data / "pg_hba.conf").write_text("local all all trust\nhost all all samenet trust\n")
    server.start()
    near = daemon_of(write_host(tmp_path / "near", "cut", server.dsn))
    near.start()
    far_dsn = f"host={HERE} dbname=postgres user=postgres"
    far = daemon_of(
        write_host(tmp_path / "far", "cut", far_dsn),
        arguments=alone("worker"),
        prefix=("ip", "netns", "exec", cable[1]),
    )
    far.launch()
    far.wait_ready("worker")
    pid, owner = far.pid("worker"), far.notices()["worker"].owner
    wait_until(lambda: owner in holders(near.region), "a share of the partitions")
    journal = send_all(near, 61, 90)
    _ip("-n", cable[0], "link", "set", "cable", "down")
    journal.lines += send_all(near, 62, 90).lines
    assert_all_there(journal.lines, near.region, 160)
    assert owner not in holders(near.region)
    gone = f"SELECT count(*) FROM pg_stat_activity WHERE client_addr = '{THERE}'"
    wait_until(lambda: server.tell(gone) == [(0,)], "the server noticing")
    wait_until(lambda: '"code":"database-unreachable"' in far.told(), "the host noticing")
    _ip("-n", cable[0], "link", "set", "cable", "up")
    wait_until(lambda: owner in holders(near.region), "a share again")
    journal.lines += send_all(near, 63, 60).lines
    assert_all_there(journal.lines, near.region, 200)
    assert far.pid("worker") == pid
    assert [host.stop() for host in (far, near)] == [0, 0]
