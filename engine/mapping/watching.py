"""Parts of rules wrapped so that a traced mapping knows what became of the values they read.

Whoever asked for a reading settles what it was for. Without a watch nothing is done.
"""

from collections.abc import Callable, Sequence
from typing import Any

from engine.mapping.datatypes.tools import Flawed
from engine.mapping.grammar import Slots, Touched
from engine.mapping.scope import Scope
from engine.mapping.source import Source
from engine.mapping.watch import Missed

UNMAPPED = "unmapped-code"
Op = Callable[[Scope], Any]


def attempted(op: Op) -> Op:
    """Let a part of a rule lose what it read when it gives nothing, and clears nothing."""

    def run(scope: Scope) -> Any:
        watch = scope.env.watch
        if watch is None:
            return op(scope)
        mark = len(watch.log)
        value, gave = _ran(op, scope)
        if not gave:
            watch.lose(watch.take(mark))
        return value

    return run


def settled(op: Op, element: str) -> Op:
    """Let a rule carry what it read into its element, or lose it."""

    def run(scope: Scope) -> Any:
        watch = scope.env.watch
        if watch is None:
            return op(scope)
        mark = len(watch.log)
        value, gave = _ran(op, scope)
        read = watch.take(mark)
        if gave:
            watch.carry(read, scope.where, element)
        else:
            watch.lose(read)
        return value

    return run


def _ran(op: Op, scope: Scope) -> tuple[Any, bool]:
    before, scope.nulled = scope.nulled, False
    value = op(scope)
    gave = (value is not None and value != []) or scope.nulled
    scope.nulled = scope.nulled or before
    return value, gave


def judged(test: Callable[[Scope], bool]) -> Callable[[Scope], bool]:
    """Let a condition be decided by what it read."""

    def judge(scope: Scope) -> bool:
        watch = scope.env.watch
        if watch is None:
            return test(scope)
        mark = len(watch.log)
        found = test(scope)
        watch.decide(watch.take(mark))
        return found

    return judge


def chosen(op: Op, pairs: list[tuple[Source, Any]], of: tuple[str, str]) -> Op:
    """Note which alternatives a value was not taken from, and codes that no table has.

    `pairs` are the alternatives with their converters, which are run once more; `of` names the
    code table and the element.
    """

    def run(scope: Scope) -> Any:
        watch = scope.env.watch
        if watch is None:
            return op(scope)
        value = op(scope)
        nulled, taken = scope.nulled, False
        for source, convert in pairs:
            mark = len(watch.log)
            found = [] if taken and source.computed else source.many(scope)
            read = watch.take(mark)
            if taken:
                watch.spare(spot for spot in read if spot not in watch.log)
                continue
            for raw in found:
                if not callable(convert):  # a conversion that the mapping describes
                    taken = True
                    continue
                made = convert(raw) if source.element is None else convert(raw, scope)
                if made.__class__ is Flawed and made.code == UNMAPPED:
                    watch.missed.append(Missed(*of, source.label, raw))
                    made = made.value
                taken = taken or made is not None
        scope.nulled = nulled
        return value

    return run


def read_by(slots: Slots, compile_: Callable[[], Op]) -> tuple[Op, Touched]:
    """Compile something, and say which fields it reads."""
    with slots.watched() as touched:
        return compile_(), touched


def rivals(slots: Slots, parts: Sequence[tuple[Op, Touched]], nothing: Any = None) -> Op:
    """Return the first that gives a value; what those after it would have read stood behind."""

    def run(scope: Scope) -> Any:
        for number, (op, _) in enumerate(parts, 1):
            value = op(scope)
            if value is not None and value != nothing:
                for _, touched in parts[number:]:
                    _spare(slots, touched, scope)
                return value
        return nothing

    return run


def _spare(slots: Slots, touched: Touched, scope: Scope) -> None:
    watch = scope.env.watch
    if watch is None:
        return
    names = [key[-1] for key in slots.keys]
    mark = len(watch.log)
    for slot, number in touched.reads:
        watch.field(scope.env.rows, scope.rows[slot], number, f"{names[slot]}-{number}")
    watch.spare(watch.take(mark))
