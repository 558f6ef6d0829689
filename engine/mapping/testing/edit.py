"""Changes to the message of a tests document, segment by segment and field by field.

`PID: 'PID|1||123'` stands in place of PID, `PV1-2: E` changes a field, `OBX[2]-5` that of the
second OBX, `AL1: remove` takes them all away, and a segment the message has not comes at its end.
A list of segments may stand for one.
"""

import re

from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Problems
from engine.mapping.testing.case import texts
from engine.mapping.vocabulary import field_types

_KEY = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+))?")
_HEADER = "MSH"


class _LostError(Exception):
    pass


def edited(base: str, changes: Fields, problems: Problems) -> str | None:
    """Return the message with the changes made; None after a problem was reported."""
    lines = [line.strip() for line in base.split("\n") if line.strip()]
    before = len(problems)
    for key, value in changes.entries:
        try:
            lines = _changed(lines, key, value, problems)
        except _LostError:
            continue
    return "\n".join(lines) if len(problems) == before else None


def _wrong(problems: Problems, node: Node, message: str, advice: str = "") -> _LostError:
    problems.report("E274", node.mark, message, advice)
    return _LostError()


def _changed(lines: list[str], key: Scalar, value: Node, problems: Problems) -> list[str]:
    match = _KEY.fullmatch(key.text)
    if match is None:
        raise _wrong(problems, key, f"'{key.text}' is no segment and no field", "PID, OBX[2]-5")
    name, index, number = match.groups()
    places = [place for place, line in enumerate(lines) if line[:3] == name]
    if index is not None:
        places = places[int(index) - 1 : int(index)] if int(index) else []
    if number is not None:
        _known(name, int(number), key, problems)
    if not places and (index or number or _is_remove(value)):
        held = list(dict.fromkeys(line[:3] for line in lines))
        message = f"the message of the document has no {key.text.partition('-')[0]}"
        raise _wrong(problems, key, message, closest(name, held))
    if number is None:
        return _replaced(lines, places, value, problems)
    if not isinstance(value, Scalar):
        raise _wrong(problems, value, "a field is a text")
    return [
        _with_field(line, int(number), value.text) if place in places else line
        for place, line in enumerate(lines)
    ]


def _known(name: str, number: int, key: Scalar, problems: Problems) -> None:
    """Refuse a field that HL7 does not have; what a Z segment has, its overlay says."""
    fields = field_types(name, {})
    if not name.startswith("Z") and number not in fields:
        message = f"unknown field {name}-{number}"
        advice = f"{name} has {max(fields)}" if fields else "no such segment"
        raise _wrong(problems, key, message, advice)


def _is_remove(value: Node) -> bool:
    return isinstance(value, Scalar) and value.text == "remove"


def _replaced(lines: list[str], places: list[int], value: Node, problems: Problems) -> list[str]:
    new = [] if _is_remove(value) else [line.strip() for line in texts(value)]
    if isinstance(value, Fields) or (isinstance(value, Items) and len(new) < len(value.items)):
        raise _wrong(problems, value, "a segment is a text, or a list of texts")
    if not all(_KEY.match(line) and line[3:4] == "|" for line in new):
        raise _wrong(problems, value, "a segment begins with its name and `|`")
    at = places[0] if places else len(lines)
    before = [line for place, line in enumerate(lines[:at]) if place not in places]
    return [*before, *new, *(lines[p] for p in range(at, len(lines)) if p not in places)]


def _with_field(line: str, number: int, text: str) -> str:
    fields = line.split("|")
    at = number - 1 if line.startswith(_HEADER) else number
    fields += [""] * (at + 1 - len(fields))
    fields[at] = text
    return "|".join(fields)
