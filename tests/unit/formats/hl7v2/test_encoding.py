"""Delimiters and escape sequences."""

import pytest

from engine.core.fault import Category, FaultError
from engine.formats.hl7v2.encoding import (
    STANDARD,
    UNDECLARED,
    Delimiters,
    escape,
    read_delimiters,
    unescape,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MSH|^~\\&|LAB", STANDARD),
        ("MSH|^~\\&", STANDARD),
        ("MSH|^~\\&\rPID|1", STANDARD),
        ("MSH|^~\\&#|LAB", Delimiters("|", "^", "~", "\\", "&", "#")),
        ("MSH$%~\\&$LAB", Delimiters("$", "%", "~", "\\", "&")),
        ("MSH#!@%*#LAB", Delimiters("#", "!", "@", "%", "*")),
        ("MSH|^~\\\\&|LAB", STANDARD),
        ("MSH|^~&|LAB", Delimiters("|", "^", "~", "&", UNDECLARED)),
        ("MSH|^|LAB", Delimiters("|", "^", UNDECLARED, UNDECLARED, UNDECLARED)),
    ],
)
def test_reads_what_a_sender_may_declare(text: str, expected: Delimiters) -> None:
    assert read_delimiters(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "MSH",
        "MSH|",
        "MSH||LAB",
        "MSH|&&&&|LAB",
        "MSH|^~\\^|LAB",
        "MSH|^|~\\&|".replace("^|", "||"),
        "MSHx^~\\&xLAB",
        "MSH!$r?@!LAB",
        "MSH|^~1&|LAB",
        "MSH|^~\\& |LAB",
        "MSH|^~\\&#!|LAB",
        "MSH|junk|LAB",
        'MSH|^~"&|LAB',
        "MSH|^~\\é|LAB",
        "MSH\t^~\\&\tLAB",
    ],
)
def test_refuses_what_cannot_separate(text: str) -> None:
    with pytest.raises(FaultError) as refused:
        read_delimiters(text)
    assert refused.value.fault.category is Category.INVALID
    assert refused.value.fault.code == "bad-delimiters"
    assert refused.value.fault.where == "MSH-2"


def test_writes_back_the_characters_of_msh_2() -> None:
    assert STANDARD.characters == "^~\\&"
    assert read_delimiters("MSH|^~\\&#|").characters == "^~\\&#"
    assert read_delimiters("MSH|^~&|").characters == "^~&"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (r"a\F\b\S\c\R\d\T\e\E\f", "a|b^c~d&e\\f"),
        (r"\P\ ", "# "),
        (r"one\.br\two\.BR\three", "one\ntwo\nthree"),
        (r"one\.sp\two\.sp3\three\.sp+1\four", "one\ntwo\nthree\nfour"),
        (r"\.in+4\indented\.ti-2\ \.fi\ \.nf\ ", "indented   "),
        (r"\.ce\title", "\ntitle"),
        (r"a\.sk5\b", "a b"),
        (r"\H\bold\N\ text", "bold text"),
        (r"line\X0D\\X0A\next", "line\r\nnext"),
        (r"Jos\XC3A9\ ", "José "),
        (r"Jos\XE9\ ", r"Jos\XE9\ "),  # no UTF-8: stays as sent
        (r"bell\X07\ ", r"bell\X07\ "),  # no text
        (r"odd\X0\ \XZZ\ ", r"odd\X0\ \XZZ\ "),
        (r"\Zab\ \C2842\ \M2442\ ", r"\Zab\ \C2842\ \M2442\ "),
        (r"C:\temp\file", r"C:\temp\file"),
        (r"C:\temp\F\x", r"C:\temp|x"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
        (r"\E\F\E\ ", r"\F\ "),  # decoded once
        (r"\.sp99999999\ ", r"\.sp99999999\ "),
    ],
)
def test_unescapes_once(text: str, expected: str) -> None:
    assert unescape(text, STANDARD) == expected


def test_unescapes_hexadecimal_in_the_charset_of_the_message() -> None:
    assert unescape(r"Jos\XE9\ ", STANDARD, "iso8859-1") == "José "


def test_uses_the_escape_character_of_the_sender() -> None:
    delimiters = Delimiters("|", "^", "~", "?", "&")
    assert unescape(r"a?T?b\T\c?E?", delimiters) == r"a&b\T\c?"
    assert escape("a&b?", delimiters) == "a?T?b?E?"


def test_escapes_every_delimiter_and_line_end() -> None:
    assert escape("a|b^c~d&e\\f\r\n", STANDARD) == r"a\F\b\S\c\R\d\T\e\E\f\X0D\\X0A" + "\\"
    assert escape("plain é", STANDARD) == "plain é"
    assert escape("#", STANDARD) == "#"
    assert escape("#", read_delimiters("MSH|^~\\&#|")) == r"\P" + "\\"


def test_without_an_escape_character_nothing_can_break_the_message() -> None:
    delimiters = read_delimiters("MSH|^~|")
    assert escape("a|b^c~d\re&f\\", delimiters) == "a b c d e&f\\"
    assert unescape(r"a\T\b", delimiters) == r"a\T\b"


def test_a_subcomponent_separator_that_was_not_declared_is_not_invented() -> None:
    delimiters = Delimiters("|", "^", "~", "\\", UNDECLARED)
    assert unescape(r"a\T\b", delimiters) == r"a\T\b"
