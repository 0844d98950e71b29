"""Opens a bundle and proves it whole: its manifest makes sense, and every file is what the manifest says."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from ost_assets.bundle.manifest import (
    FORMAT,
    MANIFEST_FILE,
    SCHEMA_FILE,
    TABLE_FORMATS,
    BundleManifest,
    TableEntry,
    schema_sql,
)
from ost_assets.errors import BundleBroken, BundleMissing
from ost_assets.fingerprint import Fingerprint

# Called with a stage (`verify`, `copy`, `keys`), how much of it is done, and how much it is in all: bytes, or
# statements for the keys.
Progress = Callable[[str, int, int], None]

_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX ")
_MEND = "export it again with `ost-assets setup`, or fetch it again"


def silent(_stage: str, _done: int, _total: int) -> None:
    """The `Progress` that nobody watches."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest makes sense; `verify` looks at the files.

    Attributes:
        folder: absolute, links resolved.
        text: the manifest as it stands in its file.
    """

    folder: Path
    manifest: BundleManifest
    text: bytes

    def path(self, name: str) -> Path:
        """Where a file of the manifest is. Raises `BundleBroken` for one outside the folder, links followed."""
        # A bundle is moved and copied, also to other systems; such a name would be right in one place only.
        portable = not name.startswith("/") and "\\" not in name and "\0" not in name
        path = (self.folder / name).resolve() if portable else self.folder
        if self.folder not in path.parents:
            raise self.broken(f"{name!r} leads out of the bundle")
        return path

    @property
    def restored_files(self) -> list[str]:
        """What a restore puts into the database."""
        return [SCHEMA_FILE, *(table.files["copy"] for table in self.manifest.tables)]

    @property
    def other_files(self) -> list[str]:
        """What a restore does not read: the same rows for other readers."""
        restored = {*self.restored_files}
        return [name for name in self.manifest.files if name not in restored]

    def verify(
        self, names: Collection[str] | None = None, progress: Progress = silent, *, threads: int = 4
    ) -> None:
        """Compare size and sha256 of files with the manifest.

        Args:
            names: which; all of them if not given.
            progress: told how many bytes are done.
            threads: files to read at once, at most; never more than there are processors.

        Raises:
            BundleBroken: a file is missing, truncated or altered; the message names the first five.
        """
        entries = {name: self.manifest.files[name] for name in names or self.manifest.files}
        total = sum(entry.bytes for entry in entries.values())
        done = 0
        problems = []
        # Hashing lets go of the interpreter.
        with ThreadPoolExecutor(min(threads, os.cpu_count() or 1)) as pool:
            checked = pool.map(self._problem_with, entries)
            for problem, entry in zip(checked, entries.values(), strict=True):
                if problem:
                    problems.append(problem)
                done += entry.bytes
                progress("verify", done, total)
        if problems:
            more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
            raise self.broken("; ".join(problems[:5]) + more)

    def _problem_with(self, name: str) -> str:
        wanted = self.manifest.files[name]
        try:
            path = self.path(name)
            if not path.is_file():
                return f"{name} is missing"
            size = path.stat().st_size
            if size != wanted.bytes:
                return f"{name} has {size} bytes instead of {wanted.bytes}"
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{name} cannot be read: {error.strerror or error}"
        return "" if found == wanted.sha256 else f"{name} was altered"

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file of the manifest, as it is. Raises `BundleBroken` where it cannot be read."""
        try:
            with self.path(name).open("rb") as file:
                yield file
        except OSError as error:
            raise self.broken(f"{name} cannot be read: {error.strerror or error}") from error

    def read(self, name: str) -> bytes:
        """One whole file of the manifest. Raises `BundleBroken` where it is not what the manifest says."""
        with self.open(name) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != self.manifest.files[name].sha256:
            raise self.broken(f"{name} was altered")
        return data

    def refuse_replaced(self) -> None:
        """Raise `BundleBroken` where another export has taken this bundle's place since it was opened."""
        if _manifest_bytes(self.folder) != self.text:
            raise self.broken("it was replaced while it was read")

    def broken(self, what: str) -> BundleBroken:
        return BundleBroken(f"the bundle cannot be used: {what}", looked=str(self.folder), remedy=_MEND)


def open_bundle(folder: Path) -> Bundle:
    """Read the manifest in `folder` and see that it fits together; the other files are not looked at.

    Raises:
        BundleMissing: there is none.
        BundleBroken: it is no manifest, cannot be read, is of another format, or contradicts itself.
    """
    try:
        return _open(folder.resolve())
    except (ValueError, RuntimeError, OSError) as error:
        # Text that is no text, values nested too deep, links in a circle, names that no file can have.
        raise BundleBroken(
            f"the bundle cannot be read: {type(error).__name__}: {error}", looked=str(folder), remedy=_MEND
        ) from error


def _open(folder: Path) -> Bundle:
    text = _manifest_bytes(folder)
    try:
        data: Any = json.loads(text)
        found = data.pop("format", None)
    except (ValueError, RecursionError, AttributeError, TypeError):
        raise BundleBroken(
            f"{MANIFEST_FILE} is not a bundle's manifest", looked=str(folder), remedy=_MEND
        ) from None
    if found != FORMAT:
        newer = isinstance(found, int) and found > FORMAT
        raise BundleBroken(
            f"the bundle has the format {found!r}, this version reads {FORMAT}",
            looked=str(folder / MANIFEST_FILE),
            remedy="upgrade ost-assets" if newer else _MEND,
        )
    try:
        manifest = TypeAdapter(BundleManifest).validate_python(data, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BundleBroken(
            f"{MANIFEST_FILE} is damaged at {place}: {first['msg']}",
            looked=str(folder / MANIFEST_FILE),
            remedy=_MEND,
        ) from None
    bundle = Bundle(folder, manifest, text)
    if manifest.to_bytes() != text:
        raise bundle.broken(f"{MANIFEST_FILE} was edited")
    problem = next(_contradictions(manifest), None)
    if problem:
        raise bundle.broken(problem)
    for name in manifest.files:
        bundle.path(name)
    return bundle


def _manifest_bytes(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise BundleMissing(
            "there is no bundle",
            looked=str(folder),
            remedy="run `ost-assets setup` to make one, or name the folder that holds manifest.json",
        ) from None


def _contradictions(manifest: BundleManifest) -> Iterator[str]:
    """Sentences for what cannot be true of a bundle that we wrote: parts of two were mixed, or it was edited."""
    if Fingerprint.of(manifest.inputs).value != manifest.fingerprint:
        yield "its fingerprint is not that of its inputs"
    names = [table.name for table in manifest.tables]
    if not names or len({*names}) < len(names):
        yield "it lists no table, or one twice"
    for table in manifest.tables:
        yield from _table_contradictions(manifest, table)
    text = schema_sql(manifest.tables).encode()
    schema = manifest.files.get(SCHEMA_FILE)
    if schema is None or schema.sha256 != hashlib.sha256(text).hexdigest():
        yield f"{SCHEMA_FILE} does not describe the tables of {MANIFEST_FILE}"


def _table_contradictions(manifest: BundleManifest, table: TableEntry) -> Iterator[str]:
    copy = manifest.files.get(table.files.get("copy", ""))
    if copy is None or copy.sha256 != table.digest:
        yield f"the rows of {table.name!r} are not those that its digest stands for"
    if table.files.keys() != {*TABLE_FORMATS} or not manifest.files.keys() >= {*table.files.values()}:
        yield f"files of {table.name!r} are not listed"
    if table.rows < 0:
        yield f"{table.name!r} has {table.rows} rows"
    if not all(_INDEX.match(index.definition) for index in table.indexes):
        yield f"an index of {table.name!r} is none"
