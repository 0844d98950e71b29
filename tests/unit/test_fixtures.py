"""The rows of a bundle without a database: every value as psycopg would give it, the base fixture by its names."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ost_assets.errors import BundleBroken, BundleError, BundleMissing
from ost_assets.testing import FixtureTable, OstBundle, Project, Similarity, User
from tests.unit.test_bundle_read import table_of, write_manifest

_ID = "c56a4180-65aa-42ec-a945-5fd21dec0538"
_OTHER_ID = "00000000-0000-0000-0000-000000000001"
_MOMENT = "2024-02-29T17:45:00.123456+00:00"


def bundle_of(folder: Path, **tables: tuple[Mapping[str, str], Sequence[str]]) -> OstBundle:
    """A bundle of tables, each given by its columns (name -> type) and its JSON lines."""
    entries = [
        table_of(
            folder,
            name,
            columns,
            {"copy": name.encode(), "parquet": b"PAR1", "jsonl": "".join(f"{x}\n" for x in lines).encode()},
        )
        for name, (columns, lines) in tables.items()
    ]
    write_manifest(folder, *entries)
    return OstBundle(folder)


def values_of(folder: Path, kind: str, *texts: str) -> list[Any]:
    """What becomes of these JSON texts in a column of that type."""
    lines = [f'{{"id":{number},"value":{text}}}' for number, text in enumerate(texts)]
    rows = bundle_of(folder, t=({"id": "integer", "value": kind}, lines))["t"].rows
    assert [row["id"] for row in rows] == list(range(len(texts)))
    return [row["value"] for row in rows]


# What PostgreSQL's row_to_json makes of a value, and what psycopg makes of it.
VALUES: list[tuple[str, str, Any]] = [
    ("boolean", "true", True),
    ("smallint", "-32768", -32768),
    ("integer", "2147483647", 2147483647),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("real", "0.1", 0.1),
    ("real", "1", 1.0),
    ("real", '"NaN"', math.nan),
    ("double precision", "1e+300", 1e300),
    ("double precision", "5e-324", 5e-324),
    ("double precision", "0", 0.0),
    ("double precision", '"NaN"', math.nan),
    ("double precision", '"Infinity"', math.inf),
    ("double precision", '"-Infinity"', -math.inf),
    ("numeric", "1", Decimal("1")),
    ("numeric", "0.00", Decimal("0.00")),
    ("numeric", "12345678901234567890.123456789", Decimal("12345678901234567890.123456789")),
    ("numeric", '"NaN"', Decimal("NaN")),
    ("numeric", '"Infinity"', Decimal("Infinity")),
    ("numeric", '"-Infinity"', Decimal("-Infinity")),
    ("numeric(10,2)", "-1.10", Decimal("-1.10")),
    ("numeric(10,2)", '"NaN"', Decimal("NaN")),
    ("numeric(10,0)", "5", Decimal("5")),
    ("text", '""', ""),
    ("text", '"NaN"', "NaN"),
    ("text", '"two\\nlines \\u2028 \\u0001 \\\\ \\""', 'two\nlines \u2028 \x01 \\ "'),
    ("text", '"\u2028\x85\u00e9 \U0001f980"', "\u2028\x85é 🦀"),
    ("character varying(30)", f'"{_ID}"', _ID),
    ("character(5)", '"x    "', "x    "),
    ("uuid", f'"{_ID}"', UUID(_ID)),
    ("bytea", '"\\\\x00ff0a5c"', b"\x00\xff\n\\"),
    ("bytea", '"\\\\x"', b""),
    ("date", '"2024-02-29"', dt.date(2024, 2, 29)),
    ("date", '"0001-01-01"', dt.date(1, 1, 1)),
    ("time without time zone", '"23:59:59.999999"', dt.time(23, 59, 59, 999999)),
    (
        "timestamp with time zone",
        f'"{_MOMENT}"',
        dt.datetime(2024, 2, 29, 17, 45, 0, 123456, tzinfo=dt.UTC),
    ),
    (
        "timestamp with time zone",
        '"2024-01-01T00:00:00+00:00"',
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    ),
    ("timestamp without time zone", '"2024-02-29T17:45:00.1"', dt.datetime(2024, 2, 29, 17, 45, 0, 100000)),
    ("jsonb", '{"a": [1, "x", null, {}]}', {"a": [1, "x", None, {}]}),
    ("jsonb", '"2024-02-29"', "2024-02-29"),
    ("json", "[1.5]", [1.5]),
    ("vector(3)", "[0.1,-0.5,1e-07]", [0.1, -0.5, 1e-07]),
    ("vector(3)", "[0,1,-2]", [0.0, 1.0, -2.0]),
    ("vector", "[1]", [1.0]),
    ("text[]", "[]", []),
    ("text[]", '["", null, "NULL", "\\r\\n"]', ["", None, "NULL", "\r\n"]),
    ("integer[]", "[1, null, -2147483648]", [1, None, -2147483648]),
    ("uuid[]", f'["{_ID}", null]', [UUID(_ID), None]),
    ("double precision[]", '[1, "NaN", null, "-Infinity"]', [1.0, math.nan, None, -math.inf]),
    ("numeric[]", '[0.10, "NaN", null]', [Decimal("0.10"), Decimal("NaN"), None]),
    ("numeric(10,2)[]", "[0.10]", [Decimal("0.10")]),
    ("bytea[]", '["\\\\xff", null]', [b"\xff", None]),
    ("date[]", '["2024-02-29", null]', [dt.date(2024, 2, 29), None]),
    (
        "timestamp with time zone[]",
        f'["{_MOMENT}"]',
        [dt.datetime(2024, 2, 29, 17, 45, 0, 123456, tzinfo=dt.UTC)],
    ),
    ("character varying(30)[]", '["x"]', ["x"]),
    ("my_enum", '"happy"', "happy"),
]


@pytest.mark.parametrize(("kind", "text", "expected"), VALUES)
def test_a_value_has_the_type_and_content_of_its_column_and_null_is_none(
    kind: str, text: str, expected: Any, tmp_path: Path
) -> None:
    found, null = values_of(tmp_path, kind, text, "null")
    assert repr(found) == repr(expected)  # tells 1 from 1.0, 0.10 from 0.1 and NaN from nothing
    assert null is None


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the bundles of all examples of a property, one after the other."""
    return tmp_path_factory.mktemp("scratch")


@given(st.lists(st.floats(width=64), max_size=8))
def test_any_floating_point_number_comes_back_to_the_last_bit(scratch: Path, numbers: list[float]) -> None:
    texts = [json.dumps(x) if math.isfinite(x) else json.dumps(_postgres_name(x)) for x in numbers]
    found = values_of(scratch, "double precision", *texts)
    assert [repr(x) for x in found] == [repr(x) for x in numbers]


def _postgres_name(x: float) -> str:
    return "NaN" if math.isnan(x) else ("Infinity" if x > 0 else "-Infinity")


# PostgreSQL's numeric has no negative zero.
_decimals = st.decimals("-1e30", "1e30", places=9).map(lambda number: number or abs(number))


@given(st.lists(_decimals, max_size=8))
def test_any_decimal_comes_back_with_all_its_digits(scratch: Path, numbers: list[Decimal]) -> None:
    found = values_of(scratch, "numeric", *(f"{number:f}" for number in numbers))
    assert [str(number) for number in found] == [str(number) for number in numbers]
    assert values_of(scratch, "numeric[]", f"[{','.join(f'{n:f}' for n in numbers)}]") == [numbers]


_text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@given(st.lists(_text, max_size=5), st.booleans())
def test_any_text_comes_back_to_the_last_character(scratch: Path, texts: list[str], escaped: bool) -> None:
    found = values_of(scratch, "text", *(json.dumps(text, ensure_ascii=escaped) for text in texts))
    assert found == texts
    assert values_of(scratch, "text[]", json.dumps(texts, ensure_ascii=escaped)) == [texts]


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_come_back(scratch: Path, values: list[bytes]) -> None:
    assert values_of(scratch, "bytea", *(json.dumps("\\x" + value.hex()) for value in values)) == values


@given(st.lists(st.datetimes(), max_size=5))
def test_any_time_comes_back_to_the_microsecond(scratch: Path, times: list[dt.datetime]) -> None:
    local = values_of(scratch, "timestamp without time zone", *(f'"{time.isoformat()}"' for time in times))
    assert local == times
    moments = values_of(scratch, "timestamp with time zone", *(f'"{t.isoformat()}+00:00"' for t in times))
    assert moments == [time.replace(tzinfo=dt.UTC) for time in times]
    assert values_of(scratch, "date", *(f'"{time.date()}"' for time in times)) == [t.date() for t in times]


def two_tables(folder: Path) -> OstBundle:
    return bundle_of(
        folder,
        pairs=(
            {"user_id": "uuid", "number": "integer", "name": "text"},
            [
                json.dumps({"user_id": _OTHER_ID, "number": 1, "name": "b"}),
                json.dumps({"user_id": _ID, "number": 1, "name": "a"}),
                json.dumps({"user_id": _ID, "number": 2, "name": None}),
            ],
        ),
        empty=({"id": "integer"}, []),
    )


def test_a_bundle_is_a_mapping_of_its_tables(tmp_path: Path) -> None:
    bundle = two_tables(tmp_path)
    assert list(bundle) == ["pairs", "empty"]
    assert len(bundle) == 2
    assert "pairs" in bundle
    assert "PAIRS" not in bundle
    assert isinstance(bundle["pairs"], FixtureTable)
    assert bundle["pairs"] is bundle["pairs"]
    with pytest.raises(KeyError, match="nothing"):
        bundle["nothing"]
    assert bundle.folder == tmp_path
    assert repr(bundle) == f"OstBundle({str(tmp_path)!r}, {bundle.fingerprint[:16]})"
    assert json.loads((tmp_path / "manifest.json").read_bytes())["fingerprint"] == bundle.fingerprint


def test_a_table_knows_its_columns_and_rows_in_their_order(tmp_path: Path) -> None:
    table = two_tables(tmp_path)["pairs"]
    assert (table.name, len(table), repr(table)) == ("pairs", 3, "FixtureTable('pairs', 3 rows)")
    assert list(table.columns.items()) == [("user_id", "uuid"), ("number", "integer"), ("name", "text")]
    assert [list(row) for row in table.rows] == [["user_id", "number", "name"]] * 3
    assert [(row["number"], row["name"]) for row in table.rows] == [(1, "b"), (1, "a"), (2, None)]


def test_a_table_without_rows_has_none(tmp_path: Path) -> None:
    table = two_tables(tmp_path)["empty"]
    assert (table.rows, len(table), table.by("id")) == ([], 0, {})


def test_rows_are_found_by_the_value_of_a_column_or_of_several(tmp_path: Path) -> None:
    table = two_tables(tmp_path)["pairs"]
    assert table.by("name")["a"] == {"user_id": UUID(_ID), "number": 1, "name": "a"}
    assert set(table.by("name")) == {"a", "b", None}
    assert table.by("user_id", "number")[UUID(_ID), 2]["name"] is None
    assert table.by("name")["a"] is table.rows[1]


def test_a_column_that_is_not_unique_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'pairs' has several rows with \('number',\) = 1"):
        two_tables(tmp_path)["pairs"].by("number")


def test_a_column_that_is_not_there_is_a_key_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="shoe_size"):
        two_tables(tmp_path)["pairs"].by("shoe_size")


def test_a_file_is_read_when_it_is_first_asked_for_and_only_then(tmp_path: Path) -> None:
    bundle = two_tables(tmp_path)
    rows = bundle["pairs"].rows
    (tmp_path / "data" / "pairs.jsonl").write_bytes(b"{}\n")
    (tmp_path / "data" / "empty.jsonl").write_bytes(b"{}\n")
    assert bundle["pairs"].rows is rows
    with pytest.raises(BundleBroken, match=r"data/empty\.jsonl was altered"):
        _ = bundle["empty"].rows


def test_where_there_is_no_bundle_there_is_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing):
        OstBundle(tmp_path)


def test_arrow_gives_the_parquet_file_if_it_is_what_the_manifest_says(tmp_path: Path) -> None:
    wanted = pa.table({"id": [1, 2], "name": ["a", None]})
    sink = pa.BufferOutputStream()
    pq.write_table(wanted, sink)
    files = {"copy": b"", "parquet": sink.getvalue().to_pybytes(), "jsonl": b"{}\n{}\n"}
    write_manifest(tmp_path, table_of(tmp_path, "t", {"id": "integer", "name": "text"}, files))
    table = OstBundle(tmp_path)["t"]
    assert table.arrow().to_pylist() == wanted.to_pylist()
    (tmp_path / "data" / "t.parquet").write_bytes(files["parquet"][:-1])
    with pytest.raises(BundleBroken, match=r"data/t\.parquet was altered"):
        table.arrow()


_WHEN = "2024-01-01T00:00:00+00:00"
USERS: dict[str, str] = {
    "id": "uuid",
    "username": "character varying(30)",
    "email": "text",
    "primary_language": "text",
    "category": "text",
    "created_at": "timestamp with time zone",
}
PROJECTS: dict[str, str] = {
    "id": "uuid",
    "title": "text",
    "description": "text",
    "primary_language": "text",
    "category": "text",
    "stargazers_count": "integer",
    "created_at": "timestamp with time zone",
}
SIMILARITIES: dict[str, str] = {
    "user_id": "uuid",
    "project_id": "uuid",
    "similarity_score": "double precision",
    "semantic_similarity": "double precision",
    "category_similarity": "double precision",
    "language_similarity": "double precision",
    "popularity_similarity": "double precision",
    "created_at": "timestamp with time zone",
}
_USER = {
    "id": _ID,
    "username": "test_user_1",
    "email": "one@example.com",
    "primary_language": "Go",
    "category": "Backend",
    "created_at": _WHEN,
}


def test_the_base_fixture_is_found_by_its_names(tmp_path: Path) -> None:
    second = {**_USER, "id": _OTHER_ID, "username": "test_user_2"}
    project = {
        "id": _OTHER_ID,
        "title": "Go Microservice",
        "description": "d",
        "primary_language": "Go",
        "category": "Backend",
        "stargazers_count": 1500,
        "created_at": _WHEN,
    }
    similarity = {
        **dict.fromkeys(SIMILARITIES, 0.5),
        "user_id": _ID,
        "project_id": _OTHER_ID,
        "similarity_score": 1,
        "created_at": _WHEN,
    }
    bundle = bundle_of(
        tmp_path,
        test_users=(USERS, [json.dumps(_USER), json.dumps(second)]),
        test_projects=(PROJECTS, [json.dumps(project)]),
        test_similarities=(SIMILARITIES, [json.dumps(similarity)]),
    )
    when = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert list(bundle.users) == ["test_user_1", "test_user_2"]
    assert bundle.users["test_user_1"] == User(
        UUID(_ID), "test_user_1", "one@example.com", "Go", "Backend", when
    )
    assert bundle.projects == {
        "Go Microservice": Project(UUID(_OTHER_ID), "Go Microservice", "d", "Go", "Backend", 1500, when)
    }
    assert bundle.similarities == [Similarity(UUID(_ID), UUID(_OTHER_ID), 1.0, 0.5, 0.5, 0.5, 0.5, when)]
    assert bundle.users is bundle.users
    with pytest.raises(FrozenInstanceError):
        bundle.users["test_user_1"].email = "changed"  # type: ignore[misc]
    with pytest.raises(KeyError, match="test_user_9"):
        bundle.users["test_user_9"]


def test_columns_of_their_own_beside_those_of_the_base_fixture_do_no_harm(tmp_path: Path) -> None:
    lines = [json.dumps({**_USER, "shoe_size": 42})]
    bundle = bundle_of(tmp_path, test_users=({**USERS, "shoe_size": "integer"}, lines))
    assert bundle.users["test_user_1"].id == UUID(_ID)
    assert bundle["test_users"].rows[0]["shoe_size"] == 42


@pytest.mark.parametrize(
    ("attribute", "table"),
    [("users", "test_users"), ("projects", "test_projects"), ("similarities", "test_similarities")],
)
def test_a_bundle_of_another_project_says_that_it_has_no_base_fixture_and_what_it_has(
    attribute: str, table: str, tmp_path: Path
) -> None:
    bundle = two_tables(tmp_path)
    with pytest.raises(BundleError, match=f"the bundle has no table '{table}' with the columns") as caught:
        getattr(bundle, attribute)
    assert f"{tmp_path}, which has pairs, empty" in str(caught.value)
    assert 'ost_bundle["table"].rows' in str(caught.value)


def test_a_table_of_that_name_with_other_columns_is_not_the_base_fixture(tmp_path: Path) -> None:
    columns = {name: kind for name, kind in USERS.items() if name != "email"}
    bundle = bundle_of(tmp_path, test_users=(columns, []))
    with pytest.raises(BundleError, match="no table 'test_users' with the columns of the OST base fixture"):
        _ = bundle.users
    assert bundle["test_users"].rows == []
