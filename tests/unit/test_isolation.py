"""What may be swept, what counts as ours, and what is shown of a clone: decided without a server."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import sql

from ost_assets.errors import SettingsError
from ost_assets.isolation import marks
from ost_assets.isolation.clone import drop_once
from ost_assets.isolation.create import fresh_name
from ost_assets.isolation.database import OstDatabase
from ost_assets.isolation.marks import Kind, Mark, MarkedDatabase, read_mark, write_mark
from ost_assets.isolation.sweep import expired
from ost_assets.postgres.target import Target
from ost_assets.settings import load_settings

SENTINEL = "s3ntinel-never-shown"
LEAD = "made by ost_assets: "
KINDS = get_args(Kind)

MINUTE, HOUR, DAY = 60, 3600, 86_400
NOW = 2_000_000_000.0

_seconds = st.floats(1, 1e11)
_ours = st.builds(
    Mark,
    kind=st.sampled_from(KINDS),
    made_at=_seconds,
    session=st.text(),
    kept_for=st.text(),
    used_at=st.just(0.0) | _seconds,
    strategy=st.text(),
    milliseconds=st.dictionaries(st.text(), st.floats(0, 1e6)),
)


def _expired(mark: Mark, *, in_use: bool = False, attended: bool = False) -> bool:
    return expired(MarkedDatabase("ost_x", mark, in_use, attended), NOW, load_settings())


@pytest.mark.parametrize(
    ("mark", "age", "swept"),
    [
        (Mark("clone", 0, session="1/2"), 9 * MINUTE, False),
        (Mark("clone", 0, session="1/2"), 11 * MINUTE, True),
        (Mark("building", 0, session="1/2"), 9 * MINUTE, False),
        (Mark("building", 0, session="1/2"), 11 * MINUTE, True),
        (Mark("clone", 0), 23 * HOUR, False),
        (Mark("clone", 0), 25 * HOUR, True),
        (Mark("clone", 0, kept_for="a test"), 23 * HOUR, False),
        (Mark("clone", 0, kept_for="a test"), 25 * HOUR, True),
        (Mark("template", 0), 6 * DAY, False),
        (Mark("template", 0), 8 * DAY, True),
    ],
    ids=lambda value: f"{value.kind} {value.session}{value.kept_for}" if isinstance(value, Mark) else None,
)
def test_the_age_that_counts_is_that_of_the_kind(mark: Mark, age: float, swept: bool) -> None:
    assert _expired(replace(mark, made_at=NOW - age, used_at=NOW - age)) is swept


def test_a_template_is_as_old_as_its_last_use() -> None:
    assert not _expired(Mark("template", NOW - 100 * DAY, used_at=NOW - 6 * DAY))
    assert _expired(Mark("template", NOW - 1, used_at=NOW - 8 * DAY))


@given(mark=_ours, state=st.sampled_from([(True, False), (False, True), (True, True)]))
def test_what_is_connected_to_or_looked_after_is_never_swept(mark: Mark, state: tuple[bool, bool]) -> None:
    in_use, attended = state
    assert not _expired(mark, in_use=in_use, attended=attended)


@given(mark=_ours, now=_seconds)
def test_what_a_clock_that_went_back_makes_younger_than_now_is_not_swept(mark: Mark, now: float) -> None:
    young = replace(mark, made_at=now + 1, used_at=now + 1, kept_for="")
    assert not expired(MarkedDatabase("ost_x", young, False, False), now, load_settings(), 1)


class _Listening:
    """Stands where a connection would and remembers the statement."""

    def execute(self, statement: sql.Composed) -> None:
        self.statement = statement.as_string(None)


def _comment(mark: Mark) -> str:
    """The text that the server would store."""
    conn: Any = _Listening()
    write_mark(conn, "ost_x", mark)
    literal = conn.statement.removeprefix('comment on database "ost_x" is').strip()
    # Only with the E does a backslash have to be doubled.
    text = literal.removeprefix("E")[1:-1].replace("''", "'")
    return text.replace("\\\\", "\\") if literal.startswith("E") else text


@given(mark=_ours)
def test_a_mark_comes_back_as_it_was_written(mark: Mark) -> None:
    text = _comment(mark)
    assert text.startswith(LEAD)
    assert read_mark(text) == mark


def test_a_mark_holds_only_what_is_set() -> None:
    text = _comment(Mark("clone", 17.5, kept_for="tests/test_x.py::test_ü['\\']"))
    assert json.loads(text.removeprefix(LEAD)) == {
        "kind": "clone",
        "made_at": 17.5,
        "kept_for": "tests/test_x.py::test_ü['\\']",
    }


@given(comment=st.none() | st.text().filter(lambda text: not text.startswith(LEAD)))
@example("made by ost_assets")
@example("Made by ost_assets: " + '{"kind": "clone", "made_at": 1}')
@example(" " + LEAD + '{"kind": "clone", "made_at": 1}')
@example('{"kind": "clone", "made_at": 1}')
def test_a_comment_of_somebody_elses_is_no_mark(comment: str | None) -> None:
    assert read_mark(comment) is None


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_nearly_ours = st.fixed_dictionaries(
    {}, optional={field.name: _json | st.sampled_from(KINDS) for field in fields(Mark)}
)


@given(rest=st.text() | _json.map(json.dumps) | _nearly_ours.map(json.dumps))
@example("[" * 10_000)
@example('{"kind": "clone"}')
@example('{"kind": "publication", "made_at": 1}')
@example('{"kind": "clone", "made_at": 1')
@example('{"kind": "clone", "made_at": null}')
@example('{"kind": "clone", "made_at": 1, "milliseconds": {"WAL_LOG": "quick"}}')
@example("")
def test_a_comment_that_only_begins_like_ours_is_no_mark_and_no_error(rest: str) -> None:
    mark = read_mark(LEAD + rest)
    if mark is not None:
        assert mark.kind in KINDS
        assert json.loads(rest).keys() >= {"kind", "made_at"}


def test_a_mark_of_a_later_version_with_more_in_it_is_still_ours() -> None:
    assert read_mark(LEAD + '{"kind": "clone", "made_at": 1, "colour": "blue"}') == Mark("clone", 1.0)


def _pattern_of_strays() -> re.Pattern[str]:
    found = re.search(r"datname ~ '([^']+)'", marks._STRAYS)
    assert found is not None
    return re.compile(found[1])


@given(kind=st.sampled_from(["building", "clone"]), label=st.text())
@example("clone", "gw0")
@example("building", "")
@example("clone", "İ" * 200)
@example("clone", "_" * 63)
def test_a_fresh_name_fits_and_is_found_as_a_stray_whatever_the_label(kind: Kind, label: str) -> None:
    name = fresh_name(kind, label)
    assert len(name.encode()) <= 63
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert name.startswith(marks.PREFIX)
    assert _pattern_of_strays().fullmatch(name)
    assert fresh_name(kind, label) != name


@pytest.mark.parametrize(
    "name",
    [
        "ost_clone_x_0123456789abcde",
        "ost_clone_x_0123456789abcdefg",
        "ost_clone_x_0123456789ABCDEF",
        "ost_clone_0123456789abcdef",
        "ost_clones_x_0123456789abcdef",
        "ost_template_0123456789abcdef_01234567",
        "my_ost_clone_x_0123456789abcdef",
        "ost_clone_x_y_0123456789abcdef",
    ],
)
def test_a_name_that_we_would_not_give_is_no_stray(name: str) -> None:
    assert not _pattern_of_strays().search(name)


def _refused(url: str) -> str:
    settings = load_settings(database_url=f"postgresql://u:{SENTINEL}-too@127.0.0.1:1/d")
    with pytest.raises(SettingsError) as caught:
        drop_once(settings, url)
    message = str(caught.value)
    assert SENTINEL not in message
    assert "what to do:" in message
    # `from None`: the traceback must not show it either.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{}@h/d?nonsense=1",
        "postgresql://u:{}%zz@h/d",
        "postgresql://u:{}%00@h/d",
        "postgresql://u:{}@[::1/d",
        "postgresql://u:{}\u2100@h/d?nonsense=1",
        "mysql://u:{}@h/d",
        "{}://",
    ],
    ids=["option", "percent", "nul", "bracket", "normalization", "scheme", "no more than that"],
)
def test_a_url_that_cannot_be_parsed_is_refused_without_showing_it(url: str) -> None:
    assert "cannot be parsed by libpq" in _refused(url.format(SENTINEL))


def test_a_database_shows_its_password_only_where_it_is_asked_for_its_url() -> None:
    database = OstDatabase(Target("h", 5436, "u", "ost_clone_x", f"p@{SENTINEL}", (("sslmode", "require"),)))
    assert repr(database) == "OstDatabase('postgresql://u@h:5436/ost_clone_x?sslmode=require')"
    assert SENTINEL not in f"{database!r} {database} {database.name} {database.url_without_password}"
    assert database.url == f"postgresql://u:p%40{SENTINEL}@h:5436/ost_clone_x?sslmode=require"


def test_the_engines_of_a_database_do_not_show_its_password_either() -> None:
    database = OstDatabase(Target("h", 5436, "u", "ost_clone_x", f"p@/:%{SENTINEL}"))
    engine = database.engine()
    assert SENTINEL not in f"{engine!r} {engine.url}"
    assert engine.url.password == f"p@/:%{SENTINEL}"
    database.close()


SETTINGS = {
    "OST_MAX_DATABASES": 200,
    "OST_CLONE_MAX_AGE": DAY,
    "OST_TEMPLATE_MAX_AGE": 7 * DAY,
    "OST_POOL_SIZE": 2,
}


@pytest.mark.parametrize(("variable", "default"), SETTINGS.items(), ids=SETTINGS)
def test_a_setting_of_isolation_is_a_positive_number(
    variable: str, default: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert getattr(load_settings(), variable.lower()) == default
    monkeypatch.setenv(variable, "1")
    assert getattr(load_settings(), variable.lower()) == 1
    for wrong in ("0", "-1", "1.5", "many"):
        monkeypatch.setenv(variable, wrong)
        with pytest.raises(SettingsError) as caught:
            load_settings()
        assert f"{variable} is {wrong!r}: " in str(caught.value)
