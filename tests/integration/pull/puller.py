"""A channel that pulls from a site in memory, with everything a test looks at."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from channels.fhir_pull.inbound import SPEC
from engine.core.values import Envelope
from engine.plugin.event import ChannelEvent
from engine.plugin.memory import FleetingMemory, MemoryIntake, surroundings
from engine.plugin.protocol import Admission, Admit, Surroundings
from tests.integration.pull.site import Site

PATIENCE_S = 30.0


@dataclass
class Puller:
    """One channel and what is around it; `settings` are added to those that make it quick."""

    site: Site
    intake: MemoryIntake = field(default_factory=MemoryIntake)
    memory: FleetingMemory = field(default_factory=FleetingMemory)
    events: list[ChannelEvent] = field(default_factory=list)
    admit: Admit = lambda _: Admission()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def around(self) -> Surroundings:
        made = surroundings(self.admit, self.events)
        return replace(made, memory=lambda: self.memory)

    @property
    def config(self) -> Any:
        given = {
            "base_url": self.site.base,
            "allow": ["127.0.0.0/8"],
            "every": "20ms",
            "max_requests_per_s": 2000,
            **self.settings,
        }
        return SPEC.config.model_validate(given)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        channel = SPEC.build(self.config, self.around)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(channel.run(self.intake, lambda _: None))
            try:
                yield
            finally:
                task.cancel()

    @property
    def taken(self) -> list[Envelope]:
        return self.intake.taken

    @property
    def names(self) -> list[str]:
        """Return what was handed on, as Type/id."""
        bodies = (json.loads(one.body) for one in self.taken)
        return [f"{one['resourceType']}/{one['id']}" for one in bodies]

    def codes(self, name: str) -> list[str]:
        """Return the codes of the events of a name."""
        return [one.code for one in self.events if one.name == name]

    def note(self) -> dict[str, Any]:
        """Return what is noted of the first search."""
        notes = [text for name, text in self.memory.noted.items() if "compare" not in name]
        found: dict[str, Any] = json.loads(notes[0]) if notes else {}
        return found


async def until(true: Callable[[], object], what: str) -> None:
    """Poll until `true()`; an AssertionError names what did not come."""
    for _ in range(int(PATIENCE_S / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain for: {what}")
