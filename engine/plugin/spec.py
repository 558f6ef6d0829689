"""A channel's own description, and the set of channels a program knows.

The spec is the single source of the channel's settings, its documentation and the check that no two
channels bind one port. A registry is a value: importing a channel registers nothing.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from engine.core.clock import Clock
from engine.core.fault import Fault
from engine.core.values import HL7_V2
from engine.plugin.protocol import Inbound, Surroundings

Config = TypeVar("Config", bound=BaseModel)
Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class ChannelSpec(Generic[Config]):
    """`name` is what a region file writes as `type`; `example` is one channel in YAML.

    `examine` says before a region starts what is wrong with the files a channel's settings name.
    `told` makes lines for people of the notes of a channel that remembers, and of the time now.
    `attempt` goes the way the channel goes, stores nothing, and says what it found; FaultError
    with what stood in the way.
    """

    name: str
    direction: Direction
    config: type[Config]
    build: Callable[[Config, Surroundings], Inbound]
    summary: str
    example: str
    ports: Callable[[Config], list[int]]
    media_type: str = HL7_V2  # of the deliveries it brings
    at_endpoint: bool = False  # it is a `engine.plugin.web.Door` of the region's HTTP endpoint
    prompt: Callable[[Config], bool] = lambda _: False  # whether answers wait for the store
    examine: Callable[[Config, Clock], Fault | None] = lambda *_: None
    fetches: Callable[[Config], bool] = lambda _: False  # what events of its site only name
    told: Callable[[Config, Mapping[str, str], int], list[str]] | None = None
    attempt: Callable[[Config, Surroundings], Coroutine[None, None, list[str]]] | None = None


@dataclass(frozen=True, slots=True)
class Registry:
    """Channel specs by name and direction."""

    specs: tuple[ChannelSpec[Any], ...] = ()

    def with_spec(self, spec: ChannelSpec[Any]) -> "Registry":
        """Return a registry that knows `spec` too. ValueError when name and direction are taken."""
        if self.get(spec.name, spec.direction) is not None:
            raise ValueError(f"two channels named {spec.name}, direction {spec.direction}")
        return Registry((*self.specs, spec))

    def get(self, name: str, direction: str) -> ChannelSpec[Any] | None:
        found = (one for one in self.specs if one.name == name and one.direction == direction)
        return next(found, None)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({spec.name for spec in self.specs}))

    def __iter__(self) -> Iterator[ChannelSpec[Any]]:
        return iter(self.specs)
