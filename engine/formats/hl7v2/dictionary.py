"""HL7's own dictionary: structures, segments and data types of each v2 version.

The only module that imports hl7apy, whose tables are read where a mapping is compiled or linted,
never per message. Values are frozen and cached. Knows no message.

hl7apy writes group names with the structure's (`ORU_R01_OBSERVATION`) and invents names for those
groups that the standard left unnamed (`..._SUPPGRP`); both are brought to what people call them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, ModuleType
from typing import Any

import hl7apy

from engine.core.fault import Category, refuse
from engine.formats.hl7v2.groups import GroupDef, SegmentRef
from engine.formats.hl7v2.triggers import ALIASES

DEFAULT_VERSION = "2.5.1"
_STRUCTURE_NAME = re.compile(r"[A-Z]{3}(_[A-Z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field of a segment. `datatype` is `*` where the message says it (OBX-5)."""

    number: int
    datatype: str
    repeats: bool
    name: str
    required: bool
    table: str  # HL7 table, e.g. `0001`, or empty


@dataclass(frozen=True, slots=True)
class SegmentDef:
    name: str
    fields: Mapping[int, FieldDef]


@dataclass(frozen=True, slots=True)
class ComponentDef:
    """A component of a data type, or a sub-component of a component's type."""

    number: int
    datatype: str
    name: str
    required: bool
    table: str


@lru_cache(maxsize=1)
def versions() -> tuple[str, ...]:
    """The versions with a dictionary, oldest first."""
    return tuple(sorted(hl7apy.SUPPORTED_LIBRARIES, key=_parts))


def normal_version(text: str) -> str:
    """Return the nearest version with a dictionary: the newest not after it, else the oldest.

    Blank or unreadable gives 2.5.1.
    """
    found = re.match(r"\s*(\d(?:\.\d{1,2}){1,2})", text)
    if found is None:
        return DEFAULT_VERSION
    wanted = _parts(found[1])
    earlier = [version for version in versions() if _parts(version) <= wanted]
    return earlier[-1] if earlier else versions()[0]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def structure_of(kind: str, structure: str, version: str) -> str:
    """Name the structure of a message from MSH-9: its third component, else table 0354.

    `kind` is `ADT^A01`. A third component that is no known structure (`ADT_A08`, free text) gives
    way to what the trigger event says. Never fails: an unknown event is named as sent, cut to 16.
    """
    return _structure_of(kind[:16], structure[:16], version[:16])  # senders fill the cache


@lru_cache(maxsize=4096)
def _structure_of(kind: str, structure: str, version: str) -> str:
    code, _, trigger = kind.partition("^")
    event = code if code == "ACK" or not trigger else f"{code}_{trigger}"
    for name in (structure, event):
        known = ALIASES.get(name, name)
        if _finds(known, version):
            return known
    return structure if _STRUCTURE_NAME.fullmatch(structure) else event


def _finds(name: str, version: str) -> bool:
    return _message(name, normal_version(version)) is not None


def structure(version: str, name: str) -> GroupDef:
    """Return the structure `name`, in this version or the nearest one that has it.

    FaultError (unsupported) when no version does.
    """
    found = _structure(normal_version(version), name)
    if found is None:
        raise refuse(
            Category.UNSUPPORTED, "unknown-structure", "no such message structure", "MSH-9.3"
        )
    return found


@lru_cache(maxsize=512)
def _structure(version: str, name: str) -> GroupDef | None:
    definition = _message(name, version)
    if definition is None:
        return None
    return GroupDef(name, _children(definition[1], name), repeats=False, required=True)


@lru_cache(maxsize=4096)
def _message(name: str, version: str) -> Any:
    """Look in the version, then in later ones, then in earlier ones."""
    at = versions().index(version)
    for candidate in (*versions()[at:], *reversed(versions()[:at])):
        definition = _library(candidate).MESSAGES.get(name)
        if definition is not None:
            return definition
    return None


def _children(items: Any, prefix: str) -> tuple[GroupDef | SegmentRef, ...]:
    return tuple(_child(item, prefix) for item in items)


def _child(item: Any, prefix: str) -> GroupDef | SegmentRef:
    name, definition, (least, most), kind = item
    required, repeats = least > 0, most != 1
    if kind == "SEG":
        return SegmentRef(name, repeats=repeats, required=required)
    order, items = definition
    return GroupDef(
        _group_name(name, prefix, order),
        _children(items, prefix),
        repeats=repeats,
        required=required,
        choice=order == "choice",
    )


def _group_name(name: str, prefix: str, order: str) -> str:
    short = name.upper().removeprefix(f"{prefix.upper()}_")
    if not short.endswith("_SUPPGRP"):
        return short
    if order == "choice":
        return "CHOICE"
    return "OBSERVATION" if short.startswith("OBX") else short.removesuffix("_SUPPGRP")


@lru_cache(maxsize=4096)
def segment(version: str, name: str) -> SegmentDef | None:
    """Return the fields of a segment in this version, or None when the version has none such."""
    found = _library(normal_version(version)).SEGMENTS.get(name)
    if found is None or len(found) != 2 or len(name) != 3:  # withdrawn, or hl7apy's wildcard
        return None
    # hl7apy's v2.1 tables have a slip or two: what has not the shape of a field is left out
    fields = [_field(item) for item in found[1] if len(item) == 4 and item[3] == "FIE"]
    return SegmentDef(name, MappingProxyType({field.number: field for field in fields}))


def _field(item: Any) -> FieldDef:
    name, reference, (least, most), _ = item
    datatype, (title, table, _) = reference[2], reference[-3:]
    return FieldDef(
        number=int(name.rpartition("_")[2]),
        datatype="*" if datatype == "varies" else datatype,
        repeats=most != 1,
        name=title,
        required=least > 0,
        table=(table or "").removeprefix("HL7"),
    )


@lru_cache(maxsize=4096)
def datatype(version: str, name: str) -> tuple[ComponentDef, ...]:
    """Return the components of a data type in order; empty for a primitive or unknown one."""
    found = _library(normal_version(version)).DATATYPES_STRUCTS.get(name, ())
    return tuple(_component(item) for item in found)


def _component(item: Any) -> ComponentDef:
    name, reference, (least, _), _ = item
    _, _, kind, title, table, _ = reference
    return ComponentDef(
        number=int(name.rpartition("_")[2]),
        datatype="*" if kind == "varies" else kind,
        name=title,
        required=least > 0,
        table=(table or "").removeprefix("HL7"),
    )


@lru_cache(maxsize=16)
def _library(version: str) -> ModuleType:
    library: ModuleType = hl7apy.load_library(version)
    return library
