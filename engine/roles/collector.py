"""The garbage collector in processes that work messages off for days."""

import gc


def calm_collector() -> None:
    """Plans and tables live as long as the process: spare the garbage collector looking at them.

    Messages make few cycles, so it may also come by less often (10 % of the worker's time).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
