"""The main job on an empty database, in both ways of seeding."""

from __future__ import annotations

import pytest

from tests.conftest import SettingsFactory
from tests.jobs import run_job
from tests.servers import Database


@pytest.mark.parametrize("strategy", ["dbt", "sql"])
def test_an_empty_database_becomes_published_and_exported(
    strategy: str, settings_for: SettingsFactory, database: Database
) -> None:
    settings = settings_for(ost_seed_strategy=strategy)
    result = run_job(settings)
    assert result.success
    assert database.query('select count(*) from "USER_PROJECT_SIMILARITY"') == [(15,)]
    assert (settings.bundle_dir / "manifest.json").is_file()
