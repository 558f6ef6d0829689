import hashlib
import hmac
import re
import uuid

import pytest

from engine.core.ids import keyed_id

KEY = bytes(range(32))
PINNED = "f91dd934-0787-82d2-bebe-adcba97bc8e7"
SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_the_id_never_changes() -> None:
    """A stored id is compared with this for ever: another value here means another store."""
    assert keyed_id(KEY, "mercy", "Patient", ("MRN", "900412377")) == PINNED


def test_the_shape_is_a_version_8_uuid() -> None:
    made = keyed_id(KEY, "mercy", "Patient", ("1",))
    assert SHAPE.fullmatch(made)
    assert uuid.UUID(made).version == 8
    assert uuid.UUID(made).variant == uuid.RFC_4122


@pytest.mark.parametrize(
    ("key", "site", "kind", "parts"),
    [
        (bytes(32), "mercy", "Patient", ("a", "b")),
        (KEY, "lakeside", "Patient", ("a", "b")),
        (KEY, "mercy", "Encounter", ("a", "b")),
        (KEY, "mercy", "Patient", ("a", "c")),
        (KEY, "mercy", "Patient", ("ab",)),
        (KEY, "mercy", "Patient", ("b", "a")),
        (KEY, "mercy", "Patient", ("a", "b", "")),
        (KEY, "mercy", "Patient", ("A", "b")),
    ],
)
def test_each_fact_counts(key: bytes, site: str, kind: str, parts: tuple[str, ...]) -> None:
    assert keyed_id(key, site, kind, parts) != keyed_id(KEY, "mercy", "Patient", ("a", "b"))


@pytest.mark.parametrize("length", [1, 32, 64, 65, 200])
def test_the_digits_are_those_of_hmac(length: int) -> None:
    key = bytes(range(length))
    digits = hmac.new(key, "\x1f".join(("s", "K", "a")).encode(), hashlib.sha256).hexdigest()
    made = keyed_id(key, "s", "K", ("a",))
    assert made[:13] == f"{digits[:8]}-{digits[8:12]}"
    assert made[24:] == digits[20:32]


def test_letters_beyond_ascii_are_allowed() -> None:
    assert SHAPE.fullmatch(keyed_id(KEY, "mercy", "Patient", ("Åse", "東京")))


def test_a_separator_in_a_value_does_not_move_the_border() -> None:
    one = keyed_id(KEY, "mercy", "Patient", ("a\x1fb", "c"))
    other = keyed_id(KEY, "mercy", "Patient", ("a", "b\x1fc"))
    assert len({one, other, keyed_id(KEY, "mercy", "Patient", ("a", "b", "c"))}) == 3
