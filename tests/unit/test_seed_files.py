"""Whatever a CSV writer writes is accepted; whatever would become wrong data is found with its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ost_assets.errors import InputInvalid
from ost_assets.seeding.seed_files import check_seed_files, seed_problem

DELIMITERS = [",", ";", "\t", "|", "~"]
LINE_ENDS = ["\n", "\r\n", "\r"]
_cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_awkward = st.sampled_from(['"', '""', "a,b", "a\nb", "a\r\nb", " ", "NULL", "é", "漢", "🐍", ";", "\t", "'"])


def written(table: list[list[str]], delimiter: str = ",", end: str = "\n") -> bytes:
    """As csv.writer writes it. Every cell quoted, because Python before 3.13 leaves a lone CR bare."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    return out.getvalue().encode()


@st.composite
def tables(draw: st.DrawFn, *, min_rows: int = 0) -> list[list[str]]:
    header = draw(
        st.lists(
            _cells.filter(lambda name: name != "" and not name.startswith("\ufeff")),
            min_size=1,
            max_size=4,
            unique_by=str.lower,
        )
    )
    width = len(header)
    row = st.lists(_cells | _awkward, min_size=width, max_size=width)
    return [header, *draw(st.lists(row, min_size=min_rows, max_size=5))]


# One line a row: for the tests that count lines.
_plain = st.text("abc é漢,;|", max_size=6)


@st.composite
def plain_tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 4))
    row = st.lists(_plain, min_size=width, max_size=width)
    return [[f"c{n}" for n in range(width)], *draw(st.lists(row, min_size=1, max_size=6))]


@given(table=tables(), delimiter=st.sampled_from(DELIMITERS), end=st.sampled_from(LINE_ENDS))
def test_any_table_a_csv_writer_writes_is_accepted(table: list[list[str]], delimiter: str, end: str) -> None:
    assert seed_problem(written(table, delimiter, end), delimiter) is None


@given(table=tables(), delimiter=st.sampled_from(DELIMITERS))
def test_a_table_with_the_fewest_quotes_is_accepted(table: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    assert seed_problem(out.getvalue().encode(), delimiter) is None


@given(tables())
def test_a_byte_order_mark_is_accepted(table: list[list[str]]) -> None:
    assert seed_problem(b"\xef\xbb\xbf" + written(table)) is None


@given(tables())
def test_a_file_without_a_last_line_end_is_accepted(table: list[list[str]]) -> None:
    assert seed_problem(written(table).removesuffix(b"\n")) is None


@pytest.mark.parametrize("data", [b"id,name\n", b"id,name", b"id\n", b"id\n1\n\n2\n"])
def test_a_table_without_rows_and_a_blank_line_in_a_single_column_are_accepted(data: bytes) -> None:
    assert seed_problem(data) is None


@pytest.mark.parametrize(("data", "line"), [(b"id,name\n1,x\n\n", 3), (b"id,name\n\n1,x\n", 2)])
def test_a_blank_line_is_found_because_dbt_would_make_a_row_of_it(data: bytes, line: int) -> None:
    found = seed_problem(data)
    assert found is not None
    assert found.startswith(f"line {line}: is empty")


_places = st.data()


def _corrupted(lines: list[bytes], number: int, line: bytes) -> bytes:
    return b"".join([*lines[:number], line, *lines[number + 1 :]])


def _line(data: st.DataObject, lines: list[bytes], start: int = 0) -> int:
    return data.draw(st.integers(start, len(lines) - 1), label="index of the line")


@given(table=plain_tables(), end=st.sampled_from(["\n", "\r\n"]), data=_places)
def test_a_nul_is_found_with_its_line(table: list[list[str]], end: str, data: st.DataObject) -> None:
    lines = written(table, end=end).splitlines(keepends=True)
    number = _line(data, lines)
    found = seed_problem(_corrupted(lines, number, b'"\0' + lines[number][1:]))
    assert found == f"line {number + 1}: holds a NUL character"


@given(
    table=plain_tables(),
    end=st.sampled_from(["\n", "\r\n"]),
    bad=st.sampled_from([b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xe9t\xe9"]),
    data=_places,
)
def test_bytes_that_are_not_utf_8_are_found_with_their_line(
    table: list[list[str]], end: str, bad: bytes, data: st.DataObject
) -> None:
    lines = written(table, end=end).splitlines(keepends=True)
    number = _line(data, lines)
    found = seed_problem(_corrupted(lines, number, b'"' + bad + lines[number][1:]))
    assert found is not None
    assert found.startswith(f"line {number + 1}: the bytes {bad[:1].hex()}")


def test_utf_16_is_found_as_not_utf_8() -> None:
    found = seed_problem("id,name\n1,x\n".encode("utf-16"))
    assert found is not None
    assert found.startswith("line 1: ")


@given(table=plain_tables(), data=_places, change=st.sampled_from(["missing", "extra"]))
def test_a_missing_or_an_extra_field_is_found_with_its_line(
    table: list[list[str]], data: st.DataObject, change: str
) -> None:
    number = data.draw(st.integers(1, len(table) - 1))
    row = [cell or "x" for cell in table[number]]
    table[number] = row[:-1] if change == "missing" else [*row, "more"]
    width = len(table[0])
    expected = f"line {number + 1}: {len(table[number])} fields, the header has {width}"
    assert seed_problem(written(table)) == expected


def test_a_row_over_several_lines_is_found_by_the_line_where_it_begins() -> None:
    data = b'id,text\n1,fine\n2,"three\nlines\nlong",extra\n3,fine\n'
    assert seed_problem(data) == "line 3: 3 fields, the header has 2"


@given(table=plain_tables(), data=_places)
def test_a_text_behind_a_closing_quote_is_found_with_its_line(
    table: list[list[str]], data: st.DataObject
) -> None:
    lines = written(table).splitlines(keepends=True)
    number = _line(data, lines, 1)
    found = seed_problem(_corrupted(lines, number, b'"a"b",' + lines[number]))
    assert found is not None
    assert found.startswith(f"line {number + 1}: broken quotes")


@pytest.mark.parametrize("bare", [False, True], ids=["rows-quoted", "rows-bare"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_quote_that_is_never_closed_is_found_by_the_line_that_opens_it(number: int, bare: bool) -> None:
    fine = b"1,x\n" if bare else b'"1","x"\n'
    lines = [b"id,name\n", fine, fine, fine]
    lines[number] = b'2,"never closed\n'
    found = seed_problem(b"".join(lines))
    assert found is not None
    assert found.startswith(f"line {number + 1}: broken quotes")


@given(table=plain_tables(), data=_places)
def test_an_odd_number_of_quotes_is_never_accepted(table: list[list[str]], data: st.DataObject) -> None:
    lines = written(table).splitlines(keepends=True)
    number = _line(data, lines, 1)
    damaged = lines[number].removesuffix(b'"\n') + b"\n"  # the row's last closing quote is gone
    found = seed_problem(_corrupted(lines, number, damaged))
    assert found is not None
    assert found.startswith(f"line {number + 1}: ")


@pytest.mark.parametrize(
    "header", [b"id,id", b"id,ID", b"a,b,A", "é,É".encode(), b'"id","id"'], ids=lambda h: h.decode()
)
def test_two_columns_of_one_name_are_found(header: bytes) -> None:
    assert seed_problem(header + b"\n") == "line 1: two columns have the same name"


@pytest.mark.parametrize("header", [b"id,", b",id", b"a,,b", b'""', b'"",a', b"id,name,"])
def test_a_column_without_a_name_is_found(header: bytes) -> None:
    assert seed_problem(header + b"\n1,2\n") == "line 1: a column has no name"


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_found(data: bytes) -> None:
    assert seed_problem(data) == "line 1: the file is empty"


def test_the_wrong_delimiter_is_found() -> None:
    assert seed_problem(b"id;name\n1;x,y\n") == "line 2: 2 fields, the header has 1"
    assert seed_problem(b"id;name\n1;x,y\n", ";") is None


@given(st.binary(max_size=60), st.sampled_from(DELIMITERS))
def test_any_bytes_are_accepted_or_refused_with_a_line_and_never_crash(data: bytes, delimiter: str) -> None:
    found = seed_problem(data, delimiter)
    assert found is None or found.startswith("line ")


def test_the_error_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_bytes(b"id\n1\n")
    (tmp_path / "semicolon.csv").write_bytes(b"a;b\n1;2\n")
    (tmp_path / "bad.csv").write_bytes(b"id,name\n1\n")
    check_seed_files(tmp_path, {"good.csv": ",", "semicolon.csv": ";"})
    with pytest.raises(InputInvalid) as caught:
        check_seed_files(tmp_path, {"good.csv": ",", "bad.csv": ","})
    assert str(caught.value).startswith("bad.csv, line 2: 1 fields, the header has 2")
    assert str(tmp_path / "bad.csv") in caught.value.looked


def test_the_seeds_of_this_repository_pass() -> None:
    project = Path(__file__).parents[2] / "dbt_project"
    names = [path.relative_to(project).as_posix() for path in (project / "seeds").glob("*.csv")]
    assert names
    check_seed_files(project, dict.fromkeys(names, ","))
