"""Which rule made what is not valid, and of which field: for whoever has to mend the mapping.

Found by mapping the message once more with a trace, so a message that is fine pays nothing for it.
"""

from collections.abc import Sequence

from engine.core.fault import FaultError
from engine.core.values import Contribution, Envelope
from engine.mapping.plan import Lineage, Plan
from engine.pipeline import interpret


def blamed(plan: Plan | None, envelope: Envelope, told: Contribution, path: str) -> str:
    """Return a path into a resource with the rule and the field behind it.

    As `Observation.status (base/segments/OBX-Observation.yaml:41, OBX-11)`; of an element that no
    rule made, with the rules of the one it would be in. The path alone when nobody can tell.
    """
    if plan is None:
        return path
    try:
        lineage = interpret.traced(plan, envelope).lineage
    except FaultError:
        return path
    name = f"{told.type}/{told.id}"
    own = [one for one in lineage if one.resource == name]
    found = _nearest(own, path)
    if not found:
        return path
    source = f", {found[0].source}" if found[0].source else ""
    return f"{path} ({found[0].rule}{source})"


def _nearest(own: Sequence[Lineage], path: str) -> Sequence[Lineage]:
    """Return what made the element, or something inside it, or what it is inside of."""
    steps = [step.partition("[")[0] for step in path.split(".")]
    while steps:
        prefix = ".".join(steps)
        found = [one for one in own if one.path == prefix or one.path.startswith(f"{prefix}.")]
        if found:
            return found
        steps.pop()
    return ()
