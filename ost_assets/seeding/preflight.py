"""Everything that can speak against a target, asked before anything in it is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.postgres import bookkeeping
from ost_assets.postgres.privileges import refuse_unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ost_assets.postgres.connect import Conn
    from ost_assets.settings import Settings


def refuse_unfit_target(conn: Conn, settings: Settings, tables: Iterable[str]) -> None:
    """Reads only.

    Args:
        tables: names that are to be published; where they are not known yet, the swap itself looks.

    Raises:
        AccessDenied: the role lacks a privilege, or the server takes no writes.
        GuardRefused: somebody else's tables are where ours would go, or have our bookkeeping's name.
    """
    refuse_unprivileged(conn, settings.ost_target_schema)
    bookkeeping.refuse_foreign_schema(conn)
    bookkeeping.refuse_foreign_relations(conn, settings.ost_target_schema, tables)
