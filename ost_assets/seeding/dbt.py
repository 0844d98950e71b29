"""Seeds by running dbt, and says what came of it in this package's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ost_assets.errors import DbtFailed, NothingBuilt
from ost_assets.fingerprint import dbt_files
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA, end_dbt_sessions
from ost_assets.postgres.settle import settle
from ost_assets.seeding.dbt_runner import DbtRunner
from ost_assets.seeding.graph import graph_from_manifest
from ost_assets.seeding.lockable import refuse_unlockable
from ost_assets.seeding.report import CheckResult, CheckStatus, NodeResult
from ost_assets.seeding.samples import sample_rows
from ost_assets.seeding.seed_files import check_seed_files
from ost_assets.seeding.seeder import Progress, Seeded

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn
    from ost_assets.postgres.target import Target
    from ost_assets.seeding.graph import Manifest
    from ost_assets.settings import Settings

# Said aloud, because a project may have a default selector of fewer nodes.
_EVERYTHING = ("--select", "fqn:*")
_STATUS: dict[str, CheckStatus] = {"pass": "pass", "warn": "warn", "fail": "fail"}


class DbtSeeder:
    """Runs `dbt build` on the project, into the build schema of `target`.

    Args:
        parameters: reach dbt as vars.
        unit_tests: whether dbt's unit tests run too. They test the SQL of the models, not the data; where the
            lock is of these very files, they were green when it was written.
    """

    def __init__(
        self,
        settings: Settings,
        target: Target,
        parameters: dict[str, int | float],
        *,
        unit_tests: bool = True,
    ) -> None:
        self._project_dir = settings.dbt_project_dir
        self._dbt = DbtRunner(settings, target)
        self._parameters = parameters
        self._command = [
            "build",
            *_EVERYTHING,
            *([] if unit_tests else ["--exclude-resource-type", "unit_test"]),
        ]

    def seed(self, conn: Conn, schema: str, progress: Progress) -> Seeded:
        """See `Seeder.seed`.

        Raises:
            DbtFailed: dbt is absent, the project does not parse, a node errors, or the time is over.
            NothingBuilt: the project has no table to publish.
            InputInvalid: a seed file is malformed.
            ProofFailed: the project uses what the lock cannot repeat; nothing was built.
        """
        assert schema == BUILD_SCHEMA, "dbt caches its parse by schema name, so the name is fixed"

        # Already dbt's parser stumbles over a wrong encoding, and then it looks as if dbt were broken.
        encoded = [name for name in dbt_files(self._project_dir) if name.endswith(".csv")]
        check_seed_files(self._project_dir, dict.fromkeys(encoded))
        parsed, manifest = self._dbt.parse(self._parameters)
        graph = graph_from_manifest(manifest)
        if not graph.published:
            raise NothingBuilt(
                "the dbt project has nothing to publish",
                looked=str(self._project_dir),
                remedy="see model-paths, seed-paths and `enabled` in dbt_project.yml",
            )
        # Before anything is built: a model with a schema of its own would overwrite tables there.
        refuse_unlockable(manifest, graph)
        seeds = [node for node in graph.nodes if node.kind == "seed"]
        check_seed_files(self._project_dir, {node.path: node.delimiter for node in seeds})

        def on_event(event: Any) -> None:
            if event.info.name == "NodeFinished":
                progress(event.data.node_info.unique_id)

        try:
            results = self._dbt.run(self._command, self._parameters, on_event, parsed=parsed).results
        except BaseException:
            # Given up or interrupted: what dbt's threads still run must not go on behind our back.
            if not conn.closed:
                end_dbt_sessions(conn)
            raise
        by_kind: dict[bool, list[Any]] = {True: [], False: []}
        for result in results:
            by_kind[result.node.resource_type in ("test", "unit_test")].append(result)
        checks = tuple(self._check(conn, r) for r in by_kind[True] if r.status != "skipped")
        nodes = tuple(
            NodeResult(r.node.unique_id, round(r.execution_time, 6))
            for r in by_kind[False]
            if r.node.resource_type in ("seed", "model") and r.status == "success"
        )
        # A red test says that the data is wrong, and that is the cause whatever else broke behind it.
        if any(check.status == "fail" for check in checks):
            return Seeded(nodes, checks)
        # A test that cannot run says nothing about the data: dbt is broken, as with a model that cannot.
        broken = [r for r in (*by_kind[False], *by_kind[True]) if r.status in ("error", "runtime error")]
        if broken:
            first, more = broken[0], f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
            raise DbtFailed(
                "node error",
                f"dbt: {first.node.resource_type} {first.node.name} failed{more}: "
                f"{self._dbt.clean(first.message)}",
                looked=f"{self._project_dir / first.node.original_file_path}; {self._dbt.log}",
            )
        done = {result.node.unique_id for result in results if result.status != "skipped"}
        wanted = [*(node.unique_id for node in graph.nodes), *(check.unique_id for check in graph.checks)]
        missing = [unique_id for unique_id in wanted if unique_id not in done]
        if missing:
            raise DbtFailed(
                "node error",
                f"dbt left out {len(missing)} of its nodes and tests: {', '.join(missing[:5])}",
                looked=f"{self._project_dir}; {self._dbt.log}",
                remedy="see selectors.yml and variables that begin with DBT_",
            )
        settle(conn, schema)
        return Seeded(nodes, checks)

    def compile_open(self) -> Manifest:
        """The manifest of a `dbt compile` with the parameters left open (`current_setting`), for the lock.

        Raises:
            DbtFailed: see `DbtRunner.run`.
        """
        return self._dbt.manifest(
            ["compile", *_EVERYTHING], {**self._parameters, "lock_parameters": True}, "lock"
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
            message="" if status == "pass" else self._dbt.clean(result.message),
            sql=query,
            sample=sample_rows(conn, query) if failed and query else (),
        )
