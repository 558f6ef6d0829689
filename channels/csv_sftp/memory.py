"""What is remembered of a feed between two files: the last one, to know it when it comes again."""

import json
from dataclasses import asdict, dataclass

from channels.csv_sftp.place import Place


@dataclass(frozen=True, slots=True)
class Last:
    """The file of a feed that was read last."""

    sha256: str = ""
    source_us: int = 0
    name: str = ""
    file_us: int = 0  # its last change


async def last(place: Place, feed: str) -> Last:
    """Return the last file of a feed; an empty one when there is none or it cannot be read."""
    try:
        found = json.loads(await place.recall(_note(feed)))
        times = int(found["source_us"]), int(found["file_us"])
        return Last(str(found["sha256"]), times[0], str(found["name"]), times[1])
    except (KeyError, TypeError, ValueError):
        return Last()


async def keep(place: Place, feed: str, found: Last) -> None:
    await place.remember(_note(feed), json.dumps(asdict(found)).encode())


def _note(feed: str) -> str:
    return f"last-{feed}.json"
