"""What a person reads when the set-up is done, and what `status` shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ost_assets.seeding.report import Report

if TYPE_CHECKING:
    from ost_assets.postgres.bookkeeping import Publication
    from ost_assets.postgres.target import Target
    from ost_assets.settings import Settings


def summary(settings: Settings, target: Target, published: Publication, title: str) -> str:
    """Under the title: strategy and reason, relations and rows, checks, bundle, URL (without the password)."""
    from rich.console import Console
    from rich.table import Table

    report = Report.from_json(published.report)
    rows = sum(table.rows for table in report.tables.values())
    passed = sum(check.passed for check in report.checks)
    warned = len(report.checks) - passed
    checks = f"{passed} passed" + (f", {warned} warned" if warned else "")
    grid = Table.grid(padding=(0, 2))
    lines = {
        "seeded by": f"{report.strategy} in {report.seconds:.1f} s ({report.reason})",
        "tables": f"{len(report.tables)} in schema {settings.ost_target_schema}, {rows} rows: "
        + ", ".join(f"{name} {table.rows}" for name, table in report.tables.items()),
        "checks": checks if report.checks else "none here: they passed before the bundle was made",
        "fingerprint": published.fingerprint[:16],
        "bundle": str(settings.bundle_dir),
        "connect": target.url,
    }
    if report.degraded:
        lines = {"DEGRADED": report.reason, **lines}
    for name, value in lines.items():
        grid.add_row(name, value)
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, markup=False, emoji=False)
    console.print(f"\n{title}\n")
    console.print(grid)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
