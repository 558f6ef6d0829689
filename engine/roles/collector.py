"""The garbage collector in processes that work messages off for days.

Plans and tables live as long as the process: the collector is spared looking at them (`freeze`).
"""

import gc

_MANY = 100_000
_ROUNDS = 10


def calm_collector() -> None:
    """Let the collector come by less often: requests make few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MANY, 20, 100)


def rest_collector() -> None:
    """Let it come by only when it is called (`collect_between`).

    By itself it comes in the middle of a batch, looks at all that is alive there and finds nothing:
    6 % of the worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def renew_collector() -> None:
    """Let go of plans that were replaced, and spare the collector those that came."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def collect_between() -> None:
    """Look at what has come to stay since the last look, if that is much; now and then at all."""
    fresh, _, rounds = gc.get_count()
    if fresh > _MANY:
        gc.collect(2 if rounds >= _ROUNDS else 1)
