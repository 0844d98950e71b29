"""The bundle: the same bytes everywhere, and every value in it to the last byte."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ost_assets.bundle import write
from ost_assets.errors import BundleError
from ost_assets.postgres.catalog import differences
from ost_assets.seeding.lock import read_lock
from ost_assets.status import status_report
from tests.commands import psql
from tests.engine import catalog, digests, export, folder_digest, set_up
from tests.projects import Project
from tests.servers import Database, Server

# What the awkward project makes, spelled here a second time: id -> value.
PHRASES = {
    1: "Zoë — naïve, 日本語 🦀 𝔘𝔫𝔦",  # noqa: RUF001
    2: 'say "hi", ok; "" twice',
    3: "two\nlines\n\nand an empty one\n",
    4: "back\\slash \\n \\N \\. \\x41 \\\\",
    5: "tab\there\tand\tthere",
    6: "  spaces around  ",
    7: "e\u0301 is not \u00e9",
    8: "it's 'single' $$dollar$$ $a$b$a$",
    9: "{{ jinja }} {% raw %} {# none #}",
    10: "100% %s %(name)s %%",
    11: ":colon :'top_n' :\"schema\"",
    12: "\u202eright to left\u202c zero\u200bwidth \ufeff bom",
    13: "-- check not.a.check\n-- end of failing rows\n; drop table phrases;",
    14: "007",
    15: "true",
    16: "2024-02-30",
    17: "1e5",
    18: "\\copy \\! \n\\q\n\\.\n",
    19: "NaN",
    20: None,
}
ODDITIES: dict[int, dict[str, Any]] = {
    1: {"maybe_empty": "", "breaks": "\r\n", "words": [], "numbers": None, "document": {}},
    2: {
        "maybe_empty": None,
        "breaks": "a\rb\r\nc\n",
        "words": ["", None, "NULL", "null", '"', "\\", "{}", "ü,"],
        "numbers": [],
        "document": None,
    },
    3: {
        "maybe_empty": "\t",
        "breaks": "\x01\x1f\x7f",
        "words": None,
        "numbers": [1, None, -2147483648],
        "document": "null",
    },
    4: {
        "maybe_empty": " ",
        "breaks": "\u2028\u0085\u00a0",
        "words": ["\r\n", "\\N"],
        "numbers": [0],
        "document": {"a": [1.1, 10**400, True, None, {"": ""}], "z": '"q" \\ é 🦀'},
    },
}
BYTES = {1: b"\x00\xff\n\\", 2: b"", 3: None, 4: b""}
STRANGE = "Sträng€ näme %s/{}"


@pytest.fixture
def restored(server: Server) -> Iterator[Database]:
    with server.database() as fresh:
        fresh.execute("create extension vector")
        yield fresh


def test_the_ost_bundle_is_the_same_bytes_by_dbt_and_sql_on_postgresql_18_and_16(
    ost: Project, server: Server, server_16: Server, tmp_path: Path
) -> None:
    ways = [(server, "sql", "first"), (server_16, "sql", "sixteen"), (server, "dbt", "dbt")]
    found = {name: _exported(ost, place, how, tmp_path / name) for place, how, name in ways}
    assert found["sixteen"] == found["first"]
    assert found["dbt"] == found["first"]
    assert len(found["first"]) == 2 + 3 * len(read_lock(ost.lock).tables)


def test_the_awkward_bundle_is_the_same_bytes_by_dbt_and_sql_on_postgresql_18_and_16(
    awkward: Project, server: Server, server_16: Server, tmp_path: Path
) -> None:
    ways = [(server, "sql"), (server, "dbt"), (server_16, "sql"), (server_16, "dbt")]
    found = [
        _exported(awkward, place, how, tmp_path / str(number)) for number, (place, how) in enumerate(ways)
    ]
    assert all(other == found[0] for other in found[1:])


def _exported(project: Project, server: Server, strategy: str, folder: Path) -> dict[str, str]:
    with server.database() as database:
        settings = project.settings(database, ost_seed_strategy=strategy, ost_bundle_dir=folder)
        assert set_up(settings).strategy == strategy
        export(settings)
        first = folder_digest(folder)
        export(settings)
        assert folder_digest(folder) == first
        return first


def test_the_manifest_says_what_the_files_are(ost: Project, database: Database) -> None:
    settings = ost.settings(database, ost_seed_strategy="sql")
    report = set_up(settings)
    export(settings)
    manifest = json.loads((settings.bundle_dir / "manifest.json").read_bytes())
    assert manifest["fingerprint"] == report.fingerprint
    assert manifest["extensions"] == ["vector"]
    assert {t["name"]: (t["rows"], t["digest"]) for t in manifest["tables"]} == {
        name: (table.rows, table.digest) for name, table in report.tables.items()
    }
    for table in manifest["tables"]:
        copy = (settings.bundle_dir / table["files"]["copy"]).read_bytes()
        assert hashlib.sha256(copy).hexdigest() == table["digest"] == digests(database)[table["name"]]
    on_disk = folder_digest(settings.bundle_dir)
    on_disk.pop("manifest.json")
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == on_disk
    assert all(
        (settings.bundle_dir / name).stat().st_size == entry["bytes"]
        for name, entry in manifest["files"].items()
    )


def test_parquet_and_json_lines_hold_the_rows_of_the_tables(ost: Project, published: Database) -> None:
    settings = ost.settings(published, ost_seed_strategy="sql")
    for table in export(settings).tables:
        # Times and arrays are written differently in each format; the awkward project compares those.
        types = {
            column.name: column.type
            for column in table.columns
            if column.type not in ("timestamp with time zone", "text[]")
        }
        casts = ", ".join(
            f'"{name}"' + ("::real[]" if kind.startswith("vector") else "::text")
            for name, kind in types.items()
        )
        rows = {tuple(map(_text, row)) for row in published.query(f'select {casts} from "{table.name}"')}
        lines = _json_lines(settings.bundle_dir / table.files["jsonl"])
        cells = pq.read_table(settings.bundle_dir / table.files["parquet"]).to_pylist()
        assert [list(line) for line in lines] == [[c.name for c in table.columns]] * len(rows)
        assert len(lines) == len(cells) == table.rows == len(rows)
        assert {tuple(_text(row[name]) for name in types) for row in cells} == rows
        assert {tuple(_text(row[name]) for name in types) for row in lines} == rows


def _text(value: Any) -> str:
    """A cell of a file as PostgreSQL's own text, for what is the same in both formats."""
    if isinstance(value, list):
        return struct.pack(f"{len(value)}f", *value).hex()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _json_lines(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_int=_whole) for line in lines]


def _whole(text: str) -> float:
    """JSON keeps the sign of a zero, Python's integers do not."""
    return -0.0 if text == "-0" else int(text)


@pytest.mark.parametrize("way", ["dbt", "sql", "psql"])
def test_every_awkward_value_arrives_in_the_database_to_the_last_byte(
    way: str, awkward: Project, database: Database
) -> None:
    if way == "psql":
        database.execute("create extension vector")
        result = psql(database, "-f", awkward.lock / "setup.sql")
        assert (result.returncode, result.stderr) == (0, "")
    else:
        set_up(awkward.settings(database, ost_seed_strategy=way))
    phrases = dict(database.query("""select id, convert_to("Body text", 'UTF8') from phrases"""))
    assert phrases == {
        number: text.encode() if text is not None else None for number, text in PHRASES.items()
    }
    columns = "maybe_empty, breaks, words, numbers, document::text, bytes, ratio::text, exact::text, embedding::text"
    found = {row[0]: row[1:] for row in database.query(f"select id, {columns} from oddities")}
    for number, expected in ODDITIES.items():
        empty, breaks, words, numbers, _, data, *_ = found[number]
        assert (empty, breaks, words, numbers) == tuple(
            expected[key] for key in ("maybe_empty", "breaks", "words", "numbers")
        )
        assert data == BYTES[number]
    documents = [found[number][4] for number in sorted(found)]
    assert documents[:3] == ["{}", None, "null"]
    assert documents[3].startswith('{"a": [1.10, 1000')
    assert documents[3].endswith('"z": "\\"q\\" \\\\ é 🦀"}')
    assert [found[number][6] for number in sorted(found)] == ["NaN", "-Infinity", "-0", "0.1"]
    exact = [found[number][7] for number in sorted(found)]
    assert exact == ["12345678901234567890.123456789", None, "0.00", "NaN"]
    assert [found[n][8] for n in sorted(found)] == ["[0.1,-0.5,1e-07]", None, "[0,0,0]", None]
    assert database.query('select word, count(*)::integer from "No key" group by word order by 1') == [
        ("lower", 2),
        (None, 1),
    ]


def test_every_awkward_value_arrives_in_parquet_and_json_lines(awkward: Project, database: Database) -> None:
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    tables = {table.name: table for table in export(settings).tables}

    def both(name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        yield "jsonl", _json_lines(settings.bundle_dir / tables[name].files["jsonl"])
        yield "parquet", pq.read_table(settings.bundle_dir / tables[name].files["parquet"]).to_pylist()

    for _, rows in both("phrases"):
        assert {row["id"]: row["Body text"] for row in rows} == PHRASES
        assert [row["id"] for row in rows] == sorted(PHRASES)
    for kind, rows in both("oddities"):
        assert [row["id"] for row in rows] == [1, 2, 3, 4]
        for row in rows:
            expected = ODDITIES[row["id"]]
            for key in ("maybe_empty", "breaks", "words", "numbers"):
                assert row[key] == expected[key], (kind, row["id"], key)
            _same_document(kind, row["document"], expected["document"])
            data = BYTES[row["id"]]
            assert row["bytes"] == (data if kind == "parquet" or data is None else "\\x" + data.hex())
            ratio, wanted = float(row["ratio"]), (math.nan, -math.inf, -0.0, 0.1)[row["id"] - 1]
            assert repr(ratio) == repr(wanted) or (kind, ratio, wanted) == ("jsonl", 0, 0)
        vectors = [[struct.pack("f", item) for item in row["embedding"] or ()] for row in rows]
        assert vectors == [
            [struct.pack("f", v) for v in (0.1, -0.5, 1e-7)],
            [],
            [struct.pack("f", 0)] * 3,
            [],
        ]
        assert [row["embedding"] is None for row in rows] == [False, True, False, True]
    for kind, rows in both(STRANGE):
        assert [row["Key"] for row in rows] == [1, 2, 3, 4]
        assert [row["select"] for row in rows] == ["", None, "\t", " "]
        row = rows[0]
        assert (row["clock"], row["while"]) == ("23:59:59.999999", "1 year 2 mons -3 days +04:05:06.7")
        moment = row["when"] if kind == "parquet" else dt.datetime.fromisoformat(row["when"])
        assert moment == dt.datetime(2024, 2, 29, 17, 45, 0, 123456, tzinfo=dt.UTC)
        day = row["long ago"] if kind == "parquet" else dt.date.fromisoformat(row["long ago"])
        assert day == dt.date(44, 3, 15)
        assert row["padded"] == "x    "
    for _, rows in both("No key"):
        assert sorted(str(row["word"]) for row in rows) == ["None", "lower", "lower"]
    exact = (
        pq.read_table(settings.bundle_dir / tables["oddities"].files["parquet"]).column("exact").to_pylist()
    )
    assert exact == ["12345678901234567890.123456789", None, "0.00", "NaN"]


def _same_document(kind: str, found: Any, expected: Any) -> None:
    # Parquet keeps JSON as text, so NULL and the JSON null differ; in a JSON line both are null.
    if kind == "jsonl":
        assert found == (None if expected == "null" else expected)
    elif expected is None or expected == "null":
        assert found == expected
    else:
        assert json.loads(found) == expected


def test_the_bundle_alone_rebuilds_the_database(
    awkward: Project, database: Database, restored: Database
) -> None:
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    manifest = export(settings)
    before_keys, _, keys = (settings.bundle_dir / "schema.sql").read_text().partition("\n-- Keys and indexes")
    with restored.connect() as conn:
        conn.execute(before_keys.encode())
        for table in manifest.tables:
            name = '"' + table.name + '"'
            with (
                conn.cursor() as cursor,
                cursor.copy(f"copy {name} from stdin (format binary)".encode()) as copy,
            ):
                copy.write((settings.bundle_dir / table.files["copy"]).read_bytes())
        conn.execute(("--" + keys).encode())
    assert digests(restored) == digests(database)
    assert differences(catalog(restored), catalog(database), names=("restored", "published")) == []


@pytest.mark.parametrize(
    "change",
    [
        'update "CATEGORY" set name = name || \' \' where name = (select min(name) from "CATEGORY")',
        'delete from "USER_PROJECT_SIMILARITY" where similarity_score < 0.3',
        "insert into \"CATEGORY\" (id, name) values (gen_random_uuid(), 'one more')",
    ],
    ids=["update", "delete", "insert"],
)
def test_changed_rows_make_the_export_fail_and_status_names_the_table(
    change: str, ost: Project, published: Database
) -> None:
    settings = ost.settings(published, ost_seed_strategy="sql")
    export(settings)
    assert status_report(settings, explain=True)[1]
    before = folder_digest(settings.bundle_dir)
    published.execute(change)
    table = "CATEGORY" if "CATEGORY" in change else "USER_PROJECT_SIMILARITY"
    with pytest.raises(BundleError, match=f"the table '{table}' was changed since it was published"):
        export(settings)
    assert folder_digest(settings.bundle_dir) == before
    assert _beside(settings.bundle_dir) == []
    text, current = status_report(settings, explain=True)
    assert not current
    assert f"rows were changed since they were published: {table}\n" in text


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), RuntimeError("a bug")])
def test_an_export_that_fails_half_way_leaves_the_old_bundle_and_nothing_else(
    failure: Exception, awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    export(settings)
    before = folder_digest(settings.bundle_dir)
    set_up(awkward.settings(database, ost_seed_strategy="sql", recommendation_top_n=2))

    def fail(*_: object) -> Mapping[str, object]:
        assert _beside(settings.bundle_dir)
        raise failure

    monkeypatch.setattr(write, "_file_entry", fail)
    with pytest.raises(
        BundleError if isinstance(failure, OSError) else RuntimeError, match=str(failure.args[-1])
    ):
        export(settings)
    assert folder_digest(settings.bundle_dir) == before
    assert _beside(settings.bundle_dir) == []


def test_tables_beside_ours_are_not_exported_and_do_not_disturb(awkward: Project, database: Database) -> None:
    database.execute("create table theirs (id integer); create view phrase_view as select 1 as id")
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    assert {table.name for table in export(settings).tables} == set(read_lock(awkward.lock).tables)


def test_nothing_published_is_nothing_to_export(awkward: Project, database: Database) -> None:
    with pytest.raises(BundleError, match="no complete published test database"):
        export(awkward.settings(database))


@pytest.mark.parametrize(
    "expression",
    [
        "array[[1, 2], [3, 4]]::integer[]",
        "'infinity'::timestamptz",
        "'infinity'::date",
        "'0044-03-15 BC'::date",
        "'12345-01-01'::timestamptz",
        "array['infinity'::date]",
        "array['{}'::jsonb]",
        "array['1 day'::interval]",
        "'[1,5)'::int4range",
        "'10.0.0.1/8'::inet",
        "'1 day'::interval",
    ],
)
def test_a_rare_value_is_exported_or_refused_by_name(
    expression: str, awkward: Project, database: Database
) -> None:
    """The published record is bent to hold one more table: that is quicker than a model for each."""
    settings = awkward.settings(database, ost_seed_strategy="sql")
    set_up(settings)
    database.execute(f"create table rare as select 1 as id, {expression} as value union all select 2, null")
    digest = digests(database)["rare"]
    database.execute(
        "update ost_assets.publication set relations = relations || jsonb_build_object('rare', 'rare'::regclass::oid::bigint),"
        f""" report = jsonb_set(report, '{{tables,rare}}', '{{"rows": 2, "digest": "{digest}"}}')"""
    )
    refused = ""
    try:
        tables = {table.name: table for table in export(settings).tables}
    except BundleError as error:
        refused = str(error)
    if refused:
        # What Arrow or Python cannot hold may be refused, if the message says where it stands.
        assert "'rare'" in refused
        return
    lines = _json_lines(settings.bundle_dir / tables["rare"].files["jsonl"])
    cells = pq.read_table(settings.bundle_dir / tables["rare"].files["parquet"])
    assert {line["id"]: line["value"] is None for line in lines} == {1: False, 2: True}
    assert sorted(cells.column("value").is_null().to_pylist()) == [False, True]


def test_a_bundle_folder_is_a_relative_path_from_where_the_command_was_started(
    awkward: Project, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = awkward.settings(database, ost_seed_strategy="sql", ost_bundle_dir="deep/er/bundle")
    set_up(settings)
    export(settings)
    assert (tmp_path / "deep" / "er" / "bundle" / "manifest.json").is_file()


def _beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.glob(f".{folder.name}.*") if path.suffix != ".lock")
