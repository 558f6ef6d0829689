"""A server that refuses, storms, lies and leads astray; time is a clock that sleeping moves."""

import gzip
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest
import respx

from channels.fhir_pull.event import PullHeld, PullResumed
from channels.fhir_pull.server import Manners, Server
from channels.fhir_pull.settings import Auth
from channels.fhir_pull.token import Tokens
from channels.fhir_pull.wire import Bounds, Wire
from engine.core.fault import Category, FaultError
from engine.plugin.event import ChannelEvent
from engine.plugin.memory import surroundings
from engine.plugin.protocol import Surroundings

pytestmark = pytest.mark.anyio
BASE = "https://fhir.lakeside.example/r4"
URL = f"{BASE}/Patient"
TOKEN_URL = "https://fhir.lakeside.example/token"
BUNDLE = {"resourceType": "Bundle", "type": "searchset"}
START_US = 1_800_000_010_000_000  # ten seconds into a minute


class Pieces(httpx.AsyncByteStream):
    """A body as it comes over a wire."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for begin in range(0, len(self._body), 1000):
            yield self._body[begin : begin + 1000]


@dataclass(frozen=True)
class Says:
    """An answer that can be given again and again."""

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/fhir+json"

    def response(self) -> httpx.Response:
        headers = {"Content-Type": self.kind, **self.headers}
        return httpx.Response(self.status, headers=headers, stream=Pieces(self.body))


GOOD = Says(200, json.dumps(BUNDLE).encode())
Answer = Says | Exception


def in_turn(answers: Sequence[Answer]) -> Callable[[httpx.Request], httpx.Response]:
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found.response()

    return answer


@dataclass
class SleptClock:
    """Goes on when somebody sleeps."""

    time_us: int = START_US
    slept_s: list[float] = field(default_factory=list)

    def now_us(self) -> int:
        return self.time_us

    async def sleep(self, wait_s: float) -> None:
        self.slept_s.append(wait_s)
        self.time_us += max(1, int(wait_s * 1e6))

    @property
    def passed_s(self) -> float:
        return (self.time_us - START_US) / 1e6


@dataclass
class Bench:
    router: respx.MockRouter
    clock: SleptClock
    events: list[ChannelEvent]
    around: Surroundings
    wire: Wire

    def server(
        self, auth: Auth | None = None, per_minute: int = 0, longest_s: float = 3600
    ) -> Server:
        tokens = Tokens(auth, self.wire, self.clock) if auth else None
        manners = Manners(1000.0, per_minute, longest_s)
        return Server(self.wire, tokens, manners, self.around, self.clock.sleep)

    def answers(self, *answers: Answer) -> respx.Route:
        return self.router.get(URL).mock(side_effect=in_turn(answers))

    def grants(self, *answers: Answer) -> respx.Route:
        return self.router.post(TOKEN_URL).mock(side_effect=in_turn(answers))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bench() -> Bench:
    router = respx.MockRouter(assert_all_called=False)
    clock = SleptClock()
    events: list[ChannelEvent] = []
    bounds = Bounds(timeout_s=5, max_bytes=100_000)
    wire = Wire(bounds, httpx.MockTransport(router.async_handler))
    return Bench(router, clock, events, surroundings(events=events, clock=clock), wire)


async def refused(server: Server) -> tuple[Category, str]:
    with pytest.raises(FaultError) as caught:
        await server.get(URL, "Patient")
    return caught.value.fault.category, caught.value.fault.code


def told(bench: Bench) -> list[str]:
    return [f"{one.name} {one.code}".strip() for one in bench.events]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Says(200, b"<html>maintenance</html>", kind="text/html"), "answer-no-json"),
        (Says(200, kind="text/plain"), "answer-no-json"),
        (Says(500), "server-failed"),
        (Says(503), "server-busy"),
        (httpx.ConnectError("no"), "server-unreachable"),
        (httpx.ReadError("reset"), "server-unreachable"),
        (httpx.RemoteProtocolError("half an answer"), "server-unreachable"),
        (httpx.ReadTimeout("slow"), "server-timeout"),
        (Says(401), "token-refused"),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
async def test_the_server_is_left_alone(bench: Bench, answer: Answer, code: str) -> None:
    bench.answers(answer, GOOD)
    server = bench.server()
    assert (await refused(server))[1] == code
    assert (server.is_ready, bench.around.tally.trouble) == (False, code)
    assert (await server.get(URL, "Patient")).status == 200
    assert 0.5 <= bench.clock.passed_s <= 1.1, "the first wait is up to a second"
    assert told(bench) == [f"pull-held {code}", "pull-resumed"]
    assert (bench.around.tally.trouble, bench.around.tally.answered_us) == ("", bench.clock.time_us)


@pytest.mark.parametrize(
    ("answer", "category", "code"),
    [
        (Says(400), Category.INVALID, "request-refused"),
        (Says(422), Category.INVALID, "request-refused"),
        (Says(403), Category.FORBIDDEN, "server-forbids"),
        (Says(404), Category.NOT_FOUND, "resource-missing"),
        (Says(410), Category.NOT_FOUND, "resource-gone"),
        (
            Says(302, headers={"Location": "http://169.254.169.254/latest"}),
            Category.FORBIDDEN,
            "server-redirects",
        ),
        (
            Says(200, b"x" * 100_001),
            Category.UNAVAILABLE,
            "answer-too-large",
        ),
        (
            Says(200, b"?", {"Content-Encoding": "br"}),
            Category.UNAVAILABLE,
            "answer-encoding",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
async def test_only_the_request_is_refused(
    bench: Bench, answer: Says, category: Category, code: str
) -> None:
    route = bench.answers(answer)
    server = bench.server()
    assert await refused(server) == (category, code)
    assert (server.is_ready, server.fault, bench.events, route.call_count) == (True, None, [], 1)


async def test_one_alert_for_a_storm(bench: Bench) -> None:
    bench.answers(*[Says(503)] * 40, GOOD)
    server = bench.server()
    for _ in range(40):
        assert await refused(server) == (Category.UNAVAILABLE, "server-busy")
    await server.get(URL, "Patient")
    first, last = bench.events
    assert (first.name, first.code, last.name) == ("pull-held", "server-busy", "pull-resumed")
    assert isinstance(first, PullHeld)
    assert isinstance(last, PullResumed)
    assert (last.count, 0.5 <= first.wait_s <= 1) == (40, True)
    assert 40 * 120 < bench.clock.passed_s < 40 * 300, "waits grow to five minutes, and no further"
    assert max(bench.clock.slept_s) <= 1, "the clock is looked at again and again"


async def test_retry_after_in_seconds_and_as_a_date(bench: Bench) -> None:
    seconds = Says(429, headers={"Retry-After": "120"})
    server = bench.server()
    bench.answers(seconds, GOOD)
    await refused(server)
    await server.get(URL, "Patient")
    assert 120 <= bench.clock.passed_s < 121
    later = datetime.fromtimestamp(bench.clock.time_us / 1e6 + 60, UTC)
    before_s = bench.clock.passed_s
    bench.answers(Says(503, headers={"Retry-After": format_datetime(later, True)}), GOOD)
    await refused(server)
    await server.get(URL, "Patient")
    assert 58 <= bench.clock.passed_s - before_s < 62


@pytest.mark.parametrize("told_s", ["0", "-5", "soon", "", "Mon, 01 Jan 1990 00:00:00 GMT"])
async def test_a_retry_after_that_says_nothing_is_no_hurry(bench: Bench, told_s: str) -> None:
    bench.answers(Says(429, headers={"Retry-After": told_s}), GOOD)
    server = bench.server()
    await refused(server)
    await server.get(URL, "Patient")
    assert 0.25 <= bench.clock.passed_s <= 1.1


async def test_a_retry_after_of_a_year_is_an_hour(bench: Bench) -> None:
    bench.answers(Says(429, headers={"Retry-After": "31536000"}), GOOD)
    server = bench.server(longest_s=3600)
    await refused(server)
    await server.get(URL, "Patient")
    assert 3600 <= bench.clock.passed_s < 3602


async def test_without_retry_after_the_next_minute_is_waited_for(bench: Bench) -> None:
    bench.answers(Says(429), GOOD)
    server = bench.server(per_minute=250)
    await refused(server)
    await server.get(URL, "Patient")
    assert 50 <= bench.clock.passed_s < 51, "it was the tenth second"


async def test_no_more_than_agreed_in_a_minute_of_the_clock(bench: Bench) -> None:
    bench.answers(*[GOOD] * 8)
    server = bench.server(per_minute=3)
    minutes = []
    for _ in range(8):
        await server.get(URL, "Patient")
        minutes.append(bench.clock.time_us // 60_000_000)
    first = START_US // 60_000_000
    assert [one - first for one in minutes] == [0, 0, 0, 1, 1, 1, 2, 2]


async def test_a_bomb_is_not_unpacked(bench: Bench) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    bench.answers(Says(200, bomb, headers))
    assert len(bomb) < 100_000
    assert (await refused(bench.server()))[1] == "answer-too-large"


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (gzip.compress(b"{}" * 500)[:-9], "answer-cut-off"),
        (b"not packed at all", "answer-encoding"),
    ],
    ids=["cut", "plain"],
)
async def test_what_cannot_be_unpacked(bench: Bench, packed: bytes, code: str) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    bench.answers(Says(200, packed, headers))
    assert (await refused(bench.server()))[1] == code


async def test_what_is_packed_is_unpacked(bench: Bench) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/fhir+json; charset=utf-8"}
    body = gzip.compress(b'{"a": 1}')
    bench.answers(Says(200, body, headers))
    assert (await bench.server().get(URL, "Patient")).body == b'{"a": 1}'


@pytest.fixture
def auth(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Auth:
    monkeypatch.setenv("LAKESIDE_SECRET", "half: a/secret")
    return Auth.model_validate(
        {
            "token_url": TOKEN_URL,
            "client_id": "concord north",
            "client_secret": {"env": "LAKESIDE_SECRET"},
            "scope": "system/*.read",
        }
    )


def granted(token: str, life_s: object = 300) -> Says:
    given = {"access_token": token, "token_type": "Bearer", "expires_in": life_s}
    return Says(200, json.dumps(given).encode())


async def test_a_token_is_kept_until_shortly_before_its_end(bench: Bench, auth: Auth) -> None:
    asked = bench.grants(granted("one"), granted("two"))
    got = bench.answers(*[GOOD] * 4)
    server = bench.server(auth)
    for wait_s in (0, 100, 169, 2):
        await bench.clock.sleep(wait_s)
        await server.get(URL, "Patient")
    assert asked.call_count == 2
    sent = [call.request.headers["authorization"] for call in got.calls]
    assert sent == ["Bearer one"] * 3 + ["Bearer two"]
    request = asked.calls[0].request
    assert (
        request.headers["authorization"] == "Basic Y29uY29yZCUyMG5vcnRoOmhhbGYlM0ElMjBhJTJGc2VjcmV0"
    )
    assert request.content == b"grant_type=client_credentials&scope=system%2F%2A.read"


async def test_a_token_that_is_refused_is_renewed_once(bench: Bench, auth: Auth) -> None:
    bench.grants(granted("one"), granted("two"))
    got = bench.answers(Says(401), GOOD)
    await bench.server(auth).get(URL, "Patient")
    assert [call.request.headers["authorization"] for call in got.calls] == [
        "Bearer one",
        "Bearer two",
    ]
    assert bench.events == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Says(400, json.dumps({"error": "invalid_client"}).encode()), "client-refused"),
        (
            Says(401, json.dumps({"error": "invalid_client", "error_description": None}).encode()),
            "client-refused",
        ),
        (Says(400, json.dumps({"error": "invalid_scope"}).encode()), "scope-refused"),
        (
            Says(400, json.dumps({"error": "unsupported_grant_type"}).encode()),
            "token-request-refused",
        ),
        (Says(403, b"<html>", kind="text/html"), "client-refused"),
        (Says(500, b"<html>", kind="text/html"), "token-endpoint-failed"),
        (Says(429), "server-busy"),
        (Says(302, headers={"Location": "https://elsewhere.example"}), "client-refused"),
        (Says(200), "token-unusable"),
        (Says(200, b"<html>", kind="text/html"), "token-unusable"),
        (Says(200, json.dumps({"access_token": "a b\r\nX: y"}).encode()), "token-unusable"),
        (
            Says(200, json.dumps({"access_token": "a", "token_type": "mac"}).encode()),
            "token-unusable",
        ),
        (httpx.ConnectError("no"), "server-unreachable"),
    ],
)
async def test_no_token_no_request(bench: Bench, auth: Auth, answer: Answer, code: str) -> None:
    bench.grants(answer)
    got = bench.answers(GOOD)
    server = bench.server(auth)
    assert (await refused(server))[1] == code
    assert (got.call_count, server.is_ready, told(bench)) == (0, False, [f"pull-held {code}"])


async def test_nothing_secret_is_in_what_is_raised(bench: Bench, auth: Auth) -> None:
    bench.grants(granted("a-token"))
    bench.answers(Says(400, json.dumps({"text": "Abernathy"}).encode()))
    with pytest.raises(FaultError) as caught:
        await bench.server(auth).get(f"{URL}?_count=1", "Patient")
    shown = f"{caught.value} {bench.events!r}"
    assert not any(word in shown for word in ("a-token", "secret", "Abernathy", "_count", "r4"))
