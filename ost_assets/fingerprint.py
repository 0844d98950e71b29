"""One hash over everything that decides the data: dbt files, parameters, this package's own seeding code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ost_assets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ost_assets.settings import Settings

_PACKAGE = Path(__file__).resolve().parent
_CODE = ("seeding", "postgres", "bundle")
# What dbt writes or people keep there; connection profiles do not decide the data.
_NOT_INPUT = {"target", "logs", "dbt_packages", "profiles.yml"}


@dataclass(frozen=True)
class Fingerprint:
    """`value` is a hexadecimal sha256; `inputs` is what went into it: part -> name -> hash or value."""

    value: str
    inputs: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, inputs: dict[str, dict[str, Any]]) -> Fingerprint:
        text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
        return cls(hashlib.sha256(text.encode()).hexdigest(), inputs)

    def with_dbt_files(self, files: Mapping[str, str]) -> Fingerprint:
        """The fingerprint of the same parameters and code over other dbt files."""
        return Fingerprint.of({**self.inputs, "dbt": dict(files)})


def fingerprint(settings: Settings) -> Fingerprint:
    """Hash the inputs as they are on disk now. Reads every file of the dbt project; a few milliseconds."""
    parameters = {
        **settings.parameters,
        "model_name": settings.model_name,
        "model_dimensions": settings.model_dimensions,
    }
    return Fingerprint.of(
        {"dbt": dbt_files(settings.dbt_project_dir), "parameters": parameters, "code": _code_files()}
    )


def dbt_files(project_dir: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file that decides what the dbt project builds.

    Raises:
        SettingsError: there is no such folder, or a file in it cannot be read.
    """
    if not project_dir.is_dir():
        raise SettingsError(
            "there is no dbt project",
            looked=str(project_dir),
            remedy="run in the project's folder, or set OST_PROJECT_ROOT or OST_DBT_PROJECT_DIR",
        )
    return {
        path.relative_to(project_dir).as_posix(): _sha256(path) for path in _walk(project_dir, project_dir)
    }


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names whose value differs or that only one side has, sorted."""
    return sorted(k for k in {*before, *after} if before.get(k) != after.get(k))


def explain(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which inputs changed, as lines such as `dbt: seeds/raw_users.csv`."""
    return [
        f"{part}: {name}"
        for part in ("dbt", "parameters", "code")
        for name in changed(before.get(part, {}), after.get(part, {}))
    ]


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.parent == root and path.name in _NOT_INPUT):
            continue
        if path.is_dir():
            yield from _walk(path, root)
        else:
            yield path


@cache
def _code_files() -> dict[str, str]:
    return {
        path.relative_to(_PACKAGE).as_posix(): _sha256(path)
        for part in _CODE
        for path in sorted((_PACKAGE / part).rglob("*.py"))
    }


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(
            f"a file of the project cannot be read: {error.strerror}",
            looked=str(path),
            remedy="make it readable, or remove it",
        ) from error
