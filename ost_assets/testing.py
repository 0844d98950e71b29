"""The types of the pytest fixtures, for annotations: `def test(ost_database: OstDatabase) -> None`."""

from ost_assets.bundle.fixtures import FixtureTable, OstBundle, Project, Similarity, User
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.pool import ClonePool

__all__ = ["ClonePool", "FixtureTable", "OstBundle", "OstDatabase", "Project", "Similarity", "User"]
