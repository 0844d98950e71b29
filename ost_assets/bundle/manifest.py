"""The format of the bundle's `manifest.json` and `schema.sql`, version 1.

Nothing in it depends on when, where, by whom or by which strategy the bundle was made: the same data
gives the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ost_assets.postgres import ddl
from ost_assets.postgres.catalog import Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORMAT = 1
MANIFEST_FILE = "manifest.json"
SCHEMA_FILE = "schema.sql"
TABLE_FORMATS = ("copy", "parquet", "jsonl")
_KEYS_FOLLOW = "\n-- Keys and indexes, after the data.\n\n"


@dataclass(frozen=True)
class TableEntry(Table):
    """One table of the bundle: what it is, and what it holds.

    Attributes:
        digest: hexadecimal sha256 of the canonical stream, which is the `copy` file byte by byte.
        files: format (`copy`, `parquet`, `jsonl`) -> path relative to the bundle, with slashes.
    """

    rows: int
    digest: str
    files: dict[str, str]


@dataclass(frozen=True)
class FileEntry:
    """`sha256` is hexadecimal, `bytes` the size."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class BundleManifest:
    """What is in the bundle.

    Attributes:
        inputs: what the fingerprint was made of: part -> name -> hash or value.
        extensions: what a server must have to take the bundle.
        files: path -> entry of every file but the manifest itself.
    """

    fingerprint: str
    inputs: dict[str, dict[str, Any]]
    extensions: tuple[str, ...]
    tables: tuple[TableEntry, ...]
    files: dict[str, FileEntry]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    def to_bytes(self) -> bytes:
        data = {"format": FORMAT, **asdict(self)}
        return (json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def schema_sql(tables: Iterable[Table]) -> str:
    """`schema.sql`: all tables, then (behind a comment line) all keys and indexes, foreign keys last."""
    tables = tuple(tables)
    return "".join([*map(ddl.create_table_ddl, tables), _KEYS_FOLLOW, *ddl.key_ddl(tables)])


def read_fingerprint(folder: Path) -> str | None:
    """The fingerprint of the bundle in `folder`, or None where there is no readable bundle."""
    fingerprint = _read(folder).get("fingerprint")
    return fingerprint if isinstance(fingerprint, str) else None


def read_files(folder: Path) -> set[str]:
    """The files that the manifest in `folder` lists, empty where it is not a bundle of this format."""
    data = _read(folder)
    files = data.get("files")
    ours = data.get("format") == FORMAT and isinstance(data.get("fingerprint"), str)
    return set(files) if ours and isinstance(files, dict) else set()


def _read(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
