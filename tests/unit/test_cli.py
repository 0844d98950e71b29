"""The command line: help that helps, one error without a traceback, and the right command for the job."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from ost_assets import __version__, cli
from ost_assets.errors import LockBroken, OstError
from ost_assets.postgres.bookkeeping import Publication
from ost_assets.postgres.target import Target
from ost_assets.seeding import make_lock
from ost_assets.settings import Settings

SENTINEL = "s3ntinel-never-shown"
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), prog_name="ost-assets")


class Became(BaseException):  # not an Exception: like a real exec, nothing may catch it
    pass


@dataclass
class Call:
    """What this process would have become."""

    command: list[str]
    environment: dict[str, str]
    folder: Path


@pytest.fixture
def exec_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    calls: list[Call] = []

    def execve(path: str, command: list[str], environment: dict[str, str]) -> None:
        assert path == command[0]
        calls.append(Call(command, environment, Path.cwd()))
        raise Became

    monkeypatch.chdir(ROOT)  # put back at the end, for `setup` changes it
    monkeypatch.setattr(os, "execve", execve)
    return calls


def became(calls: list[Call], *arguments: str) -> Call:
    with pytest.raises(Became):
        CliRunner().invoke(cli.main, list(arguments), catch_exceptions=False)
    (call,) = calls
    return call


COMMANDS = sorted(cli.main.commands)


def test_there_are_the_commands_of_the_design() -> None:
    assert {"setup", "status", "lock", "down"} <= set(COMMANDS)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_command_with_what_it_does(flag: str) -> None:
    result = run(flag)
    assert result.exit_code == 0
    for name in COMMANDS:
        command = cli.main.commands[name]
        assert f"  {name}" in result.stdout
        assert command.get_short_help_str() != ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_so_has_each_of_its_options(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stderr == ""
    options = [p for p in cli.main.commands[command].params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_version_is_the_packages() -> None:
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nonsense",),
        ("nonsense",),
        ("setup", "--nonsense"),
        ("setup", "--strategy", "magic"),
        ("lock", "x"),
    ],
)
def test_an_unknown_word_is_a_usage_error_on_standard_error(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: ost-assets" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command", [["setup"], ["setup", "--force"], ["status"], ["lock"], ["down"], ["dbt", "x"]]
)
def test_an_error_is_one_message_on_standard_error_and_exit_code_1(
    command: list[str], monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    monkeypatch.setenv("MODEL_DIMENSIONS", "abc")
    monkeypatch.setenv("POSTGRES_PASSWORD", SENTINEL)
    result = run(*command)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: MODEL_DIMENSIONS is 'abc'")
    assert "what to do: " in result.stderr
    assert "Traceback" not in result.stderr
    assert SENTINEL not in result.output
    assert exec_calls == []


@pytest.mark.parametrize("command", ["setup", "status"])
@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{SENTINEL}@h/d",
        f"postgresql://u:{SENTINEL}@prod/d",
        f"postgresql://u:{SENTINEL}@h1:1,h2:2/d",
        f"postgresql://u:{SENTINEL}@127.0.0.1:1/d",
    ],
    ids=["scheme", "production", "hosts", "closed-port"],
)
def test_an_unusable_address_is_one_message_without_the_password(
    command: str, url: str, monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    result = run(command)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert SENTINEL not in result.output
    assert exec_calls == []


def test_status_without_a_running_server_says_how_to_start_it() -> None:
    result = run("status")
    assert result.exit_code == 1
    assert "the embedded PostgreSQL is not running" in result.stderr
    assert "ost-assets setup" in result.stderr


def test_down_without_a_running_server_is_no_error() -> None:
    result = run("down")
    assert result.exit_code == 0
    assert "No embedded PostgreSQL runs" in result.stdout


def test_dbt_by_hand_needs_a_command() -> None:
    assert run("dbt").exit_code == 2


# --- setup -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "strategy", "strict"),
    [
        ((), None, None),
        (("--strategy", "sql"), "sql", None),
        (("--strategy", "dbt", "--strict"), "dbt", "True"),
        (("--force",), None, None),
    ],
)
def test_setup_becomes_the_main_job(
    arguments: tuple[str, ...], strategy: str | None, strict: str | None, exec_calls: list[Call]
) -> None:
    call = became(exec_calls, "setup", *arguments)
    assert call.command[0] == sys.executable
    job = ["-m", "dagster", "asset", "materialize", "--select", "*", "-m", "ost_assets.definitions"]
    assert call.command[-len(job) :] == job
    assert call.environment.get("OST_SEED_STRATEGY") == strategy
    assert call.environment.get("OST_STRICT") == strict
    assert call.environment["PATH"] == os.environ["PATH"]


def test_the_variables_hold_where_no_option_is_given(
    monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    monkeypatch.setenv("OST_SEED_STRATEGY", "sql")
    monkeypatch.setenv("OST_STRICT", "yes")
    environment = became(exec_calls, "setup").environment
    assert (environment["OST_SEED_STRATEGY"], environment["OST_STRICT"]) == ("sql", "True")


def test_the_job_starts_where_dagster_yaml_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    (tmp_path / "dbt_project").mkdir()
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text("name: t\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert became(exec_calls, "setup").folder == tmp_path


@pytest.mark.parametrize("variable", ["OST_BUNDLE_DIR", "OST_HOME", "OST_LOCK_DIR", "OST_DBT_PROJECT_DIR"])
def test_a_relative_folder_means_the_same_to_the_job_that_starts_elsewhere(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.setenv("OST_PROJECT_ROOT", str(tmp_path))
    monkeypatch.setenv(variable, "mine")
    call = became(exec_calls, "setup", "--force")
    assert call.folder / call.environment[variable] == tmp_path / "below" / "mine"


def test_the_env_file_that_setup_read_holds_for_the_job_that_starts_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".env").write_text("RECOMMENDATION_TOP_N=9\n")
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.setenv("OST_PROJECT_ROOT", str(tmp_path))
    call = became(exec_calls, "setup", "--force")
    in_env_file = (call.folder / ".env").exists() and "TOP_N=9" in (call.folder / ".env").read_text()
    assert in_env_file or call.environment.get("RECOMMENDATION_TOP_N") == "9"


def test_no_secret_stands_in_the_title_of_the_process(
    monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SENTINEL}@h/d")
    call = became(exec_calls, "setup", "--force")
    assert SENTINEL not in " ".join(call.command)


def _publication(**report: Any) -> Publication:
    return Publication(
        fingerprint="0123456789abcdef" * 4,
        inputs={},
        relations={},
        report={"strategy": "dbt", "degraded": False, "reason": "dbt works", **report},
        published_at=datetime(2026, 11, 23, 7, 30, tzinfo=UTC),
        intact=True,
    )


def test_setup_does_nothing_where_everything_is_done(
    monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    monkeypatch.setattr(cli, "unchanged", lambda *_: _publication())
    result = run("setup")
    assert (result.exit_code, exec_calls, result.stderr) == (0, [], "")
    assert result.stdout.startswith(
        "Nothing to do: fingerprint 0123456789abcdef is published since 2026-11-23"
    )


def test_a_degraded_database_is_called_so_even_when_nothing_is_to_do(
    monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    published = _publication(strategy="sql", degraded=True, reason="timeout: dbt: oh no")
    monkeypatch.setattr(cli, "unchanged", lambda *_: published)
    result = run("setup")
    assert result.exit_code == 0
    assert result.stderr == "DEGRADED: timeout: dbt: oh no\n"


def test_force_does_not_ask_whether_there_is_anything_to_do(
    monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    monkeypatch.setattr(cli, "unchanged", lambda *_: _publication())
    became(exec_calls, "setup", "--force")


# --- the other commands ----------------------------------------------------------------------------------


def test_lock_check_lists_what_differs_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def built(_: Settings) -> Iterator[tuple[None, None]]:
        yield None, None

    monkeypatch.setattr(make_lock, "_built", built)
    monkeypatch.setattr(make_lock, "compare_with_committed", lambda *_: ["9100_checks.sql", "lock.json"])
    result = run("lock", "--check")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "9100_checks.sql, lock.json" in result.stderr
    assert "run `ost-assets lock`" in result.stderr


def test_lock_check_of_a_current_lock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ost_assets.seeding.make_lock.check_lock", lambda _: None)
    result = run("lock", "--check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "current and proven" in result.stdout


def test_an_error_from_deep_inside_shows_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Settings) -> None:
        raise LockBroken("it is damaged", looked="sql_fallback", remedy="mend it")

    monkeypatch.setattr("ost_assets.seeding.make_lock.make_lock", broken)
    result = run("lock")
    assert result.exit_code == 1
    assert result.stderr == "Error: it is damaged\n  looked at: sql_fallback\n  what to do: mend it\n"


def test_an_error_of_our_own_is_the_only_kind_that_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(_: Settings) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ost_assets.seeding.make_lock.make_lock", buggy)
    assert not issubclass(ZeroDivisionError, OstError)
    assert isinstance(run("lock").exception, ZeroDivisionError)


def test_dbt_by_hand_runs_on_the_same_server_without_a_password_in_its_title(
    monkeypatch: pytest.MonkeyPatch, exec_calls: list[Call]
) -> None:
    target = Target("h", 5436, "u", "d", SENTINEL)
    monkeypatch.setattr("ost_assets.postgres.connect.ensure_target", lambda _: target)
    call = became(exec_calls, "dbt", "build", "--select", "USER")
    assert call.command == [sys.executable, "-m", "dbt.cli.main", "build", "--select", "USER"]
    assert SENTINEL not in " ".join(call.command)
    found = {
        name: call.environment[f"POSTGRES_{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD", "DB")
    }
    assert found == {"HOST": "h", "PORT": "5436", "USER": "u", "PASSWORD": SENTINEL, "DB": "d"}
    assert call.environment["DBT_PROFILES_DIR"] == call.environment["DBT_PROJECT_DIR"]
