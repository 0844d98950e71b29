"""How long a restore takes, side by side with what a user would run otherwise.

    uv run python -m benchmarks.restore [--rounds 5] [--large] [--server URL]

Whole processes, warm environment, each into an empty database that is made outside the timing. The commands
take turns, so that a slow moment of the machine hits all of them; figures are medians, and only the ratios
mean anything on another machine. Without --server, a server of this benchmark's own on the disk, configured
as the embedded one is. With --large, also a bundle of 1,000,000 narrow rows and 100,000 vectors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb
from rich.console import Console

from benchmarks.report import Ratio, print_tables
from benchmarks.servers import (
    BIN,
    PG_DUMP,
    PSQL,
    a_server,
    end_on_sigterm,
    environment,
    fresh_database,
    in_turns,
    nothing_left,
    open_connection,
    peak_megabytes,
    run,
    scratch_folder,
)
from ost_assets.bundle import restore
from ost_assets.bundle.read import open_bundle
from ost_assets.bundle.write import write_bundle
from ost_assets.cli import JOB
from ost_assets.postgres import ddl
from ost_assets.postgres.catalog import read_catalog
from ost_assets.postgres.connect import connect
from ost_assets.postgres.digest import copy_out
from ost_assets.settings import load_settings

if TYPE_CHECKING:
    from ost_assets.postgres.target import Target

RESTORE, PLAIN, ATOMIC = "ost-assets restore", "psql -f", "psql -1 -f"
JOB_DBT, JOB_SQL = "main job, dbt", "main job, SQL"
LARGE, RAW, FROZEN = "ost-assets restore, large", "raw COPY and keys", "raw COPY and keys, FREEZE"
IN_PROCESS = "restore(), no process start"

TARGETS = (
    Ratio(JOB_DBT, RESTORE, "at least 10"),
    Ratio(JOB_SQL, RESTORE),
    Ratio(RESTORE, PLAIN, "at most 2.0"),
    Ratio(RESTORE, ATOMIC, "(stricter than asked)"),
    Ratio(IN_PROCESS, ATOMIC),
)
LARGE_TARGETS = (
    Ratio(LARGE, RAW, "at most 1.25"),
    Ratio(LARGE, FROZEN, "(stricter than asked)"),
)

# Every pair of a user and a project is met once, because 20000 and 50021 have no common divisor.
_LARGE = (
    """
create table large_similarity as
select md5('user ' || i % 20000)::uuid as user_id, md5('project ' || i % 50021)::uuid as project_id,
  ('x' || substr(hash, 1, 6))::bit(24)::int / 16777216.0::float8 as score,
  ('x' || substr(hash, 7, 6))::bit(24)::int / 16777216.0::float8 as semantic,
  ('x' || substr(hash, 13, 6))::bit(24)::int / 16777216.0::float8 as category,
  ('x' || substr(hash, 19, 6))::bit(24)::int / 16777216.0::float8 as language,
  ('x' || substr(hash, 25, 6))::bit(24)::int / 16777216.0::float8 as popularity,
  timestamptz '2025-01-01' + i * interval '1 second' as computed_at
from (select i, md5(i::text) as hash from generate_series(1, 1000000) as i) as numbers
""",
    "alter table large_similarity add primary key (user_id, project_id)",
    "create index on large_similarity (user_id)",
    "create index on large_similarity (project_id)",
    "create index on large_similarity (user_id, score)",
    """
create table large_embedding as
select md5('embedding ' || i)::uuid as id, (
  select array_agg(((i * 48271 + j * 69621) % 65537 / 32768.0 - 1)::real) from generate_series(1, 384) as j
)::vector(384) as embedding
from generate_series(1::bigint, 100000) as i
""",
    "alter table large_embedding add primary key (id)",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--large", action="store_true", help="also the large bundle: some minutes, 2 GB of disk"
    )
    parser.add_argument("--server", metavar="URL", help="a server to use")
    arguments = parser.parse_args()
    end_on_sigterm()
    console = Console(stderr=True)
    with (
        # On the disk that the embedded server would be on.
        scratch_folder(load_settings().home / "benchmark") as folder,
        a_server(arguments.server, folder) as admin,
        nothing_left(admin),
        console.status("making a bundle") as status,
    ):
        bundle, dump = prepare(admin, folder)
        values = measure_base(admin, folder, bundle, dump, arguments.rounds, status.update)
        print_tables(f"the base bundle; {arguments.rounds} rounds", "s", values, TARGETS)
        Console(width=110).print(
            f"A commit takes {commit_milliseconds(admin):.2f} ms on this disk; `{PLAIN}` waits for one per statement."
        )
        if arguments.large:
            status.update("making the large bundle")
            large = make_large(admin, folder, bundle)
            measure_large(admin, folder, large, arguments.rounds, status.update)


def prepare(admin: Target, folder: Path) -> tuple[Path, Path]:
    """The bundle, and a dump of the same database."""
    bundle, dump = folder / "bundle", folder / "dump.sql"
    with fresh_database(admin) as target:
        run([str(BIN / "dagster"), *JOB], job_environment(target, folder, bundle, "dbt"))
        run([*PG_DUMP, "-d", target.url_with_password, "-f", str(dump)], environment())
    return bundle, dump


def job_environment(target: Target, folder: Path, bundle: Path, strategy: str) -> dict[str, str]:
    return environment(
        target,
        OST_HOME=folder / "home",
        OST_BUNDLE_DIR=bundle,
        OST_SEED_STRATEGY=strategy,
        # A scratch database is as good as another, but the lock must not be written by a benchmark.
        CI="true",
    )


def measure_base(
    admin: Target, folder: Path, bundle: Path, dump: Path, rounds: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    exported = folder / "exported"
    job = [str(BIN / "dagster"), *JOB]
    psql = [*PSQL, "-f", str(dump)]

    def timed(
        command: Sequence[str], variables: Callable[[Target], dict[str, str]], *, url: bool = False
    ) -> Callable[[], float]:
        def call() -> float:
            with fresh_database(admin) as target:
                words = [*command, "-d", target.url_with_password] if url else command
                return seconds_of(lambda: run(words, variables(target)))

        return call

    def in_process() -> float:
        with fresh_database(admin) as target:
            settings = load_settings(database_url=target.url_with_password)
            return seconds_of(lambda: restore(bundle, settings))

    return in_turns(
        rounds,
        {
            JOB_DBT: timed(job, lambda target: job_environment(target, folder, exported, "dbt")),
            JOB_SQL: timed(job, lambda target: job_environment(target, folder, exported, "sql")),
            RESTORE: timed([str(BIN / "ost-assets"), "restore", str(bundle)], environment),
            PLAIN: timed(psql, lambda _: environment(), url=True),
            ATOMIC: timed([*psql, "-1"], lambda _: environment(), url=True),
            IN_PROCESS: in_process,
        },
        say,
    )


def commit_milliseconds(admin: Target) -> float:
    with fresh_database(admin) as target, open_connection(target) as conn:
        conn.execute("create table commits (number integer)")
        return 1000 * statistics.median(
            seconds_of(lambda: conn.execute("insert into commits values (1)")) for _ in range(100)
        )


def make_large(admin: Target, folder: Path, base: Path) -> Path:
    """The base bundle with two large tables more, by the writer that every bundle is made by.

    It exports what is published, so the published record is made to hold the two as well.
    """
    bundle = folder / "large"
    with fresh_database(admin) as target:
        settings = load_settings(database_url=target.url_with_password, ost_target_schema="public")
        restore(base, settings)
        with connect(settings, target) as conn:
            for statement in _LARGE:
                conn.execute(statement)
            catalog = read_catalog(conn, "public")
            for name in ("large_similarity", "large_embedding"):
                content = copy_out(conn, "public", catalog[name])
                conn.execute(
                    "update ost_assets.publication set"
                    " relations = relations || jsonb_build_object(%(name)s::text, to_regclass(%(name)s)::oid::bigint),"
                    " report = jsonb_set(report, array['tables', %(name)s], %(content)s)",
                    {"name": name, "content": Jsonb(vars(content))},
                )
            write_bundle(conn, "public", ("vector",), bundle)
    return bundle


def measure_large(admin: Target, folder: Path, bundle: Path, rounds: int, say: Callable[[str], None]) -> None:
    phases: dict[str, list[float]] = {}

    def ours() -> float:
        with fresh_database(admin) as target:
            return seconds_of(
                lambda: run([str(BIN / "ost-assets"), "restore", str(bundle)], environment(target))
            )

    def ours_in_process() -> float:
        with fresh_database(admin) as target:
            note = Phases()
            settings = load_settings(database_url=target.url_with_password)
            seconds = seconds_of(lambda: restore(bundle, settings, progress=note))
            remember("restore", note.seconds())
            return seconds

    def raw(name: str, freeze: bool) -> Callable[[], float]:
        def call() -> float:
            with fresh_database(admin) as target:
                job = raw_job(target, folder, bundle, freeze)
                outputs: list[str] = []
                seconds = seconds_of(lambda: outputs.append(run_raw(job)))
                remember(name, json.loads(outputs[0]))
                return seconds

        return call

    def remember(what: str, found: dict[str, float]) -> None:
        for phase, seconds in found.items():
            phases.setdefault(f"{what}: {phase}", []).append(seconds)

    files = open_bundle(bundle).manifest.files
    copies = sum(entry.bytes for name, entry in files.items() if name.endswith(".copy"))
    everything = sum(entry.bytes for entry in files.values())
    values = in_turns(
        rounds,
        {LARGE: ours, RAW: raw(RAW, False), FROZEN: raw(FROZEN, True), IN_PROCESS: ours_in_process},
        say,
    )
    with fresh_database(admin) as target:
        say("weighing")
        peak = peak_megabytes([str(BIN / "ost-assets"), "restore", str(bundle)], environment(target))
    print_tables(f"1,000,000 narrow rows and 100,000 vectors; {rounds} rounds", "s", values, LARGE_TARGETS)
    # The first of each is the one that warmed up.
    print_tables("where the time is", "s", {name: found[1:] for name, found in phases.items()}, ())
    Console(width=110).print(
        f"The bundle has {everything / 1e6:.0f} MB, {copies / 1e6:.0f} MB of them for COPY."
        f" The process that restored it had {peak:.0f} MB at its peak."
    )


class Phases:
    """A `bundle.read.Progress` that notes when each stage ended."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._ended: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._ended[stage] = time.perf_counter()

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds; what came after the last one is the statistics, the swap and the commit."""
        found, before = {}, self._started
        for stage, ended in {**self._ended, "analyze, swap, commit": time.perf_counter()}.items():
            found[stage] = ended - before
            before = ended
        return found


def raw_job(target: Target, folder: Path, bundle: Path, freeze: bool) -> Path:
    manifest = open_bundle(bundle).manifest
    job: dict[str, Any] = {
        "url": target.url_with_password,
        "freeze": freeze,
        "before": [
            *(f'create extension "{name}"' for name in manifest.extensions),
            *map(ddl.create_table_ddl, manifest.tables),
        ],
        "files": [
            (sql.Identifier("public", table.name).as_string(), str(bundle / table.files["copy"]))
            for table in manifest.tables
        ],
        "after": list(ddl.key_ddl(manifest.tables)),
    }
    path = folder / "raw.json"
    path.write_text(json.dumps(job))
    return path


def run_raw(job: Path) -> str:
    return run([sys.executable, "-m", "benchmarks.raw_restore", str(job)], environment())


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
