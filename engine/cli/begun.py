"""What commands need that look at a region which runs or has run. They make nothing in it."""

from pathlib import Path

from engine.app import has_begun, places, region_key, region_of
from engine.core.fault import Category, refuse
from engine.security.keys import RegionKey
from engine.settings.region import Region


def begun(config: Path) -> tuple[Region, RegionKey]:
    """Return a region that was started at least once, and its key.

    FaultError `never-started`, or `secret-missing` when the key is gone from below the data folder.
    """
    region = region_of(config)
    if not has_begun(region):
        message = f"this region has never run here: start it with `concord run {config}`"
        raise refuse(Category.NOT_FOUND, "never-started", message, str(places(region).folder))
    return region, region_key(region)
