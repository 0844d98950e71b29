"""What a build did, as plain data that survives JSON: nodes, checks, tables, strategy and reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from ost_assets.errors import PublishError
from ost_assets.postgres.digest import Content

if TYPE_CHECKING:
    from ost_assets.settings import SeedStrategy

CheckStatus = Literal["pass", "warn", "fail", "error"]


@dataclass(frozen=True)
class NodeResult:
    """One seed or model that was built, in `seconds`."""

    unique_id: str
    seconds: float


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check_id: dbt's unique id of the test, or `<unique id of the node>/<name>` for the engine's own.
        name: as in dbt, or the engine's own (`matches_lock`, `embedding_dimensions`).
        status: `fail` and `error` block what comes after; `warn` does not.
        failures: number of failing rows, None where rows are not what is counted.
        message: one sentence.
        sql: the query that finds the failing rows, may be empty.
        sample: at most ten failing rows, column name -> value as text.
    """

    check_id: str
    name: str
    status: CheckStatus
    failures: int | None = None
    message: str = ""
    sql: str = ""
    sample: tuple[dict[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        return self.status == "pass"

    @property
    def blocks(self) -> bool:
        return self.status in ("fail", "error")


@dataclass(frozen=True)
class Report:
    """How one build came to be.

    Attributes:
        fingerprint: of the inputs that were really used.
        strategy: who built it; `bundle` where a finished one was restored.
        reason: why that one, in words.
        degraded: the SQL stood in for a broken dbt, or an outdated lock was used.
        outdated: input files that are newer than the lock, when that lock was used all the same.
        relocked: the lock was rewritten in this run.
        tables: what is to be published, by name.
    """

    fingerprint: str
    strategy: Literal["dbt", "sql", "bundle"]
    reason: str
    degraded: bool
    outdated: tuple[str, ...] = ()
    relocked: bool = False
    nodes: tuple[NodeResult, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    tables: dict[str, Content] = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """Read what `to_json` gave, in this version or another.

        Raises:
            PublishError: another version wrote it and left out what we need.
        """
        try:
            return TypeAdapter(cls).validate_python(data)
        except ValidationError as error:
            raise PublishError(
                f"another version of ost_assets made what is in the database: {error.errors()[0]['msg']}",
                remedy="run `ost-assets setup --force` to publish afresh",
            ) from error


def serves(report: dict[str, Any], wanted: SeedStrategy, strict: bool) -> bool:
    """Whether a stored report is of a run that somebody who asks like this would have got.

    Works on the stored form, because the quick path has no time for building a `Report`.
    """
    return wanted in ("auto", report["strategy"]) and not (strict and report["degraded"])
