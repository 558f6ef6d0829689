"""Settings of a pulling channel, as a region file writes them. The descriptions are the manual."""

from ipaddress import ip_address, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from channels.fhir_pull.weektime import read_time
from engine.plugin.place import SettingPath
from engine.plugin.secret import Secret
from engine.plugin.span import Span

MIB = 1024 * 1024


def is_loopback(host: str) -> bool:
    """Tell whether a host name can only mean this host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _url(text: str) -> str:
    try:
        found = urlsplit(text)
        port = found.port
    except ValueError as error:
        raise ValueError("should be an address as https://host/path") from error
    if not found.hostname or port == 0 or found.scheme not in {"https", "http"}:
        raise ValueError("should be an address as https://host/path")
    if found.scheme == "http" and not is_loopback(found.hostname):
        raise ValueError("should begin with https: only this host itself is asked in the clear")
    if "@" in found.netloc or found.query or found.fragment:
        raise ValueError("should have neither user, query nor fragment")
    return text.rstrip("/")


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("should be an address or a network, as 10.20.0.0/16") from error


def _time(text: str) -> str:
    read_time(text)
    return text


Url = Annotated[str, AfterValidator(_url)]
Network = Annotated[str, AfterValidator(_network)]
WeekTime = Annotated[str, AfterValidator(_time)]
Method = Literal["last-updated", "compare"]


_STRICT = ConfigDict(extra="forbid", frozen=True)


class Auth(BaseModel):
    """OAuth 2.0 client credentials: a secret, or a key (SMART Backend Services)."""

    model_config = _STRICT

    token_url: Url = Field(description="address of the token endpoint")
    client_id: str = Field(min_length=1, description="what the server calls this client")
    scope: str = Field(default="", description="scopes to ask for, as `system/*.read`")
    client_secret: Secret | None = Field(default=None, description="the client's secret")
    client_auth: Literal["basic", "post"] = Field(
        default="basic", description="how the secret is sent: Basic authentication, or in the form"
    )
    private_key: Secret | None = Field(
        default=None, description="PEM private key to sign with (`private_key_jwt`), mode 0600"
    )
    key_id: str = Field(default="", description="`kid` of the key, as registered")
    algorithm: Literal["RS384", "ES384"] = Field(default="RS384", description="how it signs")

    @model_validator(mode="after")
    def _one_proof(self) -> "Auth":
        if (self.client_secret is None) == (self.private_key is None):
            raise ValueError("needs one of 'client_secret' and 'private_key'")
        return self


class Search(BaseModel):
    """What is asked for again and again."""

    model_config = _STRICT

    type: str = Field(pattern=r"^[A-Z][A-Za-z]{2,63}$", description="resource type")
    search: dict[str, str] = Field(
        default_factory=dict, description="search parameters, as the server wants them"
    )
    by: Method = Field(
        default="last-updated",
        description="`last-updated`: only what changed; `compare`: everything, at the times of "
        "`compare`, for servers whose searches do not know `_lastUpdated`",
    )

    @model_validator(mode="after")
    def _ours(self) -> "Search":
        if taken := {"_lastUpdated", "_count", "_format"} & self.search.keys():
            raise ValueError(f"'{min(taken)}' is asked for by Concord itself")
        return self


class FhirPull(BaseModel):
    """A site's FHIR server, asked for what it has."""

    model_config = _STRICT

    base_url: Url = Field(description="FHIR base of the server; nothing beside it is asked")
    auth: Auth | None = Field(default=None, description="how to get a token; default: none")
    resources: tuple[Search, ...] = Field(
        default=(), description="what to poll for; empty: only what events name"
    )
    events: bool = Field(
        default=True,
        description="get what events of the site's `fhir_rest` channel only name; one channel of "
        "a site does",
    )
    every: Span = Field(default="5m", description="how often to poll: 30s, 5m, 1h")
    overlap: Span = Field(
        default="10m", description="how far each poll reaches back behind what it has seen"
    )
    compare: WeekTime = Field(
        default="sun 03:00",
        description="when everything is compared, in the site's time: `sun 03:00`, `daily 03:00` "
        "or `never`",
    )
    page_size: int = Field(
        default=100, ge=0, le=1000, description="resources of a page (`_count`); 0: the server's"
    )
    max_pages: int = Field(
        default=200, ge=1, description="pages of one search before others have their turn"
    )
    max_page_bytes: int = Field(
        default=32 * MIB, ge=1024, description="longest answer, unpacked; longer ones are refused"
    )
    timeout_s: float = Field(default=30.0, gt=0, description="seconds an answer may take")
    max_requests_per_s: float = Field(default=5.0, gt=0, description="requests a second")
    max_requests_per_minute: int = Field(
        default=0,
        ge=0,
        description="requests in a minute of the clock, tokens included; 0: any number. "
        "A 429 then waits for the next minute",
    )
    longest_wait: Span = Field(default="1h", description="longest a server's Retry-After counts")
    allow: tuple[Network, ...] = Field(
        default=(),
        description="addresses off the public internet that may be asked, as [10.20.0.0/16]",
    )
    ca: SettingPath | None = Field(
        default=None, description="PEM file of the authorities to believe; default: the system's"
    )

    @model_validator(mode="after")
    def _something_to_do(self) -> "FhirPull":
        if not self.resources and not self.events:
            raise ValueError("needs 'resources', or 'events: true'")
        names = [(one.type, tuple(sorted(one.search.items()))) for one in self.resources]
        if len(set(names)) < len(names):
            raise ValueError("'resources' asks for the same twice")
        if self.compare == "never" and any(one.by == "compare" for one in self.resources):
            raise ValueError("'by: compare' needs a time to compare at")
        return self
