"""`concord init`: founds a region, once in its life."""

from pathlib import Path

from engine.app import (
    api_token,
    is_founded,
    places,
    prepare_storage,
    region_key,
    region_of,
)
from engine.cli.told import told
from engine.core.fault import Category, refuse


@told
def init(config: Path) -> int:
    """Found a region: its folder, its key and token where the file names none, journal and store.

    Only this makes a region. `concord run` does not start one that has no data, since its disk may
    not be mounted; so do not put this into what starts the daemon. On a server it is done by one
    host.

    Parameters
    ----------
    config
        The region file.
    """
    region = region_of(config)
    if is_founded(region):
        message = "the region has data already; nothing was changed"
        raise refuse(Category.CONFLICT, "region-founded", message, str(region.data_folder))
    prepare_storage(region, region_key(region), {})
    api_token(region)
    print(f"region {region.name} founded, data in {region.data_folder}")
    if region.storage.region_key is None:
        print(f"  its key in {places(region).region_key}: keep a copy apart from the data")
    print(f"start it with `concord run {config}`")
    return 0
