"""One condition of a search."""

from dataclasses import dataclass

from engine.store.search.params import Parameter
from engine.store.search.values import Test


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter that has to match: any of its tests, or with `negated` none."""

    parameter: Parameter
    tests: tuple[Test, ...]
    negated: bool = False
