"""The pure parts of the pulling channel: what comes next, when, and where it may lead."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from channels.fhir_pull.assertion import assertion, signing_key
from channels.fhir_pull.course import Course, begun, course_of, ended, first_url, key_of, turned
from channels.fhir_pull.origin import named, next_of
from channels.fhir_pull.page import Fetched, sheet
from channels.fhir_pull.quota import Quota, backoff_s
from channels.fhir_pull.settings import FhirPull, Search
from channels.fhir_pull.timetable import next_us
from channels.fhir_pull.told import told
from engine.core.clock import instant
from engine.core.fault import FaultError

BASE = "https://fhir.lakeside.example/r4"
NOW_US = 1_800_000_000_000_000
PATIENTS = Search(type="Patient", search={"ah-practice": "Organization/a-1.Practice-8"})


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def got(updated_us: int) -> Fetched:
    return Fetched("Patient/1", b"", "d", updated_us)


def test_the_first_search_asks_for_everything_and_the_next_for_what_changed() -> None:
    first = first_url(BASE, PATIENTS, Course(), 50, 600_000_000, whole=False)
    assert first == f"{BASE}/Patient?ah-practice=Organization%2Fa-1.Practice-8&_count=50"
    later = Course(mark_us=NOW_US)
    since = instant(NOW_US - 600_000_000).replace(":", "%3A")
    assert f"_lastUpdated=ge{since}" in first_url(
        BASE, PATIENTS, later, 0, 600_000_000, whole=False
    )
    assert "_lastUpdated" not in first_url(BASE, PATIENTS, later, 0, 0, whole=True)


def test_the_watermark_moves_at_the_end_alone_and_never_back() -> None:
    course = turned(begun(Course(mark_us=50), 1000), [got(70), got(60)], f"{BASE}/Patient?p=2", 900)
    assert (course.mark_us, course.next) == (50, f"{BASE}/Patient?p=2")
    course = ended(turned(course, [got(40)], "", 950), 2000)
    assert (course.mark_us, course.next, course.ended_us) == (70, "", 2000)
    again = ended(turned(begun(course, 3000), [got(60)], "", 3000), 4000)
    assert (again.mark_us, again.first_us) == (70, 2000)
    mad = ended(turned(begun(course, 3000), [got(1 << 60)], "", 2900), 4000)
    assert mad.mark_us == 2900, "never beyond the server's own time"


def test_a_server_that_tells_no_time_at_all_gets_none_of_ours() -> None:
    course = ended(turned(begun(Course(mark_us=50), 1000), [got(0)], "", 0), 2000)
    assert course.mark_us == 50
    timed = ended(turned(begun(Course(), 1000), [got(70)], "", 0), 2000)
    assert timed.mark_us == 70
    mad = ended(turned(begun(Course(), 1000), [got(1 << 60)], "", 0), 2000)
    assert mad.mark_us == 1000, "our clock bounds what a server says, and is never taken for it"


def test_a_server_that_gives_no_times_gets_its_own() -> None:
    course = ended(turned(begun(Course(), 1000), [got(0)], "", 900), 2000)
    assert course.mark_us == 900
    nothing = ended(turned(begun(Course(), 1000), [], "", 900), 2000)
    assert nothing.mark_us == 0, "there was nothing to have a time"


def test_a_course_survives_writing_and_damage() -> None:
    course = Course(5, "next", 1, 2, 3, 4, code="page-loop")
    assert course_of(course.to_text()) == course
    assert [course_of(text) for text in ("", "[]", "{", '{"other": 1}')] == [Course()] * 4


def test_another_search_is_another_course() -> None:
    other = Search(type="Patient", search={"ah-practice": "Organization/a-1.Practice-9"})
    assert key_of(BASE, PATIENTS) != key_of(BASE, other)
    assert key_of(BASE, PATIENTS) != key_of("https://test.lakeside.example/r4", PATIENTS)
    assert key_of(BASE, PATIENTS) == key_of(BASE, PATIENTS.model_copy(update={"by": "compare"}))


@pytest.mark.parametrize(
    ("time", "zone", "after", "due"),
    [
        ("sun 03:00", "America/New_York", "2026-11-20T12:00:00Z", "2026-11-22T08:00:00Z"),
        ("daily 03:00", "America/New_York", "2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z"),
        # Clocks go back at 2:00 and forward at 2:00: the hour is there twice, or not at all.
        ("sun 03:00", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T08:00:00Z"),
        ("sun 01:30", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z"),
        ("sun 03:00", "America/New_York", "2027-03-13T12:00:00Z", "2027-03-14T07:00:00Z"),
    ],
)
def test_a_time_of_the_week(time: str, zone: str, after: str, due: str) -> None:
    found = next_us(time, zone, us(after))
    assert found is not None
    assert datetime.fromtimestamp(found / 1e6, UTC) == datetime.fromisoformat(due)


def test_an_hour_that_is_not_there_is_not_waited_for_in_vain() -> None:
    found = next_us("sun 02:30", "America/New_York", us("2027-03-13T12:00:00Z"))
    assert found is not None
    assert us("2027-03-14T06:00:00Z") <= found <= us("2027-03-21T08:00:00Z")
    assert next_us("never", "UTC", 0) is None


def test_no_more_than_allowed_whatever_the_clock_does() -> None:
    quota = Quota(2.0, 0)
    assert [quota.wait_us(at) for at in (0, 1, 500_000)] == [0, 499_999, 0]
    assert quota.wait_us(-3_600_000_000) == 0, "set back by an hour: nobody waits for an hour"


def test_waits_double_and_half_of_them_is_chance() -> None:
    assert [backoff_s(n, lambda: 1.0) for n in (1, 2, 3, 9, 99)] == [1, 2, 4, 256, 300]
    assert backoff_s(3, lambda: 0.0) == 2


@pytest.mark.parametrize(
    ("link", "found"),
    [
        (f"{BASE}/Patient?page=2", f"{BASE}/Patient?page=2"),
        ("https://fhir.lakeside.example:443/r4/x", "https://fhir.lakeside.example:443/r4/x"),
        ("?page=2", f"{BASE}/Patient?page=2"),
        ("/pages/7#top", "https://fhir.lakeside.example/pages/7"),
    ],
)
def test_a_link_at_the_server_is_followed(link: str, found: str) -> None:
    assert next_of(BASE, f"{BASE}/Patient", link) == found


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Patient/a-1.E-7", ("Patient", "a-1.E-7")),
        (f"{BASE}/Patient/7/_history/3", ("Patient", "7")),
        ("HTTPS://FHIR.lakeside.example:443/r4/Patient/7", ("Patient", "7")),
    ],
)
def test_what_an_event_names(reference: str, found: tuple[str, str]) -> None:
    assert named(BASE, reference) == found


def test_a_page_of_a_vendor() -> None:
    path = Path("samples/resources/lakeside/10-searchset-with-an-outcome.json")
    found = sheet(path.read_bytes())
    assert {one.name.partition("/")[0] for one in found.found} == {"Observation"}
    assert (found.odd, found.next) == (0, "")
    assert all(one.updated_us > 0 for one in found.found)


def pem(key: PrivateKeyTypes, how: KeySerializationEncryption | None = None) -> str:
    how = how or NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_statements_are_signed_short_lived_and_never_the_same(rsa_key: rsa.RSAPrivateKey) -> None:
    curve = ec.generate_private_key(ec.SECP384R1())
    publics: dict[str, RSAKey | ECKey] = {
        "RS384": RSAKey.import_key(rsa_key.public_key()),
        "ES384": ECKey.import_key(curve.public_key()),
    }
    for algorithm, text in (("RS384", pem(rsa_key)), ("ES384", pem(curve))):
        key = signing_key(text, algorithm)
        given = (key, algorithm, "kid-1", "concord", f"{BASE}/token", NOW_US)
        one, two = (
            jwt.decode(assertion(*given), publics[algorithm], algorithms=[algorithm])
            for _ in range(2)
        )
        assert one.header == {"alg": algorithm, "typ": "JWT", "kid": "kid-1"}
        assert one.claims["iss"] == one.claims["sub"] == "concord"
        assert one.claims["aud"] == f"{BASE}/token"
        assert one.claims["exp"] - NOW_US // 1_000_000 <= 300
        assert one.claims["jti"] != two.claims["jti"]


def test_keys_that_cannot_sign(rsa_key: rsa.RSAPrivateKey) -> None:
    public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    small = ec.generate_private_key(ec.SECP256R1())
    for text, algorithm in (
        (pem(rsa_key), "ES384"),
        (pem(small), "ES384"),
        (pem(small), "RS384"),
        (pem(rsa.generate_private_key(65537, 1024)), "RS384"),  # noqa: S505 - to be refused
        (pem(rsa_key, BestAvailableEncryption(b"x")), "RS384"),
        (public.decode(), "RS384"),
        ("nothing", "RS384"),
        ("a plain secret of thirty-two bytes", "ES384"),
    ):
        with pytest.raises(FaultError) as caught:
            signing_key(text, algorithm)
        assert caught.value.fault.code == "signing-key"


def test_what_is_told_of_a_search() -> None:
    settings = FhirPull(base_url=BASE, resources=(PATIENTS,), every="5m")
    assert told(settings, {}, NOW_US) == ["has not searched for anything yet"]
    course = Course(NOW_US - 90_000_000, begun_us=1, ended_us=NOW_US, tried_us=NOW_US, first_us=1)
    held = Course(code="server-busy", where="Patient, page 3, status 429", next="x", pages=2)
    notes = {
        key_of(BASE, PATIENTS): course.to_text(),
        f"{key_of(BASE, PATIENTS)} compare": held.to_text(),
    }
    poll, compare = told(settings, {**notes, "Other 1": json.dumps({})}, NOW_US)
    assert poll == (
        "Patient ah-practice=Organization/a-1.Practice-8: last asked 2027-01-15T08:00:00.000Z, "
        "last finished 2027-01-15T08:00:00.000Z, watermark 2027-01-15T07:58:30.000Z (90 s ago), "
        "next poll 2027-01-15T08:05:00.000Z"
    )
    assert compare.endswith(
        "compared: last asked never, last finished never, at page 3, "
        "held up by server-busy at Patient, page 3, status 429"
    )
