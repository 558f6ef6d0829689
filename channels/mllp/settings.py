"""Settings of one MLLP channel, as a region file writes them. The descriptions are the manual."""

from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator

from channels.mllp.row import BatchPolicy
from channels.tls import TlsIn

MIB = 1024 * 1024


class MllpIn(BaseModel):
    """An MLLP listener."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(ge=0, le=65535, description="TCP port to listen on; 0 takes a free one")
    host: str = Field(
        default="127.0.0.1", description="address to listen on; 0.0.0.0 is every interface"
    )
    allow: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="peers that may connect, networks as 10.1.0.0/16 or single addresses; empty: "
        "whoever reaches the port",
    )
    tls: TlsIn | None = Field(
        default=None, description="TLS of the port; without it everything goes in the clear"
    )
    insecure: bool = Field(
        default=False,
        description="listen on the network with neither `tls` nor `allow`, where something else "
        "protects the port (a tunnel, a firewall)",
    )
    max_frame_bytes: int = Field(
        default=20 * MIB, ge=1024, description="longest message; a longer one is refused with AR"
    )
    max_held_bytes: int = Field(
        default=256 * MIB,
        ge=1024,
        description="frames of all connections together that are unfinished or wait for room; "
        "beyond it the sender that holds most is closed",
    )
    frame_deadline_s: float = Field(
        default=30.0, gt=0, description="seconds from the first byte of a frame to its last"
    )
    end_grace_s: float = Field(
        default=1.0, gt=0, description="seconds of silence after FS without CR that end a frame"
    )
    idle_timeout_s: float = Field(
        default=0.0,
        ge=0,
        description="seconds without a byte after which a connection is closed; 0: never",
    )
    peer_timeout_s: int = Field(
        default=25,
        ge=3,
        le=30,
        description="seconds until a vanished peer is noticed and its socket freed",
    )
    max_connections: int = Field(default=512, ge=1, description="connections at the same time")
    max_connections_per_peer: int = Field(
        default=256, ge=1, description="connections at the same time from one address"
    )
    max_pipelined: int = Field(
        default=1000,
        ge=1,
        description="unanswered messages of one connection before reading pauses",
    )
    batch_answers: BatchPolicy = Field(
        default="all",
        description="what a batch (FHS, BHS) is answered with: `all`, a batch of one "
        "acknowledgement for each message; `errors`, of those for refused messages; `none`",
    )
    drain_s: float = Field(
        default=5.0, ge=0, description="seconds outstanding answers are waited for when stopping"
    )

    @model_validator(mode="after")
    def _protected(self) -> "MllpIn":
        open_port = self.tls is None and not self.allow and not _is_loopback(self.host)
        if open_port and not self.insecure:
            raise ValueError(
                "listens on the network for everyone, in the clear: give it 'tls' or 'allow', "
                "or say 'insecure: true' if something else protects the port"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
