"""The bundle's manifest is the same bytes for the same data, and its files have names any disk takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ost_assets.bundle.manifest import (
    FORMAT,
    MANIFEST_FILE,
    BundleManifest,
    FileEntry,
    TableEntry,
    read_fingerprint,
)
from ost_assets.bundle.rows import arrow_type
from ost_assets.bundle.write import _stem
from ost_assets.postgres.catalog import Column, Constraint, Index

TABLE = TableEntry(
    name="ÜSER",
    rows=2,
    digest="0" * 64,
    columns=(Column("id", "uuid", nullable=False, collatable=False),),
    constraints=(Constraint("ÜSER_pkey", "p", "PRIMARY KEY (id)", ("id",)),),
    indexes=(Index("ÜSER_id_idx", 'CREATE INDEX "ÜSER_id_idx" ON "ÜSER" USING btree (id)'),),
    files={"copy": "data/u.copy", "parquet": "data/u.parquet", "jsonl": "data/u.jsonl"},
)
MANIFEST = BundleManifest(
    fingerprint="f" * 64,
    inputs={"parameters": {"top_n": 5, "min_similarity": 0.1}},
    extensions=("vector",),
    tables=(TABLE, replace(TABLE, name="other", rows=3)),
    files={"schema.sql": FileEntry("1" * 64, 10), "data/u.copy": FileEntry("2" * 64, 20)},
)


def test_the_manifest_is_readable_json_with_its_format_and_everything_sorted() -> None:
    data = MANIFEST.to_bytes()
    assert data.endswith(b"}\n")
    assert "ÜSER" in data.decode()
    parsed = json.loads(data)
    assert parsed["format"] == FORMAT
    assert parsed["tables"][0]["files"] == TABLE.files
    again = json.dumps(parsed, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert again.encode() == data


def test_the_same_data_gives_the_same_bytes_however_it_was_collected() -> None:
    backwards = replace(
        MANIFEST,
        inputs={part: dict(reversed(values.items())) for part, values in MANIFEST.inputs.items()},
        files=dict(reversed(MANIFEST.files.items())),
        tables=tuple(replace(t, files=dict(reversed(t.files.items()))) for t in MANIFEST.tables),
    )
    assert backwards.to_bytes() == MANIFEST.to_bytes()


def test_the_rows_of_a_bundle_are_those_of_all_tables() -> None:
    assert MANIFEST.rows == 5


def test_the_fingerprint_of_a_bundle_is_read_back(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_bytes(MANIFEST.to_bytes())
    assert read_fingerprint(tmp_path) == "f" * 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'"text"',
        b"5",
        b"null",
        b'{"fingerprint": 5}',
        b'{"fingerprint": null}',
        b"\xff",
        b"[" * 100_000,
    ],
    ids=lambda data: data[:20].decode(errors="replace"),
)
def test_a_manifest_that_is_none_has_no_fingerprint(data: bytes, tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_bytes(data)
    assert read_fingerprint(tmp_path) is None


def test_where_there_is_no_bundle_there_is_no_fingerprint(tmp_path: Path) -> None:
    assert read_fingerprint(tmp_path) is None
    assert read_fingerprint(tmp_path / "nowhere") is None
    (tmp_path / "file").write_bytes(b"")
    assert read_fingerprint(tmp_path / "file") is None


_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=63)
# What some file system cannot hold in a name: Windows knows the longest list.
_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]|[^\x20-\x7e]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@given(st.lists(_names, unique=True, max_size=8))
@example(["a", "A", "a-2", "A-2"])
@example(["ß", "SS", "ss"])
@example(["é" * 31, "é" * 30 + "e", "é" * 31 + "x"])
def test_file_names_differ_even_where_case_does_not_count(names: list[str]) -> None:
    taken: set[str] = set()
    stems = [_stem(name, taken) for name in names]
    assert len({stem.casefold() for stem in stems}) == len(names)


@given(_names)
@example("..")
@example(".")
@example("../../etc/passwd")
@example("a/b\\c")
@example("C:\\x")
@example("x" * 63)
@example("🐍" * 15)
def test_a_file_name_is_plain_and_short_and_stays_in_its_folder(name: str) -> None:
    stem = _stem(name, set())
    assert stem
    assert _UNSAFE.search(stem) is None
    assert len(stem) <= 110
    for kind in ("copy", "parquet", "jsonl"):
        path = Path("bundle/data") / f"{stem}.{kind}"
        assert path.parent == Path("bundle/data")
        assert path.name not in (".", "..")


@pytest.mark.parametrize("name", ["USER", "embed_USERS", "test_users", "a b", "a-b"])
def test_an_ordinary_table_keeps_its_name(name: str) -> None:
    assert _stem(name, set()) == name


@pytest.mark.parametrize("name", ["CON", "nul", "Aux", "com1", "LPT9"])
def test_a_table_is_not_written_into_a_device_of_windows(name: str) -> None:
    assert _DEVICES.match(_stem(name, set()) + ".copy") is None


@given(st.lists(_names, unique=True, max_size=8))
def test_the_same_tables_get_the_same_file_names(names: list[str]) -> None:
    left: set[str] = set()
    right: set[str] = set()
    assert [_stem(name, left) for name in names] == [_stem(name, right) for name in names]


ARROW: dict[str, Any] = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "character varying": pa.string(),
    "character varying(30)": pa.string(),
    "character(3)": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "timestamp without time zone": pa.timestamp("us"),
    "vector": pa.list_(pa.float32()),
    "vector(384)": pa.list_(pa.float32()),
    "text[]": pa.list_(pa.string()),
    "integer[]": pa.list_(pa.int32()),
    "character varying(30)[]": pa.list_(pa.string()),
    "timestamp with time zone[]": pa.list_(pa.timestamp("us", tz="UTC")),
    # Their text is taken.
    "uuid": None,
    "uuid[]": None,
    "jsonb": None,
    "json": None,
    "numeric": None,
    "numeric(10,2)": None,
    "interval": None,
    "inet": None,
    "halfvec(3)": None,
    "vector(3)[]": None,
    "vectors": None,
    "my_enum": None,
    "timestamp(3) with time zone": None,
}


@pytest.mark.parametrize(("postgres", "arrow"), ARROW.items(), ids=ARROW)
def test_a_postgresql_type_has_its_arrow_type_or_none(postgres: str, arrow: pa.DataType | None) -> None:
    assert arrow_type(postgres) == arrow


@given(st.text(max_size=20))
def test_any_other_name_of_a_type_has_an_arrow_type_or_none(name: str) -> None:
    assert arrow_type(name) is None or isinstance(arrow_type(name), pa.DataType)
