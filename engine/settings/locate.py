"""From what pydantic complains about to the place in the file where it is written."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from engine.core.problem import Place, Problem, suggestion
from engine.core.strict_yaml import Entry, Items, Node, Scalar, Table
from engine.settings.secret import is_secret_name

Loc = Sequence[int | str]
_OWN = "Value error, "
_KINDS = {
    "dict": "a table of keys and values",
    "model": "a table of keys and values",
    "list": "a list",
    "tuple": "a list",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
}
"""What a value should be, by what pydantic's kinds of error begin with."""
_OF_KIND = {"type", "parsing", "parsing_size", "from_float", "attributes_type"}
_GENERAL = "Input should be "


def problems_of(
    error: ValidationError, root: Node, model: type[BaseModel], at: Loc = ()
) -> list[Problem]:
    """Return every complaint about the tree below `at`, which was checked against `model`."""
    return [_problem(one, root, model, at) for one in error.errors()]


def key_place(root: Node, loc: Loc) -> Place:
    """Return where the key of `loc` stands, or the nearest key above it that is written."""
    place = root.place
    node: Node = root
    for step in loc:
        entry, below = _below(node, step)
        if below is None:
            break
        place = entry.key.place if entry else below.place
        node = below
    return place


def value_place(root: Node, loc: Loc) -> Place:
    """Return where the value of `loc` stands; for a table or a missing value, its key."""
    node: Node | None = root
    for step in loc:
        node = None if node is None else _below(node, step)[1]
    return node.place if isinstance(node, Scalar) else key_place(root, loc)


def absent_values(node: Node) -> list[Problem]:
    """Return a problem for each key that has no value."""
    if isinstance(node, Scalar):
        return []
    if isinstance(node, Items):
        return [problem for item in node.items for problem in absent_values(item)]
    found: list[Problem] = []
    for entry in node.entries:
        value = entry.value
        if isinstance(value, Scalar) and not value.text and not value.quoted:
            remedy = "give a value, or leave the key out"
            found.append(Problem("E304", f"'{entry.name}' has no value", value.place, remedy))
        found += absent_values(value)
    return found


def literal_secrets(node: Node) -> list[Problem]:
    """Return a problem for each secret written out, by the name of its key."""
    if isinstance(node, Scalar):
        return []
    if isinstance(node, Items):
        return [problem for item in node.items for problem in literal_secrets(item)]
    found: list[Problem] = []
    for entry in node.entries:
        value = entry.value
        if is_secret_name(entry.name) and isinstance(value, Scalar) and value.text:
            remedy = "write {env: NAME} or {file: PATH}, and change the secret: it was written down"
            text = f"'{entry.name}' holds a secret; only a reference is allowed"
            found.append(Problem("E309", text, value.place, remedy))
        found += literal_secrets(value)
    return found


def _problem(error: Any, root: Node, model: type[BaseModel], at: Loc) -> Problem:
    loc = (*at, *error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        known = known_keys(model, error["loc"][:-1])
        remedy = suggestion(str(loc[-1]), known) or f"known here: {', '.join(known)}"
        return Problem("E301", f"unknown key '{loc[-1]}'", key_place(root, loc), remedy)
    if kind == "missing":
        return Problem("E302", f"'{loc[-1]}' is missing", key_place(root, loc[:-1]), "add it")
    if loc and loc[-1] == "[key]":
        remedy = "use lower case letters, digits and hyphens, 40 at most"
        return Problem("E303", "the name is not allowed", key_place(root, loc[:-1]), remedy)
    place = value_place(root, loc)
    return Problem("E303", f"'{_last_name(loc)}' {_words(error)}", place)


def _words(error: Any) -> str:
    kind, _, what = error["type"].partition("_")
    if kind in _KINDS and what in _OF_KIND:
        return f"should be {_KINDS[kind]}"
    text: str = error["msg"].removeprefix(_OWN)
    if text.startswith(_GENERAL):
        text = "should be " + text.removeprefix(_GENERAL)
    return text[:1].lower() + text[1:]


def _last_name(loc: Loc) -> str:
    return next((step for step in reversed(loc) if isinstance(step, str)), "file")


def known_keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys of the table at `loc`, as the models say."""
    current: Any = model
    for step in loc:
        if _is_model(current):
            field = current.model_fields.get(step)
            current = field.annotation if field else None
        else:
            current = (get_args(current) or (None,))[-1]
        current = _without_none(current)
    return list(current.model_fields) if _is_model(current) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _without_none(annotation: Any) -> Any:
    arguments = get_args(annotation)
    models = [one for one in arguments if _is_model(one)]
    return models[0] if len(models) == 1 and type(None) in arguments else annotation


def _below(node: Node, step: int | str) -> tuple[Entry | None, Node | None]:
    if isinstance(node, Table):
        entry = next((one for one in node.entries if one.name == step), None)
        return entry, entry.value if entry else None
    if isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
        return None, node.items[step]
    return None, None
