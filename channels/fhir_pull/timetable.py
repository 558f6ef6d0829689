"""Times of the week at which something is to happen. The only module that imports apscheduler.

Its triggers know what clocks do when summer time begins and ends; its schedulers are not used, so
that everything runs in the channel's own task group.
"""

from datetime import UTC, datetime
from functools import lru_cache

from apscheduler.triggers.cron import CronTrigger

from channels.fhir_pull.weektime import read_time

_MICRO = 1_000_000


@lru_cache
def _trigger(text: str, zone: str) -> CronTrigger | None:
    time = read_time(text)
    if time is None:
        return None
    day = "*" if time[0] == "daily" else time[0]
    return CronTrigger(day_of_week=day, hour=time[1], minute=time[2], timezone=zone)


def next_us(text: str, zone: str, after_us: int) -> int | None:
    """Return the first such time after `after_us` in the zone; None for `never`."""
    trigger = _trigger(text, zone)
    if trigger is None:
        return None
    after = datetime.fromtimestamp(after_us // _MICRO + 1, UTC)
    found = trigger.get_next_fire_time(None, after)
    return int(found.timestamp()) * _MICRO if found else None
