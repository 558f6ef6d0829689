"""`document:`: the Attachment of a document whose bytes lie in a Binary of their own.

The Binary is known by patient and content, so the same document told by a result and by a notice
is stored once. It is about the patient (`securityContext`) and as confidential as the resources
that tell of it. Follows R4, binary.html.
"""

from collections.abc import Callable
from typing import Any

from engine.core.distinct import distinct
from engine.core.values import WHOLE, Contribution
from engine.formats.hl7v2.apart import Apart, expanded
from engine.mapping import content, values
from engine.mapping.content import Content
from engine.mapping.context import Context, Every, no_values
from engine.mapping.datatypes import registry
from engine.mapping.node import Fields, Scalar
from engine.mapping.scope import Scope
from engine.mapping.source import Source
from engine.mapping.text import plain
from engine.r4.elements import Element

Read = Callable[[str, Apart], Content | None]
_LARGEST = 2**31 - 1  # R4, unsignedInt


def compiled(context: Context, fields: Fields, element: Element) -> Every:
    """Compile `document:`."""
    node = fields.get("document")
    if "Attachment" not in element.types or not isinstance(node, Scalar):
        message = f"'document' takes a path and makes an Attachment, {element.name} is none"
        context.problems.report("E220", fields.mark, message)
        return no_values
    context.grammar.slots.touched.more = True  # it makes a Binary, and may be long
    pairs = [pair for source in values.sources(context, node) if (pair := _pair(source))]
    if not pairs:
        message = "a document is made of an ED or of text"
        context.problems.report("E220", node.mark, message, "of RP take the pointer as `url`")

    def every(scope: Scope) -> list[Any]:
        for source, read in pairs:
            found = [
                attachment
                for raw in source.many(scope)
                if (known := read(raw, scope.env.apart)) is not None
                and (attachment := _attached(context, scope, known, source.label)) is not None
            ]
            if found:
                return found
        return []

    return every


def _pair(source: Source) -> tuple[Source, Read] | None:
    kind = "ED" if source.datatype == "*" else registry.family(source.datatype)
    if source.element is not None:
        return None
    return {"ED": (source, content.of_ed), "ST": (source, _of_text)}.get(kind)


def _of_text(raw: str, apart: Apart) -> Content | None:
    return content.of_text(expanded(plain(raw), apart))


def _attached(context: Context, scope: Scope, known: Content, where: str) -> Any:
    if known.flaw is not None:
        scope.env.note(known.flaw[0], where, known.flaw[1])
    if not known.size_bytes or known.size_bytes > _LARGEST:
        return None
    return {
        "contentType": known.media,
        "url": f"Binary/{_stored(context, scope, known)}",
        "size": known.size_bytes,
        "hash": known.sha1,
    }


def _stored(context: Context, scope: Scope, known: Content) -> str:
    """Add the Binary of a document to the message and return its id."""
    ident = context.identify("Binary", (scope.record, known.digest))
    meta: dict[str, Any] = {"source": context.source}
    before = scope.env.sides.get(ident)
    labels = distinct([before.body["meta"].get("security", []) if before else [], scope.labels])
    if labels:
        meta["security"] = labels
    about = {"reference": f"Patient/{scope.record}"}
    body = {
        "resourceType": "Binary",
        "id": ident,
        "meta": meta,
        "contentType": known.media,
        **({"securityContext": about} if scope.record else {}),
        "data": known.data,
    }
    proven = frozenset({*body, WHOLE})
    scope.env.sides[ident] = Contribution("Binary", ident, body, scope.record, proven=proven)
    return ident
