"""What the channels of a role remember in the store: opened for those that do, closed with it."""

from collections.abc import Callable
from functools import partial

from engine.app import open_store
from engine.core.fault import Fault
from engine.pipeline.recollection import Recollection, life
from engine.plugin.recall import Memory
from engine.security.keys import RegionKey
from engine.settings.region import Channel, Region


class Remembering:
    """The memories of one process. Nothing is opened before a channel remembers something."""

    def __init__(self, region: Region, key: RegionKey, broken: Callable[[Fault], None]) -> None:
        """Call `broken` when the store's disk failed: the process has to end."""
        self._region, self._key, self._broken = region, key, broken
        self._life = life()
        self._made: list[Recollection] = []

    def of(self, channel: Channel) -> Memory:
        """Return the memory of a channel."""
        alone = self._region.storage.engine == "sqlite"  # another daemon is refused
        made = Recollection(
            partial(open_store, self._region, self._key),
            (channel.name, channel.site),
            self._life,
            self._broken,
            alone=alone,
        )
        self._made.append(made)
        return made

    def close(self) -> None:
        """Give turns back and close; safe to call twice."""
        for one in self._made:
            one.close()
