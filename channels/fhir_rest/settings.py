"""Settings of one FHIR channel, as a region file writes them. The descriptions are the manual."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.plugin.secret import Secret

MIB = 1024 * 1024


class FhirIn(BaseModel):
    """A site's door at the region's endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Secret | None = Field(
        default=None,
        description="bearer token the site sends; it opens this site's door for writing, and "
        "nothing else. Default: one made at the first start, in `keys/CHANNEL.token` below the "
        "data folder; regions on several hosts name one",
    )
    answers: Literal["async", "sync"] = Field(
        default="async",
        description="`async`: 202 when a delivery is on disk, its outcome under the address in "
        "Content-Location; `sync`: 201 or 200 when it is in the store, 422 when it is invalid",
    )
    events_secret: Secret | None = Field(
        default=None,
        description="secret of signed events (`X-Hub-Signature`); without it none are taken",
    )
    max_body_bytes: int = Field(
        default=16 * MIB, ge=1024, description="longest body; a longer one is refused with 413"
    )
    max_requests_per_s: float = Field(
        default=200.0, gt=0, description="requests a second, beyond which 429 is answered"
    )
    drain_s: float = Field(
        default=5.0, ge=0, description="seconds outstanding answers are waited for when stopping"
    )
