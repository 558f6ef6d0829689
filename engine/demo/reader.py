"""An independent reader: everything it knows it got from the FHIR endpoint."""

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TYPES: tuple[str, ...] = ("Patient", "Encounter", "Observation", "DiagnosticReport", "Condition")
TYPES += ("AllergyIntolerance", "Coverage", "Appointment", "DocumentReference")
_PAGE = 500
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the endpoint is, and what opens it."""

    base: str  # http://127.0.0.1:port
    token: str

    def get(self, path: str) -> dict[str, Any]:
        """Fetch one resource; `path` is below the base, or a whole `next` link."""
        url = path if path.startswith("http") else f"{self.base}{path}"
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            url, headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found

    def search(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield every match of a search, page after page."""
        page = self.get(f"{path}{'&' if '?' in path else '?'}_count={_PAGE}")
        while True:
            for entry in page.get("entry", ()):
                if entry.get("search", {}).get("mode") == "match":
                    yield entry["resource"]
            links = [link["url"] for link in page.get("link", ()) if link["relation"] == "next"]
            if not links:
                return
            page = self.get(links[0])


@dataclass(frozen=True, slots=True)
class Seen:
    """What the endpoint shows. `content` is a digest without enterprise ids, versions and times."""

    people: frozenset[frozenset[str]]  # source Patient ids, by person
    resources: dict[tuple[str, str], list[dict[str, Any]]]  # (site, type) -> bodies
    content: str

    @property
    def groups(self) -> str:
        """Return a digest of who is one person with whom."""
        text = "\n".join(sorted(" ".join(sorted(group)) for group in self.people))
        return hashlib.sha256(text.encode()).hexdigest()


def read_everything(endpoint: Endpoint, sites: list[str]) -> Seen:
    """Read the unified view and the view of every site."""
    resources = {
        (site, kind): list(endpoint.search(f"/sources/{site}/fhir/{kind}"))
        for site in sites
        for kind in TYPES
    }
    golden = list(endpoint.search("/fhir/Patient"))
    people = frozenset(frozenset(_records(patient)) for patient in golden)
    names = {patient["id"]: min(_records(patient), default="") for patient in golden}
    lines = sorted(_line(body) for some in resources.values() for body in some)
    lines += sorted(_line({**patient, "id": names[patient["id"]]}) for patient in golden)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return Seen(people, resources, digest)


def _records(patient: dict[str, Any]) -> list[str]:
    return [
        link["other"]["reference"].removeprefix("Patient/")
        for link in patient.get("link", ())
        if link["type"] == "seealso"
    ]


def _line(body: dict[str, Any]) -> str:
    meta = {
        name: value
        for name, value in body.get("meta", {}).items()
        if name not in {"versionId", "lastUpdated"}
    }
    return json.dumps({**body, "meta": meta}, sort_keys=True)
