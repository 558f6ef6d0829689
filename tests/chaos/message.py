"""Messages written by hand, field by field, for tests that are about one of them."""

from dataclasses import dataclass
from itertools import count

_NUMBERS = count(1)


@dataclass(frozen=True)
class Person:
    """Somebody invented, as a site writes them."""

    number: str
    family: str = "PENHALIGON"
    given: str = "WILHELMINA"
    street: str = "9 QUAY STREET"
    born: str = "19610307"


def control_id() -> str:
    """Return one that no other message of this process has."""
    return f"T{next(_NUMBERS):07d}"


def mercy_adt(
    person: Person, control: str, trigger: str = "A08", at: str = "20260914080000"
) -> bytes:
    """Write an ADT as Mercy would."""
    kind = f"ADT^{trigger}^ADT_A01|{control}|P|2.5.1||||||UNICODE UTF-8"
    name = f"{person.family}^{person.given}^^^^^L||{person.born}|F"
    where = f"{person.street}^^MARLOW BAY^WI^53902^US^P"
    lines = (
        f"MSH|^~\\&|EPIC|MERCY|CONCORD|NORTH|{at}||{kind}",
        f"EVN|{trigger}|{at}",
        f"PID|1||{person.number}^^^EPI^EPI||{name}|||{where}",
    )
    return ("\r".join(lines) + "\r").encode()


def hilltop_adt(person: Person, control: str, at: str = "20260914080000") -> bytes:
    """Write an ADT^A08 as Hilltop would."""
    name = f"{person.family}^{person.given}||{person.born}|Female"
    lines = (
        f"MSH|^~\\&|ECW|HILLTOP|CONCORD|NORTH|{at}||ADT^A08|{control}|P|2.3",
        f"EVN|A08|{at}",
        f"PID|1|{person.number}||HT-{person.number}|{name}|||{person.street}^^MARLOW BAY^WI^53902",
    )
    return ("\r".join(lines) + "\r").encode("cp1252")
