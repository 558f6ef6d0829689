"""Which records are worth comparing: those that share a key.

A key is 64 bits of BLAKE2b over a few normalised fields, so it is the same in every process and on
every machine. Nothing that stood for "not known" makes a key. The choice of keys is measured, not
argued: they find .997 of true pairs at 2.5 candidates a record (60,000 generated people).
"""

from collections.abc import Iterator
from hashlib import blake2b

from jellyfish import metaphone

from mpi.names import name_root
from mpi.person import Person


def _by_birth(person: Person, root: str) -> Iterator[str]:
    birth = person.birth
    for surname in person.surnames + person.other_surnames:
        yield f"lb|{surname}|{birth}"
        if root:
            yield f"mb|{metaphone(surname)}|{root[0]}|{birth}"
    if root:
        yield f"fb|{root}|{birth}"
    if person.ssn4:
        yield f"sb|{person.ssn4}|{birth}"
    for contact in _contacts(person):
        yield f"cb|{contact}|{birth}"


def _contacts(person: Person) -> Iterator[str]:
    """Phone numbers, mailboxes and houses: what a household shares."""
    yield from person.phones
    yield from person.emails
    for place in person.addresses:
        if place.number and place.street:
            yield f"{place.number} {place.street[:4]}"


def _by_first(person: Person, root: str) -> Iterator[str]:
    for contact in _contacts(person):
        yield f"cf|{contact}|{root}"
    for place in person.addresses:
        if place.zip:
            for surname in person.surnames:
                yield f"fz|{root}|{surname}|{place.zip}"


def _by_contact(person: Person) -> Iterator[str]:
    """A surname at one phone, mailbox or house: a birth date or first name gone wrong is found."""
    for contact in _contacts(person):
        for surname in person.surnames:
            yield f"cl|{contact}|{surname}"


def _by_name(person: Person, root: str) -> Iterator[str]:
    birth = person.birth
    if not birth:
        return
    for surname in person.surnames:
        yield f"fy|{root}|{surname}|{birth[:4]}"
        if len(birth) == 10:
            yield f"fd|{root}|{surname}|{birth[5:]}"
        one, two = sorted((person.first, surname))
        yield f"xy|{one}|{two}|{birth[:4]}"


def key_texts(person: Person) -> frozenset[str]:
    """The keys in words: for explaining which of them brought two records together."""
    root = name_root(person.first)
    found = set(_by_birth(person, root)) if len(person.birth) == 10 else set()
    found.update(_by_contact(person))
    if root:
        found.update(_by_first(person, root))
        found.update(_by_name(person, root))
    if person.ssn:
        found.add(f"s|{person.ssn}")
    found.update(f"i|{identifier}" for identifier in person.identifiers)
    return frozenset(found)


def keys(person: Person) -> tuple[int, ...]:
    """Block keys as signed 64-bit integers, sorted, without duplicates."""
    found = {
        int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
        for text in key_texts(person)
    }
    return tuple(sorted(found))
