"""Copies of one process as children of another: what they inherit, and how they end.

Each case is a program of its own: a test process has threads, and must not be copied.
"""

import subprocess
import sys
import textwrap

_HEAD = """
import json, os, signal, sys, time
from engine.roles.nursery import found_nursery

def play(role, name, lifeline):
    if role == "wait":
        return 0 if os.read(lifeline, 1) == b"" else 9
    if role == "open":
        left = [int(name) for name in os.listdir("/proc/self/fd")]
        kept = []
        for number in left:
            try:
                os.fstat(number)
            except OSError:
                continue
            kept.append(number)
        return 0 if sorted(kept) == sorted([0, 1, 2, lifeline]) else 8
    if role == "fail":
        raise RuntimeError(name)
    return int(name)

def begin(role, name="x"):
    reading, writing = os.pipe()
    copy = nursery.start(role, name, reading)
    os.close(reading)
    return copy, writing

nursery = found_nursery(play)
"""


def run(text: str) -> subprocess.CompletedProcess[str]:
    program = _HEAD + textwrap.dedent(text)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_copy_is_a_child_with_an_exit_code() -> None:
    done = run("""
        copy, _ = begin("end", "7")
        print(copy.wait(30))
        copy, _ = begin("wait")
        parent = open(f"/proc/{copy.pid}/stat").read().rpartition(")")[2].split()[1]
        deadline = time.monotonic() + 30
        while (name := open(f"/proc/{copy.pid}/comm").read().strip()) != "x":
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)  # it takes its name when it begins
        print(int(parent) == os.getpid(), name)
        copy.kill()
        print(copy.wait(30))
    """)
    assert done.stdout.split() == ["7", "True", "x", "-9"], done.stderr


def test_a_copy_sees_the_end_of_its_own_lifeline_whoever_else_lives() -> None:
    done = run("""
        first, its = begin("wait")
        second, other = begin("wait")
        os.close(its)
        print(first.wait(30), second.poll())
        os.close(other)
        print(second.wait(30))
    """)
    assert done.stdout.split() == ["0", "None", "0"], done.stderr


def test_a_copy_has_no_descriptor_but_its_lifeline() -> None:
    done = run("""
        held = open("/dev/zero")
        copy, _ = begin("open")
        print(copy.wait(30))
    """)
    assert done.stdout.split() == ["0"], done.stderr


def test_what_nobody_caught_ends_a_copy_and_nothing_else() -> None:
    done = run("""
        copy, _ = begin("fail", "told")
        print(copy.wait(30))
        copy, _ = begin("end", "0")
        print(copy.wait(30))
    """)
    assert done.stdout.split() == ["1", "0"], done.stderr
    assert "RuntimeError: told" in done.stderr


def test_without_its_process_a_nursery_says_that_it_has_gone() -> None:
    done = run("""
        living, its = begin("wait")
        os.kill(nursery.pid, signal.SIGKILL)
        copy, _ = begin("end", "0")
        print(copy, nursery.gone, living.poll())
        os.close(its)
        print(living.wait(30))
        nursery.close()
    """)
    assert done.stdout.split() == ["None", "True", "None", "0"], done.stderr


def test_a_nursery_ends_with_its_supervisor() -> None:
    done = run("""
        print(nursery.pid)
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert done.returncode == -9  # and the pipes of its output were closed, or run had not returned
