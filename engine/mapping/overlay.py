"""Changes by label: an overlay's paths walked on the documents of the layers below.

Pure: nodes in, new nodes out; marks survive, so that an error in a changed line shows the overlay.
A change that hits nothing is a problem: that is how a renamed label in the base is noticed.
"""

from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Problems

_LIST_EDITS = {"append", "prepend", "remove"}


class _MissedError(Exception):
    pass


def label_of(item: Node) -> str:
    """Return the name of a list entry: its `label`, that of its only value, or its first key."""
    if not isinstance(item, Fields) or not item.entries:
        return ""
    label = item.get("label")
    key, value = item.entries[0]
    if label is None and isinstance(value, Fields):
        label = value.get("label")
    return label.text if isinstance(label, Scalar) else key.text


def change(root: Fields, path: Scalar, new: Node, problems: Problems) -> Fields:
    """Return the root with one change made; a path that leads nowhere is reported."""
    try:
        changed = _at(root, path.text.split("."), new, path)
    except _MissedError:
        problems.report(
            "E120",
            path.mark,
            f"'{path.text}' changes nothing",
            "a path walks element names, list labels and switch cases of the layers below",
        )
        return root
    return changed if isinstance(changed, Fields) else root


def _is_remove(new: Node) -> bool:
    return isinstance(new, Scalar) and new.text == "remove"


def _at(node: Node, names: list[str], new: Node, path: Scalar) -> Node | None:
    """Return the node with the change made below it; None means it goes."""
    if not names:
        return None if _is_remove(new) else _replaced(node, new)
    if isinstance(node, Items):
        return _in_items(node, names, new, path)
    if isinstance(node, Fields):
        return _in_fields(node, names, new, path)
    raise _MissedError


def _in_items(node: Items, names: list[str], new: Node, path: Scalar) -> Node:
    for index, item in enumerate(node.items):
        if label_of(item) != names[0]:
            continue
        rest = names[1:]
        whole = _is_remove(new) and not rest
        rest = rest if whole else _inside(item, rest)
        changed = _at(item, rest, new, path)
        items = [*node.items[:index], *([changed] if changed else []), *node.items[index + 1 :]]
        return Items(tuple(items), node.mark)
    raise _MissedError


def _inside(item: Node, names: list[str]) -> list[str]:
    """Return the path into an entry: one that is known by its first key is that key's value."""
    if not isinstance(item, Fields) or item.get("label") is not None:
        return names
    return [item.entries[0][0].text, *names]


def found(node: Node | None, names: list[str]) -> Node | None:
    """Return what stands at a path, None when it leads nowhere."""
    if not names or node is None:
        return node
    if isinstance(node, Items):
        item = next((one for one in node.items if label_of(one) == names[0]), None)
        return None if item is None else found(item, _inside(item, names[1:]))
    if isinstance(node, Fields):
        key = _key(node, names[0])
        if key is not None:
            return found(node.get(key.text), names[1:])
        inner = node.get("set")
        return found(inner, names) if isinstance(inner, Fields) else None
    return None


def _key(node: Fields, name: str) -> Scalar | None:
    """Find a key by its text, or a switch case by one of its values."""
    found = node.key(name)
    if found is not None:
        return found
    return next((k for k, _ in node.entries if name in k.text.split(",")), None)


def _in_fields(node: Fields, names: list[str], new: Node, path: Scalar) -> Node:
    key = _key(node, names[0])
    if key is None:
        inner = node.get("set")
        if isinstance(inner, Fields):
            return _put(node, node.key("set"), _at(inner, names, new, path))
        return _added(node, names, new, path)
    value = node.get(key.text)
    if value is None:
        raise _MissedError
    return _put(node, key, _at(value, names[1:], new, path))


def _put(node: Fields, key: Scalar | None, value: Node | None) -> Fields:
    if key is None:
        raise _MissedError
    return node.drop(key.text) if value is None else node.put(key, value)


def _added(node: Fields, names: list[str], new: Node, path: Scalar) -> Fields:
    """Add an element that the layers below do not have."""
    if len(names) > 1 or _is_remove(new):
        raise _MissedError
    if isinstance(new, Fields) and new.entries and _LIST_EDITS.issuperset(new.keys()):
        if new.get("remove") is not None:
            raise _MissedError
        new = _edited(Items((), new.mark), new)
    return node.put(Scalar(names[0], path.mark), new)


def _replaced(old: Node, new: Node) -> Node:
    if isinstance(new, Fields) and new.entries and _LIST_EDITS.issuperset(new.keys()):
        base = old if isinstance(old, Items) else Items((old,), old.mark)
        return _edited(base, new)
    label = old.get("label") if isinstance(old, Fields) else None
    key = old.key("label") if isinstance(old, Fields) else None
    if label is None or key is None:
        return new
    if isinstance(new, Fields):
        return new if new.get("label") else Fields(((key, label), *new.entries), new.mark)
    return Fields(((key, label), (Scalar("from", new.mark), new)), new.mark)


def _listed(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, Items) else (node,)


def _edited(old: Items, edit: Fields) -> Items:
    gone = [item.text for item in _listed(edit.get("remove")) if isinstance(item, Scalar)]
    known = [label_of(item) for item in old.items]
    if any(name not in known for name in gone):
        raise _MissedError
    kept = [item for item in old.items if label_of(item) not in gone]
    items = (*_listed(edit.get("prepend")), *kept, *_listed(edit.get("append")))
    return Items(items, old.mark)
