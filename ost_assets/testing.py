"""The types of the pytest fixtures, for annotations, and the OST base fixture by its names.

This is the one module that knows OST tables; the engine reads any bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from ost_assets.bundle.tables import FixtureBundle, FixtureTable
from ost_assets.errors import BundleError
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.pool import ClonePool

__all__ = ["ClonePool", "FixtureTable", "OstBundle", "OstDatabase", "Project", "Similarity", "User"]

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class User:
    """A row of `test_users`."""

    id: UUID
    username: str
    email: str
    primary_language: str
    category: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Project:
    """A row of `test_projects`."""

    id: UUID
    title: str
    description: str
    primary_language: str
    category: str
    stargazers_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Similarity:
    """A row of `test_similarities`; every score is in [0, 1]."""

    user_id: UUID
    project_id: UUID
    similarity_score: float
    semantic_similarity: float
    category_similarity: float
    language_similarity: float
    popularity_similarity: float
    created_at: datetime


class OstBundle(FixtureBundle):
    """A bundle of the OST data: any table by its name, and the base fixture's rows by theirs."""

    @cached_property
    def users(self) -> dict[str, User]:
        """The base fixture's users by name: `users["test_user_1"].id`. `BundleError` where there are none."""
        return {user.username: user for user in self._records("test_users", User)}

    @cached_property
    def projects(self) -> dict[str, Project]:
        """The base fixture's projects by title: `projects["Go Microservice"].id`. Errors as for `users`."""
        return {project.title: project for project in self._records("test_projects", Project)}

    @cached_property
    def similarities(self) -> list[Similarity]:
        """All pairs of the base fixture. Errors as for `users`."""
        return list(self._records("test_similarities", Similarity))

    def _records(self, table: str, kind: type[_Record]) -> Iterator[_Record]:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # each is a dataclass
        found = self.get(table)
        if found is None or not {*names} <= {*found.columns}:
            raise BundleError(
                f"the bundle has no table {table!r} with the columns of the OST base fixture",
                looked=f"{self.folder}, which has {', '.join(self)}",
                remedy='take a table by its name instead: ost_bundle["table"].rows',
            )
        return (kind(**{name: row[name] for name in names}) for row in found.rows)
