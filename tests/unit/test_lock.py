"""A lock is read as it was written, or refused; and the checks file gives back the query of every check."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ost_assets.errors import LockBroken, LockMissing, ProofFailed
from ost_assets.postgres.bookkeeping import BUILD_SCHEMA
from ost_assets.seeding import lock_writer
from ost_assets.seeding.check_sql import check_sql, failing_rows_sql, literal
from ost_assets.seeding.graph import Graph
from ost_assets.seeding.lock import (
    CHECKS_FILE,
    FOREIGN_KEYS_FILE,
    FORMAT,
    LOCK_FILE,
    SETUP_FILE,
    Lock,
    read_lock,
)
from ost_assets.seeding.lockable import refuse_unlockable

COMMITTED = Path(__file__).parents[2] / "sql_fallback"


def _small() -> dict[str, Any]:
    """The smallest complete lock.json: one seed, one test."""
    sql = dict.fromkeys(["0010_s.sql", FOREIGN_KEYS_FILE, CHECKS_FILE, SETUP_FILE], b"select 1;\n")
    node = {
        "unique_id": "seed.t.s",
        "kind": "seed",
        "name": "s",
        "key": ["s"],
        "relation": "s",
        "depends_on": [],
        "path": "seeds/s.csv",
        "description": "",
        "tags": [],
        "group": None,
        "published": True,
        "delimiter": ",",
        "has_vectors": False,
    }
    check = {
        "unique_id": "test.t.c",
        "name": "c",
        "node": "seed.t.s",
        "severity": "error",
        "description": "",
    }
    return {
        "format": FORMAT,
        "about": "",
        "inputs": {"seeds/s.csv": "0" * 64},
        "parameters": {"top_n": 5},
        "graph": {"nodes": [node], "checks": [check]},
        "node_files": {"seed.t.s": "0010_s.sql"},
        "tables": {"s": {"rows": 1, "digest": "0" * 64}},
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sql.items()},
    }


def _read(value: Any) -> Lock:
    return _read_bytes(json.dumps(value).encode())


def _read_bytes(data: bytes) -> Lock:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / LOCK_FILE).write_bytes(data)
        return read_lock(Path(folder))


@pytest.fixture
def committed(tmp_path: Path) -> Lock:
    """A copy of this repository's lock."""
    shutil.copytree(COMMITTED, tmp_path / "lock")
    return read_lock(tmp_path / "lock")


def test_a_lock_is_read_as_it_was_written() -> None:
    small = _small()
    found = {**_read(small).to_json(), "about": ""}
    assert json.loads(json.dumps(found)) == small


def test_the_committed_lock_is_read_as_it_was_written(committed: Lock) -> None:
    text = json.dumps(committed.to_json(), indent=1, ensure_ascii=False) + "\n"
    assert text == (COMMITTED / LOCK_FILE).read_text()


def test_the_committed_lock_lists_exactly_the_files_beside_it(committed: Lock) -> None:
    assert {path.name for path in COMMITTED.iterdir()} == {LOCK_FILE, *committed.files}
    assert set(committed.node_files.values()) < set(committed.files)


def test_every_file_of_the_committed_lock_is_what_the_lock_says(committed: Lock) -> None:
    for name in committed.files:
        assert committed.read_sql(name).encode() == (COMMITTED / name).read_bytes()


def test_a_folder_without_a_lock_is_a_missing_lock(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LockMissing, match="no SQL lock") as caught:
            read_lock(folder)
        assert str(folder / LOCK_FILE) in str(caught.value)
        assert "ost-assets lock" in caught.value.remedy


@pytest.mark.parametrize("number", [0, 2, "1", None, [1]])
def test_a_lock_of_another_format_is_a_missing_lock(number: Any) -> None:
    with pytest.raises(LockMissing, match="not of format 1"):
        _read({**_small(), "format": number})


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b"not json", b'{"format": 1', b"<<<<<<< HEAD\n{}", b"[" * 100_000, b"{}{}"],
    ids=["empty", "cut", "not-utf-8", "text", "cut-later", "conflict", "deep", "twice"],
)
def test_garbage_is_a_broken_lock(data: bytes) -> None:
    with pytest.raises(LockBroken, match=r"lock\.json cannot be read"):
        _read_bytes(data)


def test_a_lock_that_is_a_folder_is_a_broken_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(LockBroken):
        read_lock(tmp_path)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_json)
def test_any_other_json_is_a_missing_or_a_broken_lock(value: Any) -> None:
    with pytest.raises((LockMissing, LockBroken)):
        _read(value)


@given(st.dictionaries(st.sampled_from(sorted(_small())), _json))
def test_any_object_with_the_right_names_is_a_missing_or_a_broken_lock(value: dict[str, Any]) -> None:
    with pytest.raises((LockMissing, LockBroken)):
        _read(value)


@pytest.mark.parametrize("part", [part for part in _small() if part not in ("format", "about")])
def test_a_lock_without_one_of_its_parts_is_broken(part: str) -> None:
    damaged = _small()
    del damaged[part]
    with pytest.raises(LockBroken, match=part):
        _read(damaged)


@pytest.mark.parametrize("part", [part for part in _small() if part not in ("format", "about")])
@pytest.mark.parametrize("wrong", [None, 5, "text", [], ["a"]], ids=repr)
def test_a_part_of_another_type_is_a_broken_lock(part: str, wrong: Any) -> None:
    with pytest.raises(LockBroken):
        _read({**_small(), part: wrong})


def _node(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["graph"]["nodes"][0].update(changes)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data["node_files"].clear(),
        lambda data: data["node_files"].update({"seed.t.s": "0020_gone.sql"}),
        lambda data: data["tables"].clear(),
        lambda data: data["files"].pop(CHECKS_FILE),
        lambda data: data["graph"]["checks"][0].update(node="model.t.gone"),
        lambda data: data["tables"]["s"].update(rows="many"),
        lambda data: data["tables"]["s"].pop("digest"),
        lambda data: data["tables"]["s"].update(more=1),
        lambda data: data["graph"]["nodes"].append(5),
        _node(depends_on=["seed.t.gone"]),
        _node(relation=None),
        _node(key=5),
        _node(key="s"),
        _node(tags=[1]),
        _node(published="yes"),
        _node(unknown=1),
    ],
    ids=[
        "node-without-file",
        "file-not-listed",
        "table-without-contents",
        "no-checks-file",
        "check-without-node",
        "rows-no-number",
        "no-digest",
        "more-than-known",
        "node-no-object",
        "parent-unknown",
        "relation-null",
        "key-number",
        "key-text",
        "tag-number",
        "published-text",
        "node-field-unknown",
    ],
)
def test_a_lock_whose_parts_do_not_fit_together_is_broken(damage: Callable[[dict[str, Any]], None]) -> None:
    damaged = _small()
    damage(damaged)
    with pytest.raises(LockBroken):
        _read(damaged)


def test_a_lock_is_compared_with_the_project_it_was_made_from(tmp_path: Path) -> None:
    lock = _read(_small())
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "s.csv").write_bytes(b"id\n")
    (tmp_path / "new.sql").write_bytes(b"")
    assert lock.outdated_files(tmp_path) == ["new.sql", "seeds/s.csv"]
    lock.inputs["seeds/s.csv"] = hashlib.sha256(b"id\n").hexdigest()
    lock.inputs["new.sql"] = hashlib.sha256(b"").hexdigest()
    assert lock.outdated_files(tmp_path) == []


@pytest.mark.parametrize("edit", [lambda b: b + b"\n", lambda b: b"", lambda b: b.replace(b"\n", b"\r\n")])
def test_a_file_that_was_edited_is_refused(committed: Lock, edit: Callable[[bytes], bytes]) -> None:
    name = next(iter(committed.files))
    path = committed.folder / name
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(LockBroken, match="edited by hand or damaged") as caught:
        committed.read_sql(name)
    assert name in caught.value.what
    assert str(path) == caught.value.looked


def test_a_file_that_is_missing_or_unknown_is_refused(committed: Lock) -> None:
    name = next(iter(committed.files))
    (committed.folder / name).unlink()
    with pytest.raises(LockBroken, match=f"lacks {name}"):
        committed.read_sql(name)
    (committed.folder / "9999_more.sql").write_text("drop schema public cascade;")
    with pytest.raises(LockBroken):
        committed.read_sql("9999_more.sql")


# --- the checks file -------------------------------------------------------------------------------------


def _test(query: str, uid: str = "test.t.c.0123456789", **config: Any) -> dict[str, Any]:
    return {"unique_id": uid, "compiled_code": query, "database": "db", "config": config}


def _checks_file(*tests: dict[str, Any]) -> str:
    return lock_writer._HEADER + "".join(check_sql(test, lock_writer._unqualified(test)) for test in tests)


def test_the_committed_checks_file_gives_back_the_query_of_every_check(committed: Lock) -> None:
    found = failing_rows_sql(committed.read_sql(CHECKS_FILE))
    assert set(found) == {check.unique_id for check in committed.graph.checks}
    assert [uid for uid, query in found.items() if "select" not in query.lower()] == []


def test_the_checks_file_says_what_dbt_would_say() -> None:
    text = _checks_file(
        _test("select 1", severity="error"),
        _test("select 2", "test.t.d", severity="WARN", warn_if="> 3", fail_calc="sum(n)", limit=7),
    )
    assert "count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else" in text
    assert "sum(n), case when sum(n) > 3 then 'warn' else 'pass' end" in text
    assert failing_rows_sql(text) == {
        "test.t.c.0123456789": "select 1",
        "test.t.d": "select 2\nlimit 7",
    }


_sql = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40).filter(
    lambda text: text.strip().rstrip(";") != ""
)
_lines = st.lists(
    st.sampled_from(
        [
            "select 1",
            "-- check that every score is in range",
            "-- check",
            "from (",
            "-- failing rows",
            "-- end of failing rows",
            ") as failing;",
            "-- a comment at the end",
            "'; -- check x'",
            "",
        ]
    ),
    min_size=1,
    max_size=6,
).map("\n".join)


@given(st.lists((_sql | _lines).filter(lambda text: text.strip().rstrip(";") != ""), min_size=1, max_size=4))
@example(["select *\nfrom t\n-- check that nobody is missing\nwhere n is null"])
@example(["select 1\n-- end of failing rows\n"])
@example(["select 1 -- the last line is a comment"])
def test_the_query_of_any_check_is_recovered_from_the_checks_file(queries: list[str]) -> None:
    tests = [_test(query, f"test.t.c{n}") for n, query in enumerate(queries)]
    expected = {test["unique_id"]: lock_writer._unqualified(test) for test in tests}
    assert failing_rows_sql(_checks_file(*tests)) == expected


def test_a_project_without_checks_has_a_checks_file_with_none() -> None:
    assert failing_rows_sql(_checks_file()) == {}


def test_database_and_build_schema_are_taken_out_of_the_names() -> None:
    query = f'select * from "db"."{BUILD_SCHEMA}"."a b" join "db"."other"."c" using (id) ; \n'
    assert lock_writer._unqualified(_test(query)) == 'select * from "a b" join "other"."c" using (id) '


@pytest.mark.parametrize("compiled", [None, ""])
def test_a_test_that_dbt_did_not_compile_cannot_be_locked(compiled: str | None) -> None:
    with pytest.raises(ProofFailed, match=r"test\.t\.c"):
        lock_writer._unqualified({**_test(""), "compiled_code": compiled})


def _parse_literal(text: str) -> str | None:
    """As PostgreSQL reads it with standard_conforming_strings on: '' is a quote, all else is itself."""
    if text == "null":
        return None
    assert text[0] == text[-1] == "'"
    inside = text[1:-1]
    assert inside.replace("''", "").count("'") == 0
    return inside.replace("''", "'")


@given(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@example("")
@example("null")
@example("'")
@example("\\' or 1=1; --")
def test_a_literal_is_read_back_as_the_value_it_was(value: str | None) -> None:
    assert _parse_literal(literal(value)) == value


# --- what a lock cannot hold -----------------------------------------------------------------------------


def _lockable() -> dict[str, Any]:
    config = {"materialized": "table", "pre-hook": [], "post-hook": [], "grants": {}}
    model = {"resource_type": "model", "config": config, "schema": BUILD_SCHEMA}
    return {"nodes": {"model.t.m": model}, "sources": {}}


def test_tables_seeds_and_ephemeral_models_in_the_build_schema_can_be_locked() -> None:
    manifest = _lockable()
    ephemeral = copy.deepcopy(manifest["nodes"]["model.t.m"])
    ephemeral["config"]["materialized"] = "ephemeral"
    ephemeral["schema"] = "anything"
    refuse_unlockable({**manifest, "nodes": {**manifest["nodes"], "model.t.e": ephemeral}}, Graph((), ()))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config": {"materialized": "view"}}, "model.t.m is materialized as view"),
        ({"config": {"materialized": "incremental"}}, "model.t.m is materialized as incremental"),
        ({"resource_type": "snapshot"}, "model.t.m is a snapshot"),
        ({"resource_type": "operation"}, "model.t.m is a project hook"),
        ({"config": {"materialized": "table", "post-hook": [{"sql": "x"}]}}, "model.t.m has a post-hook"),
        ({"config": {"materialized": "table", "grants": {"select": ["x"]}}}, "model.t.m sets grants"),
        ({"schema": "other"}, "model.t.m has the schema 'other' of its own"),
    ],
)
def test_what_plain_sql_cannot_repeat_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    manifest = _lockable()
    manifest["nodes"]["model.t.m"].update(change)
    with pytest.raises(ProofFailed) as caught:
        refuse_unlockable(manifest, Graph((), ()))
    assert named in caught.value.what


def test_a_source_is_refused_by_name() -> None:
    manifest = {**_lockable(), "sources": {"source.t.raw.p": {"schema": "raw", "name": "p"}}}
    with pytest.raises(ProofFailed, match=r"source\.t\.raw\.p is a source \(raw\.p\)"):
        refuse_unlockable(manifest, Graph((), ()))
