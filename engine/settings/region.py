"""The model of a region file. Every key has a description: manual and JSON Schema are made of them.

Units are in the names: `_s` seconds, `_bytes` bytes. A region file names sites, channels, identity
and storage; what a channel's own keys are, the channel's spec says.
"""

import codecs
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from engine.settings.secret import SecretRef

MIB = 1024 * 1024
MAPPINGS_FOLDER = "mappings"


def _known_charset(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError("should be a character set Python knows, as utf-8 or cp1252") from error


def _loopback(host: str) -> str:
    if host != "localhost" and not ip_address(host).is_loopback:
        raise ValueError("should be a loopback address: put a TLS proxy in front for the network")
    return host


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Layer = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+(/[a-z0-9_-]+)*$")]


def _origin(url: str) -> str:
    found = urlsplit(url)
    whole = found.scheme in {"http", "https"} and found.hostname and not found.username
    if not whole or found.query or found.fragment or url != url.rstrip("/"):
        raise ValueError("should be as https://fhir.north.example, without a slash at its end")
    return url


Charset = Annotated[str, AfterValidator(_known_charset)]
Origin = Annotated[str, AfterValidator(_origin)]
Loopback = Annotated[str, AfterValidator(_loopback)]


class Part(BaseModel):
    """Settings of ours: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(Part):
    """One sending organisation."""

    ehr: Name = Field(description="what the site runs: epic, athena, ecw, or another name")
    timezone: str = Field(description="IANA time zone of times without an offset")
    mappings: tuple[Layer, ...] = Field(
        min_length=1, description="mapping layers, the most general first: [base, vendor/epic]"
    )
    charset: Charset = Field(
        default="utf-8", description="character set of messages without MSH-18"
    )
    require_control_id: bool = Field(default=False, description="refuse messages without MSH-10")
    training: Literal["filter", "accept"] = Field(
        default="filter",
        description="what to do with training and debugging messages (MSH-11 T, D)",
    )


class Api(Part):
    """The FHIR endpoint."""

    host: Loopback = Field(default="127.0.0.1", description="loopback address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port; 0 takes a free one")
    public_url: Origin | None = Field(
        default=None,
        description="how clients reach it, for links; default: as the request names it, over http",
    )
    token: SecretRef | None = Field(
        default=None, description="bearer token; without it one is made by `concord init`"
    )


class Identity(Part):
    """Who is who."""

    model: Path | None = Field(
        default=None, description="match model (YAML); default: the built-in one"
    )
    survivorship: Path | None = Field(
        default=None, description="rules of the golden record (YAML); default: the built-in ones"
    )
    trust: dict[Name, Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="how far a site is believed, 0 to 100; default 50"
    )


class Storage(Part):
    """Journal and store."""

    engine: Literal["sqlite", "postgresql"] = Field(
        default="sqlite",
        description="sqlite keeps both in files here, postgresql on a server that hosts share",
    )
    dsn: SecretRef | None = Field(
        default=None, description="connection string of the server, as libpq reads it"
    )
    standby: Literal["optional", "required"] = Field(
        default="optional",
        description="`required` refuses a server whose commits do not wait for a standby",
    )
    encrypt: bool = Field(default=True, description="encrypt the database files")
    region_key: SecretRef | None = Field(
        default=None,
        description="key all others come from; without it one is made by `concord init`",
    )
    partitions: int = Field(
        default=32, ge=1, le=256, description="partitions of the journal; fixed once it exists"
    )

    @model_validator(mode="after")
    def _complete(self) -> "Storage":
        if self.engine == "sqlite" and self.dsn:
            raise ValueError("'dsn' goes with 'engine: postgresql'")
        if self.engine == "sqlite" and self.standby == "required":
            raise ValueError("'standby: required' goes with 'engine: postgresql'")
        if self.engine == "postgresql" and not self.dsn:
            raise ValueError("'engine: postgresql' needs 'dsn'")
        if self.engine == "postgresql" and not self.region_key:
            raise ValueError("'engine: postgresql' needs 'region_key': all hosts share one")
        return self


class Limits(Part):
    """Bounds of queues and batches."""

    intake_bytes: int = Field(
        default=64 * MIB,
        ge=MIB,
        description="most bytes waiting for the disk; senders are held back at half",
    )
    intake_messages: int = Field(
        default=4096,
        ge=1,
        description="most messages waiting for the disk; senders are held back at half",
    )
    batch_messages: int = Field(default=200, ge=1, description="most messages of one transaction")


class ChannelHead(BaseModel):
    """What every channel has, whatever its type."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = Field(description="kind of channel")
    site: str = Field(description="site the messages belong to")
    direction: Literal["in", "out"] = Field(description="`in` takes messages, `out` sends them")


class RegionFile(Part):
    """A region file as written."""

    region: Name = Field(description="name of the region")
    data_folder: Path = Field(
        default=Path("data"),
        description="where journal, store and keys lie; made if missing: mount its disk first",
    )
    mappings_folder: Path = Field(
        default=Path(MAPPINGS_FOLDER), description="where the mapping layers lie"
    )
    workers: int = Field(
        default=0, ge=0, le=256, description="worker processes; 0: one for each core"
    )
    sites: dict[Name, Site] = Field(min_length=1, description="the sites by name")
    channels: dict[Name, dict[str, Any]] = Field(
        default_factory=dict, description="the channels by name"
    )
    api: Api = Field(default_factory=Api, description="the FHIR endpoint")
    identity: Identity = Field(default_factory=Identity, description="who is who")
    storage: Storage = Field(default_factory=Storage, description="journal and store")
    limits: Limits = Field(default_factory=Limits, description="bounds of queues and batches")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of the region; `config` is what its spec made of its own keys."""

    name: str
    type: str
    site: str
    direction: str
    config: BaseModel
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """A region, checked. Paths are absolute; relative ones were relative to the region file."""

    name: str
    file: Path
    data_folder: Path
    mappings_folder: Path
    workers: int
    sites: dict[str, Site]
    channels: tuple[Channel, ...]
    api: Api
    identity: Identity
    storage: Storage
    limits: Limits
