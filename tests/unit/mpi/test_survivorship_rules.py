from pathlib import Path

import pytest

from engine.core.fault import FaultError
from mpi.survivorship import Rules, load_rules

TEXT = (Path(__file__).parents[3] / "mpi" / "data" / "survivorship.yaml").read_text("utf-8")


def place(fragment: str) -> int:
    """The line that begins with a fragment, from 1."""
    return next(i for i, line in enumerate(TEXT.splitlines(), 1) if line.startswith(fragment))


def test_a_site_that_is_not_named_has_the_default(rules: Rules) -> None:
    assert rules.trust_of("mercy") == rules.trust["default"]
    named = load_rules(TEXT.replace("  default: 50\n", "  default: 50\n  mercy: 90\n"))
    assert named.trust_of("mercy") == 90


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("  gender: [majority", "  gender: [loudest", "survivorship-rule", "  gender:"),
        ("  gender: [majority", "  colour: [majority", "survivorship-element", "  gender:"),
        ("  identifier: [union]", "  identifier: union", "survivorship-list", "  identifier:"),
        ("  telecom: [union]", "  telecom: [union, recent]", "survivorship-alone", "  telecom:"),
        ("  telecom: 8", "  telecom: many", "survivorship-number", "  telecom: 8"),
        ("aliases: old", "aliases: former", "survivorship-use", "aliases:"),
        ("aliases: old", "alias: old", "survivorship-key", "aliases:"),
        ("  default: 50", "  mercy: 50", "survivorship-missing", "  default: 50"),
        ("conflicts: [ssn", "conflicts: [shoe", "survivorship-element", "conflicts:"),
        ("aliases: old", "aliases: [old", "survivorship-yaml", "limits:"),
    ],
)
def test_faults_name_the_line(old: str, new: str, code: str, line: str) -> None:
    with pytest.raises(FaultError) as caught:
        load_rules(TEXT.replace(old, new))
    assert caught.value.fault.code == code
    assert int(caught.value.fault.where.split(":")[0]) == place(line)


def test_a_missing_element_is_named() -> None:
    with pytest.raises(FaultError) as caught:
        load_rules(TEXT.replace("  gender: [majority, trust, recent]\n", ""))
    assert caught.value.fault.code == "survivorship-missing"
    assert "gender" in caught.value.fault.message


def test_a_key_written_twice_is_refused() -> None:
    with pytest.raises(FaultError) as caught:
        load_rules(TEXT + "aliases: old\n")
    assert caught.value.fault.code == "survivorship-twice"


@pytest.mark.parametrize("text", ["", "- 1", "trust: {}"])
def test_what_are_no_rules(text: str) -> None:
    with pytest.raises(FaultError):
        load_rules(text)
