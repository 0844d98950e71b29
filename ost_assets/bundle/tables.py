"""The rows of a bundle without any database: as dicts and as Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ost_assets.bundle.read import Bundle, open_bundle

if TYPE_CHECKING:
    import pyarrow as pa

    from ost_assets.bundle.manifest import TableEntry

Row = dict[str, Any]


class FixtureTable:
    """One table of the bundle. Reads its file when first asked, and compares the sha256 then."""

    def __init__(self, bundle: Bundle, entry: TableEntry) -> None:
        self._bundle = bundle
        self._entry = entry

    @property
    def name(self) -> str:
        return self._entry.name

    @property
    def columns(self) -> dict[str, str]:
        """Column name -> PostgreSQL type, in order."""
        return {column.name: column.type for column in self._entry.columns}

    @cached_property
    def rows(self) -> list[Row]:
        """The rows in their canonical order.

        uuid, dates, times, numbers, bytea, arrays of these and JSON are what psycopg would give; vectors are
        lists of floats; other types are as PostgreSQL's JSON has them, mostly text.

        Raises:
            BundleBroken: the file is not what the manifest says.
        """
        converters = {name: converter(kind) for name, kind in self.columns.items()}
        exact = [name for name, kind in self.columns.items() if kind.startswith("numeric")]
        rows = []
        for line in self._bundle.read(self._entry.files["jsonl"]).split(b"\n")[:-1]:
            row: Row = json.loads(line)
            if exact:
                unrounded = json.loads(line, parse_float=Decimal)
                row |= {name: unrounded[name] for name in exact}
            rows.append({k: value if value is None else converters[k](value) for k, value in row.items()})
        return rows

    def by(self, *columns: str) -> dict[Any, Row]:
        """The rows by the value of a column, or by the tuple of several.

        Raises:
            KeyError: there is no such column.
            ValueError: two rows have the same.
        """
        found: dict[Any, Row] = {}
        for row in self.rows:
            key = row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)
            if key in found:
                raise ValueError(f"{self.name!r} has several rows with {columns} = {key!r}")
            found[key] = row
        return found

    def arrow(self) -> pa.Table:
        """The table as Arrow; uuid and JSON are text there.

        Raises:
            BundleBroken: the file is not what the manifest says.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        return pq.read_table(pa.BufferReader(self._bundle.read(self._entry.files["parquet"])))

    def __len__(self) -> int:
        return self._entry.rows

    def __repr__(self) -> str:
        return f"FixtureTable({self.name!r}, {len(self)} rows)"


class FixtureBundle(Mapping[str, FixtureTable]):
    """A bundle as a mapping of table name -> `FixtureTable`.

    Args:
        folder: holds `manifest.json`.

    Raises:
        BundleMissing, BundleBroken: there is no bundle, or it contradicts itself.
    """

    def __init__(self, folder: Path) -> None:
        self._bundle = open_bundle(folder)
        self._tables = {e.name: FixtureTable(self._bundle, e) for e in self._bundle.manifest.tables}

    @property
    def folder(self) -> Path:
        return self._bundle.folder

    @property
    def fingerprint(self) -> str:
        """Of everything that decided the data; the same in the manifest, the database and the report."""
        return self._bundle.manifest.fingerprint

    def __getitem__(self, name: str) -> FixtureTable:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}, {self.fingerprint[:16]})"


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("\\x"))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "uuid": UUID,
    "timestamp with time zone": datetime.fromisoformat,
    "timestamp without time zone": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time without time zone": time.fromisoformat,
    # PostgreSQL writes NaN and infinities as JSON strings.
    "real": float,
    "double precision": float,
    "numeric": lambda value: Decimal(value),
    "bytea": _bytes,
}


@cache
def converter(postgres_type: str) -> Callable[[Any], Any]:
    """From a value of a JSON line, never None, to what psycopg gives for that type."""
    plain = re.sub(r"\(\d+(,\d+)?\)", "", postgres_type)
    if plain == "vector":
        return lambda values: [float(value) for value in values]
    if plain.endswith("[]"):
        item = _CONVERTERS.get(plain[:-2], _as_it_is)
        return lambda values: [value if value is None else item(value) for value in values]
    return _CONVERTERS.get(plain, _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value
