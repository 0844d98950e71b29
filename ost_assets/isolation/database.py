"""A database that is handed to somebody: its URL, and connections of every kind to it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target


class OstDatabase:
    """One database with the test data in it, to be used up: whatever is done to it, no other one sees it.

    What `connect()` and `engine()` gave is closed when the database goes; closing it earlier does no harm.
    `repr` never shows the password.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connections: list[Conn] = []
        self._engines: list[Engine] = []

    @property
    def name(self) -> str:
        """Its name on the server."""
        return self._target.dbname

    @property
    def url(self) -> str:
        """A libpq URL, with the password if there is one: for psql, asyncpg, a Go or a Java driver."""
        return self._target.url_with_password

    @property
    def url_without_password(self) -> str:
        """For showing."""
        return self._target.url

    def connect(self, **options: Any) -> Conn:
        """A new psycopg connection.

        Args:
            options: as for `psycopg.connect`, such as `autocommit=True` or `row_factory=dict_row`.
        """
        try:
            connection: Conn = psycopg.connect(**{**self._target.params, **options})
        except psycopg.Error as error:
            raise error.with_traceback(None) from None  # its frames hold the password
        self._connections.append(connection)
        return connection

    async def connect_async(self, **options: Any) -> psycopg.AsyncConnection[Any]:
        """As `connect`, for asyncio. Close it yourself, in the event loop that it belongs to."""
        try:
            return await psycopg.AsyncConnection.connect(**{**self._target.params, **options})
        except psycopg.Error as error:
            raise error.with_traceback(None) from None  # as above

    def engine(self, **options: Any) -> Engine:
        """A new SQLAlchemy engine on psycopg.

        Args:
            options: as for `sqlalchemy.create_engine`.
        """
        from sqlalchemy import create_engine

        engine = create_engine(self._sqlalchemy_url(), **options)
        self._engines.append(engine)
        return engine

    def engine_async(self, **options: Any) -> AsyncEngine:
        """As `engine`, for asyncio. Dispose of it yourself, in the event loop that it belongs to."""
        from sqlalchemy.ext.asyncio import create_async_engine

        return create_async_engine(self._sqlalchemy_url(), **options)

    def close(self) -> None:
        """Close what was opened here, except for what belongs to an event loop."""
        for connection in self._connections:
            with suppress(psycopg.Error):
                connection.close()
        for engine in self._engines:
            engine.dispose()
        self._connections.clear()
        self._engines.clear()

    def _sqlalchemy_url(self) -> Any:
        from sqlalchemy import make_url

        return make_url(self.url).set(drivername="postgresql+psycopg")

    def __repr__(self) -> str:
        return f"OstDatabase({self._target.url!r})"
