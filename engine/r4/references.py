"""What a Reference may point to (R4, references.html): form of the literal, and its type.

Allowed are `Type/id`, `Type/id/_history/version`, `#contained`, absolute URLs, URNs, and no literal
at all (identifier or display only). Inside a Bundle also `Type?query`. The type of a literal that
names one has to be among the targets of the element. Knows not whether the target exists.
"""

import re
from typing import Any

from engine.r4.problem import Check, Found, Problem, Scope

_relative = re.compile(
    r"([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?"
).fullmatch
_absolute = re.compile(
    r"https?://[^\s?#]+/([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?"
).fullmatch
_conditional = re.compile(r"([A-Z][A-Za-z]+)\?[^\s]+").fullmatch
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+").fullmatch

_BAD = [Problem("bad-reference", "the reference has no form a literal may have", ".reference")]
_BAD_TYPE = [Problem("bad-reference", "the reference names no resource type", ".reference")]


def _plain(tail: str) -> bool:
    """Whether this is an id, for the usual case: a UUID or letters and digits."""
    return len(tail) <= 64 and tail.isascii() and tail.replace("-", "").isalnum()


def _named(literal: str, scope: Scope, known: frozenset[str]) -> tuple[str, Found]:
    """The type a literal names, empty when it names none; and what is wrong with its form."""
    match = _relative(literal) or (scope.conditional and _conditional(literal)) or None
    if match:
        return match[1], None if match[1] in known else _BAD_TYPE
    if not _scheme(literal):
        return "", _BAD
    match = _absolute(literal)
    # another server may have paths that look like ours: only a real type name says something
    return (match[1], None) if match and match[1] in known else ("", None)


def reference(structure: Check, targets: tuple[str, ...], known: frozenset[str]) -> Check:
    """Check a Reference: `structure` its elements, then the literal against `targets`.

    `known` are all resource types. No targets, or `Resource` among them, allow any type.
    """
    allowed = known if not targets or "Resource" in targets else frozenset(targets)
    listed = ", ".join(sorted(targets)) or "any resource"
    foreign = Problem("wrong-target", f"the reference has to point to {listed}", ".reference")
    foreign_type = foreign._replace(path=".type")

    def literal_of(value: dict[str, Any], scope: Scope) -> Found:
        literal = value.get("reference")
        if literal is None:
            return None
        head, slash, tail = literal.partition("/")
        if slash and head in allowed and _plain(tail):
            return None
        if literal[0] == "#":
            scope.local = True
            return None
        named, wrong = _named(literal, scope, known)
        return wrong or ([foreign] if named and named not in allowed else None)

    def check(value: Any, scope: Scope) -> Found:
        found = structure(value, scope)
        if found:
            return found
        stated = value.get("type")
        if stated is not None and stated in known and stated not in allowed:
            return [foreign_type]
        return literal_of(value, scope)

    return check
