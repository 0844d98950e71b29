"""Keeps Python's garbage collector from walking over Dagster's and dbt's objects again and again.

They leave some million objects that live as long as the process. Walking over them took 0.7 s at the end of
every run (the interpreter collects twice before it leaves) and a fifth of dbt's own time.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# New objects between two collections; Python's default is 700, or 2,000 from 3.13 on.
_RARELY = 200_000


def freeze_now_and_at_exit() -> None:
    """Have the collector pass over everything that exists now, and over everything at the end.

    `gc.freeze()` keeps the objects and only stops looking at them. Call it when all that lives long is loaded.
    """
    gc.freeze()
    atexit.register(gc.freeze)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Collect a hundred times less often inside the block; memory grows by some tens of megabytes."""
    before = gc.get_threshold()
    gc.set_threshold(_RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
