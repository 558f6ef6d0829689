"""A drop folder with the channel running on it, and an intake in memory."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from channels.csv_sftp.event import FileFinished
from channels.csv_sftp.inbound import SPEC
from engine.core.clock import Clock, SystemClock
from engine.core.values import Envelope
from engine.formats.delimited.contract import Column, Contract, Dialect
from engine.plugin.event import ChannelEvent
from engine.plugin.memory import MemoryIntake, surroundings
from engine.plugin.protocol import Surroundings

PATIENTS = Contract(
    feed="patients",
    files="patients*.csv",
    columns=(
        Column("Id", "Id", "id"),
        Column("Name", "Name", "str"),
        Column("Born", "Born", "date", "%m/%d/%Y", optional=True),
    ),
    key=("Id",),
    zone=ZoneInfo("America/Denver"),
    dialect=Dialect(("utf-8-sig", "cp1252")),
    deletes="patients*_delete.csv",
    name_time="%Y%m%d",
)
WAIT_S = 10.0


@dataclass
class Drop:
    """The sender's side of a drop folder."""

    folder: Path
    contracts: tuple[Contract, ...] = (PATIENTS,)
    intake: MemoryIntake = field(default_factory=MemoryIntake)
    events: list[ChannelEvent] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    def put(self, name: str, data: bytes | str, when_s: int = 1_790_000_000) -> None:
        target = self.folder / name
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        os.utime(target, (when_s, when_s))

    def surroundings(self) -> Surroundings:
        given = surroundings(events=self.events)
        return replace(given, contracts=self.contracts, clock=self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        given = {"folder": str(self.folder), "every": "10ms", **self.settings}
        channel = SPEC.build(SPEC.config.model_validate(given), self.surroundings())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(channel.run(self.intake, lambda _: None))
            try:
                yield
            finally:
                task.cancel()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():  # noqa: ASYNC110 - a folder has no event
                await asyncio.sleep(0.01)

    async def finished(self, name: str, folder: str = "done") -> dict[str, Any]:
        """Wait until a file ended there; return its run record."""
        await self.until((self.folder / folder / name).exists)
        return self.run(name, folder)

    def run(self, name: str, folder: str = "done") -> dict[str, Any]:
        record: dict[str, Any] = json.loads(
            (self.folder / folder / f"{name}.run.json").read_text("utf-8")
        )
        return record

    def play(self, name: str, data: bytes | str, folder: str = "done") -> dict[str, Any]:
        """Put one file there, wait for its end and stop."""

        async def whole() -> dict[str, Any]:
            before = self.reported()
            async with self.running():
                self.put(name, data)
                run = await self.finished(name, folder)
                await self.until(lambda: self.reported() > before)
                return run

        return asyncio.run(whole())

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(envelope.body) for envelope in self.intake.taken]

    @property
    def envelopes(self) -> list[Envelope]:
        return self.intake.taken

    def reported(self) -> int:
        return sum(isinstance(event, FileFinished) for event in self.events)

    def codes(self) -> list[str]:
        return [event.code for event in self.events if event.code]


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)
