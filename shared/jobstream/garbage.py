"""Python's garbage collector, told of servers that handle many objects at once."""

import gc

_YOUNG = 50_000
_MIDDLE = 20


def settle() -> None:
    """Tune the collector for a process that has started. Call it once, when all that stays is there.

    What was imported and built by now lives as long as the process: it is never looked at again. And
    a batch of a thousand jobs makes tens of thousands of objects that die by themselves a moment
    later; looking for cycles at every 700th of them, as Python does by default, took more than half
    of the time of reading status events. Cycles are rare here (exceptions, futures), so they may wait
    for 50,000 objects, some megabytes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, gc.get_threshold()[2])
