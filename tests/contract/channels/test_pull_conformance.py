"""The conformance kit over the pulling channel: a server has resources, and its channel gets them.

Who serves is told nothing, so what counts as accepted is what the channel remembers to have handed
on: it moves on for that and for nothing else.
"""

import asyncio
import json
from dataclasses import dataclass, replace

import pytest

from channels.fhir_pull.inbound import SPEC
from engine.plugin.kit import CHECKS, Bench, Check, Sender
from engine.plugin.memory import FleetingMemory
from engine.plugin.protocol import Inbound, Surroundings
from tests.integration.pull.site import Site, served

PATIENCE_S = 1.0  # what is not remembered by then was not accepted


@dataclass
class ServerSender:
    site: Site
    memory: FleetingMemory
    cut: bool = False

    async def send(self, number: int) -> bool:
        name = f"Observation/{number}"
        before = self.memory.known.get(name)
        self.site.put("Observation", str(number))
        for _ in range(int(PATIENCE_S / 0.01)):
            if self.cut:
                raise ConnectionResetError
            now = self.memory.known.get(name)
            if now is not None and now != before:
                return not now.code
            await asyncio.sleep(0.01)
        return False

    async def close(self) -> None:
        self.cut = True


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_conforms(check: Check) -> None:
    async with served() as site:
        memory = FleetingMemory()

        def build(around: Surroundings) -> Inbound:
            settings = {
                "base_url": site.base,
                "allow": ["127.0.0.0/8"],
                "resources": [{"type": "Observation"}],
                "every": "10ms",
                "max_requests_per_s": 1000,
            }
            checked = SPEC.config.model_validate(settings)
            return SPEC.build(checked, replace(around, memory=lambda: memory))

        async def connect(_: str) -> Sender:
            return ServerSender(site, memory)

        bench = Bench(build, connect, lambda body: int(json.loads(body)["id"]))
        assert await check(bench) == ""
