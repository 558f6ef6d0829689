"""`concord run`: the daemon of a region, or one of its roles."""

import asyncio
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from engine import __version__
from engine.app import (
    api_token,
    compile_plans,
    examine_channels,
    places,
    prepare_storage,
    reconciling,
    region_key,
    region_of,
)
from engine.cli.told import exit_code, told
from engine.core.fault import FaultError
from engine.roles.arming import arm_as_told
from engine.roles.notice import notices
from engine.roles.supervisor import Supervisor, only_one
from engine.roles.voice import last_words
from engine.security.keys import RegionKey, receive, wait_for_parent
from engine.settings.region import Region

_LATE_S = 10.0  # a start without a backlog of recovery takes two seconds
Role = Literal["supervisor", "intake", "worker", "api"]


@told
def run(
    config: Path,
    *,
    role: Role = "supervisor",
    name: str = "",
    key_fd: Annotated[int, Parameter(show=False)] = -1,
) -> int:
    """Run a region until it is told to stop (SIGTERM or Ctrl-C). Starting is recovering.

    Parameters
    ----------
    config
        The region file.
    role
        What this process is: the supervisor of all, or a single role.
    name
        Name of a role process; needed where several of one role run.
    """
    stop = threading.Event()
    _stop_on_signal(stop)
    region = region_of(config)
    if key_fd < 0:  # else the supervisor has
        examine_channels(region)
    key = receive(key_fd) if key_fd >= 0 else region_key(region)
    if key_fd < 0 and role != "supervisor":
        prepare_storage(region, key, compile_plans(region, key))
    elif key_fd >= 0:
        threading.Thread(target=_follow_parent, args=(key_fd, stop), daemon=True).start()
    if role == "supervisor":
        return _supervise(region, key, stop)
    arm_as_told(os.environ)
    try:
        _play(region, key, role, name or role, stop)
    except FaultError as error:
        last_words(region, name or role, error.fault)
        return exit_code(error.fault)
    return 0


def _stop_on_signal(stop: threading.Event) -> None:
    """Set `stop` from a thread of its own.

    A handler would run in the main thread, which may at that moment hold the lock inside `stop`
    that `set` needs, and wait for itself for ever. Children inherit the mask and do the same.
    """
    asked = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, asked)

    def wait() -> None:
        signal.sigwait(asked)
        stop.set()

    threading.Thread(target=wait, daemon=True).start()


def _follow_parent(descriptor: int, stop: threading.Event) -> None:
    wait_for_parent(descriptor)
    stop.set()


def _play(region: Region, key: RegionKey, role: Role, name: str, stop: threading.Event) -> None:
    if role == "worker":
        from engine.roles.worker import run_worker

        run_worker(region, key, name, stop)
        return
    asyncio.run(_play_async(region, key, role, stop))


async def _play_async(region: Region, key: RegionKey, role: Role, stop: threading.Event) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        stop.wait()
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=wait, daemon=True).start()
    if role == "intake":
        from engine.roles.intake import run_intake

        await run_intake(region, key, stopping)
    else:
        from engine.roles.api import run_api

        await run_api(region, key, stopping)


def _supervise(region: Region, key: RegionKey, stop: threading.Event) -> int:
    began_s = time.monotonic()
    places(region).make()
    with only_one(region):
        reconciling(region, key)
        prepare_storage(region, key, compile_plans(region, key))
        api_token(region)
        print(f"concord {__version__}, region {region.name}, data in {region.data_folder}")
        supervisor = Supervisor(region, key)
        threading.Thread(
            target=_announce, args=(region, supervisor, stop, began_s), daemon=True
        ).start()
        supervisor.run(stop)
    return 0


def _announce(
    region: Region, supervisor: Supervisor, stop: threading.Event, began_s: float
) -> None:
    late_s = time.monotonic() + _LATE_S
    while missing := supervisor.missing():
        if stop.wait(0.05):
            return
        if time.monotonic() > late_s:
            print(f"not ready after {_LATE_S:.0f} s: {', '.join(missing)}; the log says more")
            sys.stdout.flush()
            late_s = math.inf
    for notice in notices(places(region).run).values():
        for channel, address in notice.addresses.items():
            print(f"  {channel} listens on {address}")
    print(f"  token of the FHIR endpoint in {places(region).token}")
    print(f"ready in {time.monotonic() - began_s:.1f} s")
    sys.stdout.flush()
