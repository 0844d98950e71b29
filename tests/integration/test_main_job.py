"""The main job on an empty database, in both ways of seeding, through Dagster."""

from __future__ import annotations

import pytest

from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database


@pytest.mark.parametrize("strategy", ["dbt", "sql"])
def test_an_empty_database_becomes_published_and_exported(
    strategy: str, ost: Project, database: Database
) -> None:
    settings = ost.settings(database, ost_seed_strategy=strategy)
    result = run_job(settings)
    assert result.success
    assert database.query('select count(*) from "USER_PROJECT_SIMILARITY"') == [(15,)]
    assert (settings.bundle_dir / "manifest.json").is_file()
