"""One published table as Parquet and JSON Lines.

Vectors become lists of float32, uuid and JSON stay text in Parquet (JSON stays JSON in JSON Lines), and
types that Arrow does not know become their text.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from ost_assets.errors import BundleError
from ost_assets.postgres.digest import ordered_select

if TYPE_CHECKING:
    from pathlib import Path

    from ost_assets.postgres.catalog import Column, Table
    from ost_assets.postgres.connect import Conn

# One Parquet row group and one fetch: a constant, because it shows in the bytes.
_BATCH_ROWS = 10_000

_SCALARS: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "timestamp without time zone": pa.timestamp("us"),
}
_VECTOR = re.compile(r"vector(\(\d+\))?")
_TEXT = re.compile(r"(character varying|character)(\(\d+\))?")


def arrow_type(postgres_type: str) -> pa.DataType | None:
    """The Arrow type for a type as `format_type` prints it, or None where its text is taken."""
    if _VECTOR.fullmatch(postgres_type):
        return pa.list_(pa.float32())
    if postgres_type.endswith("[]"):
        item = arrow_type(postgres_type[:-2])
        return None if item is None or pa.types.is_list(item) else pa.list_(item)
    if _TEXT.fullmatch(postgres_type):
        return pa.string()
    return _SCALARS.get(postgres_type)


def write_rows(conn: Conn, schema: str, table: Table, parquet: Path, json_lines: Path) -> None:
    """Write both files in the canonical order. Needs a transaction (server-side cursor); memory stays flat.

    Raises:
        BundleError: a value has no place in Arrow.
    """
    arrow_schema = pa.schema(
        pa.field(c.name, arrow_type(c.type) or pa.string(), nullable=c.nullable) for c in table.columns
    )
    row = sql.SQL(", ").join(_for_json(column) for column in table.columns)
    cells = sql.SQL(", ").join(_for_arrow(column) for column in table.columns)
    query = ordered_select(
        schema,
        table,
        sql.SQL("(select row_to_json(r)::text from (select {}) as r), {}").format(row, cells),
    )
    with (
        pq.ParquetWriter(parquet, arrow_schema, compression="zstd") as writer,
        json_lines.open("wb") as lines,
        conn.cursor("ost_rows", binary=True) as cursor,
    ):
        cursor.execute(query)
        try:
            while rows := cursor.fetchmany(_BATCH_ROWS):
                _write_batch(rows, arrow_schema, writer, lines)
        except (psycopg.DataError, pa.ArrowException, OverflowError) as error:
            raise BundleError(
                f"the table {table.name!r} holds a value that Parquet cannot hold: {error}",
                remedy="keep infinite times, years beyond 9999 or before 1, and arrays of arrays out of the "
                "published tables, or publish them as text",
            ) from error


def _write_batch(
    rows: list[tuple[Any, ...]], schema: pa.Schema, writer: pq.ParquetWriter, lines: IO[bytes]
) -> None:
    json_column, *columns = zip(*rows, strict=True)
    # A line break is an escape inside of strings; a bare one is blank space in a value of the type json.
    lines.writelines(line.replace("\n", " ").encode() + b"\n" for line in json_column)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    writer.write_batch(pa.record_batch(arrays, schema=schema))


def _for_json(column: Column) -> sql.Composed:
    name = sql.Identifier(column.name)
    cast = sql.SQL("::real[]") if _VECTOR.fullmatch(column.type) else sql.SQL("")
    return sql.SQL("t.{}{} as {}").format(name, cast, name)


def _for_arrow(column: Column) -> sql.Composed:
    if _VECTOR.fullmatch(column.type):
        cast = "::real[]"
    else:
        cast = "" if arrow_type(column.type) is not None else "::text"
    return sql.SQL("t.{}{}").format(sql.Identifier(column.name), sql.SQL(cast))
