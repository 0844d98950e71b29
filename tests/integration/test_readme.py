"""The README's commands are real: each one is run as it stands there, in a copy of what git tracks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ost_assets.settings import Settings
from tests.conftest import ROOT, repository_environment
from tests.servers import Database

README = (ROOT / "README.md").read_text()
TESTING = (ROOT / "docs" / "testing.md").read_text()
BIN = Path(sys.executable).parent
CONSOLE = [
    command
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE)
]
TABLE = re.findall(r"^\| `(uv run [^`]+)` \|", README, re.MULTILINE)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
# Run elsewhere: the suite itself, and what does not end by itself.
NOT_HERE = {"uv run pytest", "uv run dagster dev"}


def test_the_readme_is_short_and_has_the_commands_that_are_run_here() -> None:
    assert len(README.splitlines()) < 150
    assert {"uv run pytest", *TABLE} >= NOT_HERE
    assert len(CONSOLE) >= 3
    assert len(TABLE) >= 6


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a new user has: the tracked files and nothing else."""
    folder = tmp_path_factory.mktemp("clone")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def run(command: str, clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # `uv run` finds the commands of the environment; that is all it does once there is one.
    plain = command.removeprefix("uv run ")
    environment = repository_environment(**variables)
    environment["PATH"] = f"{BIN}:{environment['PATH']}"
    environment["PYTHONPATH"] = str(clone)
    return subprocess.run(
        ["bash", "-c", plain], cwd=clone, env=environment, capture_output=True, text=True, timeout=300
    )


def test_every_command_does_what_a_new_user_is_told(clone: Path, database: Database) -> None:
    for command in [c for c in (*CONSOLE, *TABLE) if c not in NOT_HERE and not c.startswith("psql")]:
        done = run(command, clone, DATABASE_URL=database.url)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if "dagster asset materialize" in command:
            assert "The test database is ready." in done.stderr
            assert "checks       117 passed" in done.stderr
    assert database.query('select count(*) from "USER_PROJECT_SIMILARITY"') == [(15,)]
    # `ost-assets lock` was among them: what it wrote is what this repository has committed.
    committed, written = (
        {path.name: path.read_bytes() for path in (root / "sql_fallback").iterdir()} for root in (ROOT, clone)
    )
    assert written == committed


def test_psql_alone_seeds_an_empty_database(clone: Path, database: Database) -> None:
    (command,) = [c for c in CONSOLE if c.startswith("psql")]
    database.execute("create extension vector")
    target = database.target
    done = run(
        command,
        clone,
        PGHOST=target.host,
        PGPORT=str(target.port),
        PGUSER=target.user,
        PGDATABASE=target.dbname,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert database.query("select count(*) from test_similarities") == [(15,)]


def test_the_example_in_python_reads_the_bundle(clone: Path, database: Database) -> None:
    (example,) = [text for text in PYTHON if "read_table" in text]
    assert run("ost-assets setup --strategy sql", clone, DATABASE_URL=database.url).returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", example + "\nprint(scores.num_rows)"],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("15\n", "")


def test_the_examples_of_the_fixtures_pass(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ost_settings: Settings
) -> None:
    assert ost_settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", ost_settings.database_url.get_secret_value())
    monkeypatch.setenv("OST_BUNDLE_DIR", str(ost_settings.bundle_dir))
    (example,) = [text for text in PYTHON if "ost_database" in text]
    pytester.makepyfile(example)
    pytester.runpytest_subprocess("--ost-require").assert_outcomes(passed=3)


def test_every_option_of_the_plugin_is_documented() -> None:
    from ost_assets.pytest_plugin import OPTIONS

    for option in OPTIONS:
        variable = option.field.upper()
        assert re.search(rf"^\| `{option.flag}[=`].*`{variable}`.*`{option.name}`", TESTING, re.MULTILINE)
