"""A strict look at the seed CSV files before dbt reads them: dbt's reader forgives what would become wrong data."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ost_assets.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# One field may hold a long text, but not a whole damaged file behind an open quote.
_FIELD_CHARACTERS = 64 * 1024 * 1024


def check_seed_files(project_dir: Path, delimiters: Mapping[str, str | None]) -> None:
    """Read CSV files strictly.

    Args:
        delimiters: path relative to the project -> delimiter; None looks at the encoding alone.

    Raises:
        InputInvalid: wrong UTF-8, a NUL, a broken quote, an empty or repeated column name, or a row with
            more or fewer fields than the header; file and line are named.
    """
    for name, delimiter in delimiters.items():
        path = project_dir / name
        problem = seed_problem(path.read_bytes(), delimiter)
        if problem:
            raise InputInvalid(
                f"{name}, {problem}", looked=str(path), remedy="correct the file; nothing was changed"
            )


def seed_problem(data: bytes, delimiter: str | None = ",") -> str | None:
    """What is wrong with the bytes of one CSV file, with its line, or None."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f"line {line}: the bytes {data[error.start : error.end].hex()} are not UTF-8"
    if "\0" in text:
        return f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: holds a NUL character"
    if delimiter is None:
        return None
    csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1  # where the present row begins; it may have several
    try:
        for row in reader:
            if header is None:
                header = row
                if "" in header:
                    return "line 1: a column has no name"
                if len({name.lower() for name in header}) < len(header):
                    return "line 1: two columns have the same name"
            elif not row and len(header) > 1:
                return f"line {line}: is empty, dbt would read it as a row of NULLs"
            elif row and len(row) != len(header):
                return f"line {line}: {len(row)} fields, the header has {len(header)}"
            line = reader.line_num + 1
    except csv.Error as error:
        return f"line {line}: broken quotes ({error})"
    return None if header else "line 1: the file is empty"
