"""A report survives the way through the database, where it lives as JSON."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ost_assets.postgres.digest import Content
from ost_assets.seeding.report import CheckResult, CheckStatus, NodeResult, Report

_text = st.text(max_size=8)
_seconds = st.floats(0, 1e6, allow_nan=False)
_checks = st.builds(
    CheckResult,
    check_id=_text,
    name=_text,
    status=st.sampled_from(get_args(CheckStatus)),
    failures=st.none() | st.integers(0),
    message=_text,
    sql=_text,
    sample=st.lists(st.dictionaries(_text, _text, max_size=2), max_size=2).map(tuple),
)
_reports = st.builds(
    Report,
    fingerprint=_text,
    strategy=st.sampled_from(["dbt", "sql"]),
    reason=_text,
    degraded=st.booleans(),
    outdated=st.lists(_text, max_size=2).map(tuple),
    relocked=st.booleans(),
    nodes=st.lists(st.builds(NodeResult, _text, _seconds), max_size=2).map(tuple),
    checks=st.lists(_checks, max_size=2).map(tuple),
    tables=st.dictionaries(_text, st.builds(Content, st.integers(0), _text), max_size=2),
    seconds=_seconds,
)


@given(_reports)
def test_a_report_survives_json(report: Report) -> None:
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_a_report_that_says_little_survives_json() -> None:
    report = Report("f", "sql", "asked for", degraded=False)
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize(
    ("status", "passed", "blocks"),
    [("pass", True, False), ("warn", False, False), ("fail", False, True), ("error", False, True)],
)
def test_only_what_failed_or_could_not_be_run_blocks(status: CheckStatus, passed: bool, blocks: bool) -> None:
    result = CheckResult("id", "name", status)
    assert (result.passed, result.blocks) == (passed, blocks)
