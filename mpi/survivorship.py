"""The golden record: one Patient for a person, put together from the records of the sites.

FHIR R4 Patient (http://hl7.org/fhir/R4/patient.html), elements in its order, nothing empty. Pure;
the order of the members does not show. Every value is some member's value, and `lineage` says
whose. Stand-ins (a newborn's generic name, 1900-01-01) give way to anything real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store.labels import joined, labels
from mpi.normalise import birth_date
from mpi.survivorship_choice import Candidate, Member, candidate, choose, leaves
from mpi.survivorship_lists import chosen_list, identifiers, names, united
from mpi.survivorship_rules import Rules, load_rules

__all__ = ["Golden", "Member", "Rules", "golden", "load_rules"]

SOURCE = "urn:concord:region"
TAG = {"system": "urn:concord:tag", "code": "golden"}
_SHARED_EXTENSIONS = (
    "http://hl7.org/fhir/us/core/StructureDefinition/",
    "http://hl7.org/fhir/StructureDefinition/patient-",
)
_LISTS = ("telecom", "address", "contact", "communication", "generalPractitioner")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "gender": ("gender",),
    "birthDate": ("birthDate",),
    "deceased": ("deceasedBoolean", "deceasedDateTime"),
    "maritalStatus": ("maritalStatus",),
    "multipleBirth": ("multipleBirthBoolean", "multipleBirthInteger"),
}
_ORDER = [
    "resourceType",
    "id",
    "meta",
    "extension",
    "identifier",
    "active",
    "name",
    "telecom",
    "gender",
    "birthDate",
    "_birthDate",
    "deceasedBoolean",
    "deceasedDateTime",
    "address",
    "maritalStatus",
    "multipleBirthBoolean",
    "multipleBirthInteger",
    "contact",
    "communication",
    "generalPractitioner",
    "link",
]


@dataclass(frozen=True, slots=True)
class Golden:
    """A Patient ready to be stored.

    `conflicts` are the elements on which members disagree and a person should look, sorted.
    """

    body: dict[str, Any]
    chosen: Mapping[str, Sequence[Candidate]]  # element -> the values shown
    conflicts: tuple[str, ...]

    @property
    def lineage(self) -> dict[str, str]:
        """Element (`birthDate`, `name[0]`) -> the record it was taken from."""
        return {
            (f"{element}[{place}]" if element not in CHOICES else element): (c.member.record)
            for element, some in self.chosen.items()
            for place, c in enumerate(some)
        }


class _Draft:
    """A record in the making; frozen into `Golden` at the end."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {}
        self.chosen: dict[str, Sequence[Candidate]] = {}
        self.conflicts: set[str] = set()

    def one(self, element: str, chosen: Candidate | None) -> None:
        if chosen is not None:
            self.body[chosen.key] = chosen.value
            self.chosen[element] = (chosen,)

    def many(self, element: str, chosen: Sequence[Candidate]) -> None:
        if chosen:
            self.body[element] = [c.value for c in chosen]
            self.chosen[element] = chosen


def _is_empty(element: str, value: Any) -> bool:
    """Whether a value says nothing: absent, unknown, or a stand-in."""
    if element == "birthDate":
        return not birth_date(str(value))
    return value is None or value in ("", "unknown", {}, [])


def _known(members: Sequence[Member], element: str, rules: Rules) -> list[Candidate]:
    """What members say about an element that holds one value; what says nothing only if all do."""
    found = [
        candidate(m, key, m.body[key], rules)
        for m in members
        for key in CHOICES[element]
        if m.body.get(key) is not None
    ]
    if len(found) < 2:
        return found
    return [c for c in found if not _is_empty(element, c.value)] or found


def _completeness(value: Any) -> int:
    """A date counts by its precision, a number or date above yes and no."""
    if isinstance(value, bool):
        return 0
    return len(value) if isinstance(value, str) else 1 + leaves(value)


def _confirmed(found: Sequence[Candidate]) -> tuple[Candidate | None, bool]:
    """A grave statement stands when two sites make it, or all that speak of it.

    Returns the value to show and whether sites contradict each other. Where they do and one site
    stands alone, nothing is shown: neither answer would be safe.
    """
    said = [c for c in found if c.value is not False]
    denied = [c for c in found if c.value is False]
    if not said or not denied:
        best = choose(said or denied, ("complete", "recent", "trust"), _completeness)
        return best, False
    if len({c.member.site for c in said}) < 2:
        return None, True
    return choose(said, ("complete", "recent", "trust"), _completeness), True


def _differ(element: str, found: Sequence[Candidate]) -> bool:
    """Whether members contradict each other; a partial date does not contradict a full one."""
    if len(found) < 2:
        return False
    values = {c.same for c in found}
    if element == "birthDate":
        dates = {str(c.value) for c in found}
        values = {d.encode() for d in dates if not any(o != d and o.startswith(d) for o in dates)}
    return len(values) > 1


def _single(draft: _Draft, members: Sequence[Member], element: str, rules: Rules) -> None:
    found = _known(members, element, rules)
    how = rules.elements[element]
    if how == ("confirmed",):
        best, differs = _confirmed(found)
    else:
        best, differs = choose(found, how, _completeness), _differ(element, found)
    draft.one(element, best)
    if differs:
        draft.conflicts.add(element)
    if best is not None and best.member.body.get(f"_{best.key}"):
        draft.body[f"_{best.key}"] = best.member.body[f"_{best.key}"]


def is_shared(extension: Mapping[str, Any]) -> bool:
    """Whether an extension is about the person."""
    return (extension.get("url") or "").startswith(_SHARED_EXTENSIONS)


def _extensions(members: Sequence[Member], rules: Rules) -> list[Candidate]:
    """Extensions about the person, one for each URL; those about a site's chart stay there."""
    by_url: dict[str, list[Candidate]] = {}
    for m in members:
        for item in m.body.get("extension") or ():
            if is_shared(item):
                by_url.setdefault(item["url"], []).append(candidate(m, "extension", item, rules))
    chosen = (choose(by_url[u], rules.elements["extension"], leaves) for u in sorted(by_url))
    return [c for c in chosen if c is not None]


def _meta(members: Sequence[Member]) -> dict[str, Any]:
    """Security labels of any member protect the whole."""
    every = [label for m in members for label in labels(m.body.get("meta") or {})]
    security = {"security": joined(every, ())} if every else {}
    return {"source": SOURCE, **security, "tag": [dict(TAG)]}


def frame(eid: str, members: Sequence[Member]) -> dict[str, Any]:
    """Return what every golden record begins with."""
    return {"resourceType": "Patient", "id": eid, "meta": _meta(members)}


def _active(members: Sequence[Member]) -> bool:
    """False only when every record that is in force says so."""
    said = [m.body["active"] for m in members if "active" in m.body and not m.merged]
    return not said or any(said)


def _fill(draft: _Draft, members: Sequence[Member], rules: Rules) -> None:
    said = {element for m in members for element in m.body}
    if "extension" in said:
        draft.many("extension", _extensions(members, rules))
    found, numbers_differ = identifiers(members, rules)
    draft.many("identifier", found)
    if numbers_differ:
        draft.conflicts.add("ssn")
    draft.many("name", names(members, rules))
    for element in _LISTS:
        if element in said:
            take = united if rules.elements[element] == ("union",) else chosen_list
            draft.many(element, take(members, element, rules))
    for element, written in CHOICES.items():
        if not said.isdisjoint(written):
            _single(draft, members, element, rules)


def golden(eid: str, members: Sequence[Member], rules: Rules) -> Golden:
    """Put the record of person `eid` together. Needs at least one member."""
    ordered = sorted(members, key=lambda m: (m.merged, m.record))
    draft = _Draft()
    draft.body |= frame(eid, ordered)
    draft.body["active"] = _active(ordered)
    _fill(draft, ordered, rules)
    draft.body["link"] = [
        {"other": {"reference": f"Patient/{record}"}, "type": "seealso"}
        for record in sorted({m.record for m in ordered})
    ]
    body = {name: draft.body[name] for name in _ORDER if name in draft.body}
    return Golden(body, draft.chosen, tuple(sorted(draft.conflicts & rules.conflicts)))
