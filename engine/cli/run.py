"""`concord run`: the daemon of a region, or one of its roles."""

import math
import os
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, cast

from cyclopts import Parameter

from engine import __version__
from engine.app import (
    api_token,
    examine_channels,
    places,
    prepare_storage,
    reconciling,
    region_key,
    region_of,
    require_founded,
)
from engine.cli.told import exit_code, told
from engine.core.fault import FaultError
from engine.roles.arming import arm_as_told
from engine.roles.notice import notices
from engine.roles.nursery import found_nursery
from engine.roles.process import Part, PlayedRole, hold_signals, load_all, play, stop_on_signal
from engine.roles.starting import Beginning, beginning
from engine.roles.supervisor import Supervisor, only_one
from engine.security.keys import RegionKey, receive
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

    The region has to be there (`concord init`): what has no data is not started empty.

    Parameters
    ----------
    config
        The region file.
    role
        What this process is: the supervisor of all, or a single role.
    name
        Name of a role process; needed where several of one role run.
    """
    hold_signals()
    region = region_of(config)
    if key_fd < 0:  # else the supervisor has
        examine_channels(region)
        require_founded(region)
    key = receive(key_fd) if key_fd >= 0 else region_key(region)
    if role == "supervisor":
        return _supervise(region, key)
    begin = beginning(region, key)
    if key_fd < 0:
        prepare_storage(region, key, begin.plans)
        _tell(region, begin)
    return _play(Part(region, key, begin.plans), role, name or role, key_fd)


def _tell(region: Region, begin: Beginning) -> None:
    if begin.differing:
        print(
            f"the files say otherwise for {', '.join(begin.differing)} than what was activated, "
            f"which holds: `concord reload {region.file}` activates the files",
            flush=True,  # into the journal of systemd now, not when the process ends
        )


def _play(part: Part, role: PlayedRole, name: str, lifeline: int) -> int:
    arm_as_told(os.environ)
    try:
        play(part, role, name, lifeline)
    except FaultError as error:
        return exit_code(error.fault)
    return 0


def _supervise(region: Region, key: RegionKey) -> int:
    began_s = time.monotonic()
    places(region).make()
    with only_one(region):
        reconciling(region, key)
        begin = beginning(region, key)
        load_all()
        nursery = found_nursery(partial(_play_copied, Part(region, key, begin.plans)))
        prepare_storage(region, key, begin.plans)
        api_token(region)
        print(f"concord {__version__}, region {region.name}, data in {region.data_folder}")
        _tell(region, begin)
        stop = threading.Event()
        stop_on_signal(stop)
        supervisor = Supervisor(region, key, nursery)
        threading.Thread(
            target=_announce, args=(region, supervisor, stop, began_s), daemon=True
        ).start()
        supervisor.run(stop)
    return 0


@told
def _play_copied(part: Part, role: str, name: str, lifeline: int) -> int:
    receive(lifeline)  # it begins with the key, for roles that have to be told
    return _play(part, cast("PlayedRole", role), name, lifeline)


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
    for door in region.channels:
        if (own := places(region).token_of(door.name)).exists():
            print(f"  token of {door.name} in {own}")
    print(f"ready in {time.monotonic() - began_s:.1f} s")
    sys.stdout.flush()
