"""What commands need that look at a region which was founded. They make nothing in it."""

from pathlib import Path

from engine.app import has_begun, places, region_key, region_of
from engine.core.fault import Category, refuse
from engine.security.keys import RegionKey
from engine.settings.region import Region


def begun(config: Path) -> tuple[Region, RegionKey]:
    """Return a region that was founded, and its key.

    FaultError `region-not-founded`, or `secret-missing` when the key is gone from its folder.
    """
    region = region_of(config)
    if not has_begun(region):
        message = f"there is no data of this region: found it with `concord init {config}`"
        raise refuse(Category.NOT_FOUND, "region-not-founded", message, str(places(region).folder))
    return region, region_key(region)
