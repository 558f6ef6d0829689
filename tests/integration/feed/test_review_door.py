"""Who may write through a site's door. Findings of a review, each as small as it can be shown."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.feed.endpoint import TOKEN
from tests.integration.feed.house import SITE, House, house

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, sync=True, settings={"answers": "sync"}) as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/Patient/_search"), ("POST", "/_search"), ("PUT", "/_search")]
)
async def test_who_reads_the_region_writes_nothing_under_the_name_of_a_search(
    feed: House, method: str, path: str
) -> None:
    kind = "Patient" if "Patient" in path else "_search"
    answered = await feed.client.request(
        method,
        f"/sources/{SITE}/fhir{path}",
        json={"resourceType": kind, "id": "_search", "gender": "male"},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert (answered.status_code, feed.journal.head()) == (401, 0)
