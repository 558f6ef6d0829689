"""Disks that are full, and disks whose fsync fails once.

Both need more than every machine gives; without it the test is skipped with the reason.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024

# Fails the next fsync or fdatasync of a file whose path holds PART, if FLAG exists, and takes FLAG
# away: once, in whichever process comes first.
_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int descriptor) {
    char link[64], path[4096];
    const char *flag = getenv("FSYNC_FLAG"), *part = getenv("FSYNC_PART");
    if (!flag || !part) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, part) && unlink(flag) == 0;
}

int fsync(int descriptor) {
    if (fails(descriptor)) { errno = EIO; return -1; }
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(descriptor);
}

int fdatasync(int descriptor) {
    if (fails(descriptor)) { errno = EIO; return -1; }
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(descriptor);
}
"""


class FailingSync:
    """Makes the next fsync of files with `part` in their path fail, in whoever runs with it."""

    def __init__(self, folder: Path, part: str) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("failing an fsync needs a C compiler")
        source, library = folder / "shim.c", folder / "shim.so"
        source.write_text(_SHIM, "ascii")
        build = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(build, check=True)
        self._flag = folder / "fail-next-fsync"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FSYNC_FLAG": str(self._flag),
            "FSYNC_PART": part,
        }

    def arm(self) -> None:
        self._flag.touch()

    def has_failed(self) -> bool:
        return not self._flag.exists()


@contextmanager
def small_disk(folder: Path, size_mib: int) -> Iterator[Path]:
    """Mount a file system of `size_mib` at `folder`."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = f"size={size_mib}m,mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    made = subprocess.run(mount, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"cannot mount a small file system: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room; returns the file to delete when there is to be some again."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(MIB // 16))
        except OSError:
            return ballast
