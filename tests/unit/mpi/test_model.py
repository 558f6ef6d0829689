from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.core.fault import Category, FaultError
from mpi.compare import WORDS
from mpi.model import Model, load_model

TEXT = (Path(__file__).parents[3] / "mpi" / "data" / "model-default.yaml").read_text("utf-8")


def changed(change: Callable[[dict[str, Any]], Any]) -> str:
    document = yaml.safe_load(TEXT)
    change(document)
    return yaml.safe_dump(document)


def test_every_level_has_its_bits(model: Model) -> None:
    assert {f: set(levels) for f, levels in model.weights.items()} == {
        f: set(words) for f, words in WORDS.items()
    }


def test_better_agreement_is_worth_more(model: Model) -> None:
    birth = [model.weights["birth"][level][0] for level in ("exact", "near", "different")]
    assert birth == sorted(birth, reverse=True)
    for rival in range(3):
        assert model.weights["ssn"]["exact"][rival] > model.weights["ssn"]["different"][rival]


def test_a_common_name_says_less(model: Model) -> None:
    assert model.surnames.bits("SMITH") < model.surnames.bits("HALDANE")
    assert model.given.bits("MARIA") < model.given.bits("ILINICHNA")


def test_the_version_is_that_of_the_content(model: Model) -> None:
    assert load_model("# a remark\n" + TEXT).version == model.version
    assert load_model(changed(dict.copy)).version == model.version
    other = load_model(changed(lambda d: d["thresholds"].update(link=8.0)))
    assert other.version != model.version
    assert other.link_bits == 8.0


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (lambda d: d.update(extra=1), "model-keys", ""),
        (lambda d: d["prior"].pop("twin"), "model-keys", "prior"),
        (lambda d: d["prior"].update(twin="five"), "model-number", "prior.twin"),
        (lambda d: d["thresholds"].update(link=True), "model-number", "thresholds.link"),
        (lambda d: d["thresholds"].update(review=99), "model-thresholds", "thresholds"),
        (lambda d: d["thresholds"].update(alone=1), "model-thresholds", "thresholds"),
        (lambda d: d["fields"].pop("ssn"), "model-keys", "fields"),
        (lambda d: d["fields"]["ssn"].pop("near"), "model-keys", "ssn"),
        (lambda d: d["fields"]["sex"].update(same=[1, 1, 1]), "model-level", "fields.sex.same"),
        (lambda d: d["fields"]["sex"].update(same=[0, 1, 1, 1]), "model-chance", "fields.sex.same"),
        (lambda d: d["names"].update(given="MARY"), "model-names", "names.given"),
        (lambda d: d["names"].update(given="MARY 0"), "model-share", "names.given"),
        (lambda d: d["names"].update(given_other=0), "model-share", "names.given_other"),
    ],
)
def test_faults_say_where(change: Callable[[dict[str, Any]], Any], code: str, where: str) -> None:
    with pytest.raises(FaultError) as caught:
        load_model(changed(change))
    fault = caught.value.fault
    assert (fault.category, fault.code, fault.where) == (Category.INVALID, code, where)


@pytest.mark.parametrize(("text", "code"), [("a: [", "model-yaml"), ("- 1", "model-keys")])
def test_what_is_no_model_is_refused(text: str, code: str) -> None:
    with pytest.raises(FaultError) as caught:
        load_model(text)
    assert caught.value.fault.code == code
