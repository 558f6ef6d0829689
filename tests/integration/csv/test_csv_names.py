"""Names and files that are not what a listing says: left alone, told, and nobody else waits."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

Drop = Any  # of conftest.py
Server = Any  # of conftest.py
HEADER = "Id,Name,Born\n"
GOOD = f"{HEADER}1,Doe,\n"
HOSTILE = (b"../patients_up.csv", b"/patients_root.csv", b"a/patients_b.csv", b"patients\x00.csv")


def ids(drop: Drop) -> list[str]:
    return [one["columns"]["Id"] for one in drop.taken]


def put_latin(folder: Path) -> Path:
    """Put a file there whose name is no UTF-8, as a Windows share may do."""
    path = Path(os.fsdecode(os.fsencode(folder) + b"/patients_Jos\xe9.csv"))
    try:
        path.write_text(f"{HEADER}9,Latin,\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    return path


def test_a_name_that_is_no_text_keeps_no_other_file_waiting(drop: Drop) -> None:
    odd = put_latin(drop.folder)
    drop.play("patients_1.csv", GOOD)
    assert ids(drop) == ["1"]
    assert odd.exists()
    assert "file-odd" in drop.codes()


def test_nor_on_a_server(sftp_drop: Drop, server: Server) -> None:
    odd = put_latin(sftp_drop.folder)

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            sftp_drop.put("patients_1.csv", GOOD)
            await sftp_drop.finished("patients_1.csv")

    asyncio.run(whole())
    assert ids(sftp_drop) == ["1"]
    assert odd.exists()
    assert "file-odd" in sftp_drop.codes()


@pytest.mark.parametrize("server", ["asyncssh"], indirect=True)  # it can be made to lie
def test_a_server_that_lies_about_names_leads_nowhere(sftp_drop: Drop, server: Server) -> None:
    outside = sftp_drop.folder.parent / "patients_up.csv"
    outside.write_text(f"{HEADER}9,Outside,\n")
    told = asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_REGULAR, size=20, mtime=1_790_000_000)

    class Lying(asyncssh.SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            for name in HOSTILE:
                yield asyncssh.SFTPName(name, attrs=told)
            yield asyncssh.SFTPName(b"patients_0_ghost.csv", attrs=told)
            async for one in super().scandir(path):
                yield one

    async def whole() -> None:
        async with server.running(Lying), sftp_drop.running():
            sftp_drop.put("patients_1.csv", GOOD)
            await sftp_drop.finished("patients_1.csv")

    asyncio.run(whole())
    assert ids(sftp_drop) == ["1"]
    assert outside.exists()
    assert "file-odd" in sftp_drop.codes()


@pytest.mark.parametrize("server", ["asyncssh"], indirect=True)
def test_a_file_that_grows_while_it_is_sent_is_never_half_read(
    sftp_drop: Drop, server: Server
) -> None:
    sftp_drop.settings["every"] = "300ms"

    async def whole() -> None:
        async with server.running(), sftp_drop.running():
            with (sftp_drop.folder / "patients.csv").open("w") as out:
                out.write(HEADER)
                for number in range(1, 31):
                    out.write(f"{number},Doe,\n")
                    out.flush()
                    os.utime(out.fileno(), (1_790_000_000 + number,) * 2)  # whole seconds in SFTP
                    assert sftp_drop.taken == []
                    await asyncio.sleep(0.05)
            await sftp_drop.finished("patients.csv")

    asyncio.run(whole())
    assert ids(sftp_drop) == [str(number) for number in range(1, 31)]


@pytest.mark.parametrize("server", ["asyncssh"], indirect=True)
def test_a_file_that_vanishes_after_it_was_claimed(sftp_drop: Drop, server: Server) -> None:
    vanished: list[bytes] = []

    class Thief(asyncssh.SFTPServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            super().rename(oldpath, newpath)
            if oldpath.endswith(b"patients_0.csv"):
                vanished.append(newpath)
                Path(os.fsdecode(newpath)).unlink()

    async def whole() -> None:
        async with server.running(Thief), sftp_drop.running():
            sftp_drop.put("patients_0.csv", GOOD)
            sftp_drop.put("patients_1.csv", GOOD)
            await sftp_drop.finished("patients_1.csv")

    asyncio.run(whole())
    assert vanished
    assert ids(sftp_drop) == ["1"]
    assert sftp_drop.codes()
