"""How much a criterion narrows a search, by experience: there are no statistics to ask.

The most selective one leads. A wide one (`status=final` is nearly everything) leads only if its
index rows already lie in the order of arrival, so that the search can stop at a full page.
"""

from engine.store.search.criterion import Criterion
from engine.store.search.values import Absent, Contains, Exact

SELECTIVE = 3
"""Up to this rank a criterion leads whatever the order asked for."""

WIDE = 7
NOT_LEADING = 9

_BY_KIND = {"id": 0, "patient": 1, "reference": 2, "string": 3, "token": 5, "uri": WIDE}
_WIDE_NAMES = frozenset({"category", "class", "clinical-status", "verification-status"})


def rank_of(criterion: Criterion) -> int:
    """Return 0 for what narrows most."""
    parameter, tests = criterion.parameter, criterion.tests
    if criterion.negated or any(isinstance(test, Absent | Contains) for test in tests):
        return NOT_LEADING
    if parameter.name in {"identifier", "phone", "email"}:
        return _BY_KIND["reference"]
    rank = _BY_KIND.get(parameter.kind, NOT_LEADING)
    wide = parameter.bare or parameter.name in _WIDE_NAMES or rank == WIDE
    if not wide:
        return rank
    return WIDE if len(tests) == 1 and isinstance(tests[0], Exact) else NOT_LEADING
