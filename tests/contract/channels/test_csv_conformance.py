"""The conformance kit over the CSV channel: a sender drops files and sees where they end."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from channels.csv_sftp.inbound import SPEC
from engine.formats.delimited.contract import Column, Contract
from engine.plugin.kit import CHECKS, Bench, Check, Sender
from engine.plugin.protocol import Inbound, Surroundings

CONTRACT = Contract(
    "numbers", "*.csv", (Column("Id", "Id", "id"),), ("Id",), ZoneInfo("America/Denver")
)
PATIENCE_S = 1.0  # a file that is not in `done` by then was not accepted
FILES = count(1)


@dataclass
class FolderSender:
    folder: Path
    cut: bool = False

    async def send(self, number: int) -> bool:
        name = f"{next(FILES)}.csv"
        unfinished = self.folder / f".{name}"
        unfinished.write_text(f"Id\n{number}\n")
        unfinished.rename(self.folder / name)
        for _ in range(int(PATIENCE_S / 0.01)):
            if self.cut:
                raise ConnectionResetError
            for outcome in ("done", "failed"):
                if (self.folder / outcome / name).exists():
                    return outcome == "done"
            await asyncio.sleep(0.01)
        return False

    async def close(self) -> None:
        self.cut = True


async def connect(address: str) -> Sender:
    return FolderSender(Path(address))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:

        def build(surroundings: Surroundings) -> Inbound:
            settings = SPEC.config.model_validate({"folder": folder, "every": "10ms"})
            return SPEC.build(settings, replace(surroundings, contracts=(CONTRACT,)))

        yield Bench(build, connect, lambda body: int(json.loads(body)["columns"]["Id"]))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(bench: Bench, check: Check) -> None:
    assert asyncio.run(check(bench)) == ""
