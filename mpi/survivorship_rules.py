"""The rules of survivorship as people write them: which value of which member is shown.

Reads YAML, refuses what it does not know and says where. Knows no Patient and applies nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import yaml

from engine.core.fault import Category, FaultError, refuse

CHOOSERS = frozenset({"complete", "majority", "trust", "recent"})
ELEMENTS: Mapping[str, frozenset[str]] = {
    "extension": CHOOSERS,
    "identifier": frozenset({"union"}),
    "ssn": CHOOSERS,
    "name": CHOOSERS,
    "telecom": CHOOSERS | {"union"},
    "gender": CHOOSERS,
    "birthDate": CHOOSERS,
    "deceased": CHOOSERS | {"confirmed"},
    "address": CHOOSERS | {"union"},
    "maritalStatus": CHOOSERS,
    "multipleBirth": CHOOSERS,
    "contact": CHOOSERS | {"union"},
    "communication": CHOOSERS | {"union"},
    "generalPractitioner": CHOOSERS,
}
_USES = frozenset({"usual", "official", "temp", "nickname", "anonymous", "old", "maiden"})
_KEYS = ("trust", "elements", "conflicts", "aliases", "limits")


@dataclass(frozen=True, slots=True)
class Rules:
    """`elements` name the deciding rules in turn; `trust` is by site, with `default`."""

    trust: Mapping[str, int]
    elements: Mapping[str, tuple[str, ...]]
    conflicts: frozenset[str]
    aliases: str
    limits: Mapping[str, int]

    def trust_of(self, site: str) -> int:
        return self.trust.get(site, self.trust["default"])


def _bad(node: yaml.Node | None, code: str, message: str) -> FaultError:
    """A fault at `line:column`, both from 1."""
    where = f"{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node else "1:1"
    return refuse(Category.INVALID, code, message, where)


def _mapping(node: yaml.Node) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _bad(node, "survivorship-mapping", "a mapping is expected here")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value in found:
            raise _bad(key, "survivorship-twice", "this key is written twice")
        found[key.value] = value
    return found


def _text(node: yaml.Node, allowed: frozenset[str], what: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.value not in allowed:
        names = ", ".join(sorted(allowed))
        raise _bad(node, f"survivorship-{what}", f"the {what} is one of: {names}")
    return str(node.value)


def _texts(node: yaml.Node, allowed: frozenset[str], what: str) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise _bad(node, "survivorship-list", "a list is expected here")
    return tuple(_text(item, allowed, what) for item in node.value)


def _counts(node: yaml.Node) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for key, value in _mapping(node).items():
        if not isinstance(value, yaml.ScalarNode) or not value.value.isdecimal():
            raise _bad(value, "survivorship-number", "a whole number is expected here")
        found[key] = int(value.value)
    return MappingProxyType(found)


def _elements(node: yaml.Node) -> Mapping[str, tuple[str, ...]]:
    written = _mapping(node)
    for name, value in written.items():
        if name not in ELEMENTS:
            raise _bad(value, "survivorship-element", "there is no rule for this element")
    if missing := sorted(set(ELEMENTS) - set(written)):
        raise _bad(node, "survivorship-missing", f"no rule for: {', '.join(missing)}")
    found = {name: _texts(written[name], ELEMENTS[name], "rule") for name in ELEMENTS}
    for name, rules in found.items():
        if len(rules) > 1 and not CHOOSERS.issuperset(rules):
            raise _bad(written[name], "survivorship-alone", "union and confirmed stand alone")
    return MappingProxyType(found)


def load_rules(text: str) -> Rules:
    """Read the rules. Raises FaultError with `line:column` for anything not understood."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        message = "the rules are not valid YAML"
        raise refuse(Category.INVALID, "survivorship-yaml", message, where) from error
    if node is None:
        raise _bad(None, "survivorship-empty", "there are no rules")
    parts = _mapping(node)
    for key, value in parts.items():
        if key not in _KEYS:
            raise _bad(value, "survivorship-key", f"unknown; known are {', '.join(_KEYS)}")
    if missing := [key for key in _KEYS if key not in parts]:
        raise _bad(node, "survivorship-missing", f"missing: {', '.join(missing)}")
    trust = _counts(parts["trust"])
    if "default" not in trust:
        raise _bad(parts["trust"], "survivorship-missing", "missing: default")
    return Rules(
        trust=trust,
        elements=_elements(parts["elements"]),
        conflicts=frozenset(_texts(parts["conflicts"], frozenset(ELEMENTS), "element")),
        aliases=_text(parts["aliases"], _USES, "use"),
        limits=_counts(parts["limits"]),
    )
