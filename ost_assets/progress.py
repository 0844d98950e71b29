"""A progress bar in the terminal, for what turns out to be long. Short work never pays for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ost_assets.bundle.read import Progress

_PATIENCE_SECONDS = 2.0
_NAMES = {"verify": "verifying", "copy": "loading", "keys": "keys and indexes"}


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yields a callback for `bundle.read.Progress`; bars on standard error appear after two seconds."""
    started = time.monotonic()
    tasks: dict[str, TaskID] = {}
    with ExitStack() as stack:
        bars: Bars | None = None

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal bars
            if bars is None:
                if time.monotonic() - started < _PATIENCE_SECONDS:
                    return
                bars = stack.enter_context(_bars())
            if stage not in tasks:
                tasks[stage] = bars.add_task(_NAMES[stage])
            bars.update(tasks[stage], completed=done, total=total)

        yield progress


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True))
