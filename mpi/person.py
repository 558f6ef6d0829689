"""What matching sees of a source Patient, in normal form, and its compact text for the index.

Reads FHIR R4 Patient JSON, whichever channel it came through. Knows nothing of databases, models or
other records. Two Patients with equal text are the same to matching.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from mpi.names import is_placeholder, newborn_order, suffix_of, surname_tokens
from mpi.normalise import birth_date, email, phone, ssn, tokens
from mpi.normalise_address import Address, address_of

READ = (
    *("name", "identifier", "telecom", "address", "birthDate", "gender"),
    *("multipleBirthBoolean", "multipleBirthInteger"),
)
"""The elements of a Patient that matching reads, and no others."""

SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"
_SSN_SYSTEMS = frozenset({SSN_SYSTEM, "urn:oid:2.16.840.1.113883.4.1"})
# Identifiers one person has across organisations (HL7 table 0203 and FHIR naming systems).
_WIDE_TYPES = frozenset({"DL", "PPN", "MC", "NI", "HC"})
_WIDE_SYSTEMS = ("http://hl7.org/fhir/sid/us-mbi", "http://hl7.org/fhir/sid/passport")
_SEX = {"male": "M", "female": "F"}
_MAIN_USE = {"official": 0, None: 1, "usual": 2, "temp": 3}


class Person(NamedTuple):
    """A person as one record describes them; `""`, 0 and `()` mean not known.

    Sets are sorted tuples. `placeholders` names the fields that held a stand-in value.
    """

    first: str = ""
    middle: tuple[str, ...] = ()
    surnames: tuple[str, ...] = ()
    suffix: str = ""
    other_firsts: tuple[str, ...] = ()
    other_surnames: tuple[str, ...] = ()
    birth: str = ""  # FHIR date, possibly partial
    sex: str = ""  # M or F
    ssn: str = ""  # nine digits
    ssn4: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    birth_order: int = 0
    multiple: bool = False
    newborn: bool = False
    placeholders: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()  # `system|value`, only of kinds that hold across sites

    @property
    def family(self) -> str:
        """The surname as one word."""
        return "".join(self.surnames)


class _Name(NamedTuple):
    first: str
    middle: tuple[str, ...]
    surnames: tuple[str, ...]
    suffix: str
    order: int | None = None  # set for a newborn's stand-in name


def _parts(name: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Family and given as sent, taking a whole name in one field apart."""
    family, given = name.get("family") or "", [g for g in name.get("given") or () if g]
    if not family and not given:
        family = name.get("text") or ""
        if "," not in family:
            before, _, last = family.rpartition(" ")
            return last, [before]
    if not given and "," in family:
        family, _, rest = family.partition(",")
        given = [rest]
    return family, given


def _read_name(name: Mapping[str, Any]) -> _Name:
    family, given = _parts(name)
    surnames, suffix = surname_tokens(family)
    words = [w for g in given for w in tokens(g)]
    while len(words) > 1 and (found := suffix_of(words[-1])):
        suffix = suffix or found
        words.pop()
    for written in name.get("suffix") or ():
        for word in tokens(written):
            suffix = suffix or suffix_of(word)
    order = newborn_order(tuple(words))
    if order is not None:
        return _Name("", (), surnames, suffix, order)
    return _Name(words[0] if words else "", tuple(words[1:]), surnames, suffix)


def _names(patient: Mapping[str, Any]) -> list[_Name]:
    """All names, the one to compare first in front."""
    sent = [n for n in patient.get("name") or () if isinstance(n, Mapping)]
    ranked = sorted(sent, key=lambda n: _MAIN_USE.get(n.get("use"), 4))
    return [_read_name(n) for n in ranked]


def _described(names: list[_Name], found: set[str]) -> dict[str, Any]:
    """The fields of `Person` that names fill; stand-ins are noted in `found`."""
    real: list[_Name] = []
    for name in names:
        if is_placeholder(name.first, name.surnames):
            found.add("name")
        else:
            real.append(name)
    if not real:
        return {}
    main, others = real[0], real[1:]
    firsts = {n.first for n in others} - {main.first, ""}
    surnames = {s for n in others for s in n.surnames} - set(main.surnames)
    return {
        "first": main.first,
        "middle": main.middle,
        "surnames": main.surnames,
        "suffix": next((n.suffix for n in real if n.suffix), ""),
        "other_firsts": tuple(sorted(firsts)),
        "other_surnames": tuple(sorted(surnames)),
        "newborn": main.order is not None,
        "birth_order": main.order or 0,
    }


def _type_codes(identifier: Mapping[str, Any]) -> Iterator[str]:
    for coding in (identifier.get("type") or {}).get("coding") or ():
        yield coding.get("code") or ""


def _identified(patient: Mapping[str, Any], found: set[str]) -> dict[str, Any]:
    full = last4 = ""
    wide: set[str] = set()
    for identifier in patient.get("identifier") or ():
        system, value = identifier.get("system") or "", identifier.get("value") or ""
        if not value or identifier.get("use") == "old":
            continue
        codes = set(_type_codes(identifier))
        if system in _SSN_SYSTEMS or "SS" in codes:
            nine, four = ssn(value)
            full, last4 = full or nine, last4 or four
            if not four:
                found.add("ssn")
        elif system and (codes & _WIDE_TYPES or system.startswith(_WIDE_SYSTEMS)):
            wide.add(f"{system}|{''.join(tokens(value))}")
    return {"ssn": full, "ssn4": full[5:] or last4, "identifiers": tuple(sorted(wide))}


def _reached(patient: Mapping[str, Any], found: set[str]) -> dict[str, Any]:
    phones: set[str] = set()
    emails: set[str] = set()
    for point in patient.get("telecom") or ():
        value = point.get("value") or ""
        if not value:
            continue
        if point.get("system") == "email" or "@" in value:
            emails.add(usable := email(value))
        elif point.get("system") in {None, "phone", "sms", "other"}:
            phones.add(usable := phone(value))
        else:
            continue
        if not usable:
            found.add("telecom")
    addresses = {a for sent in patient.get("address") or () if (a := address_of(sent))}
    return {
        "phones": tuple(sorted(phones - {""})),
        "emails": tuple(sorted(emails - {""})),
        "addresses": tuple(sorted(addresses)),
    }


def person_of(patient: Mapping[str, Any]) -> Person:
    """Read a FHIR R4 Patient. Never fails on odd content: what cannot be used is left out."""
    found: set[str] = set()
    seen = _described(_names(patient), found)
    seen |= _identified(patient, found)
    seen |= _reached(patient, found)
    born = patient.get("birthDate") or ""
    birth = birth_date(born)
    if born and not birth:
        found.add("birth-date")
    order = patient.get("multipleBirthInteger") or seen.pop("birth_order", 0)
    return Person(
        **seen | {"birth_order": order},
        birth=birth,
        sex=_SEX.get(patient.get("gender") or "", ""),
        multiple=bool(patient.get("multipleBirthBoolean")) or order > 1,
        placeholders=tuple(sorted(found)),
    )


_ADDRESSES = Person._fields.index("addresses")  # bare tuples: orjson refuses subclasses of tuple


def to_text(person: Person) -> str:
    """Compact JSON array of the fields in order; equal for equal persons only."""
    values: list[Any] = list(person)
    values[_ADDRESSES] = [tuple(place) for place in person.addresses]
    return orjson.dumps(values).decode()


def from_text(text: str) -> Person:
    """The inverse of `to_text`. Raises ValueError for text that it did not make."""
    (
        first,
        middle,
        surnames,
        suffix,
        other_firsts,
        other_surnames,
        birth,
        sex,
        nine,
        four,
        phones,
        emails,
        addresses,
        order,
        multiple,
        newborn,
        placeholders,
        identifiers,
    ) = orjson.loads(text)
    return Person(
        first,
        tuple(middle),
        tuple(surnames),
        suffix,
        tuple(other_firsts),
        tuple(other_surnames),
        birth,
        sex,
        nine,
        four,
        tuple(phones),
        tuple(emails),
        tuple([Address(*a) for a in addresses]),
        order,
        multiple,
        newborn,
        tuple(placeholders),
        tuple(identifiers),
    )
