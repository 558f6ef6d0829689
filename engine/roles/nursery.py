"""Starts role processes as copies of one that has read and compiled everything, and done nothing.

A copy shares the memory of its original until it writes to it, and is ready at once: all roles of a
region take little more than one, and what died is back within milliseconds.

Rule 1: the original has no thread and no open database, and never gets any: a copy of either is
        broken (fork(2); sqlite.org/howtocorrupt.html, 2.6).
Rule 2: a copy keeps standard input, output and error and its lifeline, and no other descriptor: a
        lifeline of others in its hands would keep them from seeing that their supervisor has gone.
Rule 3: a copy ends where it began (`os._exit`), so nothing of the original's is closed twice.

Copies become children of the supervisor, which has to be Linux's subreaper for that (prctl(2)).
Where that is not to be had there is no nursery, and each role is started from the beginning.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from subprocess import TimeoutExpired

Play = Callable[[str, str, int], int]
"""Be a role under a name, with a lifeline; returns the exit code."""

_SET_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_SET_NAME = 15  # PR_SET_NAME
_ANSWER_S = 10.0
_MESSAGE = 4096
_LOOK_S = 0.01


class Copy:
    """A role process that the nursery made: what the supervisor needs of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, minus the signal's number after one, or None while it runs."""
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. TimeoutExpired as `subprocess.Popen.wait`."""
        end_s = time.monotonic() + timeout if timeout is not None else float("inf")
        while (code := self.poll()) is None:
            if time.monotonic() > end_s:
                raise TimeoutExpired("role", timeout or 0.0)
            time.sleep(_LOOK_S)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The supervisor's end. Not usable any more (`gone`) once its process has ended."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self.pid = pid
        self.gone = False
        self._line = line

    def start(self, role: str, name: str, lifeline: int) -> Copy | None:
        """Start a role process; None when the nursery has gone."""
        try:
            socket.send_fds(self._line, [json.dumps([role, name]).encode()], [lifeline])
            answer = self._line.recv(_MESSAGE)
        except OSError:
            answer = b""
        if not answer:
            self.close()
            return None
        return Copy(int(answer))

    def close(self) -> None:
        """Let the nursery's process end; safe to call twice."""
        if not self.gone:
            self.gone = True
            self._line.close()
            os.kill(self.pid, signal.SIGKILL)  # it holds nothing, and may not be able to end itself
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)


def found_nursery(play: Play) -> Nursery | None:
    """Make a nursery as a copy of this process, which has to obey rule 1 at this moment.

    Copies call `play`. Returns None where the system has no subreapers.
    """
    if not sys.platform.startswith("linux") or not _prctl(_SET_SUBREAPER, 1):
        return None
    gc.collect()  # what is garbage now would close descriptors of a copy that have other uses then
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if not pid:
        _end_with(lambda: _serve(theirs, play))
    theirs.close()
    mine.settimeout(_ANSWER_S)
    return Nursery(mine, pid)


def _prctl(option: int, value: int | bytes) -> bool:
    done: int = ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    return done == 0


def _end_with(deed: Callable[[], int]) -> None:
    """Do what a copy is for, and end it whatever happens: its frames are the original's."""
    code = 1
    try:
        code = deed()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - told in the way the process tells what nobody caught
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _serve(line: socket.socket, play: Play) -> int:
    """Make copies as asked, until the supervisor's end is closed."""
    _close_others(line.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    _prctl(_SET_NAME, b"nursery")
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, _MESSAGE, 1)
        if not message:
            return 0
        role, name = json.loads(message)
        line.send(str(_copied(role, name, descriptors[0], line, play)).encode())
        os.close(descriptors[0])


def _copied(role: str, name: str, lifeline: int, line: socket.socket, play: Play) -> int:
    """Copy this process, by a parent that ends at once, so that the supervisor inherits it."""
    reading, writing = os.pipe()
    between = os.fork()
    if not between:
        pid = os.fork()
        if pid:
            os.write(writing, str(pid).encode())
            os._exit(0)
        line.close()
        _close_others(lifeline)
        _prctl(_SET_NAME, name.encode())
        _end_with(lambda: play(role, name, lifeline))
    os.close(writing)
    os.waitpid(between, 0)
    pid = int(os.read(reading, 32))
    os.close(reading)
    return pid


def _close_others(kept: int) -> None:
    """Close every descriptor but the standard ones and `kept`."""
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
