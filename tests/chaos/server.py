"""PostgreSQL servers of a test's own: killed, frozen, cloned and promoted at will.

They run from the wheel the other tests use. As root they run under the wheel's system user.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.chaos.place import is_over, wait_until

_USER = "pgserver"  # the wheel makes it when its server is started by root


@dataclass
class Server:
    """One server; `folder` holds its data and its socket."""

    folder: Path
    binaries: Path
    settings: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # a program to run it under, as root
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def dsn(self) -> str:
        return f"host={self.folder} dbname=postgres user=postgres"

    def found(self, *options: str) -> None:
        """Make an empty server."""
        self._prepare()
        told = ("--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres")
        self._run("initdb", *told, *options)

    def clone(self, primary: "Server") -> None:
        """Make it a standby of `primary`, which knows it as `standby`."""
        self._prepare()
        source = f"host={primary.folder} user=postgres application_name=standby"
        self._run("pg_basebackup", "-d", source, "-R", "--checkpoint=fast", "--no-sync")

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of a life that was killed
        told = {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        options = [f"-c{name}={value}" for name, value in (told | self.settings).items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._prefix(), self.binaries / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                user=None if self.prefix else _user(),
                group=None if self.prefix else _user(),
            )
        wait_until(self._answers, "the server")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text("utf-8")
        return self.answers_now()

    def answers_now(self) -> bool:
        """Say whether it takes connections."""
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _prefix(self) -> tuple[str, ...]:
        user = _user()
        if not self.prefix or not user:
            return self.prefix
        return (*self.prefix, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")

    def tell(self, sql: str) -> list[tuple[object, ...]]:
        """Run one statement; returns its rows."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server."""
        assert self.process is not None
        for pid in (self.process.pid, *_children(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End it as a host that fails; safe to call twice."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGSTOP)  # so that none is born while they die
            family = _children(self.process.pid)
            self.signal(signal.SIGKILL)
            self.process.wait(30)
            wait_until(lambda: all(map(is_over, family)), "the end of the server's processes")

    def promote(self) -> None:
        """Make a standby the primary."""
        self.tell("SELECT pg_promote()")

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            account = pwd.getpwnam(_USER)
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.binaries / program, "-D", self.data, *arguments],
            check=True,
            capture_output=True,
            timeout=120,
            cwd=self.folder,
            user=_user(),
            group=_user(),
        )


def _user() -> str | None:
    """Return whom to run it as: a server refuses root."""
    return _USER if os.geteuid() == 0 else None


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(one) for one in told.split()]


@contextmanager
def pair(folder: Path, binaries: Path) -> Iterator[tuple[Server, Server]]:
    """Run a primary that waits for its standby, and the standby."""
    primary, standby = Server(folder / "a", binaries), Server(folder / "b", binaries)
    try:
        primary.found()
        primary.settings["synchronous_standby_names"] = "standby"
        primary.start()
        standby.clone(primary)
        standby.start()
        wait_until(lambda: _follows(primary), "a synchronous standby")
        yield primary, standby
    finally:
        for server in (primary, standby):
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _follows(primary: Server) -> bool:
    return primary.tell("SELECT sync_state FROM pg_stat_replication") == [("sync",)]
