"""Runs dbt in this process. The only module that imports dbt, and only when it is used."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ost_assets import fingerprint
from ost_assets.errors import DbtFailed
from ost_assets.garbage_collection import rarely_collected
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA, DBT_APPLICATION_NAME
from ost_assets.postgres.connect import SESSION_SETTINGS
from ost_assets.postgres.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ost_assets.seeding.graph import Manifest
    from ost_assets.settings import Settings

_PROFILE = "ost_assets"
_THREADS = 4
# How the profile learns of the target. dbt scrubs variables of the long prefix from its own logs.
_VARIABLES = {
    "host": "OST_DBT_HOST",
    "port": "OST_DBT_PORT",
    "user": "OST_DBT_USER",
    "dbname": "OST_DBT_DBNAME",
    "password": "DBT_ENV_SECRET_OST_PASSWORD",
}
# Variables of dbt that would quietly make it do less than the whole project.
_SELECTION_VARIABLES = ("DBT_RESOURCE_TYPES", "DBT_EXCLUDE_RESOURCE_TYPES", "DBT_EMPTY", "DBT_SAMPLE")


class DbtRunner:
    """dbt on one project, connected to `target`, building in the build schema.

    Args:
        target: None where no command needs a database (`parse`).
    """

    def __init__(self, settings: Settings, target: Target | None) -> None:
        self._settings = settings
        self._target = target
        self._folder = settings.home / "dbt"
        self._mode = "ci" if settings.ci else "dev"
        self._file_lock = FileLock(self._folder / "dbt.lock", timeout=settings.ost_wait_timeout)

    @property
    def log(self) -> Path:
        """Where dbt writes its own log."""
        return self._folder / "logs" / "dbt.log"

    def run(
        self,
        command: list[str],
        variables: Mapping[str, Any],
        on_event: Callable[[Any], None] | None = None,
        folder: str = "target",
        parsed: Any = None,
    ) -> Any:
        """One dbt command. Others on the same working folder wait for it.

        Args:
            variables: dbt's vars. They are part of the key of dbt's parse cache.
            on_event: called with every event of dbt (`dbt_common.events.base_types.EventMsg`).
            folder: below `.ost/dbt`, for the artifacts and the parse cache.
            parsed: the result of a `parse`, which is then not done again.

        Returns:
            The `result` of dbt's `dbtRunnerResult`; nodes in it may have failed.

        Raises:
            DbtFailed: dbt is absent, the project does not parse, dbt gave up, or the time is over.
            KeyboardInterrupt: and what else ends a process; dbt itself would hand it back as a result.
        """
        runner, parse_errors = _import_dbt()
        arguments = [
            *command,
            *("--project-dir", str(self._settings.dbt_project_dir)),
            *("--profiles-dir", str(self._write_profile()), "--profile", _PROFILE, "--target", self._mode),
            *("--target-path", str(self._folder / folder), "--log-path", str(self.log.parent)),
            *("--vars", json.dumps(variables), "--log-level", "none", "--log-level-file", "debug"),
            "--no-use-colors",
            *("--no-version-check", "--no-send-anonymous-usage-stats", "--indirect-selection", "eager"),
        ]
        stamp = self._folder / folder / "inputs.sha256"
        inputs = self._inputs_hash()
        if not stamp.exists() or stamp.read_text() != inputs:
            # dbt's parse cache goes by modification times, and so misses files put back with an old one
            # (dbt-core 1.11, contracts/files.py): trusted only for the very files that it was made of.
            arguments.append("--no-partial-parse")
        timeout = self._settings.ost_dbt_timeout
        with rarely_collected(), self._environment(), self._lock(), _interruptible(timeout) as caught:
            result = runner(manifest=parsed, callbacks=[on_event] if on_event else []).invoke(arguments)
        for number in caught:
            if number != signal.SIGALRM:
                signal.raise_signal(number)  # to whoever listened before us
                raise KeyboardInterrupt
        if caught:
            raise DbtFailed(
                "timeout",
                f"dbt did not finish within {timeout} s",
                looked=str(self.log),
                remedy="OST_DBT_TIMEOUT sets the seconds",
            )
        if result.exception is not None and not isinstance(result.exception, Exception):
            raise result.exception
        if result.exception is not None:
            parsing = isinstance(result.exception, parse_errors)
            raise DbtFailed(
                "does not parse" if parsing else "gave up",
                f"dbt: {self.clean(str(result.exception))}",
                looked=f"{self._settings.dbt_project_dir}; {self.log}",
            ) from result.exception
        stamp.write_text(inputs)
        return result.result

    def manifest(self, command: list[str], variables: Mapping[str, Any], folder: str) -> Manifest:
        """Run a command that writes a manifest (`compile`), and read it. See `run`."""
        return self._run_for_manifest(command, variables, folder)[1]

    def parse(self, variables: Mapping[str, Any], folder: str = "target") -> tuple[Any, Manifest]:
        """`dbt parse`: its result, for `run(parsed=…)`, and the manifest as dbt writes it. See `run`."""
        return self._run_for_manifest(["parse"], variables, folder)

    def _run_for_manifest(
        self, command: list[str], variables: Mapping[str, Any], folder: str
    ) -> tuple[Any, Manifest]:
        with self._lock():
            result = self.run(command, variables, folder=folder)
            manifest: Manifest = json.loads((self._folder / folder / "manifest.json").read_bytes())
        return result, manifest

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the working folder: set-ups of other databases from the same checkout use it too."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with self._file_lock:
                yield
        except Timeout as error:
            raise DbtFailed(
                "timeout",
                "another dbt has held the working folder too long",
                looked=str(self._folder),
                remedy="end it; OST_WAIT_TIMEOUT sets the seconds",
            ) from error

    def clean(self, message: str | None) -> str:
        """One line of dbt's words without the password and without the stack of macros behind them."""
        text = " ".join((message or "").split()).split(" > in macro ")[0]
        password = self._target.password if self._target else None
        return text.replace(password, "***") if password else text

    def _inputs_hash(self) -> str:
        files = fingerprint.dbt_files(self._settings.dbt_project_dir)
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()

    def _write_profile(self) -> Path:
        """A profile of our own, so that dbt builds where we say, whatever the user's profiles name."""
        output = {
            "type": "postgres",
            # Not written down: the file is shared by set-ups of several databases from one checkout.
            **{name: f"{{{{ env_var('{variable}') }}}}" for name, variable in _VARIABLES.items()},
            "port": f"{{{{ env_var('{_VARIABLES['port']}') | as_number }}}}",
            "schema": BUILD_SCHEMA,
            "threads": _THREADS,
            "connect_timeout": 10,
            "application_name": DBT_APPLICATION_NAME,
        }
        folder = self._folder / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML.
        text = json.dumps({_PROFILE: {"target": "dev", "outputs": {"dev": output, "ci": output}}}, indent=1)
        path = folder / "profiles.yml"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return folder

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """libpq's variables for dbt's own connections, put back afterwards."""
        target = self._target or Target("localhost", 5432, "nobody", "nowhere")
        session = SESSION_SETTINGS | {
            "search_path": "public",
            "statement_timeout": f"{self._settings.ost_statement_timeout}s",
            "lock_timeout": f"{self._settings.ost_lock_timeout}s",
        }
        options = [dict(target.options).get("options", "")]
        options += [f"-c {name}={value.replace(' ', '')}" for name, value in session.items()]
        values = {
            **target.environment,
            **{variable: str(getattr(target, name) or "") for name, variable in _VARIABLES.items()},
            "PGOPTIONS": " ".join(options).strip(),
        }
        before = {name: os.environ.get(name) for name in (*values, *_SELECTION_VARIABLES)}
        for name in _SELECTION_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def parse_project(settings: Settings) -> Manifest:
    """`dbt parse`, which needs no database.

    Raises:
        DbtFailed: dbt is absent or the project does not parse.
    """
    return DbtRunner(settings, None).parse(settings.parameters, "parse")[1]


def _import_dbt() -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        from dbt.cli.exceptions import DbtUsageException
        from dbt.cli.main import dbtRunner
        from dbt.exceptions import DbtProjectError, ParsingError
        from dbt_common.exceptions import CompilationError, DbtConfigError, DbtValidationError
    except Exception as error:  # a broken installation may raise anything while importing
        raise DbtFailed(
            "not installed",
            f"dbt cannot be imported: {error}",
            remedy="install dbt-core and dbt-postgres (uv sync)",
        ) from error
    return dbtRunner, (
        DbtProjectError,
        ParsingError,
        CompilationError,
        DbtConfigError,
        DbtValidationError,
        DbtUsageException,  # among others: the project's folder does not exist
    )


@contextmanager
def _interruptible(seconds: int) -> Iterator[list[int]]:
    """Turn signals into a KeyboardInterrupt, at which alone dbt cancels its queries; so too when time is over.

    Yields the signals that came. Whoever called has to pass them on, for dbt makes a result of the interrupt.
    In another thread, or without SIGALRM (Windows), only the statement timeout remains.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield caught
        return

    def interrupt(number: int, _: object) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    signals = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in signals}
    signal.alarm(seconds)
    try:
        yield caught
    except KeyboardInterrupt:
        if not caught:
            raise
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)
