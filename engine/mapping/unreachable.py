"""What no message can reach: refused, because it is not what its writer meant.

Only what shows in the notation itself; that a sender never writes a value, nobody knows here.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from engine.mapping import tree
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Problems
from engine.mapping.tree import Expr, Span

Wrong = Callable[[str, Span, str, str], None]
_WHOLE = Span(0, 1)


def alternatives(items: Sequence[Node], problems: Problems) -> None:
    """Report the first of several rules that stands behind one which always has a value."""
    for before, after in pairwise(items):
        if _always(before):
            message = "never reached: the rule before it always has a value"
            problems.report("E290", after.mark, message, "put it before that one, or take it out")
            return


def cases(keys: Sequence[Scalar], problems: Problems) -> None:
    """Report values of a switch that an earlier case has taken."""
    taken: set[str] = set()
    for key in keys:
        names = [name.strip() for name in key.text.split(",")]
        for name in names:
            if name in taken:
                message = f"never reached: '{name}' has a case before this one"
                problems.report("E291", key.mark, message, "one case a value; `other` for the rest")
            taken.add(name)


def options(whole: Expr, wrong: Wrong) -> None:
    """Report alternatives of an expression that stand behind a text, which is always there."""
    for either in _eithers(whole):
        for option in either.options[:-1]:
            if isinstance(option, tree.Literal) and option.text:
                message = "what stands behind this text is never reached"
                wrong("E290", option.span, message, "put the text last")


def conditions(whole: Expr, wrong: Wrong) -> None:
    """Report a condition that is true of every message, or of none."""
    if _fixed(whole):
        wrong("E292", _WHOLE, "this condition reads nothing of a message", "name a field")
    for part in _judgements(whole):
        if isinstance(part, tree.Compare) and (part.left,) == part.right:
            wrong("E292", part.span, "both sides are the same", "")
    for left, span in _contradicted(whole):
        wrong("E292", span, f"{left} cannot be both at once: this is never true", "write or, or in")


def _always(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.text.startswith("=") and len(node.text) > 1
    if not isinstance(node, Fields) or node.get("when") is not None:
        return False
    otherwise = node.get("default")
    if otherwise is not None:
        return _always(otherwise)
    first = node.entries[0][1] if len(node.entries) == 1 else None  # of a branch: {code: "=x"}
    return isinstance(first, Scalar) and _always(first)


def _parts(whole: Expr) -> tuple[Expr, ...]:
    inner = whole.select if isinstance(whole, tree.Path) else None
    return (inner,) if inner is not None and not isinstance(inner, int) else tree.parts(whole)


def _eithers(whole: Expr) -> Iterator[tree.Either]:
    if isinstance(whole, tree.Either):
        yield whole
    for part in _parts(whole):
        yield from _eithers(part)


def _fixed(whole: Expr) -> bool:
    """Whether an expression is made of nothing but texts."""
    parts = tree.parts(whole)
    return isinstance(whole, tree.Literal) or (bool(parts) and all(map(_fixed, parts)))


def _judgements(whole: Expr) -> Iterator[Expr]:
    yield whole
    if isinstance(whole, tree.Logic | tree.Negation):
        for part in tree.parts(whole):
            yield from _judgements(part)


def _contradicted(whole: Expr) -> Iterator[tuple[Expr, Span]]:
    """Yield what is asked to be two texts at once."""
    for logic in _judgements(whole):
        if not isinstance(logic, tree.Logic) or logic.word != "and":
            continue
        known: dict[Expr, set[str]] = {}
        for part in logic.parts:
            if isinstance(part, tree.Compare) and part.sign in {"=", "in"}:
                left = part.left
                texts = {one.text for one in part.right if isinstance(one, tree.Literal)}
                if len(texts) < len(part.right) or not isinstance(left, tree.Path):
                    continue
                if known.setdefault(left, texts).isdisjoint(texts):
                    yield left, part.span
                known[left] &= texts
