"""Every public message parses and binds, or is refused with a fault: never another exception."""

import os
from collections import Counter
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.ack import read_header, reply
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.dictionary import structure, structure_of
from engine.formats.hl7v2.groups import Bound, compile_binder
from engine.formats.hl7v2.parse import Message, parse

ROOT = os.environ.get("CONCORD_TESTDATA", "")

pytestmark = pytest.mark.skipif(
    not ROOT, reason="CONCORD_TESTDATA does not name the folder of public test data"
)


def bind(message: Message) -> Bound:
    name = structure_of(message.kind, message.structure, message.version)
    return compile_binder(structure("2.5.1", name)).bind(message)


def indexes(bound: Bound) -> list[int]:
    found = [segment.index for same in bound.segments.values() for segment in same]
    for occurrences in bound.groups.values():
        for group in occurrences:
            found += indexes(group)
    return sorted(found)


def read(piece: bytes) -> str:
    """Take one message as far as it goes; what comes back is its place in the count."""
    try:
        message = parse(piece)
        bound = bind(message)
    except FaultError as refused:
        answer = reply(read_header(piece), refused.fault, "R", 0)
        assert answer is not None or read_header(piece).accept in {"NE", "SU"}
        return refused.fault.code
    assert indexes(bound) == list(range(len(message.segments)))
    return "bound, out of order" if bound.misplaced else "bound"


def test_every_file_is_read_or_refused() -> None:
    files = sorted(Path(ROOT, "hl7v2").rglob("*.hl7"))
    counts = Counter(read(piece) for file in files for piece in split_batch(file.read_bytes()))
    print(f"{len(files)} files, {counts.total()} messages: {dict(counts.most_common())}")  # noqa: T201
    assert len(files) > 600
    assert counts["bound"] + counts["bound, out of order"] > 0.95 * counts.total()
    assert set(counts) <= {
        "bound",
        "bound, out of order",
        "bad-delimiters",
        "bad-segment",
        "charset-mismatch",
        "no-header",
        "unknown-structure",
    }


def test_the_invented_sites_bind() -> None:
    files = sorted(Path(ROOT, "sites").glob("*.hl7"))
    read_as = {file.name: read(file.read_bytes()) for file in files}
    out_of_order = [name for name, outcome in read_as.items() if outcome != "bound"]
    assert len(files) == 12
    assert out_of_order == ["08_athena_SIU_S12.hl7"]  # AIG without the RGS that opens its group
    assert read_as["08_athena_SIU_S12.hl7"] == "bound, out of order"
