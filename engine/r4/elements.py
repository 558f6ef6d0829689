"""The elements of FHIR R4 4.0.1: which exist, of what type, how often, in what order.

Source: the snapshots of HL7's StructureDefinitions. Names are JSON names (R4, json.html): a choice
`value[x]` appears as `valueQuantity`, `valueString` and so on. Knows no values and no profiles.
The dictionaries handed out are shared: read them only.
"""

from dataclasses import dataclass, replace
from functools import cache

from rapidfuzz import fuzz, process

from engine.r4 import tables

_CODED = frozenset({"code", "Coding", "CodeableConcept", "Quantity", "string", "uri"})
_CLOSE_ENOUGH = 60.0  # of 100; below it a suggestion is more puzzling than none


@dataclass(frozen=True, slots=True)
class Element:
    """One element as JSON writes it."""

    path: str  # as defined: `HumanName.family`, `Patient.contact.name`, `Observation.valueQuantity`
    name: str
    types: tuple[str, ...]  # one, but for an unexpanded choice; empty for a content reference
    min: int  # of a choice: how many of the whole group
    max: int | None  # None is `*`
    choice: bool = False
    group: str = ""  # `value[x]`, the choice this element is one form of
    targets: tuple[str, ...] = ()  # what a Reference may point to; empty or `Resource` is anything
    binding: frozenset[str] | None = None  # all allowed codes, of a required and enumerable set
    binding_strength: str = ""  # required, extensible, preferred, example
    value_set: str = ""  # canonical URL of the bound value set, without version
    profile: str = ""  # SimpleQuantity, MoneyQuantity: a Quantity with further rules
    content_reference: str = ""  # path of the element whose children this one has, too

    @property
    def repeats(self) -> bool:
        """Whether JSON writes an array."""
        return self.max != 1


def is_primitive(type_name: str) -> bool:
    """Whether JSON writes a value of this type as one string, number or boolean."""
    return tables.kinds().get(type_name, ("", False))[0] == "primitive-type"


@cache
def resource_types() -> frozenset[str]:
    """Names of all resources that can be instantiated."""
    return frozenset(
        name
        for name, (kind, abstract) in tables.kinds().items()
        if kind == "resource" and not abstract
    )


@cache
def data_types() -> frozenset[str]:
    """Names of all complex datatypes, abstract ones and Quantity profiles included."""
    return frozenset(name for name, (kind, _) in tables.kinds().items() if kind == "complex-type")


@cache
def members(value_set: str) -> frozenset[tuple[str, str]] | None:
    """Return (system, code) of all concepts of a required value set, None if not enumerable."""
    systems = tables.value_set(value_set)
    if systems is None:
        return None
    return frozenset((system, code) for system, codes in systems.items() for code in codes)


@cache
def _codes(value_set: str) -> frozenset[str] | None:
    found = members(value_set)
    return None if found is None else frozenset(code for _, code in found)


def _element(type_name: str, row: tables.Row) -> Element:
    path, least, most, types, targets, strength, value_set, profile, reference = row
    return Element(
        path=f"{type_name}.{path}",
        name=path.rpartition(".")[2],
        types=tuple(types),
        min=least,
        max=most,
        choice=path.endswith("[x]"),
        group=path.rpartition(".")[2] if path.endswith("[x]") else "",
        targets=tuple(targets),
        binding=_codes(value_set) if strength == "required" else None,
        binding_strength=strength,
        value_set=value_set,
        profile=profile,
        content_reference=reference,
    )


def _form(element: Element, type_name: str) -> Element:
    """One form of a choice: `value[x]` as `valueQuantity`."""
    suffix = type_name[0].upper() + type_name[1:]
    coded = type_name in _CODED
    return replace(
        element,
        path=element.path.removesuffix("[x]") + suffix,
        name=element.name.removesuffix("[x]") + suffix,
        types=(type_name,),
        targets=element.targets if type_name == "Reference" else (),
        binding=element.binding if coded else None,
        binding_strength=element.binding_strength if coded else "",
        value_set=element.value_set if coded else "",
        profile=element.profile if type_name == "Quantity" else "",
    )


@cache
def _tree(type_name: str) -> dict[str, dict[str, Element]]:
    """Per path inside a type its elements as defined, choices unexpanded, keyed by name."""
    tree: dict[str, dict[str, Element]] = {type_name: {}}
    for row in tables.rows(type_name):
        element = _element(type_name, row)
        tree.setdefault(element.path.rpartition(".")[0], {})[element.name] = element
    return tree


def _declared(path: str) -> dict[str, Element]:
    root = path.partition(".")[0]
    if root not in tables.kinds():
        return {}
    tree = _tree(root)
    if path in tree:
        return tree[path]
    element = resolve(path)
    if element is None:
        return {}
    if element.content_reference:
        return _declared(element.content_reference)
    return _declared(element.types[0]) if len(element.types) == 1 else {}


@cache
def children(path: str) -> dict[str, Element]:
    """Return the elements below a type, a backbone path or any element path, by JSON name.

    Empty for a primitive and for what does not exist. Order is the definition's.
    """
    expanded: dict[str, Element] = {}
    for element in _declared(path).values():
        forms = [_form(element, t) for t in element.types] if element.choice else [element]
        expanded.update((form.name, form) for form in forms)
    return expanded


def type_children(type_name: str) -> dict[str, Element]:
    """Return the elements of a resource or datatype; empty when there is no such type."""
    return children(type_name) if type_name in tables.kinds() else {}


@cache
def resolve(path: str) -> Element | None:
    """Find `Patient.name.family`, `Observation.valueQuantity.value` or `Observation.value[x]`.

    The path starts with a type and has no indexes. None when there is no such element.
    """
    parent, _, name = path.rpartition(".")
    if not parent:
        return None
    known = children(parent).get(name)
    return known if known is not None else _declared(parent).get(name)


@cache
def order(path: str) -> dict[str, int]:
    """Return JSON name -> rank, in the order FHIR defines: `resourceType` first, `_x` after `x`."""
    names = list(children(path))
    first = ["resourceType"] if tables.kinds().get(path, ("", False))[0] == "resource" else []
    both = [form for name in names for form in (name, f"_{name}")]
    return {name: rank for rank, name in enumerate(first + both)}


def _nearest(name: str, known: list[str]) -> str | None:
    found = process.extractOne(
        name.lower(), known, scorer=fuzz.ratio, processor=str.lower, score_cutoff=_CLOSE_ENOUGH
    )
    return None if found is None else str(found[0])


def _meant(parent: str, name: str) -> str | None:
    """The child of `parent` that `name` stands for: itself, a form of a choice, the nearest."""
    below = children(parent)
    if name in below or name in _declared(parent):
        return name
    forms = [known for known, element in below.items() if element.group == f"{name}[x]"]
    return forms[0] if forms else _nearest(name, list(below))


def suggest(path: str) -> str | None:
    """Return the existing path most like this one, or None when nothing comes near.

    The first name that does not exist is replaced; what follows is kept while it makes sense.
    """
    root, *names = path.split(".")
    known = root if root in tables.kinds() else _nearest(root, sorted(resource_types()))
    if known is None:
        return None
    for name in names:
        found = _meant(known, name)
        if found is None:
            return None
        known = f"{known}.{found}"
    return known
