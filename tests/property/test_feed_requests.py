"""Whatever a site posts is taken apart or refused, and what is taken is what was sent."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from channels.fhir_rest.request import Asked, asked, heard
from engine.core.fault import FaultError
from engine.core.values import FHIR_EVENT
from engine.formats.fhir_json import read_json
from engine.formats.fhir_request import Request, condition_of, criteria, version_of, wrapped
from engine.plugin.web import Posted

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
KINDS = st.sampled_from(["Patient", "Observation", "Bundle"])
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RESOURCES = st.builds(
    lambda kind, ident, more: {"resourceType": kind, **({"id": ident} if ident else {}), **more},
    KINDS,
    st.sampled_from(["", "p1", "p2"]),
    st.dictionaries(st.sampled_from(["gender", "value", "x"]), JUNK, max_size=2),
)
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["POST", "PUT", "GET", "DELETE", 7]),
        "url": st.sampled_from(
            ["Patient", "Observation", "Patient/p1", "Patient/p2", "Patient?identifier=a", "/", "?"]
        ),
    },
    optional={
        "ifNoneExist": st.sampled_from(["identifier=a", "", "x", 3, "a=%ff"]),
        "ifMatch": st.sampled_from(['W/"3"', "3", 3]),
    },
)
ENTRIES = st.fixed_dictionaries({}, optional={"resource": RESOURCES | JUNK, "request": REQUESTS})
BUNDLES = st.fixed_dictionaries(
    {
        "resourceType": st.just("Bundle"),
        "type": st.sampled_from(["batch", "transaction", "history", "x"]),
    },
    optional={
        "entry": st.lists(ENTRIES | JUNK, max_size=4) | JUNK,
        "timestamp": st.sampled_from(["2026-11-20T08:00:00Z", "2026-11-20", "0001", 7]),
    },
)
BODIES = (BUNDLES | RESOURCES | JUNK).map(lambda value: json.dumps(value).encode())
PLACES = st.sampled_from([("POST", "", ""), ("POST", "Patient", ""), ("PUT", "Patient", "p1")])


def taken(posted: Posted) -> Asked | None:
    try:
        return asked(posted)
    except FaultError:
        return None


@given(BODIES | st.binary(max_size=20), PLACES)
def test_a_request_is_taken_apart_or_refused(body: bytes, place: tuple[str, str, str]) -> None:
    method, kind, ident = place
    found = taken(Posted(method, body, kind, ident))
    if found is None:
        return
    value = read_json(body)
    for one in found.deliveries:
        assert (one.fault is None) == bool(one.body)
    if found.form == "batch":
        assert len(found.deliveries) == len(value["entry"])
        for entry, one in zip(value["entry"], found.deliveries, strict=True):
            if one.fault is None:
                said = read_json(one.body)
                sent = entry["resource"]
                assert sent in (said, _only(said))
    else:
        assert [one.body for one in found.deliveries if one.fault is None] == [body]


def _only(bundle: Any) -> Any:
    entries = bundle.get("entry") or [{}]
    return entries[0].get("resource")


@given(BODIES)
def test_an_event_is_taken_apart_or_refused(body: bytes) -> None:
    try:
        found = heard(body, datetime(2026, 11, 20, tzinfo=UTC))
    except FaultError:
        return
    assert all(one.body == body for one in found.deliveries if one.media_type == FHIR_EVENT)
    assert all(read_json(one.body) for one in found.deliveries)


CONDITIONS = st.lists(
    st.tuples(st.sampled_from(["identifier", "_id", "code"]), TEXTS.filter(bool)), min_size=1
)


@given(CONDITIONS, RESOURCES, st.integers(0, 99), st.booleans())
def test_a_condition_travels_with_its_resource(
    pairs: list[tuple[str, str]], resource: dict[str, Any], version: int, posts: bool
) -> None:
    text = "&".join(f"{name}={_encoded(value)}" for name, value in pairs[:30])
    if posts:
        request = Request("POST", "Patient", "", text)
    else:
        request = Request("PUT", "Patient", "", text, version)
    sent = json.dumps(resource).encode()
    whole = read_json(wrapped(request, sent))
    assert condition_of(whole) == request
    assert request.pairs() == pairs[:30]
    assert _only(whole) == read_json(sent)


def _encoded(value: str) -> str:
    return "".join(f"%{octet:02X}" for octet in value.encode())


@given(TEXTS)
def test_conditions_and_tags_are_read_or_refused(text: str) -> None:
    for read in (criteria, version_of):
        try:
            assert read(text)
        except FaultError as error:
            assert error.fault.where == "" or text not in error.fault.where  # noqa: PT017
