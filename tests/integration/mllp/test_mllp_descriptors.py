"""A process that runs out of file descriptors: new senders wait, connected ones go on."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LIMIT = 40
PROGRAM = f"""
import asyncio, resource
from channels.mllp.inbound import SPEC
from engine.plugin.memory import MemoryIntake, surroundings

resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
channel = SPEC.build(SPEC.config(port=0), surroundings())
asyncio.run(channel.run(MemoryIntake(), lambda places: print(places[0], flush=True)))
"""


@contextmanager
def poor_process() -> Iterator[str]:
    """Run a listener that may open few files; gives its address."""
    words = [sys.executable, "-c", PROGRAM]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
            assert process.poll() is None, "the process ended"
        finally:
            process.kill()


def test_a_full_table_of_descriptors(connect: Any) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 3 * LIMIT

    async def run(address: str) -> None:
        clients = [await connect(address) for _ in range(2 * LIMIT)]
        first = clients[:10]
        for number, client in enumerate(first):
            assert await client.ask(number) == ("AA", str(number))
        for client in clients[10:]:
            await client.close()
        assert await first[0].ask("still") == ("AA", "still")
        late = await connect(address)  # accepted again once descriptors are free
        assert await late.ask("late") == ("AA", "late")
        for client in (*first, late):
            await client.close()

    with poor_process() as address:
        asyncio.run(run(address))
