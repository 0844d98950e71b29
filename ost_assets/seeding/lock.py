"""The SQL lock: what `lock.json` holds, how it is read, verified and compared with the dbt project.

Writing it is `lock_writer.py`'s, proving it `proof.py`'s, running it `sql.py`'s.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ost_assets import fingerprint
from ost_assets.errors import LockBroken, LockMissing
from ost_assets.postgres.digest import Content
from ost_assets.seeding.graph import Graph

FORMAT = 1
LOCK_FILE = "lock.json"
SETUP_FILE = "setup.sql"
FOREIGN_KEYS_FILE = "9000_foreign_keys.sql"
CHECKS_FILE = "9100_checks.sql"
_REMEDY = "run `ost-assets lock` where dbt works and commit the result"


@dataclass(frozen=True)
class Lock:
    """A lock as read from its folder.

    Attributes:
        inputs: dbt file -> sha256 at the time of locking.
        parameters: what the expected contents were computed with.
        node_files: unique id -> SQL file that builds it.
        tables: table name -> expected rows and digest, under `parameters`.
        files: every SQL file of the lock -> sha256.
    """

    folder: Path
    inputs: dict[str, str]
    parameters: dict[str, int | float]
    graph: Graph
    node_files: dict[str, str]
    tables: dict[str, Content]
    files: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "about": "Written by `ost-assets lock` and proven equal to dbt. Do not edit.",
            "inputs": self.inputs,
            "parameters": self.parameters,
            "graph": asdict(self.graph),
            "node_files": self.node_files,
            "tables": {name: asdict(table) for name, table in self.tables.items()},
            "files": self.files,
        }

    def outdated_files(self, project_dir: Path) -> list[str]:
        """dbt files that were changed, added or removed since the lock was written."""
        return fingerprint.changed(self.inputs, fingerprint.dbt_files(project_dir))

    def read_sql(self, name: str) -> str:
        """The text of one SQL file, verified.

        Raises:
            LockBroken: the file is missing or was edited.
        """
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LockBroken(f"the SQL lock lacks {name}", looked=str(path), remedy=_REMEDY) from error
        if hashlib.sha256(data).hexdigest() != self.files.get(name):
            raise LockBroken(
                f"the SQL lock's {name} was edited by hand or damaged", looked=str(path), remedy=_REMEDY
            )
        return data.decode()


def read_lock(folder: Path) -> Lock:
    """Read `lock.json`.

    Raises:
        LockMissing: there is none, or one of another format.
        LockBroken: it is not what `ost-assets lock` writes.
    """
    path = folder / LOCK_FILE
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise LockMissing("there is no SQL lock", looked=str(path), remedy=_REMEDY) from None
    except (OSError, ValueError, RecursionError) as error:
        raise LockBroken(f"lock.json cannot be read: {error}", looked=str(path), remedy=_REMEDY) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise LockMissing(
            f"the SQL lock is not of format {FORMAT}, which this version reads",
            looked=str(path),
            remedy=_REMEDY,
        )
    try:
        del data["format"], data["about"]
        # As JSON, because there a list may be a tuple and yet nothing else may be anything else.
        lock = TypeAdapter(Lock).validate_json(json.dumps({**data, "folder": str(folder)}), strict=True)
    except (KeyError, ValidationError) as error:
        raise LockBroken(
            f"lock.json lacks or misnames something: {error}", looked=str(path), remedy=_REMEDY
        ) from error
    problem = _misfit(lock)
    if problem:
        raise LockBroken(f"lock.json does not fit together: {problem}", looked=str(path), remedy=_REMEDY)
    return lock


def find_lock(folder: Path) -> Lock | None:
    """As `read_lock`, and None where there is no lock of this version."""
    try:
        return read_lock(folder)
    except LockMissing:
        return None


def _misfit(lock: Lock) -> str:
    """What one part names and another lacks, or nothing; a merge of two locks gives such a thing."""
    ids, files = lock.graph.by_id, {FOREIGN_KEYS_FILE, CHECKS_FILE, SETUP_FILE}
    for node in lock.graph.nodes:
        if lock.node_files.get(node.unique_id) not in lock.files:
            return f"no file for {node.unique_id}"
        if not ids.keys() >= set(node.depends_on):
            return f"{node.unique_id} depends on what is not there"
    if missing := files - lock.files.keys():
        return f"no {', '.join(sorted(missing))}"
    if {node.relation for node in lock.graph.published} != lock.tables.keys():
        return "tables are not those of the graph"
    return next((f"{c.unique_id} is about no node" for c in lock.graph.checks if c.node not in ids), "")
