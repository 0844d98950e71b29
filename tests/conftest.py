"""Fixtures for every test: a clean environment, and throw-away servers with a database per test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ost_assets.settings import Settings
from tests.servers import Database, Server

TESTS = Path(__file__).parent
ROOT = TESTS.parent
MARKERS = ("unit", "integration", "performance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder is the marker, so that no test can be in one and carry another."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in MARKERS:
            item.add_marker(getattr(pytest.mark, folder))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's variables, `.env` or server, and none writes into the repository."""
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("OST_HOME", str(tmp_path / "ost"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL 18 of this worker's own."""
    with Server.started(18) as running:
        yield running


@pytest.fixture(scope="session")
def server_16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL 16 of this worker's own."""
    with Server.started(16) as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """An empty database with nothing but PostgreSQL in it, dropped at the end."""
    with server.database() as fresh:
        yield fresh


def repository_environment(**variables: str) -> dict[str, str]:
    """The environment for a command of ours run as a person would run it."""
    clean = {k: v for k, v in os.environ.items() if k.lower() not in Settings.model_fields}
    return {**clean, **variables}
