"""`ext:`: extensions by URL or known name, and the US Core recipe for race and ethnicity."""

from collections.abc import Callable
from typing import Any

from engine.mapping import objects, values
from engine.mapping.context import Context, Every, Op, condition, no_values
from engine.mapping.datatypes.coded import Systems
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Scalar
from engine.mapping.scope import Scope
from engine.mapping.source import Source
from engine.mapping.tables import Table
from engine.mapping.text import part, plain
from engine.r4 import elements
from engine.r4.compiled import judge
from engine.r4.elements import Element

_US = "http://hl7.org/fhir/us/core/StructureDefinition/"
_CORE = "http://hl7.org/fhir/StructureDefinition/"
KNOWN = {
    "us-core-race": f"{_US}us-core-race",
    "us-core-ethnicity": f"{_US}us-core-ethnicity",
    "us-core-birthsex": f"{_US}us-core-birthsex",
    "patient-mothersMaidenName": f"{_CORE}patient-mothersMaidenName",
    "patient-religion": f"{_CORE}patient-religion",
    "patient-birthTime": f"{_CORE}patient-birthTime",
    "patient-birthPlace": f"{_CORE}patient-birthPlace",
    "patient-citizenship": f"{_CORE}patient-citizenship",
    "patient-nationality": f"{_CORE}patient-nationality",
    "patient-genderIdentity": f"{_CORE}patient-genderIdentity",
    "data-absent-reason": f"{_CORE}data-absent-reason",
}
CDC = "urn:oid:2.16.840.1.113883.6.238"
_MOST_CATEGORIES = {"us-core-race": 5, "us-core-ethnicity": 1}
_IS_URL = judge(elements.type_children("Extension")["url"])
_RECIPE = {"ext", "each", "omb", "detailed", "text", "when", "label"}


def compiled(context: Context, fields: Fields, element: Element) -> Every:
    """Compile `ext:`; `each`, `when` and `label` beside it are the caller's but for the recipe."""
    name = fields.get("ext")
    if "Extension" not in element.types or not isinstance(name, Scalar):
        context.problems.report("E220", fields.mark, f"{element.name} is no extension")
        return no_values
    url = KNOWN.get(name.text, name.text)
    nested = element.path == "Extension.extension"  # inside another: its names are short
    if ":" not in url and not nested:
        advice = closest(name.text, list(KNOWN))
        context.problems.report("E225", name.mark, f"unknown extension '{name.text}'", advice)
        return no_values
    if fields.get("omb") is not None:
        return _categories(context, fields, url, _MOST_CATEGORIES.get(name.text, 5))
    return _plain(context, fields, url, element)


def _plain(context: Context, fields: Fields, url: str, element: Element) -> Every:
    inner = fields.drop("ext", "when", "label", "each", "if", "url")
    each = fields.get("each")
    if each is None:
        build = objects.partial(context, inner, element.path)
        return _vouched(context, _once(build, url), build, inner, url)
    sources = values.sources(context, each) if isinstance(each, Scalar) else []
    if not sources:
        return no_values
    within = context.within(sources[0])
    test = condition(within, fields.get("if"))
    build = objects.partial(within, inner, element.path)
    return _vouched(context, _repeated(sources[0], build, test, url), build, inner, url)


def _vouched(context: Context, every: Every, build: Op, inner: Fields, url: str) -> Every:
    """Call it sound if its URL is, and it can only hold one thing: a value, or extensions."""
    alone = len(inner.entries) == 1
    return context.vouch(every, build) if alone and _IS_URL(url) else every


def _once(build: Op, url: str) -> Every:
    return lambda scope: [_with_url(url, found)] if (found := build(scope)) else []


def _repeated(source: Source, build: Op, test: Callable[[Scope], bool] | None, url: str) -> Every:
    def every(scope: Scope) -> list[Any]:
        found = []
        before = scope.rep
        for item in source.many(scope):
            scope.rep = item
            value = build(scope) if test is None or test(scope) else None
            if value:
                found.append(_with_url(url, value))
        scope.rep = before
        return found

    return every


def _with_url(url: str, found: dict[str, Any]) -> dict[str, Any]:
    nested = found.get("extension")
    head = {"extension": nested, "url": url} if nested else {"url": url}
    return {**head, **{name: value for name, value in found.items() if name != "extension"}}


def _categories(context: Context, fields: Fields, url: str, most: int) -> Every:
    """Race and ethnicity of US Core: one extension of all repetitions."""
    for key, _ in fields.entries:
        if key.text not in _RECIPE:
            message = f"unknown key '{key.text}' in the category recipe"
            context.problems.report("E111", key.mark, message, closest(key.text, sorted(_RECIPE)))
    each, text = fields.get("each"), fields.get("text")
    sources = values.sources(context, each) if isinstance(each, Scalar) else []
    if not sources or not isinstance(text, Scalar):
        context.problems.report("E112", fields.mark, "the category recipe needs 'each' and 'text'")
        return no_values
    source = sources[0]
    string = elements.type_children("Extension")["valueString"]
    label = values.single(context.within(source), text, string)
    nodes = (fields.get("omb"), fields.get("detailed"))
    omb, detailed = (values.named_table(context, node) if node else None for node in nodes)
    return _recipe(source, label, (omb, detailed), (url, most), Systems(context.tools))


def _recipe(
    source: Source,
    label: Op,
    tables: tuple[Table | None, Table | None],
    shape: tuple[str, int],
    systems: Systems,
) -> Every:
    omb, detailed = tables
    url, most = shape

    def every(scope: Scope) -> list[Any]:
        found: dict[str, list[dict[str, str]]] = {"ombCategory": [], "detailed": []}
        texts: dict[str, None] = {}
        for raw in source.many(scope):
            scope.rep = raw
            known = _sorted(raw, omb, "ombCategory", found, systems)
            known = _sorted(raw, detailed, "detailed", found, systems) or known
            text = label(scope) or known
            if text:
                texts[text] = None
        scope.rep = ""
        if not texts:
            return []
        parts = [{"url": "ombCategory", "valueCoding": c} for c in found["ombCategory"][:most]]
        parts += [{"url": "detailed", "valueCoding": c} for c in found["detailed"]]
        inner = [*parts, {"url": "text", "valueString": ", ".join(texts)}]
        return [{"extension": inner, "url": url}]

    return every


def _sorted(
    raw: str,
    table: Table | None,
    name: str,
    found: dict[str, list[dict[str, str]]],
    systems: Systems,
) -> str:
    """Add the coding of a repetition under a name when the table knows it; return its display."""
    if table is None:
        return ""
    code, text, system = (plain(part(raw, n)) for n in (1, 2, 3))
    uri = systems.uri(system)
    target = (table.find(uri, code) if code else None) or (table.find("", text) if text else None)
    if target is None:
        return ""
    coding = {"system": target.system or CDC, "code": target.code, "display": target.display}
    coding = {key: value for key, value in coding.items() if value}
    if coding not in found[name]:
        found[name].append(coding)
    return target.display
