"""Where the test database lives: settings -> one `Target`. Pure; connecting is `connect.py`'s."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from ost_assets.errors import GuardRefused, SettingsError
from ost_assets.settings import SERVER_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ost_assets.settings import Settings

# libpq's other parameters that hold a secret.
_SECRET_OPTIONS = {"sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
# libpq's variables for those of its parameters that a client like dbt has no setting for.
_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
}
_PRODUCTION = re.compile(r"(?<![a-z])(prod|production|prd|live)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """One database. `password` never shows in `repr`, `url` or `name`; `params` is for libpq alone.

    Attributes:
        host: name, address, or the folder of a Unix socket.
        options: further libpq parameters, such as `sslmode`.
    """

    host: str
    port: int
    user: str
    dbname: str
    password: str | None = field(default=None, repr=False)
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """`host/dbname`, as `OST_ALLOW_DATABASE` spells it."""
        return f"{self.host}/{self.dbname}"

    @property
    def url(self) -> str:
        """A libpq URL without the password."""
        shown = [(key, value) for key, value in self.options if key not in _SECRET_OPTIONS]
        return self._url(quote(self.user, safe=""), shown)

    @property
    def url_with_password(self) -> str:
        """The same with the password: for handing to a program, never for printing."""
        user = quote(self.user, safe="")
        if self.password is not None:
            user += ":" + quote(self.password, safe="")
        return self._url(user, self.options)

    def _url(self, user: str, options: Iterable[tuple[str, str]]) -> str:
        database = quote(self.dbname, safe="")
        query = [f"{key}={quote(value, safe='')}" for key, value in options]
        if self.host.startswith("/"):
            place = ""
            query = [f"host={quote(self.host, safe='/')}", f"port={self.port}", *query]
        else:
            host = quote(self.host, safe=":")
            host = f"[{host}]" if ":" in host else host
            place = f"{host}:{self.port}"
        return f"postgresql://{user}@{place}/{database}" + ("?" + "&".join(query) if query else "")

    @property
    def environment(self) -> dict[str, str]:
        """The options as libpq's own variables, for programs that are told host and user in their own way."""
        return {_VARIABLES[key]: value for key, value in self.options if key in _VARIABLES}

    @property
    def params(self) -> dict[str, str | int]:
        """Keyword arguments for `psycopg.connect`; holds the password."""
        params: dict[str, str | int] = {
            **dict(self.options),
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "dbname": self.dbname,
        }
        if self.password is not None:
            params["password"] = self.password
        return params


def configured_target(settings: Settings) -> Target | None:
    """The server the environment names, or None where the embedded one is meant.

    Raises:
        SettingsError: DATABASE_URL is no libpq URL, or contradicts a POSTGRES_* variable.
    """
    parts = {
        SERVER_PARTS[name]: value.get_secret_value() if name == "postgres_password" else str(value)
        for name, value in settings.server_parts.items()
    }
    from_url: dict[str, str] = {}
    if settings.database_url is not None:
        from_url = _parse_url(settings.database_url.get_secret_value())
        for name, key in SERVER_PARTS.items():
            if key in parts and key in from_url and parts[key] != from_url[key]:
                shown = "" if key == "password" else f" ({key} {from_url[key]!r} against {parts[key]!r})"
                raise SettingsError(
                    f"DATABASE_URL and {name.upper()} contradict each other{shown}",
                    remedy="unset one of the two, or make them agree",
                )
    elif not parts:
        return None

    merged = {**parts, **from_url}
    host, port = merged.pop("host", "localhost"), merged.pop("port", "5432")
    user, password = merged.pop("user", "postgres"), merged.pop("password", None)
    dbname = merged.pop("dbname", user)
    if "," in host:
        raise SettingsError(f"the target names several hosts: {host}", remedy="name one server with one port")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise SettingsError(f"DATABASE_URL names the port {port!r}", remedy="name one server with one port")
    return Target(host, int(port), user, dbname, password, tuple(sorted(merged.items())))


def _parse_url(url: str) -> dict[str, str]:
    # Not urlsplit: it refuses, and quotes, passwords that libpq takes.
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme not in ("postgres", "postgresql"):
        came = f"the scheme {scheme!r}" if scheme else "no scheme"
        raise SettingsError(
            f"DATABASE_URL has {came}",
            looked="DATABASE_URL (not shown, it may hold a password)",
            remedy="write postgresql://user:password@host:port/database",
        )
    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        # libpq's message repeats the URL and so the password.
        raise SettingsError(
            "DATABASE_URL cannot be parsed by libpq",
            looked="DATABASE_URL (not shown, it may hold a password)",
            remedy="write postgresql://user:password@host:port/database and percent-encode special characters",
        ) from None


def refuse_production(target: Target, allowed: str | None) -> None:
    """The first half of the guard: names that say production.

    Args:
        allowed: `host/dbname` of the one database that may look so, or None.

    Raises:
        GuardRefused: host or database name says production and is not the allowed one.
    """
    for kind, value in (("host", target.host), ("database", target.dbname)):
        if not (kind == "host" and value.startswith("/")) and _PRODUCTION.search(value):
            if allowed == target.name:
                return
            raise GuardRefused(
                f"the {kind} {value!r} looks like production, nothing was changed",
                looked=target.url,
                remedy=f"point DATABASE_URL at a test database, or set OST_ALLOW_DATABASE={target.name}",
            )
