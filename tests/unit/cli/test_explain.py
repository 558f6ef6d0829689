"""`concord explain`: one command for the codes of files and of a running region."""

import json

import pytest

from engine.cli.explain import explain


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("e203", "E203: "),
        ("E307", "E307: "),
        ("charset-mismatch", "MSH-18"),
        ("R4-BAD-CODE", "r4-bad-code: "),
        ("older", "already stored"),
    ],
)
def test_it_knows_codes_of_files_and_of_a_running_region(
    code: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(code) == 0
    assert says in capsys.readouterr().out


def test_a_code_written_wrongly_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("charset-missmatch") == 2
    assert "did you mean 'charset-mismatch'?" in capsys.readouterr().err


def test_a_program_reads_cause_and_cure(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("wrong-key", as_json=True) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"code", "cause", "cure"}
