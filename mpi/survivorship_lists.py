"""The repeating elements of a golden record: joined, each value once, or taken from one member.

Two values are one when matching would read them alike (`(608) 555-0142` and `6085550142`), however
they are spelled; the spelling shown is that of the member first in standing.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine.core.lexeme import encode
from mpi.names import is_placeholder, newborn_order, surname_tokens
from mpi.normalise import email, phone, ssn, tokens
from mpi.normalise_address import address_of
from mpi.person import SSN_SYSTEM
from mpi.survivorship_choice import Candidate, Member, candidate, choose, leaves, standing
from mpi.survivorship_rules import Rules

Key = Callable[[dict[str, Any]], object]


def _point_key(point: dict[str, Any]) -> object:
    """A phone or mailbox by what it reaches; None for one that reaches nobody."""
    value = point.get("value") or ""
    if point.get("system") == "email" or "@" in value:
        return email(value) or None
    if point.get("system") in {None, "phone", "sms"}:
        return phone(value) or None
    return (point.get("system"), value) if value else None


def _contact_key(contact: dict[str, Any]) -> object:
    name = contact.get("name") or {}
    return tuple(sorted(named(name))) or encode(contact)


def _language_key(spoken: dict[str, Any]) -> object:
    language = spoken.get("language") or {}
    codes = {c.get("code") for c in language.get("coding") or () if c.get("code")}
    return min(codes) if codes else "".join(tokens(language.get("text") or "")) or None


KEYS: dict[str, Key] = {
    "telecom": _point_key,
    "contact": _contact_key,
    "communication": _language_key,
    "address": lambda a: address_of(a) or encode(a),
}
_ALL_DIFFER = frozenset({"address", "contact"})  # each item has a key, so one alone is shown


def _each(members: Sequence[Member], element: str, rules: Rules) -> list[Candidate]:
    """Every item of a list element of every member, in standing."""
    found = [
        Candidate(m, item, trust, element)
        for m in members
        for trust in (rules.trust_of(m.site),)
        for item in m.body.get(element) or ()
        if item
    ]
    return sorted(found, key=standing) if len(members) > 1 else found


def united(members: Sequence[Member], element: str, rules: Rules) -> list[Candidate]:
    """Each value once, in standing, at most as many as the rules allow."""
    key = KEYS[element]
    seen: dict[object, Candidate] = {}
    found = _each(members, element, rules)
    if len(found) == 1 and element in _ALL_DIFFER:
        return found[: rules.limits.get(element)]
    for c in found:
        if (same := key(c.value)) is not None:
            seen.setdefault(same, c)
    return list(seen.values())[: rules.limits.get(element)]


def chosen_list(members: Sequence[Member], element: str, rules: Rules) -> list[Candidate]:
    """The whole list of the one member whose list the rules choose."""
    lists = [candidate(m, element, m.body[element], rules) for m in members if m.body.get(element)]
    best = choose(lists, rules.elements[element], leaves)
    if best is None:
        return []
    return [best._replace(value=item) for item in best.value if item]


def used(value: dict[str, Any], use: str) -> dict[str, Any]:
    """The same with another `use`, which FHIR writes first in names and identifiers."""
    return {"use": use, **{k: v for k, v in value.items() if k != "use"}}


def is_ssn(identifier: dict[str, Any]) -> bool:
    """Whether an identifier is meant to be a social security number."""
    return identifier.get("system") == SSN_SYSTEM


def ssn_completeness(identifier: dict[str, Any]) -> int:
    """2 for nine digits, 1 for the last four, 0 for a stand-in."""
    full, last4 = ssn(identifier.get("value") or "")
    return 2 if full else 1 if last4 else 0


def identifiers(members: Sequence[Member], rules: Rules) -> tuple[list[Candidate], bool]:
    """All identifiers, but one SSN at most; and whether members give different SSNs.

    Identifiers of a record that its source merged away are kept with the use `old`.
    """
    found = [c for c in _each(members, "identifier", rules) if (c.value.get("value") or "").strip()]
    numbers = [c for c in found if is_ssn(c.value) and ssn_completeness(c.value)]
    best = choose(numbers, rules.elements["ssn"], ssn_completeness)
    full = {nine for c in numbers if (nine := ssn(c.value["value"])[0])}
    seen: dict[object, Candidate] = {} if best is None else {"ssn": best}
    if len(members) > 1:
        found.sort(key=lambda c: (c.member.merged, -c.trust, c.member.site, *standing(c)))
    for c in found:
        if not is_ssn(c.value):
            same = (c.value.get("system"), c.value["value"].strip())
            old = c.member.merged and same not in seen
            seen.setdefault(same, c._replace(value=used(c.value, "old")) if old else c)
    return list(seen.values()), len(full) > 1


def _given(name: dict[str, Any]) -> tuple[str, ...]:
    return tuple([t for g in name.get("given") or () for t in tokens(g)])


def named(name: dict[str, Any]) -> tuple[str, ...]:
    """The folded words of a name; empty for one that says nothing."""
    family = tokens(name.get("family") or "")
    return (*family, *_given(name)) or tokens(name.get("text") or "")


def _is_stand_in(name: dict[str, Any]) -> bool:
    given = _given(name)
    surnames, _ = surname_tokens(name.get("family") or "")
    return newborn_order(given) is not None or is_placeholder("".join(given[:1]), surnames)


def _name_completeness(name: dict[str, Any]) -> tuple[bool, int, int]:
    words = named(name)
    return (not _is_stand_in(name), len(words), sum(map(len, words)))


_MAIN = ("official", None, "usual")


def _main_names(members: Iterable[Member], rules: Rules) -> list[Candidate]:
    """Of every member the name it goes by."""
    found = []
    for m in members:
        sent = [n for n in m.body.get("name") or () if n and named(n)]
        ranked = [n for use in _MAIN for n in sent if n.get("use") == use] or sent
        found += [candidate(m, "name", ranked[0], rules)] if ranked else []
    return found


def names(members: Sequence[Member], rules: Rules) -> list[Candidate]:
    """The chosen name as `official`, then every other way the person was called, each once."""
    best = choose(_main_names(members, rules), rules.elements["name"], _name_completeness)
    if best is None:
        return []
    shown = [best._replace(value=used(best.value, "official"))]
    seen = {named(best.value)}
    for c in _each(members, "name", rules):
        if c.value is best.value:
            continue
        words = named(c.value)
        if not words or words in seen or _is_stand_in(c.value):
            continue
        seen.add(words)
        use = c.value.get("use")
        use = rules.aliases if use in {None, "official"} else use
        shown.append(c._replace(value=used(c.value, use)))
    return shown
