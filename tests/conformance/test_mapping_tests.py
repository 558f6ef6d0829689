"""The tests beside the mappings hold: what `concord test` says of the library that ships."""

from pathlib import Path

import pytest

from engine.cli.test import run_tests

ROOT = Path(__file__).parent.parent.parent


def test_the_tests_beside_the_mappings_hold(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_tests([ROOT / "mappings"])
    said = capsys.readouterr()
    assert code == 0, said.out + said.err
