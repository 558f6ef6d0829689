"""Files over SFTP, against OpenSSH's server and asyncssh's own: keys, claims, outcomes."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import pytest

from channels.csv_sftp.event import HostKeyRefused
from engine.plugin.event import ChannelStopped

Drop = Any  # of conftest.py
Server = Any  # of conftest.py
WAIT_S = 10.0
HEADER = "Id,Name,Born\n"


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


@pytest.mark.parametrize("server", ["asyncssh"], indirect=True)  # it can tell other sizes
@pytest.mark.parametrize("true_at", [1, 2])
def test_a_file_that_grew_past_the_cap_is_not_brought_here(
    sftp_drop: Drop, server: Server, true_at: int
) -> None:
    """It is listed as small; its size is asked for before the transfer, and by the transfer."""
    sftp_drop.settings["max_file_bytes"] = 4_096
    read = 0
    asked = 0

    class Grown(asyncssh.SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            async for entry in super().scandir(path):
                entry.attrs.size = 10
                yield entry

        def lstat(self, path: bytes) -> Any:
            nonlocal asked
            found = super().lstat(path)
            if not path.endswith(b"patients.csv"):
                return found
            asked += 1
            assert isinstance(found, os.stat_result)
            told = asyncssh.SFTPAttrs.from_local(found)
            told.size = 10 if asked < true_at else told.size
            return told

        stat = lstat

        def read(self, file_obj: object, offset: int, size: int) -> bytes:
            nonlocal read
            data = super().read(file_obj, offset, size)
            assert isinstance(data, bytes)
            read += len(data)
            return data

    async def whole() -> dict[str, Any]:
        async with server.running(Grown), sftp_drop.running():
            sftp_drop.put("patients.csv", HEADER + "1,Doe,\n" * 2_000_000)
            run: dict[str, Any] = await sftp_drop.finished("patients.csv", "failed")
            return run

    assert asyncio.run(whole())["code"] == "file-too-large"
    assert read < 8_000_000
    spool = sftp_drop.folder.parent / "spool" / "trial"
    assert not (spool / "fetched").exists()


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
    assert any(isinstance(event, ChannelStopped) for event in sftp_drop.events)


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
