"""The Dagster resource over the engine: settings, and connections to the target."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from ost_assets.postgres.connect import Conn, connect, ensure_target
from ost_assets.postgres.target import Target
from ost_assets.settings import Settings, load_settings


class PostgresTarget(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The target that the environment names; starts the embedded server where that one is meant.

    Attributes:
        overrides: settings by field name that win over the environment.
    """

    overrides: dict[str, Any] = Field(default_factory=dict)

    @contextmanager
    def connect(self) -> Iterator[tuple[Settings, Target, Conn]]:
        settings = load_settings(**self.overrides)
        target = ensure_target(settings)
        with connect(settings, target) as conn:
            yield settings, target, conn
