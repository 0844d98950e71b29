"""Seeds by running dbt in this process. The only module that imports dbt, and only when it is used."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from ost_assets import fingerprint
from ost_assets.collector import rarely_collected
from ost_assets.errors import DbtFailed, OstError
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.postgres.catalog import settle
from ost_assets.postgres.target import Target
from ost_assets.seeding.report import CheckResult, CheckStatus, NodeResult
from ost_assets.seeding.samples import sample_rows
from ost_assets.seeding.seeder import Progress, Seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ost_assets.postgres.connect import Conn
    from ost_assets.seeding.graph import Manifest
    from ost_assets.settings import Settings

_THREADS = 4
# dbt scrubs variables of this prefix from its own logs.
_PASSWORD_VARIABLE = "DBT_ENV_SECRET_OST_PASSWORD"  # noqa: S105
_STATUS: dict[str, CheckStatus] = {"pass": "pass", "warn": "warn", "fail": "fail", "error": "error"}


class DbtSeeder:
    """Runs `dbt build` on the project, into the build schema of `target`.

    Args:
        parameters: reach dbt as vars.
        unit_tests: whether dbt's unit tests run too. They test the SQL of the models, not the data; where the
            lock is of these very files, they were green when it was written.
    """

    strategy: Literal["dbt"] = "dbt"

    def __init__(
        self,
        settings: Settings,
        target: Target,
        parameters: dict[str, int | float],
        *,
        unit_tests: bool = True,
    ) -> None:
        self._unit_tests = unit_tests
        self._settings = settings
        self._target = target
        self._parameters = parameters

    def seed(self, conn: Conn, schema: str, progress: Progress) -> Seeded:
        """See `Seeder.seed`.

        Raises:
            DbtFailed: dbt is absent, the project does not parse, a node errors, nothing is built, or the
                time is over.
        """
        assert schema == BUILD_SCHEMA, "dbt caches its parse by schema name, so the name is fixed"

        def on_event(event: Any) -> None:
            if event.info.name == "NodeFinished":
                progress(event.data.node_info.unique_id)

        try:
            command = ["build", *([] if self._unit_tests else ["--exclude-resource-type", "unit_test"])]
            results = self.invoke(command, self._parameters, on_event).results
        except DbtFailed as error:
            if error.cause == "timeout":
                self._end_sessions(conn)
            raise
        errors = [r for r in results if r.status == "error" and r.node.resource_type != "test"]
        nodes = tuple(
            NodeResult(r.node.unique_id, round(r.execution_time, 6))
            for r in results
            if r.node.resource_type in ("seed", "model") and r.status == "success"
        )
        checks = tuple(
            self._check(conn, r)
            for r in results
            if r.node.resource_type in ("test", "unit_test") and r.status != "skipped"
        )
        # A red test says that the data is wrong, and that is the cause whatever else broke behind it.
        if any(check.status == "fail" for check in checks):
            return Seeded(nodes, checks)
        errors += [r for r in results if r.status == "error" and r.node.resource_type == "test"]
        if errors:
            first = errors[0]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise DbtFailed(
                "node error",
                f"dbt: {first.node.resource_type} {first.node.name} failed{more}: "
                f"{self._clean(first.message)}",
                looked=f"{self._settings.dbt_project_dir / first.node.original_file_path}; "
                f"log in {self._folder / 'logs'}",
            )
        if not nodes:
            raise DbtFailed(
                "node error",
                "dbt selected nothing and built nothing",
                looked=str(self._settings.dbt_project_dir),
                remedy="see model-paths, seed-paths and `enabled` in dbt_project.yml",
            )
        settle(conn, schema)
        return Seeded(nodes, checks)

    def compile_open(self) -> Manifest:
        """`dbt compile` with the parameters left open (`current_setting`), as the lock needs it.

        Raises:
            DbtFailed: as `seed`.
        """
        variables = {**self._parameters, "lock_parameters": True}
        self.invoke(["compile"], variables, folder="lock")
        manifest: Manifest = json.loads((self._folder / "lock" / "manifest.json").read_bytes())
        return manifest

    @property
    def _folder(self) -> Path:
        return self._settings.home / "dbt"

    def invoke(
        self,
        command: list[str],
        variables: Mapping[str, Any],
        on_event: Callable[[Any], None] | None = None,
        folder: str = "target",
    ) -> Any:
        """One dbt command in this process.

        Args:
            folder: below `.ost/dbt`, for the artifacts and the parse cache; vars are part of that cache's key.

        Returns:
            The `result` of dbt's `dbtRunnerResult`.
        """
        runner, parse_errors = _import_dbt()
        profiles = self._write_profile()
        arguments = [
            *command,
            *("--project-dir", str(self._settings.dbt_project_dir), "--profiles-dir", str(profiles)),
            *("--target-path", str(self._folder / folder), "--log-path", str(self._folder / "logs")),
            *("--vars", json.dumps(variables), "--log-level", "none", "--no-use-colors"),
            *("--no-version-check", "--no-send-anonymous-usage-stats", "--indirect-selection", "eager"),
        ]
        stamp = self._folder / folder / "inputs.sha256"
        inputs = self._inputs_hash()
        if not stamp.exists() or stamp.read_text() != inputs:
            # dbt's parse cache goes by modification times, and so misses files put back with an old one
            # (dbt-core 1.11, contracts/files.py): trusted only for the very files that it was made of.
            arguments.append("--no-partial-parse")
        timeout = self._settings.ost_dbt_timeout
        with rarely_collected(), self._environment(), _deadline(timeout) as over:
            result = runner(callbacks=[on_event] if on_event else []).invoke(arguments)
        if over.is_set():
            raise DbtFailed(
                "timeout",
                f"dbt did not finish within {timeout} s",
                looked=f"log in {self._folder / 'logs'}",
                remedy="OST_DBT_TIMEOUT sets the seconds",
            )
        if result.exception is not None:
            if isinstance(result.exception, OstError):
                raise result.exception
            parsing = isinstance(result.exception, parse_errors)
            raise DbtFailed(
                "does not parse" if parsing else "node error",
                f"dbt: {self._clean(str(result.exception))}",
                looked=f"{self._settings.dbt_project_dir}; log in {self._folder / 'logs'}",
            ) from result.exception
        stamp.write_text(inputs)
        return result.result

    def _inputs_hash(self) -> str:
        files = fingerprint.dbt_files(self._settings.dbt_project_dir)
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()

    def _write_profile(self) -> Path:
        """A profile of our own, so that dbt builds where we say, whatever the user's profiles name."""
        import yaml

        try:
            project = yaml.safe_load((self._settings.dbt_project_dir / "dbt_project.yml").read_text())
            name = project["profile"]
        except (OSError, KeyError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise DbtFailed(
                "does not parse",
                f"dbt_project.yml cannot be read or names no profile: {error}",
                looked=str(self._settings.dbt_project_dir / "dbt_project.yml"),
            ) from error
        target = "ci" if self._settings.ci else "dev"
        output = {
            "type": "postgres",
            "host": self._target.host,
            "port": self._target.port,
            "user": self._target.user,
            "password": f"{{{{ env_var('{_PASSWORD_VARIABLE}', '') }}}}",
            "dbname": self._target.dbname,
            "schema": BUILD_SCHEMA,
            "threads": _THREADS,
            "connect_timeout": 10,
            "application_name": self._application_name,
        }
        folder = self._folder / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML.
        text = json.dumps({name: {"target": target, "outputs": {target: output}}}, indent=1)
        path = folder / "profiles.yml"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return folder

    @property
    def _application_name(self) -> str:
        return "ost_assets dbt"

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """libpq's variables for dbt's own connections, put back afterwards."""
        seconds = self._settings.ost_statement_timeout
        values = {
            **self._target.environment,
            _PASSWORD_VARIABLE: self._target.password or "",
            "PGOPTIONS": f"-c TimeZone=UTC -c DateStyle=ISO -c search_path=public "
            f"-c statement_timeout={seconds}s -c lock_timeout={self._settings.ost_lock_timeout}s",
        }
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _end_sessions(self, conn: Conn) -> None:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = %s and datname = current_database() and usename = current_user",
            [self._application_name],
        )

    def _check(self, conn: Conn, result: Any) -> CheckResult:
        test = result.node
        status = _STATUS.get(str(result.status), "error")
        query = (getattr(test, "compiled_code", None) or "").strip()
        failed = status in ("fail", "warn")
        return CheckResult(
            check_id=test.unique_id,
            name=test.name,
            status=status,
            failures=result.failures,
            message="" if status == "pass" else self._clean(result.message or ""),
            sql=query,
            sample=sample_rows(conn, query) if failed and query else (),
        )

    def _clean(self, message: str | None) -> str:
        """One line without secrets."""
        text = " ".join((message or "").split())
        password = self._target.password
        return text.replace(password, "***") if password else text


def parse_project(settings: Settings) -> Manifest:
    """`dbt parse`, which needs no database.

    Raises:
        DbtFailed: dbt is absent or the project does not parse.
    """
    nowhere = Target("localhost", 5432, "postgres", "postgres")
    seeder = DbtSeeder(settings, nowhere, settings.parameters)
    seeder.invoke(["parse"], settings.parameters, folder="parse")
    manifest: Manifest = json.loads((settings.home / "dbt" / "parse" / "manifest.json").read_bytes())
    return manifest


def _import_dbt() -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        from dbt.cli.main import dbtRunner
        from dbt.exceptions import DbtProjectError, ParsingError
        from dbt_common.exceptions import CompilationError, DbtConfigError, DbtValidationError
    except Exception as error:  # a broken installation may raise anything while importing
        raise DbtFailed(
            "not installed",
            f"dbt cannot be imported: {error}",
            remedy="install dbt-core and dbt-postgres (uv sync)",
        ) from error
    return dbtRunner, (DbtProjectError, ParsingError, CompilationError, DbtConfigError, DbtValidationError)


@contextmanager
def _deadline(seconds: int) -> Iterator[threading.Event]:
    """Interrupt the main thread after `seconds`, as Ctrl-C would: dbt then cancels its own queries.

    In another thread, or without SIGALRM (Windows), only the statement timeout remains.
    """
    over = threading.Event()
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield over
        return

    def interrupt(*_: object) -> None:
        over.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(seconds)
    try:
        yield over
    except KeyboardInterrupt:
        if not over.is_set():
            raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
