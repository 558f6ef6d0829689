"""An activation: from its place in the journal on, these mappings hold. As a journal entry.

It carries the mapping files themselves, so that every host maps by what was activated, whatever
lies on its own disk, and a store that is derived again from the journal finds them there.
"""

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from engine.core.fault import Category, refuse
from engine.core.values import ACTIVATION, Envelope
from engine.mapping.library import Library
from engine.mapping.site import SiteProfile

CHANNEL = "steward"
START, RELOAD, ROLLBACK = "start", "reload", "rollback"
ACTS = (START, RELOAD, ROLLBACK)

Known = tuple[str, str]
"""Site and plan."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What a site is mapped by: the plan, and the profile it was compiled for but for its key."""

    plan: str
    profile: SiteProfile


@dataclass(frozen=True, slots=True)
class Activation:
    """Who made which plans hold. `of` is the activation that a rollback went back to."""

    act: str
    actor: str
    said_us: int
    sites: Mapping[str, SitePlan]
    of: int = 0

    def plans(self) -> dict[str, str]:
        """Return the plan of each site."""
        return {name: one.plan for name, one in self.sites.items()}


Libraries = Mapping[str, Library]
"""Files of each site's chain, by site."""


def envelope_of(activation: Activation, libraries: Libraries) -> Envelope:
    """Return what the journal takes."""
    body = {
        "act": activation.act,
        "actor": activation.actor,
        "said_us": activation.said_us,
        "of": activation.of,
        "sites": sites_to_json(activation.sites),
        "files": base64.b64encode(_packed(libraries)).decode(),
    }
    return Envelope(CHANNEL, "", ACTIVATION, orjson.dumps(body), activation.said_us)


def read_activation(body: bytes) -> tuple[Activation, Libraries]:
    """Read an activation back, with its files. FaultError `bad-activation` when it is none."""
    try:
        told = orjson.loads(body)
        libraries = _unpacked(base64.b64decode(told["files"], validate=True))
        sites = sites_of_json(told["sites"])
        activation = Activation(
            told["act"], told["actor"], int(told["said_us"]), sites, int(told["of"])
        )
    except (AttributeError, LookupError, TypeError, ValueError, zlib.error) as error:
        raise _bad("body") from error
    if activation.act not in ACTS or sites.keys() - libraries.keys():
        raise _bad("act" if activation.act not in ACTS else "files")
    return activation, libraries


def _packed(libraries: Libraries) -> bytes:
    """Write each text once: sites have most of their files in common."""
    texts = {text: None for library in libraries.values() for _, text in library.files}
    number = {text: nth for nth, text in enumerate(texts)}
    sites = {
        name: [(path, number[text]) for path, text in library.files]
        for name, library in libraries.items()
    }
    return zlib.compress(orjson.dumps({"texts": list(texts), "sites": sites}), 6)


def _unpacked(packed: bytes) -> dict[str, Library]:
    told = orjson.loads(zlib.decompress(packed))
    texts = told["texts"]
    return {
        name: Library(tuple((str(path), str(texts[nth])) for path, nth in files))
        for name, files in told["sites"].items()
    }


def sites_to_json(sites: Mapping[str, SitePlan]) -> dict[str, Any]:
    """Return the sites' plans and profiles as JSON; no key is among them."""
    return {
        name: {
            "plan": one.plan,
            "timezone": one.profile.timezone,
            "chain": one.profile.chain,
            "charset": one.profile.charset,
            "require_control_id": one.profile.require_control_id,
            "processing": one.profile.processing,
        }
        for name, one in sorted(sites.items())
    }


def sites_of_json(told: Mapping[str, Any]) -> dict[str, SitePlan]:
    """Read what `sites_to_json` made."""
    return {
        name: SitePlan(
            one["plan"],
            SiteProfile(
                name=name,
                timezone=one["timezone"],
                chain=tuple(one["chain"]),
                id_key=b"",
                charset=one["charset"],
                require_control_id=bool(one["require_control_id"]),
                processing=tuple(one["processing"]),
            ),
        )
        for name, one in told.items()
    }


def library_of(library: Library, chain: Iterable[str]) -> Library:
    """Return the files of a chain alone."""
    return Library(tuple(sorted({row for layer in chain for row in library.layer(layer)})))


def in_common(libraries: Libraries) -> Libraries:
    """Return libraries with the same chains of which those that agree are one.

    What is read and put together for one site then serves the others.
    """
    texts: dict[str, str] = {}
    for library in libraries.values():
        for path, text in library.files:
            if texts.setdefault(path, text) != text:
                return libraries
    whole = Library(tuple(sorted(texts.items())))
    return dict.fromkeys(libraries, whole)


def _bad(where: str) -> Exception:
    return refuse(Category.INVALID, "bad-activation", "the activation cannot be read", where)
