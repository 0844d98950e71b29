"""Names that PostgreSQL keeps whole, and catalogs compared in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ost_assets.postgres.catalog import (
    Column,
    Constraint,
    Index,
    Table,
    differences,
)
from ost_assets.postgres.ddl import constraint_ddl, index_ddl
from ost_assets.postgres.settle import _fresh_name, _identifier_part

_LIMIT = 63  # bytes; PostgreSQL cuts off the rest and then finds the name taken
_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
_wanted = st.tuples(st.lists(_names, min_size=1, max_size=3), st.sampled_from(["pkey", "key", "fkey", "idx"]))


@given(_wanted)
@example((["t" * 58], "pkey"))
@example((["t" * 59], "pkey"))
@example((["é" * 40], "pkey"))
@example((["🐍" * 20, "x"], "idx"))
def test_a_name_fits_into_the_63_bytes_that_postgresql_keeps(wanted: tuple[list[str], str]) -> None:
    assert len(_fresh_name(*wanted, set()).encode()) <= _LIMIT


@given(st.lists(_wanted, max_size=6), st.integers(1, 12))
@example([(["t" * 58], "pkey")], 2)
@example([(["t" * 57], "pkey")], 12)
@example([(["é" * 40], "pkey")], 12)
def test_names_are_unique_and_short_even_if_the_same_is_wanted_often(
    wanted: list[tuple[list[str], str]], times: int
) -> None:
    taken: set[str] = set()
    names = [_fresh_name(*one, taken) for one in wanted for _ in range(times)]
    assert len(set(names)) == len(names)
    assert taken == set(names)
    assert [name for name in names if len(name.encode()) > _LIMIT] == []


@given(st.lists(_wanted, max_size=6))
def test_the_same_wishes_get_the_same_names(wanted: list[tuple[list[str], str]]) -> None:
    taken: list[set[str]] = [set(), set()]
    first, second = ([_fresh_name(*one, side) for one in wanted] for side in taken)
    assert first == second


@given(_names, _names)
def test_long_names_that_differ_only_at_the_end_stay_different(one: str, other: str) -> None:
    base = "a_rather_long_name_of_a_table_that_leaves_no_room_for_anything_more"
    left, right = (_fresh_name([base, end], "key", set()) for end in (one, other))
    assert (left == right) is (one == other)


@pytest.mark.parametrize(
    ("parts", "suffix", "name"),
    [
        (["USER"], "pkey", "USER_pkey"),
        (["USER", "email"], "key", "USER_email_key"),
        (["a", "b", "c"], "fkey", "a_b_c_fkey"),
    ],
)
def test_a_short_name_is_the_one_postgresql_itself_would_choose(
    parts: list[str], suffix: str, name: str
) -> None:
    assert _fresh_name(parts, suffix, set()) == name


def test_a_second_constraint_of_one_name_gets_a_number() -> None:
    taken: set[str] = set()
    assert [_fresh_name(["t", "a"], "check", taken) for _ in range(3)] == [
        "t_a_check",
        "t_a_check1",
        "t_a_check2",
    ]


@pytest.mark.parametrize(
    ("key", "part"),
    [("user_id", "user_id"), ('"Name"', "Name"), ("lower(email)", "expr"), ("(a + b)", "expr"), ("ü", "ü")],
)
def test_an_indexed_expression_is_called_expr(key: str, part: str) -> None:
    assert _identifier_part(key) == part


# --- differences -----------------------------------------------------------------------------------------

ID = Column("id", "uuid", nullable=False, collatable=False)
NAME = Column("name", "text", nullable=True, collatable=True)
PKEY = Constraint("t_pkey", "p", "PRIMARY KEY (id)", ("id",))
FKEY = Constraint("t_id_fkey", "f", "FOREIGN KEY (id) REFERENCES o(id)", ("id",))
INDEX = Index("t_name_idx", "CREATE INDEX t_name_idx ON t USING btree (name)")
TABLE = Table("t", (ID, NAME), (PKEY,), (INDEX,))
SIDES = ("dbt", "the SQL lock")


def _differences(left: Table, right: Table) -> list[str]:
    return differences({"t": left}, {"t": right}, names=SIDES)


def test_equal_catalogs_do_not_differ() -> None:
    assert _differences(TABLE, replace(TABLE)) == []
    assert differences({}, {}, names=SIDES) == []


def test_a_table_that_only_one_side_has_is_named_with_its_side() -> None:
    assert differences({"t": TABLE}, {}, names=SIDES) == ["table 't' exists only in dbt"]
    assert differences({}, {"t": TABLE}, names=SIDES) == ["table 't' exists only in the SQL lock"]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "text"},
        {"nullable": True},
        {"default": "gen_random_uuid()"},
        {"collation": '"C"'},
        {"generated": "s"},
    ],
    ids=str,
)
def test_a_column_that_differs_in_anything_is_shown_from_both_sides(change: dict[str, Any]) -> None:
    other = replace(ID, **change)
    found = _differences(TABLE, replace(TABLE, columns=(other, NAME)))
    assert found == [f"table 't', only in dbt: {ID}", f"table 't', only in the SQL lock: {other}"]


def test_a_key_or_an_index_that_one_side_lacks_is_shown() -> None:
    assert _differences(TABLE, replace(TABLE, constraints=())) == [f"table 't', only in dbt: {PKEY}"]
    assert _differences(replace(TABLE, indexes=()), TABLE) == [f"table 't', only in the SQL lock: {INDEX}"]


def test_another_order_of_columns_is_a_difference() -> None:
    assert _differences(TABLE, replace(TABLE, columns=(NAME, ID))) == [
        "table 't': the order of its columns differs"
    ]


@given(st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd")))
def test_catalogs_differ_in_exactly_the_tables_one_side_lacks(left: set[str], right: set[str]) -> None:
    catalogs = [{name: replace(TABLE, name=name) for name in side} for side in (left, right)]
    found = differences(*catalogs, names=SIDES)
    assert len(found) == len(left ^ right)
    assert bool(found) is (left != right)


def test_the_primary_key_and_a_column_are_found_by_name() -> None:
    assert TABLE.primary_key == ("id",)
    assert replace(TABLE, constraints=(FKEY,)).primary_key == ()
    assert TABLE.column("name") is NAME


def test_index_ddl_is_the_definition_and_a_semicolon() -> None:
    assert list(index_ddl(TABLE)) == ["CREATE INDEX t_name_idx ON t USING btree (name);\n"]


def test_primary_keys_come_first_and_foreign_keys_apart() -> None:
    unique = Constraint("a_key", "u", "UNIQUE (name)", ("name",))
    table = replace(TABLE, constraints=(FKEY, unique, PKEY))
    own = list(constraint_ddl(table, foreign=False))
    foreign = list(constraint_ddl(table, foreign=True))
    assert own == [
        'alter table "t" add constraint "t_pkey" PRIMARY KEY (id);\n',
        'alter table "t" add constraint "a_key" UNIQUE (name);\n',
    ]
    assert foreign == ['alter table "t" add constraint "t_id_fkey" FOREIGN KEY (id) REFERENCES o(id);\n']
