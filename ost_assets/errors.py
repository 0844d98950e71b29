"""Every error a user can meet. Each one says what failed, where we looked and what to do.

```
OstError
├── SettingsError        a variable is malformed, or two contradict each other
├── ServerError          PostgreSQL, its extensions or its privileges; never a reason to fall back
│   ├── ServerUnreachable    nobody answers, or the database does not exist
│   ├── AccessDenied         wrong password, missing privilege, read-only server
│   ├── ExtensionMissing     the server does not ship a required extension
│   └── ServerFailed         it answered and then failed: disk full, timeout, connection lost
├── GuardRefused         the target holds somebody else's tables, or looks like production
├── SeedingError
│   ├── DbtFailed            dbt itself broke; the one error that the SQL lock can stand in for
│   ├── NothingBuilt         dbt is content, and there is no table to publish
│   ├── InputInvalid         a seed file is wrong: the data is at fault, no fallback
│   ├── CheckFailed          a data test is red: the data is at fault, no fallback
│   └── DegradedRefused      strict mode met a degraded run
├── LockError
│   ├── LockMissing          no lock, or not one this version reads
│   ├── LockBroken           its files are not what lock.json says
│   ├── LockStale            the dbt project moved on and CI may not rewrite the lock
│   └── ProofFailed          dbt and the SQL do not give the same database; no lock is written
├── PublishError         the swap could not be made, or what stands is of another version; it is untouched
├── BundleError          the fixture bundle could not be written; the old bundle stands
│   ├── BundleMissing        there is no bundle in that folder
│   └── BundleBroken         damaged, contradicting itself, or of a format this version does not read
└── IsolationError       no template or clone could be had; the others stand
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ost_assets.seeding.report import CheckResult

DbtCause = Literal["not installed", "does not parse", "gave up", "node error", "timeout"]


class OstError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        what: what failed, one sentence.
        looked: where we looked or what came, without secrets; may be empty.
        remedy: what to do next; may be empty.
    """

    def __init__(self, what: str, *, looked: str = "", remedy: str = "") -> None:
        self.what = what
        self.looked = looked
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.looked:
            lines.append(f"  looked at: {self.looked}")
        if self.remedy:
            lines.append(f"  what to do: {self.remedy}")
        return "\n".join(lines)


class SettingsError(OstError):
    """A variable is malformed, or two of them contradict each other."""


class ServerError(OstError):
    """PostgreSQL is at fault; running other SQL against it would not help."""


class ServerUnreachable(ServerError):
    """Nobody answers at the configured address, or the database does not exist."""


class AccessDenied(ServerError):
    """The role may not do what the set-up has to do."""


class ExtensionMissing(ServerError):
    """A required extension is not installed on the server's machine."""


class ServerFailed(ServerError):
    """The server answered and then failed: disk full, timeout, connection lost."""


class GuardRefused(OstError):
    """The target is not ours to change; nothing has been changed."""


class SeedingError(OstError):
    """The test data could not be built."""


class DbtFailed(SeedingError):
    """dbt itself broke: absent, unparsable, a node errored, timed out.

    Args:
        cause: what kind of breakage; a node error may be the fault of changed seeds, the others cannot.
    """

    def __init__(self, cause: DbtCause, what: str, *, looked: str = "", remedy: str = "") -> None:
        super().__init__(what, looked=looked, remedy=remedy)
        self.cause = cause


class NothingBuilt(SeedingError):
    """The dbt project has no table to publish: a wrong path or everything disabled, never a success."""


class InputInvalid(SeedingError):
    """A seed file is wrong. The message names the file and, where known, the line."""


class CheckFailed(SeedingError):
    """At least one blocking check is red; ``checks`` holds every result of the run."""

    def __init__(
        self, what: str, *, checks: Sequence[CheckResult], looked: str = "", remedy: str = ""
    ) -> None:
        super().__init__(what, looked=looked, remedy=remedy)
        self.checks = tuple(checks)


class DegradedRefused(SeedingError):
    """The run would be degraded and strict mode forbids that."""


class LockError(OstError):
    """The SQL lock cannot be used or written."""


class LockMissing(LockError):
    """There is no lock, or this version cannot read it."""


class LockBroken(LockError):
    """The lock's files differ from what ``lock.json`` recorded, contradict each other, or do not run."""


class LockStale(LockError):
    """The dbt project is newer than the lock."""


class ProofFailed(LockError):
    """dbt and the SQL do not build the same database."""


class PublishError(OstError):
    """The new tables could not be swapped in, or another version made what stands there; it is untouched."""


class BundleError(OstError):
    """The bundle could not be written; the previous one is untouched."""


class BundleMissing(BundleError):
    """There is no bundle where one was named."""


class BundleBroken(BundleError):
    """The bundle's files are not what its manifest says, or another version made it; nothing was restored."""


class IsolationError(OstError):
    """A template database or a clone could not be made or dropped, or there are too many."""


def from_os_error(error: OSError) -> OstError:
    """A file or folder that could not be used, named."""
    return OstError(
        f"a file or folder cannot be used: {error.strerror or error}",
        looked=str(error.filename or ""),
        remedy="see whether it exists, is writable and has room, and whether a variable names it wrongly",
    )
