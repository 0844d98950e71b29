"""The one seam of seeding: a seeder fills an empty schema and says what it did and how the data tests went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ost_assets.seeding.report import CheckResult, NodeResult

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn

# Called with the unique id of each seed, model or test that is done.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Seeded:
    """What one seeder did; checks that are red are results, not exceptions."""

    nodes: tuple[NodeResult, ...]
    checks: tuple[CheckResult, ...]


class Seeder(Protocol):
    """Builds every table of the graph and runs every data test on it."""

    def seed(self, conn: Conn, schema: str, progress: Progress) -> Seeded:
        """Fill `schema`, which exists and is empty.

        Raises:
            DbtFailed: only by dbt, and only where the SQL lock can stand in.
            InputInvalid, LockBroken, ServerError: nothing can stand in.
        """
        ...
