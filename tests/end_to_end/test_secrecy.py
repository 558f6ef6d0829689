"""What a patient is called stays in journal and store: planted words are sought everywhere else."""

import re
from pathlib import Path

import pytest

from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import Daemon, command
from tests.chaos.reckoning import settled
from tests.chaos.wire import END, START, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WORD = "QUINTRELLBOSVEAN"
PATIENT = Person("987650001", f"{WORD}A", f"{WORD}B", f"7 {WORD}C ROAD")
NUMBERS = ("987650001", "666917731")
SECRETS = re.compile(f"{WORD}|{'|'.join(NUMBERS)}", re.IGNORECASE)


def planted(control: str, **changes: str) -> bytes:
    body = mercy_adt(PATIENT, control).replace(b"^US^P\r", b"^US^P" + b"|" * 8 + b"666917731\r")
    for old, new in changes.items():
        body = body.replace(old.encode(), new.encode())
    return body


def bad_ones() -> list[bytes]:
    """Return messages that fail in different places, all of them about the planted patient."""
    sound = planted(control_id())
    return [
        planted(control_id(), A08="A77"),
        planted(control_id(), ADT="ZZZ"),
        sound.replace(b"UNICODE UTF-8", b"ASCII").replace(b"ROAD", "RÖAD".encode()),
        sound.replace(b"|^~\\&|", b"|||||"),
        sound.replace(b"PID|1||", b"PID|1||" + b"~" * 20_000),
        sound.replace(b"987650001^^^EPI^EPI", b"^^^EPI^EPI"),
        sound.replace(b"PID|", b"PIX|"),
        sound.replace(b"19610307", f"{WORD}D".encode()),
        sound.replace(b"|F|", f"|{WORD}E|".encode()),
        sound.replace(b"MSH|", f"{WORD}F|".encode()),
        sound[: len(sound) // 2],
    ]


def test_no_planted_word_leaves_the_store(steady: Daemon, mercy: Line) -> None:
    assert mercy.exchange(planted(control_id())).code == "AA"
    for body in bad_ones():
        answer = mercy.exchange(body)
        assert not SECRETS.search(answer.error)
    connection = mercy.open()
    connection.sendall(planted("x") + END + START + planted("y")[:150])
    mercy.close()
    found = settled(steady.region)
    accounts = [
        found.accounts[e.position] for e in found.entries if WORD.encode() in e.envelope.body
    ]
    assert {one.state for one in accounts} >= {"written", "quarantined"}
    for one in accounts:
        texts = (one.kind, one.category, one.code, one.place, one.plan, one.channel, one.site)
        notes = tuple(text for note in one.notes for text in (note.code, note.where, note.message))
        assert not SECRETS.search(" ".join((*texts, *notes)))
    assert steady.told()
    assert not SECRETS.search(steady.told())
    written = [path for path in (steady.data / "run").iterdir() if path.is_file()]
    assert {path.suffix for path in written} >= {".json", ".prom"}
    for path in written:
        assert not SECRETS.search(path.read_text("utf-8")), path.name


def test_no_planted_word_is_in_a_refusal_of_the_command(tmp_path: Path, steady: Daemon) -> None:
    for name, body in enumerate(bad_ones()):
        (tmp_path / f"{name}.hl7").write_bytes(body)
    out = tmp_path / "out"
    done = command(steady.region, "map", str(tmp_path), "--site", "generic", "--out", str(out))
    assert done.returncode == 1
    assert not SECRETS.search(done.stdout + done.stderr)
