import pytest
from starlette.requests import Request

from engine.rest.headers import accepts_json, answer, lenient
from engine.store.read import Stored


def request(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": raw}
    return Request({**scope, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ("application/fhir+json", True),
        ("APPLICATION/FHIR+JSON; charset=utf-8", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("application/*", True),
        ("application/fhir+xml", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_json_answers_who_accepts_it(accept: str, accepted: bool) -> None:
    assert accepts_json(request(accept=accept)) is accepted


def test_format_overrides_accept_and_nothing_said_accepts_all() -> None:
    assert accepts_json(request())
    assert accepts_json(request("_format=json", accept="text/html"))
    assert accepts_json(request("_format=application/fhir+json", accept="text/html"))
    assert not accepts_json(request("_format=xml", accept="application/json"))


@pytest.mark.parametrize(
    ("prefer", "wanted"),
    [
        ("handling=lenient", True),
        ("return=minimal; handling=lenient", True),
        ("handling=strict", False),
        ("xhandling=lenient", False),
    ],
)
def test_only_lenient_handling_is_lenient(prefer: str, wanted: bool) -> None:
    assert lenient(request(prefer=prefer)) is wanted


@pytest.mark.parametrize(
    ("known", "status"),
    [('W/"7"', 304), ('"7"', 304), ('W/"6", W/"7"', 304), ("*", 304), ('W/"77"', 200), ("7", 200)],
)
def test_a_version_the_client_has_is_not_sent(known: str, status: int) -> None:
    stored = Stored("Patient", "p", b"{}", 7, 0)
    response = answer(request(if_none_match=known), stored)
    assert response.status_code == status
    assert response.headers["etag"] == 'W/"7"'
    assert response.body == (b"{}" if status == 200 else b"")
