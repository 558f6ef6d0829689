"""A clock that a test sets while processes run by it. The monotonic clock is left alone.

It needs a C compiler; without one the test is skipped with the reason.
"""

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

_DAY_S = 86_400

# Adds the seconds at the beginning of the file CLOCK_AHEAD to the time of day.
_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *ahead;
static int (*gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("CLOCK_AHEAD");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) ahead = page;
}

int clock_gettime(clockid_t clock, struct timespec *found) {
    if (!gettime) gettime = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    int failed = gettime(clock, found);
    if (!failed && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        found->tv_sec += *ahead;
    return failed;
}

int gettimeofday(struct timeval *found, void *zone) {
    struct timespec now;
    (void) zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}
"""  # noqa: E501 - C


class Wristwatch:
    """The time of day of whoever runs with its environment."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("setting the clock of a process needs a C compiler")
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(_SHIM, "ascii")
        build = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(build, check=True)
        self._file = folder / "ahead"
        self._ahead_s = 0
        self.turn(0)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self._file)}

    def turn(self, by_s: int) -> None:
        """Set it forward, or back."""
        self._ahead_s += by_s
        with self._file.open("r+b" if self._file.exists() else "xb") as file:
            file.write(struct.pack("=q", self._ahead_s))

    def set_before_midnight(self, minutes: int) -> None:
        """Set it forward to so many minutes before the next midnight, UTC."""
        left_s = _DAY_S - self.now_us() // 1_000_000 % _DAY_S
        self.turn((left_s - minutes * 60) % _DAY_S)

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self._ahead_s * 1_000_000
