"""The overlay of a site as a draft: what was seen of its messages, and what is to be decided."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.survey.coverage import MAPPED, Coverage, Path
from engine.survey.draft.seen import Authority, Habits

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MEDICAL = frozenset({"MR", "MRN", "PI"})  # kinds the base takes a patient's key from
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What the layers below say already."""

    authorities: frozenset[str]
    declared: Mapping[str, Mapping[int, object]]  # Z segments with their fields
    says_patient: bool  # a vendor's layer says who a patient is


def overlay(name: str, chain: tuple[str, ...], habits: Habits, known: Known) -> str:
    """Return the text of the overlay, without what coverage says."""
    below = ", ".join(chain)
    lines = [
        f"# {name}: drafted from {habits.messages} messages, upon {below}.",
        "# `decide:` marks a guess.",
        "map: v1",
        "kind: overlay",
        *_segments(habits, known),
        *_identity(name, habits, known),
    ]
    return "\n".join(lines) + "\n"


def _segments(habits: Habits, known: Known) -> Iterator[str]:
    new = {
        spot: guess
        for spot, guess in sorted(habits.zed.items())
        if spot[1] not in known.declared.get(spot[0], {})
    }
    if new:
        yield "segments:"
    for segment in dict.fromkeys(segment for segment, _ in new):
        types = (f"{n}: {_type(g.datatype)}" for (s, n), g in new.items() if s == segment)
        yield f"  {segment}: {{{', '.join(types)}}}   # decide: types are guessed from their values"


def _type(datatype: str) -> str:
    return f'"{datatype}"' if datatype.endswith("*") else datatype


def _identity(name: str, habits: Habits, known: Known) -> Iterator[str]:
    authorities = {
        authority: found
        for authority, found in habits.authorities.items()
        if authority not in known.authorities
    }
    patient = list(_patient(habits, known))
    if not authorities and not patient:
        return
    yield "identity:"
    yield from patient
    if not authorities:
        return
    yield "  assigners:   # decide: the system of each; these are those the engine would make up"
    for authority, found in sorted(authorities.items()):
        yield _assigner(name, authority, found)


def _assigner(name: str, authority: str, found: Authority) -> str:
    system = f"urn:id:{name}:{authority}"
    kind = found.kinds.most_common(1)[0][0] if found.kinds else ""
    target = f'{{system: "{system}", type: {_text(kind)}}}' if kind else f'"{system}"'
    where = ", ".join(field for field, _ in found.fields.most_common(_SHOWN))
    return f"    {_text(authority)}: {target}   # {where}"


def _text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _patient(habits: Habits, known: Known) -> Iterator[str]:
    """Say which identifier is the patient's key where the layers below would take any."""
    for (field, kind), count in sorted(habits.keys.items()):
        yield f"  # {field} {f'of type {kind}' if kind else 'without type'}: {count} messages"
    typed = [
        (count, kind) for (field, kind), count in habits.keys.items() if field == "PID-3" and kind
    ]
    if known.says_patient or not typed or any(kind in _MEDICAL for _, kind in typed):
        return
    _, kind = max(typed)
    yield f"  patient:   # decide: {kind} was sent most"
    yield f"""    - {{label: {_text(kind)}, from: 'PID-3[$5 = "{kind}"]'}}"""
    yield f"  prior: [{{label: {_text(kind)}, from: 'MRG-1[$5 = \"{kind}\"] | MRG-1[1]'}}]"


def remarks(found: Coverage) -> str:
    """Return what the mapping makes of the sample, as comments."""
    paths = list(found.ranked())
    left = [path for path in paths if path.state != MAPPED and not path.reason]
    used = [path.path for path in paths if path.state == MAPPED]
    lines = [f"# Undecided, by how often it was sent: {'nothing' if not left else ''}".rstrip()]
    lines += [f"#   {path.path}: {path.deliveries} ({_shapes(path)})" for path in left]
    lines += ["# Mapped by the layers below:", *_wrapped(used)]
    for code, count in found.refused.most_common():
        lines.append(f"# {count} refused: {code} (`concord explain {code}`)")
    return "\n".join(lines) + "\n"


def _shapes(path: Path) -> str:
    return " or ".join(list(path.shapes)[:_SHOWN])


def _wrapped(names: list[str], width: int = 110) -> Iterator[str]:
    line = "#  "
    for name in names:
        if len(line) + len(name) >= width:
            yield line
            line = "#  "
        line += f" {name}"
    if names:
        yield line
