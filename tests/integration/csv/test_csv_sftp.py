"""Files over SFTP, against OpenSSH's server and asyncssh's own: keys, claims, outcomes."""

import asyncio
import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from channels.csv_sftp.event import HostKeyRefused

Drop = Any  # of conftest.py
SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
WAIT_S = 10.0
HEADER = "Id,Name,Born\n"
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


def test_files_of_a_server_end_as_those_of_a_folder(sftp_drop: Drop, server: Server) -> None:
    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            sftp_drop.put("patients_20260915.csv", f"{HEADER}1,Doe,03/09/1958\n2,Roe,\n")
            run = await sftp_drop.finished("patients_20260915.csv")
            assert (run["submitted"], run["rejected"]) == (2, 0)
            sftp_drop.put("patients_20260916.csv", f"{HEADER}1,Doe,1958-03-09\n")
            run = await sftp_drop.finished("patients_20260916.csv", "failed")
            assert (run["submitted"], run["rejected"]) == (0, 1)
            sftp_drop.put("patients_20260917.csv", "Id\n1\n")
            run = await sftp_drop.finished("patients_20260917.csv", "failed")
            assert (run["code"], run["where"]) == ("column-missing", "Name")

    asyncio.run(whole())
    assert [one["columns"]["Name"] for one in sftp_drop.taken] == ["Doe", "Roe"]
    rejected = sftp_drop.folder / "failed" / "patients_20260916.csv.rejected.csv"
    assert "bad-date" in rejected.read_text()
    spool = sftp_drop.folder.parent / "spool" / "trial"
    assert not [path for path in spool.iterdir() if "Doe" in path.read_text()]


def test_a_server_that_is_away_is_waited_for(sftp_drop: Drop, server: Server) -> None:
    async def whole() -> None:
        async with sftp_drop.running():
            await sftp_drop.until(lambda: "sftp-unreachable" in sftp_drop.codes())
            sftp_drop.put("patients.csv", f"{HEADER}1,Doe,\n")
            async with server.running():
                await sftp_drop.finished("patients.csv")

    asyncio.run(whole())
    assert len(sftp_drop.taken) == 1


def test_another_host_key_is_refused_and_both_are_named(sftp_drop: Drop, server: Server) -> None:
    before = asyncssh.read_private_key(str(server.keys / "host")).get_fingerprint("sha256")
    after = server.new_host_key()
    sftp_drop.put("patients.csv", f"{HEADER}1,Doe,\n")

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            await sftp_drop.until(lambda: "host-key-changed" in sftp_drop.codes())
            await asyncio.sleep(0.2)
            assert (sftp_drop.folder / "patients.csv").exists()
            server.publish()  # a person has checked the new key
            await sftp_drop.finished("patients.csv")

    asyncio.run(whole())
    told = next(one for one in sftp_drop.events if isinstance(one, HostKeyRefused))
    assert (told.known_key, told.offered_key) == (before, after)
    assert len(sftp_drop.taken) == 1


def test_a_server_nobody_knows_is_never_spoken_to(sftp_drop: Drop, server: Server) -> None:
    (server.keys / "known").write_text("")

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            await sftp_drop.until(lambda: "host-key-unknown" in sftp_drop.codes())

    asyncio.run(whole())
    assert not (sftp_drop.folder / "processing").exists()


def test_a_key_the_server_does_not_accept_is_the_end_of_it(sftp_drop: Drop, server: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    other.write_private_key(str(server.keys / "client"))
    (server.keys / "client").chmod(0o600)

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            await sftp_drop.until(lambda: "login-refused" in sftp_drop.codes())

    asyncio.run(whole())
    assert sftp_drop.taken == []


def test_a_key_that_everyone_may_read_is_not_used(sftp_drop: Drop, server: Server) -> None:
    (server.keys / "client").chmod(0o644)

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            await sftp_drop.until(lambda: "secret-exposed" in sftp_drop.codes())

    asyncio.run(whole())
    assert sftp_drop.taken == []


def test_links_on_the_server_are_left_alone(sftp_drop: Drop, server: Server) -> None:
    secret = sftp_drop.folder.parent / "secret.csv"
    secret.write_text(f"{HEADER}9,Secret,\n")
    (sftp_drop.folder / "patients_0.csv").symlink_to(secret)

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            sftp_drop.put("patients_1.csv", f"{HEADER}1,Doe,\n")
            await sftp_drop.finished("patients_1.csv")

    asyncio.run(whole())
    assert [one["columns"]["Id"] for one in sftp_drop.taken] == ["1"]


@pytest.mark.parametrize("server", ["asyncssh"], indirect=True)  # it can be held up
def test_a_channel_ends_when_told_so_while_its_server_dies(sftp_drop: Drop, server: Server) -> None:
    async def whole() -> None:
        listing = asyncio.Event()
        served: list[asyncssh.SSHServerConnection] = []

        class Slow(asyncssh.SFTPServer):
            async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
                yield asyncssh.SFTPName(b"first")
                served.append(self.connection)
                listing.set()
                await asyncio.sleep(WAIT_S)

        async with server.running(Slow), asyncio.timeout(WAIT_S / 2), sftp_drop.running():
            await listing.wait()
            served[0].abort()

    asyncio.run(whole())


@pytest.mark.parametrize("server", ["openssh"], indirect=True)  # its processes can be killed
def test_a_connection_cut_while_rows_are_read_loses_nothing(
    sftp_drop: Drop, server: Server
) -> None:
    sftp_drop.intake.hold = True

    async def whole() -> None:
        sftp_drop.put("patients.csv", f"{HEADER}1,Doe,\n2,Roe,\n")
        async with sftp_drop.running():
            async with server.running():
                await sftp_drop.until(lambda: sftp_drop.intake.held == 2)
            sftp_drop.intake.release()
            await sftp_drop.until(lambda: "sftp-unreachable" in sftp_drop.codes())
            async with server.running():
                await sftp_drop.finished("patients.csv")

    asyncio.run(whole())
    told = [(one.control_id, one.body) for one in sftp_drop.envelopes]
    assert told[:2] == told[2:4]
    assert len(set(told)) == 2
