"""The life of one role process, however it came to be: it plays until it is told to stop.

What tells it: SIGTERM and SIGINT, and the end of its lifeline, which is its supervisor's end.
"""

import asyncio
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.core.fault import FaultError
from engine.mapping.plan import Plan
from engine.roles.voice import last_words
from engine.security.keys import RegionKey, wait_for_parent
from engine.settings.region import Region

PlayedRole = Literal["intake", "worker", "api"]
_ASKED = frozenset({signal.SIGTERM, signal.SIGINT})


@dataclass(frozen=True, slots=True)
class Part:
    """What every role of a region is given."""

    region: Region
    key: RegionKey
    plans: Mapping[str, Plan]


def hold_signals() -> None:
    """Keep SIGTERM and SIGINT until somebody waits for them; children do so from the beginning."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKED)


def stop_on_signal(stop: threading.Event) -> None:
    """Set `stop` from a thread of its own.

    A handler would run in the main thread, which may at that moment hold the lock inside `stop`
    that `set` needs, and wait for itself for ever.
    """
    hold_signals()

    def wait() -> None:
        signal.sigwait(_ASKED)
        stop.set()

    threading.Thread(target=wait, daemon=True).start()


def play(part: Part, role: PlayedRole, name: str, lifeline: int) -> None:
    """Play a role to its end; `lifeline` is -1 without a supervisor.

    FaultError when it cannot do its work; the log has said so.
    """
    stop = threading.Event()
    stop_on_signal(stop)
    if lifeline >= 0:
        threading.Thread(target=_follow_parent, args=(lifeline, stop), daemon=True).start()
    try:
        _play(part, role, name, stop)
    except FaultError as error:
        last_words(part.region, name, error.fault)
        raise


def _follow_parent(lifeline: int, stop: threading.Event) -> None:
    wait_for_parent(lifeline)
    stop.set()


def _play(part: Part, role: PlayedRole, name: str, stop: threading.Event) -> None:
    if role == "worker":
        # A role needs little of what the others need, and what it needs takes a while to load.
        from engine.roles.worker import run_worker  # noqa: PLC0415

        run_worker(part.region, part.key, part.plans, name, stop)
    else:
        asyncio.run(_play_async(part, role, stop))


async def _play_async(part: Part, role: PlayedRole, stop: threading.Event) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        stop.wait()
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=wait, daemon=True).start()
    if role == "intake":
        from engine.roles.intake import run_intake  # noqa: PLC0415

        await run_intake(part.region, part.key, part.plans, stopping)
    else:
        from engine.roles.api import run_api  # noqa: PLC0415

        await run_api(part.region, part.key, part.plans, stopping)


def load_all() -> None:
    """Load what any role needs, for a process whose copies will play them."""
    import engine.roles.api  # noqa: PLC0415
    import engine.roles.intake  # noqa: PLC0415
    import engine.roles.worker  # noqa: F401, PLC0415
