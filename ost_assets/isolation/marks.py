"""How we know our own databases: by a mark in the database's comment, never by the name alone.

Comments are shared by all databases of a server and are not copied to a clone, so every mark is read without
connecting and belongs to exactly one database.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from psycopg import sql
from pydantic import TypeAdapter, ValidationError

from ost_assets.postgres.connect import scalar

if TYPE_CHECKING:
    from ost_assets.postgres.connect import Conn

Kind = Literal["building", "template", "clone"]
PREFIX = "ost_"
_LEAD = "made by ost_assets: "


@dataclass(frozen=True)
class Mark:
    """What stands in the comment of a database of ours.

    Attributes:
        made_at: seconds of the epoch, by the server's clock; so is `used_at`, of a template.
        session: backend of the process that looks after a clone, as `session_id` has it; empty for one that
            was handed out for good.
        kept_for: the failed test that a clone was kept for.
        strategy: the cheapest way to clone a template, a key of `milliseconds`.
        milliseconds: what each way took when the template was built.
    """

    kind: Kind
    made_at: float
    session: str = ""
    kept_for: str = ""
    used_at: float = 0.0
    strategy: str = ""
    milliseconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MarkedDatabase:
    """A database of ours. `in_use` says whether it has connections, `attended` whether its session lives."""

    name: str
    mark: Mark
    in_use: bool
    attended: bool


def write_mark(conn: Conn, name: str, mark: Mark) -> None:
    """Set the comment of a database that we own."""
    text = _LEAD + json.dumps({key: value for key, value in asdict(mark).items() if value})
    conn.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(name), text))


def read_mark(comment: str | None) -> Mark | None:
    """The mark in a comment, or None for anybody else's."""
    if comment is None or not comment.startswith(_LEAD):
        return None
    try:
        return TypeAdapter(Mark).validate_json(comment.removeprefix(_LEAD))
    except ValidationError:
        return None


_STRAYS = """
select datname from pg_database
where datname ~ '^ost_(building|clone)_[a-z0-9]*_[0-9a-f]{16}$' and pg_has_role(datdba, 'usage')
  and shobj_description(oid, 'pg_database') is null and datallowconn
"""
_DATABASES = """
with sessions as (select datid, pid || '/' || coalesce(extract(epoch from backend_start)::text, '') as id
  from pg_stat_activity)
select d.datname, case when starts_with(c.text, %s) then c.text end,
       exists (select from sessions as s where s.datid = d.oid), array(select id from sessions)
from pg_database as d, shobj_description(d.oid, 'pg_database') as c (text)
where starts_with(d.datname, %s) and pg_has_role(d.datdba, 'usage')
order by d.oid
"""


def our_databases(conn: Conn) -> list[MarkedDatabase]:
    """Every database of the server that carries our mark and that the role may drop, oldest first."""
    found = []
    for name, comment, in_use, sessions in conn.execute(_DATABASES, [_LEAD, PREFIX]):
        mark = read_mark(comment)
        if mark is not None:
            found.append(MarkedDatabase(name, mark, in_use, _is_among(mark.session, sessions)))
    return found


def strays(conn: Conn) -> list[str]:
    """Databases that have such a name as we give and no comment at all; whether they are ours is not known."""
    return [name for (name,) in conn.execute(_STRAYS)]


def mark_of(conn: Conn, name: str) -> Mark | None:
    """The mark of the database of that name; None where there is no such database or it is not ours."""
    row = conn.execute(
        # Somebody else's comment may be in an encoding that cannot be read here.
        "select case when starts_with(c.text, %s) then c.text end from pg_database as d,"
        " shobj_description(d.oid, 'pg_database') as c (text) where d.datname = %s",
        [_LEAD, name],
    ).fetchone()
    return read_mark(row[0]) if row else None


def _is_among(session: str, sessions: list[str]) -> bool:
    """Whether a session lives. A role that may not see when sessions began knows them by their number alone."""
    pid, _, began = session.partition("/")
    return (
        session in sessions
        or f"{pid}/" in sessions
        or (not began and any(s.startswith(f"{pid}/") for s in sessions))
    )


def count_databases(conn: Conn) -> int:
    """How many databases of the server carry our mark, whoever owns them."""
    return int(
        scalar(
            conn,
            "select count(*) from pg_shdescription"
            " where classoid = 'pg_database'::regclass and starts_with(description, %s)",
            _LEAD,
        )
    )


def session_id(conn: Conn) -> str:
    """This connection's backend, told apart from a later one of the same process id."""
    return str(
        scalar(
            conn,
            "select pid || '/' || coalesce(extract(epoch from backend_start)::text, '') from pg_stat_activity"
            " where pid = pg_backend_pid()",
        )
    )


def server_time(conn: Conn) -> float:
    """Seconds of the epoch, by the server's clock."""
    return float(scalar(conn, "select extract(epoch from clock_timestamp())::float8"))
