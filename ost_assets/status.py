"""What `ost-assets status` says: is the published database the one that the inputs give, and untouched?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ost_assets.bundle.manifest import read_fingerprint
from ost_assets.fingerprint import explain as explain_inputs
from ost_assets.fingerprint import fingerprint
from ost_assets.postgres import bookkeeping
from ost_assets.postgres.catalog import read_catalog
from ost_assets.postgres.connect import connect, find_target
from ost_assets.postgres.digest import read_content
from ost_assets.seeding.report import Report
from ost_assets.summary import summary

if TYPE_CHECKING:
    from ost_assets.postgres.bookkeeping import Publication
    from ost_assets.postgres.connect import Conn
    from ost_assets.settings import Settings


def status_report(settings: Settings, *, explain: bool) -> tuple[str, bool]:
    """The text, and whether everything is current: published, of the present inputs, untouched, exported.

    Raises:
        ServerError, SettingsError, GuardRefused: the target cannot be looked at.
    """
    with connect(settings, target := find_target(settings)) as conn:
        found = bookkeeping.published(conn, settings.ost_target_schema)
        if found is None:
            return f"Nothing is published in {target.url}. Run `ost-assets setup`.", False
        problems = []
        if not found.intact:
            problems.append("published tables were dropped or renamed since")
        else:
            touched = _touched_tables(conn, settings.ost_target_schema, found)
            if touched:
                problems.append("rows were changed since they were published: " + ", ".join(touched))
        # A job that only restores bundles has no dbt project to compare with, and exports nothing.
        command = "ost-assets restore BUNDLE"
        if settings.dbt_project_dir.is_dir():
            now = fingerprint(settings)
            command = "ost-assets setup" + (" --force" if found.fingerprint == now.value else "")
            if found.fingerprint != now.value:
                problems.append(f"the inputs changed: {now.value[:16]} is not published")
                if explain:
                    problems += [f"  {line}" for line in explain_inputs(found.inputs, now.inputs)]
            if read_fingerprint(settings.bundle_dir) != found.fingerprint:
                problems.append(f"the bundle in {settings.bundle_dir} is missing or of other data")
        title = f"Published {found.published_at:%Y-%m-%d %H:%M:%S} UTC"
        text = summary(settings, target, found, title)
    if problems:
        text += "\nNot current:\n" + "\n".join(f"  {line}" for line in problems)
        return f"{text}\nRun `{command}` to publish afresh.", False
    return text + "\nCurrent: nothing changed since.", True


def _touched_tables(conn: Conn, schema: str, found: Publication) -> list[str]:
    everything = read_catalog(conn, schema)
    recorded = Report.from_json(found.report).tables
    contents = read_content(conn, schema, {name: everything[name] for name in recorded})
    return [name for name in recorded if contents[name] != recorded[name]]
