"""A match model: what every level of agreement is worth, and where linking begins.

A model is data with a version: the hash of its content. It depends on nothing but its text, neither
on the moment nor on the size of the index, so a decision can be made again years later. The score
follows Fellegi and Sunter ("A Theory for Record Linkage", JASA 1969), with three rivals to a match:
an unrelated person, a member of the household, a twin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import log2
from typing import Any

import orjson
import yaml

from engine.core.fault import Category, FaultError, refuse
from mpi.compare import WORDS

RIVALS = ("stranger", "household", "twin")
Bits = tuple[float, float, float]  # against each rival, in the order of RIVALS

_TOP = {"prior", "thresholds", "fields", "names"}
_NAMES = {"given", "given_other", "surnames", "surname_other"}


@dataclass(frozen=True, slots=True)
class Level:
    """Chances of seeing a level of agreement, given that both records know the field."""

    match: float
    stranger: float
    household: float
    twin: float

    @property
    def bits(self) -> Bits:
        """log2 of the likelihood ratio of a match against each rival."""
        return (
            log2(self.match / self.stranger),
            log2(self.match / self.household),
            log2(self.match / self.twin),
        )


@dataclass(frozen=True, slots=True)
class Shares:
    """How rare a name is: the bits of two strangers sharing it, -log2 of its share of people."""

    listed: Mapping[str, float]
    other: float

    def bits(self, name: str) -> float:
        return self.listed.get(name, self.other)


@dataclass(frozen=True, slots=True)
class Model:
    """Weights, prior and thresholds in log2 posterior odds.

    `alone_bits` takes the place of `link_bits` where nothing but name, birth date and sex agrees.
    """

    version: str
    levels: Mapping[str, Mapping[str, Level]]
    weights: Mapping[str, Mapping[str, Bits]]  # derived from `levels`
    given: Shares
    surnames: Shares
    prior: Bits
    link_bits: float
    alone_bits: float
    review_bits: float


def _bad(code: str, message: str, where: str) -> FaultError:
    return refuse(Category.INVALID, code, message, where)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad("model-number", "a number is expected here", where)
    return float(value)


def _section(document: Any, name: str, keys: set[str]) -> dict[str, Any]:
    """A mapping with exactly these keys."""
    part = document.get(name) if isinstance(document, dict) else None
    if not isinstance(part, dict) or set(part) != keys:
        raise _bad("model-keys", f"`{name}` needs the keys {', '.join(sorted(keys))}", name)
    return part


def _level(value: Any, where: str) -> Level:
    if not isinstance(value, list) or len(value) != 4:
        raise _bad("model-level", "a level is [match, stranger, household, twin]", where)
    chances = [_number(v, where) for v in value]
    if not all(0 < c <= 1 for c in chances):
        raise _bad("model-chance", "a chance lies above 0 and is at most 1", where)
    return Level(*chances)


def _levels(fields: dict[str, Any]) -> dict[str, dict[str, Level]]:
    return {
        field: {
            level: _level(value, f"fields.{field}.{level}")
            for level, value in _section(fields, field, set(words)).items()
        }
        for field, words in WORDS.items()
    }


def _rarity(value: Any, where: str) -> float:
    """Bits of a share given per 100,000."""
    share = _number(value, where) / 100_000
    if not 0 < share <= 1:
        raise _bad("model-share", "a share lies above 0 and is at most 100000", where)
    return -log2(share)


def _shares(names: dict[str, Any], listed: str, other: str) -> Shares:
    """Read `NAME share NAME share ...`."""
    words = str(names[listed]).split()
    where = f"names.{listed}"
    if len(words) % 2 or not all(w.isdecimal() for w in words[1::2]):
        raise _bad("model-names", "names and whole shares take turns", where)
    pairs = zip(words[::2], words[1::2], strict=True)
    found = {name: _rarity(int(share), where) for name, share in pairs}
    return Shares(found, _rarity(names[other], f"names.{other}"))


def _document(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _bad("model-yaml", "the model is not valid YAML", "") from error
    if not isinstance(document, dict) or set(document) != _TOP:
        raise _bad("model-keys", f"a model has the keys {', '.join(sorted(_TOP))}", "")
    return document


def load_model(text: str) -> Model:
    """Read a model written in YAML or JSON. Raises FaultError when it is not complete and sound."""
    document = _document(text)
    prior = _section(document, "prior", set(RIVALS))
    thresholds = _section(document, "thresholds", {"link", "alone", "review"})
    link = _number(thresholds["link"], "thresholds.link")
    alone = _number(thresholds["alone"], "thresholds.alone")
    review = _number(thresholds["review"], "thresholds.review")
    if not review <= link <= alone:
        raise _bad("model-thresholds", "the order is review, link, alone", "thresholds")
    levels = _levels(_section(document, "fields", set(WORDS)))
    names = _section(document, "names", _NAMES)
    content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return Model(
        version=blake2b(content, digest_size=8).hexdigest(),
        levels=levels,
        weights={f: {n: level.bits for n, level in named.items()} for f, named in levels.items()},
        given=_shares(names, "given", "given_other"),
        surnames=_shares(names, "surnames", "surname_other"),
        prior=(
            _number(prior["stranger"], "prior.stranger"),
            _number(prior["household"], "prior.household"),
            _number(prior["twin"], "prior.twin"),
        ),
        link_bits=link,
        alone_bits=alone,
        review_bits=review,
    )
