"""How much memory a process took, and one that gets no more.

A limit needs root and the memory controller of cgroups; without it the test is skipped.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_ROOT = Path("/sys/fs/cgroup")
_KINDS = ((_ROOT / "memory", "memory.limit_in_bytes"), (_ROOT, "memory.max"))


def peak_kib(pid: int) -> int:
    """Return the most memory a process ever held (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


@contextmanager
def no_more_memory(pid: int, more_bytes: int) -> Iterator[None]:
    """Let a process take `more_bytes` beside what it has; then the kernel ends it."""
    name = f"concord-test-{os.getpid()}"
    for parent, limit in _KINDS:
        group = parent / name
        with suppress(OSError):
            group.mkdir()
            if (group / limit).exists():
                break
            group.rmdir()
    else:
        pytest.skip("limiting memory needs root and the memory controller of cgroups")
    try:
        (group / limit).write_text(str(more_bytes))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for left in (group / "cgroup.procs").read_text("ascii").split():
            (group.parent / "cgroup.procs").write_text(left)
        group.rmdir()
