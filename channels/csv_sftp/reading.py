"""One file read twice in bounded steps: first whether it is sound, then its rows.

Nothing of a file is handed on before all of it was found sound: a file whose last line shows that
it was cut off must not be half stored. Blocking; each step of a generator is short, so that whoever
drives it from a thread can stop between two.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from channels.csv_sftp.place import TOO_LARGE
from engine.core.fault import FaultError
from engine.formats.delimited.contract import Contract
from engine.formats.delimited.decode import EncodingChoice
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.delimited.table import Row, Table

BLOCK = 1 << 20
STEP = 2_000  # rows looked at in one step
CHUNK = 50  # rows handed on in one step: the loop has others to serve
CHUNK_CHARACTERS = 1 << 20  # fewer rows, if they are long


@dataclass(frozen=True, slots=True)
class Survey:
    """What a sound file is."""

    sha256: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    extra: tuple[str, ...]  # columns that were not agreed
    lines: int
    rows: int
    blank: int


@dataclass(frozen=True, slots=True)
class Given:
    """A row with its delivery, or a rejected row without."""

    row: Row
    delivery: RowDelivery | None = None


@contextmanager
def _opened(path: Path) -> Iterator[io.FileIO]:
    with io.FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)) as data:
        yield data


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    with (
        _opened(path) as data,
        io.TextIOWrapper(io.BufferedReader(data), encoding, "strict", newline="") as text,
    ):
        yield text


def survey(path: Path, contract: Contract, max_bytes: int, name: str) -> Iterator[Survey | None]:
    """Look at a file whole: None for each step, the survey at last.

    FaultError (invalid, unsupported) when the file is to be refused; OSError.
    """
    digest = hashlib.sha256()
    choice = EncodingChoice(contract.dialect.encodings)
    size = 0
    with _opened(path) as data:
        while block := data.read(BLOCK):
            size += len(block)
            if size > max_bytes:
                raise FaultError(TOO_LARGE)
            digest.update(block)
            choice.feed(block)
            yield None
    encoding = choice.chosen()
    with _text(path, encoding) as lines:
        table = Table(lines.readline, contract, deleting=contract.deletes_rows(name))
        for row in table:
            if row.number % STEP == 0:
                yield None
    count = table.count
    yield Survey(
        digest.hexdigest(),
        encoding,
        table.delimiter,
        table.header,
        table.extra,
        count.lines,
        count.rows,
        count.blank,
    )


def deliveries(
    path: Path, contract: Contract, found: Survey, times: tuple[int, int], name: str
) -> Iterator[list[Given]]:
    """Read the rows of a surveyed file; `times` are when it was extracted and last changed."""
    source_us, file_us = times
    deleting = contract.deletes_rows(name)
    chunk: list[Given] = []
    size = 0
    with _text(path, found.encoding) as lines:
        for row in Table(lines.readline, contract, deleting=deleting):
            if row.code:
                chunk.append(Given(row))
            else:
                columns = dict(zip(found.header, row.cells, strict=True))
                origin = (contract.feed, found.sha256, row.number)
                place = (row.line, name)
                delivery = RowDelivery(*origin, source_us, columns, deleting, file_us, *place)
                chunk.append(Given(row, delivery))
            size += sum(map(len, row.cells))
            if len(chunk) >= CHUNK or size >= CHUNK_CHARACTERS:
                yield chunk
                chunk, size = [], 0
    if chunk:
        yield chunk
