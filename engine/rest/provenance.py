"""Search on Provenance, which is rendered from the ledger and stored nowhere.

Takes `target` (what was written) or `_source` (the message), with `_count` and `_cursor`.
"""

import re

import orjson
from starlette.responses import Response

from engine.core.fault import Category, refuse
from engine.rest.endpoint import Endpoint
from engine.rest.page import Pairs, bundle, entry, link
from engine.store.search.query import DEFAULT_COUNT, MOST_COUNT

PARAMETERS = {"target": "reference", "_source": "uri"}
_TARGET = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_RESULT = frozenset({"_count", "_cursor", "_format", "_pretty", "_total"})


def search_provenance(endpoint: Endpoint, url: str, pairs: Pairs) -> Response:
    """Answer with a page of Provenances in the order of their messages; `url` is their type's."""
    given = dict(pairs)
    asked = [name for name in given if name in PARAMETERS]
    if set(given) - set(asked) - _RESULT or len(pairs) != len(given):
        raise refuse(
            Category.UNSUPPORTED,
            "search-parameter-unknown",
            "Provenance is searched by target or _source",
        )
    if len(asked) != 1 or not given[asked[0]]:
        raise refuse(Category.INVALID, "search-parameter-missing", "target or _source is needed")
    if asked[0] == "target" and not _TARGET.fullmatch(given["target"]):
        raise refuse(Category.INVALID, "search-target-invalid", "Type/id is needed", "target")
    most = max(1, min(_number(given, "_count", DEFAULT_COUNT), MOST_COUNT))
    after = _number(given, "_cursor", 0)
    find = endpoint.provenance.of_target if asked[0] == "target" else endpoint.provenance.of_source
    with endpoint.database.read() as tx:
        found = find(tx, given[asked[0]], after, most + 1)
    links = [link("self", url, pairs)]
    if len(found) > most:
        rest = [pair for pair in pairs if pair[0] != "_cursor"]
        links.append(link("next", url, [*rest, ("_cursor", str(found[most - 1][0]))]))
    entries = [
        entry(f"{url}/{body['id']}", orjson.dumps(body), {"search": {"mode": "match"}})
        for _, body in found[:most]
    ]
    return bundle("searchset", links, entries, now_us=endpoint.clock.now_us(), total=None)


def _number(given: dict[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise refuse(Category.INVALID, "search-value-invalid", "a number is needed", name)
    return int(text)
