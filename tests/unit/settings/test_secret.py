"""Secrets: fetched by reference, masked where they were written out."""

from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.settings.secret import SecretRef, is_secret_name, mask_literals, read_secret


def test_from_the_environment(tmp_path: Path) -> None:
    assert read_secret(SecretRef(env="KEY"), {"KEY": "abc"}, tmp_path) == "abc"


def test_from_a_file_beside_the_region(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc \n")
    (tmp_path / "key").chmod(0o640)
    assert read_secret(SecretRef(file="key"), {}, tmp_path) == "abc "


def test_what_everybody_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(FaultError, match="secret-exposed"):
        read_secret(SecretRef(file="key"), {}, tmp_path)


@pytest.mark.parametrize("ref", [SecretRef(env="KEY"), SecretRef(file="none")])
def test_absent(ref: SecretRef, tmp_path: Path) -> None:
    with pytest.raises(FaultError) as caught:
        read_secret(ref, {}, tmp_path)
    assert caught.value.fault.code in {"secret-missing", "secret-unreadable"}


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("token: abc", "token: ***"),
        ("a: {db_password: ab c, port: 1}", "a: {db_password: ****, port: 1}"),
        ('"api-key": x', '"api-key": *'),
        ("token: {env: TOKEN}", "token: {env: TOKEN}"),
        ("tokens_per_s: 5", "tokens_per_s: 5"),
    ],
)
def test_masking_keeps_columns(line: str, masked: str) -> None:
    assert mask_literals(line) == masked


@pytest.mark.parametrize(
    ("key", "secret"),
    [("password", True), ("smtp_password", True), ("region_key", True), ("id_key", False)],
)
def test_names_of_secrets(key: str, secret: bool) -> None:
    assert is_secret_name(key) is secret
