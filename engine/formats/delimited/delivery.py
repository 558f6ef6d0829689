"""One row of a file as one delivery: what the journal keeps and the mapping reads.

The cells are kept as they stood, under the file's own headers, so that a row can be mapped again
under another contract. The file's name is with it for people alone (`without_name`): the same rows
under another name are the same delivery.
"""

from dataclasses import dataclass

import orjson

from engine.core.fault import Category, refuse

_SHOWN = 16  # hex digits of the file's hash in a control id


@dataclass(frozen=True, slots=True)
class RowDelivery:
    """A row: of which feed, of which file, where in it, and when its file was extracted (UTC)."""

    feed: str
    sha256: str
    row: int
    source_us: int
    columns: dict[str, str]  # header -> cell
    deleted: bool = False  # from a file of deletions
    file_us: int = 0  # last change of the file: tells the same rows sent again from rows said again
    line: int = 0  # of the file, where the row begins
    file: str = ""  # what it was called

    @property
    def control_id(self) -> str:
        """What the sender's delivery is called: the file by its hash, then the row."""
        return f"{self.sha256[:_SHOWN]}:{self.row}"

    def to_bytes(self) -> bytes:
        return orjson.dumps(
            {
                "feed": self.feed,
                "sha256": self.sha256,
                "row": self.row,
                "source_us": self.source_us,
                "deleted": self.deleted,
                "file_us": self.file_us,
                "line": self.line,
                "columns": self.columns,
                "file": self.file,
            }
        )


def without_name(body: bytes) -> bytes:
    """Return what makes a row the delivery it is: all but its file's name, which comes last."""
    return body[: body.rfind(b',"file":')]


def read_delivery(body: bytes) -> RowDelivery:
    """Read what `to_bytes` made. FaultError `bad-row` when it is none."""
    try:
        found = orjson.loads(body)
        columns = found["columns"]
        delivery = RowDelivery(
            str(found["feed"]),
            str(found["sha256"]),
            int(found["row"]),
            int(found["source_us"]),
            {str(name): str(value) for name, value in columns.items()},
            found["deleted"] is True,
            int(found["file_us"]),
            int(found.get("line", 0)),
            str(found.get("file", "")),
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        text = "the body is no row of a file"
        raise refuse(Category.INVALID, "bad-row", text) from None
    return delivery
