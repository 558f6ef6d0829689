"""Goes the channel's way once and stores nothing: token, capabilities, one page of each search."""

from dataclasses import dataclass
from typing import Any

from channels.fhir_pull.origin import search_url
from channels.fhir_pull.page import capability, sheet
from channels.fhir_pull.run import reached
from channels.fhir_pull.server import Server
from channels.fhir_pull.settings import FhirPull, Search
from engine.core.fault import FaultError
from engine.plugin.protocol import Surroundings


async def attempted(settings: FhirPull, around: Surroundings) -> list[str]:
    """Return what was found, a line for each step. FaultError with the first that stood in the way.

    A search the server refuses is a line, too: the others may be answered.
    """
    async with reached(settings, around) as server:
        found = await _capabilities(server, settings)
        pages = [await _search(server, settings, one, found) for one in settings.resources]
        return [f"reached {settings.base_url}: {found.told}", *pages]


@dataclass(frozen=True, slots=True)
class _Found:
    told: str
    searches: dict[str, frozenset[str]]  # type -> names of its search parameters


async def _capabilities(server: Server, settings: FhirPull) -> _Found:
    answer = await server.get(f"{settings.base_url}/metadata", "metadata")
    value = capability(answer.body)
    rests = value.get("rest")
    searches = {
        str(one.get("type")): frozenset(_names(one))
        for rest in (rests if isinstance(rests, list) else [])
        if isinstance(rest, dict)
        for one in _dicts(rest.get("resource"))
    }
    version = str(value.get("fhirVersion", "unknown"))
    shown = version if version.replace(".", "").isdigit() else "unknown"
    return _Found(f"FHIR {shown}, {len(searches)} resource types", searches)


def _names(resource: dict[str, Any]) -> list[str]:
    return [str(one.get("name")) for one in _dicts(resource.get("searchParam"))]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


async def _search(server: Server, settings: FhirPull, search: Search, found: _Found) -> str:
    parameters = [*search.search.items(), ("_count", str(min(settings.page_size or 5, 5)))]
    if not settings.page_size:
        parameters.pop()
    try:
        answer = await server.get(
            search_url(settings.base_url, search.type, parameters), search.type
        )
        page = sheet(answer.body)
    except FaultError as error:
        if server.fault is not None:
            raise
        return f"{search.type}: {error.fault}"
    declared = found.searches.get(search.type)
    blind = search.by == "last-updated" and declared is not None and "_lastUpdated" not in declared
    doubt = "; the server does not declare _lastUpdated: see `by: compare`" if blind else ""
    more = "more on further pages" if page.next else "no further page"
    return f"{search.type}: {len(page.found)} resources on the first page, {more}{doubt}"
