"""The Dagster resource over the engine: settings, and connections to the target."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from ost_assets.postgres.connect import Conn, connect, ensure_target
from ost_assets.postgres.target import Target
from ost_assets.settings import Settings, load_settings


class TestDatabase(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The target of the environment; starts the embedded server where that one is meant.

    Attributes:
        overrides: settings by field name that win over the environment.
    """

    __test__ = False  # not a pytest class

    overrides: dict[str, Any] = Field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return load_settings(**self.overrides)

    def target(self) -> Target:
        return ensure_target(self.settings)

    @contextmanager
    def connect(self) -> Iterator[tuple[Settings, Target, Conn]]:
        settings = self.settings
        target = ensure_target(settings)
        with connect(settings, target) as conn:
            yield settings, target, conn
