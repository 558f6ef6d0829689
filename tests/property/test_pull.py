"""Whatever a server or an event says: we stay at the server, and what cannot be read is a fault."""

import json
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from channels.fhir_pull.course import Course, begun, ended, turned
from channels.fhir_pull.origin import named, next_of
from channels.fhir_pull.page import Fetched, resource, sheet
from channels.fhir_pull.quota import Quota, backoff_s, retry_after_s
from channels.fhir_pull.resolve import may_be_asked, networks
from engine.core.fault import FaultError

T = TypeVar("T")
BASE = "https://fhir.lakeside.example/r4"
HOSTS = st.sampled_from(["fhir.lakeside.example", "evil.example", "127.0.0.1", "[::1]", ""])
LINKS = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["https://", "http://", "//", "/", "", "\\\\", "https:", "file://"]),
        st.sampled_from(["", "fhir.lakeside.example@", "x:y@"]),
        HOSTS,
        st.sampled_from(["", "/r4/Patient/1", "/r4/../x", ":443/r4", ":8443/", "/r4/Patient?p=2"]),
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "id", "meta", "entry", "link", "resource", "type", "url"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
TIMES = st.integers(0, 1 << 52)


def tried(call: Callable[..., T], *given: Any) -> tuple[T | None, str]:
    """Return what a call says, or the code of its fault."""
    try:
        return call(*given), ""
    except FaultError as error:
        return None, error.fault.code


@given(LINKS)
def test_no_link_leads_to_another_server(link: str) -> None:
    found, code = tried(next_of, BASE, f"{BASE}/Patient?_count=2", link)
    if found is None:
        assert code == "next-elsewhere"
        return
    parts = urlsplit(found)
    assert (parts.scheme, parts.hostname, parts.port or 443) == (
        *("https", "fhir.lakeside.example", 443),
    )
    assert "@" not in parts.netloc


@given(LINKS)
def test_no_event_names_another_server(reference: str) -> None:
    found, code = tried(named, BASE, reference)
    if found is None:
        assert code == "named-elsewhere"
        return
    kind, ident = found
    url = f"{BASE}/{kind}/{ident}"
    assert urlsplit(url).path == f"/r4/{kind}/{ident}"
    assert not {"/", "?", "#", "%", "\\"} & set(ident)
    assert ident not in {".", ".."}


@given(st.integers(0, (1 << 32) - 1))
def test_an_address_hides_in_no_other_form(number: int) -> None:
    plain = ".".join(str(byte) for byte in number.to_bytes(4, "big"))
    high, low = number >> 16, number & 0xFFFF
    for hidden in (f"::ffff:{plain}", f"64:ff9b::{plain}", f"2002:{high:x}:{low:x}::"):
        assert may_be_asked(hidden, ()) <= may_be_asked(plain, ())
    for hidden in (f"::{plain}", f"::ffff:0:{plain}", f"64:ff9b:1::{plain}"):
        assert not may_be_asked(hidden, ())
        assert may_be_asked(hidden, networks([hidden]))


@given(st.integers(0, (1 << 118) - 1))
def test_what_is_local_to_a_site_is_no_internet(number: int) -> None:
    assert not may_be_asked(str(IPv6Address((0xFEC0 << 112) + number)), ())


@given(JSON)
def test_what_is_no_page_is_a_fault(value: object) -> None:
    body = json.dumps(value).encode()
    for code in (tried(sheet, body)[1], tried(resource, body, "Patient", "1")[1]):
        assert not code or code.startswith(("answer-", "json-"))


@given(TIMES, st.lists(st.lists(TIMES, max_size=3), min_size=1, max_size=4), TIMES, TIMES)
def test_a_watermark_never_falls_and_never_passes_the_server(
    mark_us: int, pages: list[list[int]], served_us: int, now_us: int
) -> None:
    course = begun(Course(mark_us=mark_us), now_us)
    for page in pages:
        found = [Fetched("Patient/1", b"", "", at) for at in page]
        course = turned(course, found, "next", served_us)
        assert course.mark_us == mark_us
    course = ended(course, now_us)
    assert (
        mark_us
        <= course.mark_us
        <= max(mark_us, served_us or now_us, *map(max, filter(None, pages)), 0)
    )
    assert course.next == ""


@given(st.lists(st.integers(0, 200_000_000), min_size=1, max_size=60), st.integers(1, 5))
def test_no_minute_has_more_than_agreed(steps: list[int], per_minute: int) -> None:
    quota, now_us, used = Quota(1000.0, per_minute), 0, dict[int, int]()
    for step in steps:
        now_us += step
        if quota.wait_us(now_us) == 0:
            used[now_us // 60_000_000] = used.get(now_us // 60_000_000, 0) + 1
    assert max(used.values(), default=0) <= per_minute


@given(st.text(max_size=40), st.integers(0, 1 << 51))
def test_a_wait_is_never_negative(text: str, now_us: int) -> None:
    found = retry_after_s({"retry-after": text}, now_us)
    assert found is None or found >= 0


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_of_ours_is_bounded(failures: int, chance: float) -> None:
    assert 0.5 <= backoff_s(failures, lambda: chance) <= 300
