"""A drop folder with the channel running on it, here or on an SFTP server; an intake in memory."""

import asyncio
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncssh
import pytest

from channels.csv_sftp.event import FileFinished, FileRefused
from channels.csv_sftp.inbound import SPEC
from engine.core.clock import Clock, SystemClock
from engine.core.values import Envelope
from engine.formats.delimited.contract import Column, Contract, Dialect
from engine.plugin.event import ChannelEvent
from engine.plugin.memory import MemoryIntake, surroundings
from engine.plugin.protocol import Surroundings

PATIENTS = Contract(
    feed="patients",
    files="patients*.csv",
    columns=(
        Column("Id", "Id", "id"),
        Column("Name", "Name", "str"),
        Column("Born", "Born", "date", "%m/%d/%Y", optional=True),
    ),
    key=("Id",),
    zone=ZoneInfo("America/Denver"),
    dialect=Dialect(("utf-8-sig", "cp1252")),
    deletes="patients*_delete.csv",
    name_time="%Y%m%d",
)
WAIT_S = 10.0
SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


@dataclass
class Drop:
    """The sender's side of a drop folder."""

    folder: Path
    contracts: tuple[Contract, ...] = (PATIENTS,)
    intake: MemoryIntake = field(default_factory=MemoryIntake)
    events: list[ChannelEvent] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    def put(self, name: str, data: bytes | str, when_s: int = 1_790_000_000) -> None:
        target = self.folder / name
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        os.utime(target, (when_s, when_s))

    def surroundings(self) -> Surroundings:
        given = surroundings(events=self.events)
        return replace(given, contracts=self.contracts, clock=self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        given = {"folder": str(self.folder), "every": "10ms", **self.settings}
        channel = SPEC.build(SPEC.config.model_validate(given), self.surroundings())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(channel.run(self.intake, lambda _: None))
            try:
                yield
            finally:
                task.cancel()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():  # noqa: ASYNC110 - a folder has no event
                await asyncio.sleep(0.01)

    async def finished(self, name: str, folder: str = "done") -> dict[str, Any]:
        """Wait until a file ended there; return its run record."""
        await self.until((self.folder / folder / name).exists)
        return self.run(name, folder)

    def run(self, name: str, folder: str = "done") -> dict[str, Any]:
        record: dict[str, Any] = json.loads(
            (self.folder / folder / f"{name}.run.json").read_text("utf-8")
        )
        return record

    def play(self, name: str, data: bytes | str, folder: str = "done") -> dict[str, Any]:
        """Put one file there, wait for its end and stop."""

        async def whole() -> dict[str, Any]:
            before = self.reported()
            async with self.running():
                self.put(name, data)
                run = await self.finished(name, folder)
                await self.until(lambda: self.reported() > before)
                return run

        return asyncio.run(whole())

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(envelope.body) for envelope in self.intake.taken]

    @property
    def envelopes(self) -> list[Envelope]:
        return self.intake.taken

    def reported(self) -> int:
        return sum(isinstance(event, FileFinished | FileRefused) for event in self.events)

    def codes(self) -> list[str]:
        return [event.code for event in self.events if event.code]


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def children(parent: int) -> list[int]:
    """The processes below one of ours."""
    direct = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [one for child in direct for one in (int(child), *children(int(child)))]


@dataclass
class Server:
    """An SFTP server on loopback with a host key and the client's key in `keys`."""

    kind: str
    keys: Path
    port: int

    @asynccontextmanager
    async def running(self, sftp: type[asyncssh.SFTPServer] | None = None) -> AsyncIterator[None]:
        """Serve for a while; asyncssh's server by a class of one's own, if given."""
        async with self._openssh() if self.kind == "openssh" else self._asyncssh(sftp):
            yield

    @asynccontextmanager
    async def _asyncssh(self, sftp: type[asyncssh.SFTPServer] | None) -> AsyncIterator[None]:
        server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[str(self.keys / "host")],
            authorized_client_keys=str(self.keys / "client.pub"),
            sftp_factory=sftp or True,
        )
        async with server:
            yield

    @asynccontextmanager
    async def _openssh(self) -> AsyncIterator[None]:
        config = self.keys / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, folder=self.keys))
        assert SSHD is not None
        process = subprocess.Popen(  # noqa: ASYNC220
            [SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(10):
                while not await self._answers():  # noqa: ASYNC110 - a process has no event
                    await asyncio.sleep(0.05)
            yield
        finally:
            sessions = children(process.pid)
            process.terminate()
            process.wait(10)
            for session in sessions:
                with suppress(ProcessLookupError):
                    os.kill(session, signal.SIGKILL)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    def new_host_key(self) -> str:
        """Make a key for the server; returns its fingerprint."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(self.keys / "host"))
        (self.keys / "host").chmod(0o600)
        return str(key.get_fingerprint("sha256"))

    def publish(self) -> None:
        key = asyncssh.read_private_key(str(self.keys / "host"))
        public = key.export_public_key().decode()
        (self.keys / "known").write_text(f"[127.0.0.1]:{self.port} {public}")


@pytest.fixture(params=["openssh", "asyncssh"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    if request.param == "openssh" and (SSHD is None or not Path("/run/sshd").is_dir()):
        pytest.skip("no OpenSSH server on this host (sshd and /run/sshd)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keys = tmp_path / "keys"
    keys.mkdir()
    made = Server(request.param, keys, port)
    made.new_host_key()
    made.publish()
    client = asyncssh.generate_private_key("ssh-ed25519")
    client.write_private_key(str(keys / "client"))
    (keys / "client").chmod(0o600)
    client.write_public_key(str(keys / "client.pub"))
    return made


@pytest.fixture
def sftp_drop(drop: Drop, server: Server, tmp_path: Path) -> Drop:
    """The drop folder of `drop`, reached through the server."""
    drop.folder = tmp_path / "inbox"
    drop.folder.mkdir()
    drop.settings = {
        "folder": None,
        "spool_folder": str(tmp_path / "spool"),
        "sftp": {
            "host": "127.0.0.1",
            "port": server.port,
            "user": getpass.getuser(),
            "key_file": str(server.keys / "client"),
            "known_hosts": str(server.keys / "known"),
            "folder": str(drop.folder),
            "timeout_s": 5,
        },
    }
    return drop
