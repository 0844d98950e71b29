"""The data tests in the lock: each one an insert of its outcome, from which its query can be cut out again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATE_CHECKS_TABLE = (
    "create temp table ost_checks (check_id text primary key, failures bigint, status text);\n"
)

# What `check_sql` writes, for cutting the queries out again. A query may hold any text, lines like these
# among them: a block ends where the next one begins or the file ends.
_CHECK = re.compile(
    r"^-- check (?P<uid>[^\n]+)\ninsert into pg_temp\.ost_checks.*?\nfrom \(\n-- failing rows\n(?P<query>.*?)"
    r"\n-- end of failing rows\n\) as failing;\n(?=\n-- check [^\n]+\ninsert into pg_temp\.ost_checks|\Z)",
    re.MULTILINE | re.DOTALL,
)


def check_sql(test: Mapping[str, Any], query: str) -> str:
    """One check as dbt evaluates it (dbt-adapters, macros/materializations/tests/helpers.sql).

    Args:
        test: the node of the manifest.
        query: lists the failing rows.
    """
    config = test["config"]
    fail_calc = config.get("fail_calc") or "count(*)"
    warn_if, error_if = config.get("warn_if") or "!= 0", config.get("error_if") or "!= 0"
    limit = f"\nlimit {config['limit']}" if config.get("limit") else ""
    status = "case "
    if (config.get("severity") or "error").lower() == "error":
        status += f"when {fail_calc} {error_if} then 'fail' "
    status += f"when {fail_calc} {warn_if} then 'warn' else 'pass' end"
    return (
        f"\n-- check {test['unique_id']}\n"
        f"insert into pg_temp.ost_checks (check_id, failures, status)\n"
        f"select {literal(test['unique_id'])}, {fail_calc}, {status}\n"
        f"from (\n-- failing rows\n{query}{limit}\n-- end of failing rows\n) as failing;\n"
    )


def failing_rows_sql(checks_sql: str) -> dict[str, str]:
    """Unique id of a check -> the query that lists its failing rows, from the text of the checks file."""
    return {match["uid"]: match["query"] for match in _CHECK.finditer(checks_sql)}


def literal(value: str | None) -> str:
    """A text as an SQL literal, or null."""
    # standard_conforming_strings is on wherever these files run, so a backslash is a backslash.
    return "null" if value is None else "'" + value.replace("'", "''") + "'"
