"""Turns the engine's errors into Dagster failures that show the message and its remedy, and no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ost_assets.errors import OstError


@contextmanager
def readable_failures() -> Iterator[None]:
    """Raise `dagster.Failure` for an `OstError`, without retries: the same input fails the same way."""
    try:
        yield
    except OstError as error:
        raise dg.Failure(
            str(error), metadata={"error": type(error).__name__}, allow_retries=False
        ) from None
