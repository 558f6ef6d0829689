"""The access token: fetched when needed, kept until shortly before it ends, never told.

RFC 6749, 4.4 (client credentials). A server that refuses a client seldom says why; the code leads
to the likely causes (`concord explain`).
"""

import base64
from urllib.parse import quote

from channels.fhir_pull.assertion import FORM, assertion, signing_key
from channels.fhir_pull.settings import Auth
from channels.fhir_pull.wire import Answer, Line
from engine.core.clock import Clock
from engine.core.fault import Category, Fault, FaultError
from engine.formats.fhir_json import read_json
from engine.plugin.secret import reveal

TOKEN_UNUSABLE = Fault(
    Category.UNAVAILABLE, "token-unusable", "the token endpoint's answer holds no bearer token"
)
_EARLY_US = 30_000_000
_DEFAULT_S, _MOST_S = 300, 86_400
_REFUSALS = {
    "invalid_client": ("client-refused", "the token endpoint does not accept this client"),
    "unauthorized_client": ("client-refused", "the token endpoint does not accept this client"),
    "invalid_scope": ("scope-refused", "the token endpoint does not grant the scope"),
    "invalid_request": ("token-request-refused", "the token endpoint does not take the request"),
    "invalid_grant": ("token-request-refused", "the token endpoint does not take the request"),
    "unsupported_grant_type": (
        "token-request-refused",
        "the token endpoint does not take the request",
    ),
}


class Tokens:
    """The token of one channel; for one task at a time."""

    def __init__(self, auth: Auth, line: Line, clock: Clock) -> None:
        self._auth, self._line, self._clock = auth, line, clock
        self._token = ""
        self._until_us = 0

    @property
    def is_fresh(self) -> bool:
        return bool(self._token) and self._clock.now_us() < self._until_us

    def drop(self) -> None:
        """Forget it: a server refused it before its time."""
        self._token = ""

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def renew(self) -> Answer:
        """Get another, and return the answer. FaultError says who refused what.

        An answer that asks to wait (429, 503) changes nothing.
        """
        form, headers = self._request()
        answer = await self._line.ask(self._auth.token_url, headers, form)
        if answer.status in {429, 503}:
            return answer
        told = _read(answer)
        if answer.status != 200:
            raise FaultError(_refusal(answer.status, str(told.get("error", ""))))
        token, kind = told.get("access_token"), told.get("token_type", "bearer")
        if not isinstance(token, str) or not _is_plain(token) or str(kind).lower() != "bearer":
            raise FaultError(TOKEN_UNUSABLE)
        self._token = token
        life_us = _life_s(told.get("expires_in")) * 1_000_000
        self._until_us = self._clock.now_us() + life_us - min(_EARLY_US, life_us // 2)
        return answer

    def _request(self) -> tuple[dict[str, str], dict[str, str]]:
        auth = self._auth
        form = {"grant_type": "client_credentials"}
        headers = {"Accept": "application/json"}
        if auth.scope:
            form["scope"] = auth.scope
        if auth.private_key is not None:
            key = signing_key(reveal(auth.private_key), auth.algorithm)
            form["client_assertion_type"] = FORM
            form["client_assertion"] = assertion(
                *(key, auth.algorithm, auth.key_id, auth.client_id, auth.token_url),
                self._clock.now_us(),
            )
        elif auth.client_secret is not None:
            secret = reveal(auth.client_secret)
            if auth.client_auth == "basic":
                headers["Authorization"] = f"Basic {_basic(auth.client_id, secret)}"
            else:
                form |= {"client_id": auth.client_id, "client_secret": secret}
        return form, headers


def _basic(name: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are form-encoded first."""
    return base64.b64encode(f"{quote(name, safe='')}:{quote(secret, safe='')}".encode()).decode()


def _read(answer: Answer) -> dict[str, object]:
    try:
        found = read_json(answer.body)
    except FaultError:
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(status: int, error: str) -> Fault:
    where = f"auth.token_url, status {status}"
    if status >= 500:
        text = "the token endpoint fails"
        return Fault(Category.UNAVAILABLE, "token-endpoint-failed", text, where)
    unknown = ("client-refused", "the token endpoint does not accept this client")
    code, text = _REFUSALS.get(error, unknown)
    return Fault(Category.FORBIDDEN, code, text, where)


def _is_plain(token: str) -> bool:
    """Tell whether it can be sent as RFC 6750 has it."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _life_s(given: object) -> int:
    try:
        return max(1, min(int(str(given)), _MOST_S))
    except ValueError:
        return _DEFAULT_S
