"""What a rule made of the same fields before: rules are pure, and codes, people and places repeat.

A rule is remembered by the raw text of everything it can read, together with what it did beside
giving a value: nulls met, defaults used, diagnostics, resources linked. Remembering never changes
what is made. Members of an object and rules of a list are remembered by themselves: where a number
differs in every message its unit does not.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from engine.mapping.footprint import Reads, length, reader
from engine.mapping.grammar import Touched
from engine.mapping.scope import WIDTH, Effect, Scope
from engine.mapping.shelf import Made, Memory, Shelf

T = TypeVar("T")
Op = Callable[[Scope], Any]
Run = TypeVar("Run", bound=Callable[[Scope], Any])
Proves = Callable[[Any], bool]  # whether a value is valid R4 where it will stand
# Given the key of a scope, and what the young shelf has under it: return the value, and do it all.
Asked = Callable[[Scope, Hashable, Made | None], Any]
LONGEST = 1_000  # characters of the fields of one rule; longer ones are texts and documents
_PARTS = 1_024  # results of one part of a key or one condition
_TRIED = 500  # runs after which such a part is judged
_MISSED: Any = object()


@dataclass(frozen=True, slots=True)
class Recall:
    """The memory of a rule, for those who look into it before they run the rule."""

    shelf: Shelf
    reads: Reads  # slots and fields whose texts are the key
    lists: frozenset[int]  # slots of segments it sees all of: the key holds where there are none
    asked: Asked


def remembering(
    op: Op, touched: Touched, memory: Memory, proves: Proves | None
) -> tuple[Op, Recall | None]:
    """Return the rule with a memory; the rule itself when it reads more than fields.

    What is remembered has been judged by `proves` once; without it, the rule is sound. Where the
    fields alone are the key, its memory can be asked with `picker`, too.
    """
    if touched.more:
        return op, None
    shelf, read = Shelf(), reader(touched)
    asked = _asking(op, shelf, memory, proves)

    def recalled(scope: Scope) -> Any:
        if shelf.rest:
            shelf.rest -= 1
            return op(scope)
        key = read(scope)
        return asked(scope, key, shelf.young.get(key))

    reads = tuple(sorted(touched.reads))
    if any(number >= WIDTH for _, number in reads):
        return recalled, None
    return recalled, Recall(shelf, reads, frozenset(slot for _, slot in touched.lists), asked)


def _asking(op: Op, shelf: Shelf, memory: Memory, proves: Proves | None) -> Asked:
    def asked(scope: Scope, key: Hashable, made: Made | None) -> Any:
        if made is None:
            made = shelf.old.get(key)
            if made is None:
                made = _run(op, scope, key, shelf, memory, proves)
                scope.proven = made.proven
                return made.value
            memory.keep(shelf, key, made)
        shelf.hits += 1
        scope.proven = made.proven
        scope.doubtful = not made.proven
        if made.effects or not made.plain:
            _again(made, scope)
        return made.value

    return asked


def remembering_part(op: Run, touched: Touched, memory: Memory) -> Run:
    """Return a part of a rule with a memory, asked where that of the whole rule does not help.

    The part itself when it reads more than fields, or nothing.
    """
    if touched.more or not touched.reads:
        return op
    shelf, read = Shelf(), reader(touched)

    def recalled(scope: Scope) -> Any:
        if shelf.rest:
            shelf.rest -= 1
            return op(scope)
        key = read(scope)
        made = shelf.young.get(key) or shelf.old.get(key)
        if made is None:
            return _run(op, scope, key, shelf, memory, None).value
        if key not in shelf.young:
            memory.keep(shelf, key, made)
        shelf.hits += 1
        scope.doubtful = scope.doubtful or not made.proven
        if made.effects or not made.plain:
            _again(made, scope)
        return made.value

    return cast("Run", recalled)


def _run(
    op: Op, scope: Scope, key: Hashable, shelf: Shelf, memory: Memory, proves: Proves | None
) -> Made:
    """Run a rule and keep what it made, unless its fields are long or hardly ever repeat."""
    made = _learnt(op, scope, proves)
    shelf.judge()
    if shelf.rest == 0 and length(key) <= LONGEST:
        memory.keep(shelf, key, made)
    return made


def repeated(read: Callable[[Scope], T], touched: Touched) -> Callable[[Scope], T]:
    """Return a part of a key, or a condition, with a small memory: it has no effect but its value.

    Whether a null was met is lost: what is no element has nothing to clear.
    """
    if touched.more or touched.lists:
        return read
    key_of = reader(touched)
    known: dict[Hashable, Any] = {}
    run = hits = 0

    def recalled(scope: Scope) -> T:
        nonlocal run, hits
        if run > _TRIED and hits * 2 < run:  # it hardly ever sees the same: not worth the asking
            known.clear()
            return read(scope)
        key = key_of(scope)
        kept: T = known.get(key, _MISSED)
        run += 1
        if kept is not _MISSED:
            hits += 1
            return kept
        found = read(scope)
        if length(key) <= LONGEST:
            if len(known) >= _PARTS:
                known.clear()
            known[key] = found
        return found

    return recalled


def redo(made: Made, scope: Scope) -> None:
    """Do to a message what a remembered rule did; once, for twice would change nothing."""
    env = scope.env
    watching, env.effects = env.effects, None
    if id(made) not in env.redone:
        env.redone[id(made)] = made
        for effect in made.effects:
            effect(scope)
    if watching is not None:
        watching += made.effects
        env.effects = watching


def _again(made: Made, scope: Scope) -> None:
    scope.nulled = scope.nulled or made.nulled
    scope.defaulted = scope.defaulted or made.defaulted
    if made.effects:
        redo(made, scope)


def _learnt(op: Op, scope: Scope, proves: Proves | None) -> Made:
    """Run a rule, watching what it does. What was noted on the scope before is noted after."""
    env = scope.env
    before = scope.nulled, scope.defaulted, scope.doubtful
    scope.nulled = scope.defaulted = scope.doubtful = False
    effects: list[Effect] = []
    watching, env.effects = env.effects, effects
    value = op(scope)
    env.effects = watching
    if watching is not None:
        watching += effects
    nulled, defaulted = scope.nulled, scope.defaulted
    if proves is None:
        proven = env.usual and not scope.doubtful
    else:
        proven = value is not None and proves(value)
    scope.nulled, scope.defaulted = nulled or before[0], defaulted or before[1]
    scope.doubtful = before[2] or not proven
    return Made(value, nulled, defaulted, tuple(effects), not (nulled or defaulted), proven)
