"""Where the database lives: libpq's URLs in every spelling, no password in print, nothing that says production."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from ost_assets.errors import GuardRefused, SettingsError
from ost_assets.postgres.target import Target, configured_target, refuse_production
from ost_assets.settings import load_settings

SENTINEL = "s3ntinel-never-shown"


def _target(**settings: Any) -> Target:
    target = configured_target(load_settings(**settings))
    assert target is not None
    return target


def _refused(**settings: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        configured_target(load_settings(**settings))
    message = str(caught.value)
    assert SENTINEL not in message
    return message


def test_with_nothing_set_there_is_no_configured_target() -> None:
    assert configured_target(load_settings()) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:5436/d", Target("h", 5436, "u", "d", "p")),
        ("postgres://u:p@h:5436/d", Target("h", 5436, "u", "d", "p")),
        ("postgresql://h", Target("h", 5432, "postgres", "postgres")),
        ("postgresql://u@h", Target("h", 5432, "u", "u")),
        ("postgresql://", Target("localhost", 5432, "postgres", "postgres")),
        ("postgresql://u@h:/d", Target("h", 5432, "u", "d")),
        ("postgresql://u@[::1]:5433/d", Target("::1", 5433, "u", "d")),
        ("postgresql://u@[fe80::1%25eth0]/d", Target("fe80::1%eth0", 5432, "u", "d")),
        ("postgresql://u@127.0.0.1/d", Target("127.0.0.1", 5432, "u", "d")),
        ("postgresql://a%40b:p%2Fw%3Aq@h/d%20e", Target("h", 5432, "a@b", "d e", "p/w:q")),
        ("postgresql://%C3%BC@h/%E6%BC%A2", Target("h", 5432, "ü", "漢")),
        ("postgresql://u@%2Fvar%2Frun/d", Target("/var/run", 5432, "u", "d")),
        ("postgresql:///d?host=/tmp/sock&port=5433&user=u", Target("/tmp/sock", 5433, "u", "d")),
        ("postgresql://u@h/d?password=p", Target("h", 5432, "u", "d", "p")),
        (
            "postgresql://u@h/d?sslmode=require&connect_timeout=3",
            Target("h", 5432, "u", "d", None, (("connect_timeout", "3"), ("sslmode", "require"))),
        ),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(url: str, expected: Target) -> None:
    target = _target(database_url=url)
    assert target == expected
    assert target.password == expected.password


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"postgres_host": "h"}, Target("h", 5432, "postgres", "postgres")),
        ({"postgres_port": 5436}, Target("localhost", 5436, "postgres", "postgres")),
        ({"postgres_user": "u"}, Target("localhost", 5432, "u", "u")),
        ({"postgres_db": "d"}, Target("localhost", 5432, "postgres", "d")),
        ({"postgres_password": "p"}, Target("localhost", 5432, "postgres", "postgres", "p")),
        (
            {
                "postgres_host": "h",
                "postgres_port": 5436,
                "postgres_user": "u",
                "postgres_password": "p@/:%",
                "postgres_db": "d",
            },
            Target("h", 5436, "u", "d", "p@/:%"),
        ),
    ],
)
def test_the_parts_alone_name_a_target(parts: dict[str, Any], expected: Target) -> None:
    target = _target(**parts)
    assert target == expected
    assert target.password == expected.password


def test_the_parts_fill_in_what_the_url_leaves_open() -> None:
    target = _target(database_url="postgresql://u@h", postgres_password="p", postgres_db="d")
    assert target == Target("h", 5432, "u", "d", "p")
    assert target.password == "p"


def test_parts_that_agree_with_the_url_are_no_contradiction() -> None:
    target = _target(database_url="postgresql://u:p@h:5436/d", postgres_port=5436, postgres_password="p")
    assert target.port == 5436


@pytest.mark.parametrize(
    ("part", "value", "shown"),
    [
        ("postgres_host", "other", "host 'h' against 'other'"),
        ("postgres_port", 1, "port '5436' against '1'"),
        ("postgres_user", "other", "user 'u' against 'other'"),
        ("postgres_db", "other", "dbname 'd' against 'other'"),
        ("postgres_password", "other", ""),
    ],
)
def test_a_contradiction_names_both_variables(part: str, value: Any, shown: str) -> None:
    message = _refused(database_url=f"postgresql://u:{SENTINEL}@h:5436/d", **{part: value})
    assert "DATABASE_URL" in message
    assert part.upper() in message
    assert shown in message


def test_a_contradiction_of_passwords_shows_neither() -> None:
    message = _refused(database_url="postgresql://u:fir5t@h/d", postgres_password=SENTINEL)
    assert "fir5t" not in message


@pytest.mark.parametrize("scheme", ["mysql", "postgresql+psycopg", "redis", "http", "jdbc:postgresql"])
def test_another_scheme_is_refused_by_name(scheme: str) -> None:
    message = _refused(database_url=f"{scheme}://u:{SENTINEL}@h/d")
    assert "DATABASE_URL has the scheme" in message
    assert "postgresql://user:password@host:port/database" in message


@pytest.mark.parametrize("url", ["h/d", f"u:{SENTINEL}@h", f"host=h password={SENTINEL}", "nonsense"])
def test_a_text_without_a_scheme_is_refused(url: str) -> None:
    assert "DATABASE_URL has no scheme" in _refused(database_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{}@h/d?nonsense=1",
        "postgresql://u:{}%zz@h/d",
        "postgresql://u:{}%00@h/d",
        "postgresql://u:{}@[::1/d",  # Python's own parser gives up on this one
        "postgresql://u:{}\u2100@h/d?nonsense=1",  # and quotes the whole address for this one
        "postgresql://u:{}\udcff@h/d",  # bytes in the environment that are not UTF-8
    ],
    ids=["option", "percent", "nul", "bracket", "normalization", "not-utf-8"],
)
def test_a_url_that_cannot_be_parsed_is_refused_without_showing_it(url: str) -> None:
    assert "DATABASE_URL" in _refused(database_url=url.format(SENTINEL))


def test_a_password_of_any_characters_is_taken_as_libpq_takes_it() -> None:
    assert _target(database_url="postgresql://u:p\u2100w@h/d").password == "p\u2100w"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@h1:1,h2:2/d",
        "postgresql://u@h1,h2/d",
        "postgresql://u@h1,h2:5432/d",
        "postgresql://u@/d?host=h1,h2",
        "postgresql://u@/d?host=h1,h2&port=5432",
    ],
)
def test_several_hosts_are_refused(url: str) -> None:
    message = _refused(database_url=url)
    assert "one server" in message


def test_several_hosts_in_the_part_are_refused_as_in_the_url() -> None:
    assert "one server" in _refused(postgres_host="h1,h2")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "five", "²", "54 32"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    assert "port" in _refused(database_url=f"postgresql://u@h:{port}/d")


def test_the_password_shows_neither_in_the_url_nor_in_the_name_nor_in_repr() -> None:
    target = _target(database_url=f"postgresql://u:{SENTINEL}@h:5436/d?sslmode=require")
    assert target.url == "postgresql://u@h:5436/d?sslmode=require"
    assert target.name == "h/d"
    assert SENTINEL not in f"{target!r} {target} {target.url} {target.name}"
    assert SENTINEL in target.url_with_password
    assert target.params["password"] == SENTINEL


def test_a_password_among_the_options_does_not_show_either() -> None:
    target = _target(database_url=f"postgresql://u@h/d?sslpassword={SENTINEL}&sslmode=require")
    assert target.params["sslpassword"] == SENTINEL
    assert SENTINEL not in f"{target!r} {target.url}"


_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
_addresses = st.one_of(
    st.ip_addresses().map(str),
    st.just("fe80::1%eth0"),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True),
    _text.map(lambda tail: "/" + tail.replace(",", "")),
    _text.filter(lambda host: "," not in host),
)


@given(
    host=_addresses,
    port=st.integers(1, 65535),
    user=_text,
    dbname=_text,
    password=st.none() | _text,
    options=st.sampled_from([(), (("options", "-c a=b&c %"),), (("sslmode", "require"),)]),
)
def test_a_target_survives_the_way_through_its_url_and_libpq(
    host: str,
    port: int,
    user: str,
    dbname: str,
    password: str | None,
    options: tuple[tuple[str, str], ...],
) -> None:
    target = Target(host, port, user, dbname, password, options)
    expected = {key: str(value) for key, value in target.params.items()}
    parsed = conninfo_to_dict(target.url_with_password)
    assert {key: str(value) for key, value in parsed.items()} == expected
    del_password = {key: value for key, value in expected.items() if key != "password"}
    assert {k: str(v) for k, v in conninfo_to_dict(target.url).items()} == del_password


@given(user=_text, password=_text, dbname=_text)
def test_what_the_url_says_is_what_the_target_holds(user: str, password: str, dbname: str) -> None:
    target = Target("h", 5436, user, dbname, password)
    again = _target(database_url=target.url_with_password)
    assert again == target
    assert again.password == password


PRODUCTION = [
    "prod-db",
    "mydb_production",
    "live",
    "PROD",
    "Production",
    "prd",
    "db.prod.example.com",
    "prod1",
    "live_2026",
    "ost-live",
    "prod",
]
HARMLESS = [
    "product",
    "products",
    "reproduction",
    "delivery",
    "olive",
    "alive",
    "livestock",
    "productive",
    "sprdy",
    "test",
    "public",
    "localhost",
]


@pytest.mark.parametrize("name", PRODUCTION)
@pytest.mark.parametrize("kind", ["host", "database"])
def test_a_name_that_says_production_is_refused(kind: str, name: str) -> None:
    target = Target(name, 1, "u", "d") if kind == "host" else Target("h", 1, "u", name)
    with pytest.raises(GuardRefused, match=re.escape(f"the {kind} {name!r} looks like production")) as caught:
        refuse_production(target, None)
    assert f"OST_ALLOW_DATABASE={target.name}" in caught.value.remedy


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_that_only_contains_such_a_word_is_let_through(name: str) -> None:
    refuse_production(Target(name, 1, "u", name), None)


def test_the_folder_of_a_socket_is_not_read_as_a_name() -> None:
    refuse_production(Target("/srv/prod/run", 1, "u", "d"), None)
    with pytest.raises(GuardRefused):
        refuse_production(Target("/srv/run", 1, "u", "prod"), None)


def test_exactly_the_allowed_database_is_let_through() -> None:
    refuse_production(Target("prod-db", 1, "u", "live"), "prod-db/live")


@pytest.mark.parametrize(
    "allowed",
    ["", "*", "live", "prod-db", "prod-db/", "prod-db/live2", "prod-db/LIVE", "x/live", "prod-db/*"],
)
def test_anything_but_that_very_database_is_still_refused(allowed: str) -> None:
    with pytest.raises(GuardRefused):
        refuse_production(Target("prod-db", 1, "u", "live"), allowed)


def test_the_refusal_shows_no_password() -> None:
    with pytest.raises(GuardRefused) as caught:
        refuse_production(Target("prod", 1, "u", "d", SENTINEL), None)
    assert SENTINEL not in str(caught.value)
