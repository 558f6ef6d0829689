"""The search a conditional delivery names, checked: what intake may refuse and the commit runs."""

from dataclasses import replace

from engine.core.fault import Category, refuse
from engine.formats.fhir_request import Request
from engine.store.search.query import Query, parse


def query_of(request: Request) -> Query:
    """Return the search for one match and a second. FaultError of the search, or `condition-*`."""
    query = parse(request.type, request.pairs())
    if not query.criteria:
        message = "the condition has no criterion"
        raise refuse(Category.INVALID, "condition-unreadable", message)
    return replace(query, count=2, total="none", cursor="", only_count=False)
