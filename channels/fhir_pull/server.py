"""A FHIR server as the channel asks it: authorised, within its limits, and left alone when it says.

One wait for all requests of the channel. However many of them a storm refuses, it is told once when
it begins and once when it is over.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from channels.fhir_pull.event import PullHeld, PullResumed
from channels.fhir_pull.quota import SECOND_US, Quota, backoff_s, retry_after_s
from channels.fhir_pull.token import Tokens
from channels.fhir_pull.wire import Answer, Line
from engine.core.fault import Category, Fault, FaultError
from engine.plugin.protocol import Surroundings

REDIRECTS = "server-redirects"
_ACCEPT = {"Accept": "application/fhir+json", "Prefer": "handling=strict"}
_SLICE_S = 1.0  # a wait looks at the clock again so often: it may be set
_WEARY = frozenset({408, 425, 429, 500, 502, 503, 504})
_OF_THE_ANSWER = frozenset({"answer-too-large", "answer-encoding", "answer-cut-off"})
_MOST_CHANCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Manners:
    """How the server wants to be asked."""

    per_s: float
    per_minute: int
    longest_wait_s: float


class Server:
    """For the tasks of one channel on one loop."""

    def __init__(
        self,
        line: Line,
        tokens: Tokens | None,
        manners: Manners,
        around: Surroundings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._line, self._tokens, self._around, self._sleep = line, tokens, around, sleep
        self._manners = manners
        self._quota = Quota(manners.per_s, manners.per_minute)
        self._renewing = asyncio.Lock()
        self._held_us = 0  # nothing is asked before
        self._failures = 0
        self.fault: Fault | None = None  # why it is left alone

    @property
    def is_ready(self) -> bool:
        """Tell whether it may be asked again."""
        return self._around.clock.now_us() >= self._held_us

    async def get(self, url: str, where: str) -> Answer:
        """Ask for something; returns an answer of status 200 that says it is JSON.

        FaultError `not-found` when it is not there, `invalid` or `forbidden` when only this
        request is refused; any other means that the server is left alone for a while.
        """
        answer, fault = await self.answer(url, where)
        if fault is not None:
            raise FaultError(fault)
        return answer

    async def answer(self, url: str, where: str) -> tuple[Answer, Fault | None]:
        """Ask as `get`; what is wrong with this request alone stands beside the answer to it."""
        answer = await self._sent(url)
        if answer.status == 401 and self._tokens is not None:
            self._tokens.drop()
            answer = await self._sent(url)
        fault = _fault(answer, where)
        if fault is not None and (answer.status == 401 or fault.category is Category.UNAVAILABLE):
            raise FaultError(self.failed(fault, answer))
        self.answered()
        return answer, fault

    def failed(self, fault: Fault, answer: Answer | None = None) -> Fault:
        """Note that the server is not well, and leave it alone; returns the fault."""
        now_us = self._around.clock.now_us()
        self._failures += 1
        self.fault = fault
        self._around.tally.trouble = fault.code
        wait_s = self._wait_s(answer, now_us)
        self._held_us = now_us + int(wait_s * SECOND_US)
        if self._failures == 1:
            around = self._around
            told = PullHeld(around.channel, around.site, fault.code, round(wait_s, 3))
            around.report(told)
        return fault

    def answered(self) -> None:
        """Note that it is well."""
        self._around.tally.answered_us = self._around.clock.now_us()
        if self._failures:
            around = self._around
            around.report(PullResumed(around.channel, around.site, count=self._failures))
        self._failures, self._held_us, self.fault = 0, 0, None
        self._around.tally.trouble = ""

    def _wait_s(self, answer: Answer | None, now_us: int) -> float:
        own_s = min(backoff_s(self._failures, _chance), self._manners.longest_wait_s)
        if answer is None or answer.status not in {429, 503}:
            return own_s
        told_s = retry_after_s(answer.headers, now_us)
        if told_s is None:
            if answer.status == 429 and self._manners.per_minute:
                self._quota.exhaust(now_us)  # waits for the next minute by itself
            return own_s
        return min(max(told_s, own_s / 2), self._manners.longest_wait_s)

    async def _sent(self, url: str) -> Answer:
        headers = dict(_ACCEPT)
        if self._tokens is not None:
            async with self._renewing:
                if not self._tokens.is_fresh:
                    await self._renew(self._tokens)
            headers |= self._tokens.header
        await self._turn()
        return await self._spoken(self._line.ask(url, headers))

    async def _renew(self, tokens: Tokens) -> None:
        await self._turn()
        answer = await self._spoken(tokens.renew())
        if not tokens.is_fresh:
            fault = _fault(answer, "auth.token_url")
            raise FaultError(self.failed(fault or _UNAUTHORISED, answer))

    async def _spoken(self, asked: Awaitable[Answer]) -> Answer:
        try:
            answer = await asked
        except FaultError as error:
            if error.fault.code not in _OF_THE_ANSWER:
                self.failed(error.fault)
            raise
        self._around.tally.bytes_received += len(answer.body)
        return answer

    async def _turn(self) -> None:
        """Wait until a request may leave."""
        clock = self._around.clock
        while True:
            now_us = clock.now_us()
            held_us = self._held_us - now_us
            longest_us = int(self._manners.longest_wait_s * SECOND_US)
            if 0 < held_us <= longest_us:  # more: the clock was set back
                await self._sleep(min(_SLICE_S, held_us / SECOND_US))
            elif wait_us := self._quota.wait_us(now_us):
                await self._sleep(min(_SLICE_S, wait_us / SECOND_US))
            else:
                return


_UNAUTHORISED = Fault(
    Category.FORBIDDEN, "token-refused", "the server does not take the token it was given"
)


def _chance() -> float:
    return secrets.randbelow(_MOST_CHANCE) / _MOST_CHANCE


def _fault(answer: Answer, where: str) -> Fault | None:
    """Say what is wrong with an answer before anybody reads its body."""
    status = answer.status
    if status == 200:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind.rpartition("/")[2] in {"json", "fhir+json", "json+fhir"}:
            return None
        text = "the server answers with something else than JSON"
        return Fault(Category.UNAVAILABLE, "answer-no-json", text, where)
    if status in _WEARY or status >= 500:
        code = "server-busy" if status in {429, 503} else "server-failed"
        text = "the server asks to be left alone, or fails"
        return Fault(Category.UNAVAILABLE, code, text, f"{where}, status {status}")
    if status == 401:
        return _UNAUTHORISED
    return _refusal(status, where)


def _refusal(status: int, where: str) -> Fault:
    place = f"{where}, status {status}"
    if status in {404, 410}:
        text = "the server has nothing at this address"
        return Fault(
            Category.NOT_FOUND,
            "resource-gone" if status == 410 else "resource-missing",
            text,
            place,
        )
    if 300 <= status < 400:
        text = "the server sends us to another address; not followed"
        return Fault(Category.FORBIDDEN, REDIRECTS, text, place)
    if status == 403:
        text = "the server does not let this client have it"
        return Fault(Category.FORBIDDEN, "server-forbids", text, place)
    text = "the server does not take this request"
    return Fault(Category.INVALID, "request-refused", text, place)
