"""Short ways to templates and clones for tests, with views of the server that do not trust the package."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ost_assets.bundle.read import open_bundle
from ost_assets.isolation.clone import clone_once, drop_once
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.marks import Mark, mark_of, our_databases, write_mark
from ost_assets.isolation.sweep import _CROWDED_SECONDS, sweep
from ost_assets.isolation.template import Template, ensure_template
from ost_assets.postgres.connect import TEMPLATES_KEY, connect, exclusive, find_target
from ost_assets.settings import Settings
from tests.conftest import repository_environment
from tests.projects import Project
from tests.servers import Database, Server

HOUR, DAY = 3600, 86_400


def clear(server: Server, pattern: str) -> None:
    admin = Database(server.target)
    for (name,) in admin.query("select datname from pg_database where datname ~ %s", pattern):
        admin.execute(f'alter database "{name}" is_template false')
        admin.execute(f'drop database "{name}" with (force)')


def altered(settings: Settings, database: Database | None = None, **updates: Any) -> Settings:
    """The same with another address and other values, which are not validated."""
    if database is not None:
        updates["database_url"] = SecretStr(database.url)
    return settings.model_copy(update=updates)


def ensure(settings: Settings) -> Template:
    target = find_target(settings)
    with connect(settings, target) as conn:
        return ensure_template(conn, settings, target)


def sweep_now(settings: Settings, *, crowded: bool = False) -> list[str]:
    target = find_target(settings)
    with connect(settings, target) as conn, exclusive(conn, TEMPLATES_KEY, timeout=10):
        return sweep(conn, settings, target, _CROWDED_SECONDS if crowded else math.inf)


def databases(server: Server, kind: str = "[a-z]+") -> list[str]:
    """The databases of such names, by the catalog."""
    query = "select datname from pg_database where datname ~ %s order by oid"
    return [name for (name,) in Database(server.target).query(query, f"^ost_{kind}_")]


def mark_on(server: Server, name: str) -> Mark:
    with Database(server.target).connect() as conn:
        mark = mark_of(conn, name)
    assert mark is not None, f"{name} is gone or carries no mark"
    return mark


def age(server: Server, name: str, seconds: float) -> None:
    """Make a database of ours that much older."""
    mark = mark_on(server, name)
    used_at = mark.used_at - seconds if mark.used_at else 0.0
    with Database(server.target).connect() as conn:
        write_mark(conn, name, replace(mark, made_at=mark.made_at - seconds, used_at=used_at))


def on(server: Server, name: str) -> Database:
    return Database(replace(server.target, dbname=name))


def at(database: OstDatabase) -> Database:
    return Database.at(database.url)


def in_bundle(folder: Path) -> dict[str, str]:
    """Table -> digest, as the manifest has them."""
    return {table.name: table.digest for table in open_bundle(folder).manifest.tables}


def wait_until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def attended(server: Server, name: str) -> bool:
    with Database(server.target).connect() as conn:
        return {ours.name: ours for ours in our_databases(conn)}[name].attended


def end_session(server: Server, session: str) -> None:
    pid = int(session.partition("/")[0])
    assert Database(server.target).query("select pg_terminate_backend(%s, 10000)", pid) == [(True,)]


@contextmanager
def temporary_role(server: Server, options: str = "") -> Iterator[str]:
    """A role of the test's own, gone at the end with the databases that it owns."""
    name = f"role_{os.urandom(4).hex()}"
    admin = Database(server.target)
    admin.execute(f"create role {name} login {options}")
    try:
        yield name
    finally:
        owned = admin.query(
            "select datname from pg_database where pg_get_userbyid(datdba) = %s and datname ~ '^ost_'", name
        )
        for (database,) in owned:
            admin.execute(f"alter database {database} is_template false")
            admin.execute(f"drop database {database} with (force)")
        admin.execute(f"drop role {name}")


def acting_as(role: str, settings: Settings) -> Settings:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    assert "//postgres@" in url
    return altered(settings, Database.at(url.replace("//postgres@", f"//{role}@")))


@contextmanager
def clone_of(settings: Settings) -> Iterator[Database]:
    clone = clone_once(settings)
    yield at(clone)
    assert drop_once(settings, clone.url) == clone.name


def python_process(
    script: str, project: Project, settings: Settings, *arguments: str, **variables: str
) -> subprocess.Popen[str]:
    """A process of its own on the same bundle and server."""
    assert settings.database_url is not None
    environment = project.variables(
        DATABASE_URL=settings.database_url.get_secret_value(), OST_BUNDLE_DIR=str(settings.bundle_dir)
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=project.root,
        env=repository_environment(**environment, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def killed_at_the_end(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """Yields the words of the first line that the process says; then it gets SIGKILL."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        words = process.stdout.readline().split()
        assert words, process.stderr.read()
        yield words
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()


ASK_AT_ONCE = """
import multiprocessing, sys
from ost_assets.isolation.template import ensure_template
from ost_assets.postgres.connect import connect, find_target
from ost_assets.settings import load_settings

def ask(url):
    settings = load_settings(database_url=url)
    target = find_target(settings)
    with connect(settings, target) as conn:
        found = ensure_template(conn, settings, target)
    sys.stdout.write(f"{found.name} {found.strategy} {found.built}\\n")
    sys.stdout.flush()

processes = [multiprocessing.get_context("fork").Process(target=ask, args=(url,)) for url in sys.argv[1:]]
for process in processes:
    process.start()
for process in processes:
    process.join()
sys.exit(sum(process.exitcode != 0 for process in processes))
"""

STOP_AT = """
import sys, time
from ost_assets.isolation import template
from ost_assets.postgres.connect import connect, find_target
from ost_assets.settings import load_settings

def stop(*_):
    print("reached", flush=True)
    time.sleep(600)

setattr(template, sys.argv[1], stop)
settings = load_settings()
target = find_target(settings)
with connect(settings, target) as conn:
    template.ensure_template(conn, settings, target)
"""

HOLD_CLONES = """
import sys, time
from ost_assets.isolation.pool import ClonePool
from ost_assets.settings import load_settings

with ClonePool(load_settings(), "killed", 1) as pool:
    one, other, kept, asked = (pool.get() for _ in range(4))
    pool.keep(kept, "a test")
    pool.give_back(asked)
    print(one.name, other.name, kept.name, asked.name, flush=True)
    time.sleep(600)
"""
