"""The command line: a thin skin. The quick path of `setup` imports neither Dagster nor dbt."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ost_assets import __version__
from ost_assets.bundle import restore as restore_bundle
from ost_assets.errors import OstError, from_os_error
from ost_assets.postgres.connect import find_target
from ost_assets.progress import progress_bar
from ost_assets.settings import Settings, load_settings
from ost_assets.unchanged import unchanged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ost_assets.postgres.target import Target

JOB = ("asset", "materialize", "--select", "*", "-m", "ost_assets.definitions")


class _Commands(click.Group):
    """Turns this package's errors into one message on standard error and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OstError as error:
            click.echo(f"Error: {error}", err=True)
        except OSError as error:
            click.echo(f"Error: {from_os_error(error)}", err=True)
        sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ost-assets")
def main() -> None:
    """An empty PostgreSQL becomes a verified, portable test database."""


@main.command()
@click.option("--strategy", type=click.Choice(["auto", "dbt", "sql"]), help="Overrides OST_SEED_STRATEGY.")
@click.option("--strict", is_flag=True, help="Fail instead of seeding from the SQL lock when dbt is broken.")
@click.option("--force", is_flag=True, help="Seed again even if nothing changed.")
def setup(strategy: str | None, strict: bool, force: bool) -> None:
    """Seed, check, publish and export; do nothing where that has been done."""
    given = {"ost_seed_strategy": strategy, "ost_strict": strict or None}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    found = None if force else unchanged(settings)
    if found is None:
        # Dagster warns about its own command line, which a caller of this one cannot change.
        _become([sys.executable, "-W", "ignore", "-m", "dagster", *JOB], settings)
    click.echo(
        f"Nothing to do: fingerprint {found.fingerprint[:16]} is published since "
        f"{found.published_at:%Y-%m-%d %H:%M:%S} UTC (seeded by {found.report['strategy']}), "
        f"bundle in {settings.bundle_dir}."
    )
    if found.report["degraded"]:
        click.echo(f"DEGRADED: {found.report['reason']}", err=True)


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path))
def restore(bundle: Path) -> None:
    """Verify a bundle and publish its tables: a seeded database without dbt, in well under a second."""
    settings = load_settings()
    with progress_bar() as progress:
        manifest = restore_bundle(bundle, settings, progress=progress)
    click.echo(
        f"Restored {len(manifest.tables)} tables, {manifest.rows} rows, into schema"
        f" {settings.ost_target_schema}: fingerprint {manifest.fingerprint[:16]}.\n"
        f"connect      {find_target(settings).url}"
    )


@main.command()
@click.option("--explain", is_flag=True, help="Say which inputs changed since the last set-up.")
def status(explain: bool) -> None:
    """Say what is published and whether it is current; exit code 1 if it is not."""
    from ost_assets.status import status_report

    text, current = status_report(load_settings(), explain=explain)
    click.echo(text)
    sys.exit(0 if current else 1)


@main.command()
@click.option("--check", is_flag=True, help="Prove the committed lock instead of writing it.")
def lock(check: bool) -> None:
    """Compile the dbt project into plain SQL and prove that both build the same database."""
    from ost_assets.seeding.make_lock import check_lock, make_lock

    settings = load_settings()
    if check:
        check_lock(settings)
        click.echo("The SQL lock is current and proven equal to dbt.")
    else:
        made = make_lock(settings)
        tables, tests = len(made.graph.nodes), len(made.graph.checks)
        click.echo(f"Locked {tables} tables and {tests} data tests in {made.folder}, proven equal to dbt.")


@main.command()
def clone() -> None:
    """Print the URL of a fresh clone of the test data, for a test in any language; `drop` ends it."""
    from ost_assets.isolation.clone import clone_once

    click.echo(clone_once(load_settings()).url)


@main.command()
@click.argument("url")
def drop(url: str) -> None:
    """Drop a clone, named by its URL or just by its database's name."""
    from ost_assets.isolation.clone import drop_once

    click.echo(f"Dropped {drop_once(load_settings(), url)}.")


@main.command()
def down() -> None:
    """Stop the embedded PostgreSQL; its data stays under .ost/."""
    from ost_assets.postgres import embedded

    settings = load_settings()
    if embedded.stop(settings.embedded_data_dir):
        click.echo("Stopped the embedded PostgreSQL.")
    else:
        click.echo(f"No embedded PostgreSQL runs on {settings.embedded_data_dir}.")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, required=True)
def dbt(arguments: tuple[str, ...]) -> None:
    """Run dbt by hand on the same server: `ost-assets dbt build`. Builds in the schema dbt_dev."""
    from ost_assets.postgres.connect import ensure_target

    settings = load_settings()
    by_hand = by_hand_environment(settings, ensure_target(settings))
    _become([sys.executable, "-m", "dbt.cli.main", *arguments], settings, by_hand)


def by_hand_environment(settings: Settings, target: Target) -> dict[str, str]:
    """The variables with which a plain `dbt` command finds project, profile and the same server."""
    return {
        **target.environment,
        "POSTGRES_HOST": target.host,
        "POSTGRES_PORT": str(target.port),
        "POSTGRES_USER": target.user,
        "POSTGRES_PASSWORD": target.password or "",
        "POSTGRES_DB": target.dbname,
        "DBT_PROJECT_DIR": str(settings.dbt_project_dir),
        "DBT_PROFILES_DIR": str(settings.dbt_project_dir),
        "DBT_TARGET_PATH": str(settings.home / "dbt" / "by_hand"),
        "DBT_LOG_PATH": str(settings.home / "dbt" / "logs"),
    }


def _become(command: Sequence[str], settings: Settings, more: Mapping[str, str] | None = None) -> NoReturn:
    """Go on as another program, in the project's root, where dagster.yaml is read."""
    environment = {**os.environ, **settings.as_environment(), **(more or {})}
    os.chdir(settings.root)
    sys.stdout.flush()
    os.execve(command[0], list(command), environment)
