"""What channels ask of the mapping, answered by whichever plan of their site holds just now."""

from collections.abc import Callable, Iterator

from engine.formats.delimited.contract import Contract
from engine.mapping.plan import Plan
from engine.pipeline.in_force import InForce
from engine.plugin.protocol import Admission, Admit


class Admitting:
    """Asks the plan that holds whether a delivery is taken. Satisfies `Admit`."""

    def __init__(self, plans: InForce, site: str, admitting: Callable[[Plan], Admit]) -> None:
        self._plans, self._site, self._admitting = plans, site, admitting
        self._plan = plans.now[site]
        self._admit = admitting(self._plan)

    def __call__(self, body: bytes) -> Admission:
        plan = self._plans.now[self._site]
        if plan is not self._plan:
            self._admit = self._admitting(plan)
            self._plan = plan
        return self._admit(body)


class Agreed:
    """Gives what the plan that holds says of a site's files, each time it is gone through."""

    def __init__(self, plans: InForce, site: str) -> None:
        self._plans, self._site = plans, site

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._plans.now[self._site].contracts)
