"""A channel that pulls from a site in memory."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.pull.puller import Puller
from tests.integration.pull.site import served


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def puller() -> AsyncIterator[Puller]:
    async with served() as site:
        yield Puller(site)
