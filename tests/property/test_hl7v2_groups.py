"""Binding is total: every segment lands in exactly one group, whatever the order."""

from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.formats.hl7v2.dictionary import structure
from engine.formats.hl7v2.groups import Binder, Bound, GroupDef, SegmentRef, compile_binder
from engine.formats.hl7v2.parse import Segment, parse

STRUCTURES = ("ADT_A01", "ADT_A39", "ORU_R01", "SIU_S12", "MDM_T02", "ORM_O01", "OML_O21")
structures = st.sampled_from(STRUCTURES)
# An order of OML_O21 and the prior result within it begin alike (2.5.1, 4.4.6): no reader can tell.
unambiguous = st.sampled_from([name for name in STRUCTURES if name != "OML_O21"])


@lru_cache
def binder(name: str) -> Binder:
    return compile_binder(structure("2.5.1", name))


@lru_cache
def known(group: GroupDef) -> tuple[str, ...]:
    found: set[str] = set()
    for child in group.children:
        found |= {child.name} if isinstance(child, SegmentRef) else set(known(child))
    return tuple(sorted(found - {"MSH"}))


def bind(name: str, segments: list[str]) -> Bound:
    lines = ["MSH|^~\\&|A", *(f"{segment}|" for segment in segments)]
    return binder(name).bind(parse("\r".join(lines).encode()))


def walk(bound: Bound) -> list[tuple[Bound, Segment]]:
    found = [(bound, segment) for same in bound.segments.values() for segment in same]
    for name, occurrences in bound.groups.items():
        for group in occurrences:
            assert group.parent is bound
            assert group.name == name
            found += walk(group)
    return found


@st.composite
def any_order(draw: st.DrawFn) -> tuple[str, list[str]]:
    name = draw(structures)
    choices = st.sampled_from([*known(structure("2.5.1", name)), "ZZ1", "PRT"])
    return name, draw(st.lists(choices, max_size=30))


@st.composite
def by_the_book(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw a message that follows its structure, every optional part by chance."""
    name = draw(unambiguous)
    budget = [40]

    def times(child: GroupDef | SegmentRef) -> int:
        least = 1 if child.required else 0
        return draw(st.integers(least, 2 if child.repeats and budget[0] > 0 else 1))

    def write(group: GroupDef) -> list[str]:
        children = [draw(st.sampled_from(group.children))] if group.choice else group.children
        out: list[str] = []
        for child in children:
            for _ in range(times(child)):
                budget[0] -= 1
                out += [child.name] if isinstance(child, SegmentRef) else write(child)
        return out

    return name, [segment for segment in write(structure("2.5.1", name)) if segment != "MSH"]


@given(any_order())
@settings(max_examples=200, deadline=None)
def test_every_segment_lands_in_exactly_one_group(drawn: tuple[str, list[str]]) -> None:
    name, segments = drawn
    found = walk(bind(name, segments))
    assert sorted(segment.index for _, segment in found) == list(range(len(segments) + 1))
    for bound, segment in found:
        assert segment in bound.segments[segment.name]


@given(any_order())
@settings(max_examples=200, deadline=None)
def test_order_is_kept(drawn: tuple[str, list[str]]) -> None:
    name, segments = drawn
    root = bind(name, segments)
    for bound, _ in walk(root):
        for same in bound.segments.values():
            assert [s.index for s in same] == sorted(s.index for s in same)
    reported = [index for index, _ in root.misplaced]
    assert reported == sorted(set(reported))


@given(any_order())
@settings(max_examples=200, deadline=None)
def test_a_segment_is_bound_where_the_structure_has_it(drawn: tuple[str, list[str]]) -> None:
    name, segments = drawn
    root = bind(name, segments)
    definitions = {name: structure("2.5.1", name)}

    def define(path: str, group: GroupDef) -> None:
        for child in group.children:
            if isinstance(child, GroupDef):
                definitions[f"{path}.{child.name}"] = child
                define(f"{path}.{child.name}", child)

    define(name, definitions[name])

    def check(path: str, bound: Bound) -> None:
        own = {c.name for c in definitions[path].children if isinstance(c, SegmentRef)}
        for segment in bound.segments:
            assert segment in own or segment not in known(definitions[name])
        for group_name, occurrences in bound.groups.items():
            for group in occurrences:
                check(f"{path}.{group_name}", group)

    root.segments.pop("MSH")
    check(name, root)


@given(by_the_book())
@settings(max_examples=200, deadline=None)
def test_a_message_by_the_book_is_never_out_of_order(drawn: tuple[str, list[str]]) -> None:
    name, segments = drawn
    assert bind(name, segments).misplaced == []
