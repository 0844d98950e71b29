"""A bundle opens to what was written, or is refused in one sentence: whatever happened to its bytes."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ost_assets.bundle.manifest import (
    FORMAT,
    MANIFEST_FILE,
    SCHEMA_FILE,
    BundleManifest,
    FileEntry,
    TableEntry,
    schema_sql,
)
from ost_assets.bundle.read import open_bundle
from ost_assets.errors import BundleBroken, BundleError, BundleMissing
from ost_assets.fingerprint import Fingerprint
from ost_assets.postgres.catalog import Column, Constraint, Index

INPUTS: dict[str, dict[str, Any]] = {
    "code": {"postgres/ddl.py": "1" * 64},
    "dbt": {"seeds/räw.csv": "2" * 64},
    "parameters": {"top_n": 5, "min_similarity": 0.1},
}


def entry_of(data: bytes) -> FileEntry:
    return FileEntry(hashlib.sha256(data).hexdigest(), len(data))


def table_of(folder: Path, name: str, columns: Mapping[str, str], files: Mapping[str, bytes]) -> TableEntry:
    """A table whose first column is its key. Writes its files, by format, and lists them under `data/`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for kind, data in files.items():
        (folder / "data" / f"{name}.{kind}").write_bytes(data)
    key = next(iter(columns))
    return TableEntry(
        name=name,
        columns=tuple(
            Column(column, kind, nullable=column != key, collatable=False) for column, kind in columns.items()
        ),
        constraints=(Constraint(f"{name}_pkey", "p", f'PRIMARY KEY ("{key}")', (key,)),),
        indexes=(Index(f"{name}_idx", f'CREATE INDEX "{name}_idx" ON "{name}" USING btree ("{key}")'),),
        rows=files["jsonl"].count(b"\n"),
        digest=entry_of(files["copy"]).sha256,
        files={kind: f"data/{name}.{kind}" for kind in files},
    )


def write_manifest(folder: Path, *tables: TableEntry) -> BundleManifest:
    """Bring `schema.sql` and the manifest in `folder` in line with the files that the tables list."""
    (folder / SCHEMA_FILE).write_bytes(schema_sql(tables).encode())
    names = [SCHEMA_FILE, *(name for table in tables for name in table.files.values())]
    manifest = BundleManifest(
        fingerprint=Fingerprint.of(INPUTS).value,
        inputs=INPUTS,
        extensions=("vector",),
        tables=tables,
        files={name: entry_of((folder / name).read_bytes()) for name in names},
    )
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    return manifest


def small_bundle(folder: Path) -> BundleManifest:
    """Two tables; their files hold anything, because nothing here looks into them."""
    users = table_of(
        folder,
        "USER",
        {"id": "uuid", "näme": "character varying(30)"},
        {"copy": b"PGCOPY\n" + bytes(range(256)), "parquet": b"PAR1" * 20, "jsonl": b"{}\n{}\n"},
    )
    other = table_of(
        folder,
        "other",
        {"id": "integer"},
        {"copy": b"PGCOPY other", "parquet": b"PAR1 other", "jsonl": b"{}\n"},
    )
    return write_manifest(folder, users, other)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of the test's own."""
    path = tmp_path / "bundle"
    small_bundle(path)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for all examples of a property; who damages it puts it right again."""
    path = tmp_path_factory.mktemp("scratch") / "bundle"
    small_bundle(path)
    return path


@pytest.fixture(scope="module")
def manifest_bytes(scratch: Path) -> bytes:
    return (scratch / MANIFEST_FILE).read_bytes()


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest as JSON and write it exactly as we would."""
    data = json.loads((folder / MANIFEST_FILE).read_bytes())
    change(data)
    (folder / MANIFEST_FILE).write_bytes(canonical(data))


def canonical(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def test_a_bundle_opens_to_what_was_written_and_verifies(folder: Path) -> None:
    written = small_bundle(folder)
    bundle = open_bundle(folder)
    assert bundle.manifest == written
    assert bundle.folder == folder
    assert bundle.manifest.rows == 3
    bundle.verify()
    bundle.refuse_replaced()
    for name in written.files:
        assert bundle.read(name) == (folder / name).read_bytes()


def test_what_a_restore_reads_and_the_rest_are_all_files(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.restored_files == ["schema.sql", "data/USER.copy", "data/other.copy"]
    assert {*bundle.restored_files, *bundle.other_files} == {*bundle.manifest.files}
    assert not {*bundle.restored_files} & {*bundle.other_files}


@pytest.mark.parametrize("place", ["nowhere", "nowhere/deeper", "empty", "file", "file/bundle"])
def test_where_there_is_no_bundle_one_is_told_where_we_looked_and_how_to_make_one(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"{}")
    with pytest.raises(BundleMissing, match="there is no bundle") as caught:
        open_bundle(tmp_path / place)
    assert str(tmp_path / place) in str(caught.value)
    assert "ost-assets setup" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"text"',
        b"\xff",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
    ],
    ids=lambda data: data[:20].decode(errors="replace"),
)
def test_what_is_no_manifest_is_named(data: bytes, folder: Path) -> None:
    (folder / MANIFEST_FILE).write_bytes(data)
    with pytest.raises(BundleBroken, match=r"manifest\.json is not a bundle's manifest"):
        open_bundle(folder)


@pytest.mark.parametrize("number", [FORMAT + 1, 99, 10**30])
def test_a_newer_format_asks_for_an_upgrade(number: int, folder: Path) -> None:
    # A newer format may have any other fields.
    (folder / MANIFEST_FILE).write_bytes(canonical({"format": number, "chunks": [1, 2]}))
    with pytest.raises(BundleBroken, match=f"has the format {number}, this version reads {FORMAT}") as caught:
        open_bundle(folder)
    assert caught.value.remedy == "upgrade ost-assets"


@pytest.mark.parametrize("number", [0, -1, 1.5, "1", None, [], {}, "ünknown"], ids=repr)
def test_a_format_that_never_was_is_refused_and_no_upgrade_is_promised(number: object, folder: Path) -> None:
    rewrite(folder, lambda data: data.update(format=number))
    with pytest.raises(BundleBroken, match="the bundle has the format") as caught:
        open_bundle(folder)
    assert "upgrade" not in str(caught.value)
    assert "ost-assets setup" in caught.value.remedy


def test_a_manifest_without_a_format_is_refused(folder: Path) -> None:
    rewrite(folder, lambda data: data.pop("format"))
    with pytest.raises(BundleBroken, match="the bundle has the format None"):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda data: data.pop("tables"), "tables"),
        (lambda data: data.update(tables=5), "tables"),
        (lambda data: data.update(surprise=1), "surprise"),
        (lambda data: data["tables"][1].update(rows="many"), r"tables\.1\.rows"),
        (lambda data: data["tables"][0].pop("digest"), r"tables\.0\.digest"),
        (lambda data: data["tables"][0].update(surprise=1), r"tables\.0\.surprise"),
        (lambda data: data["tables"][0]["columns"][1].update(type=None), r"tables\.0\.columns\.1\.type"),
        (lambda data: data["tables"][0]["columns"][1].update(surprise=1), "surprise"),
        (lambda data: data["files"]["data/USER.copy"].update(bytes="?"), r"files\.data/USER\.copy\.bytes"),
        (lambda data: data.update(inputs=[]), "inputs"),
        (lambda data: data.update(extensions="vector"), "extensions"),
    ],
)
def test_a_damaged_field_is_named(
    change: Callable[[dict[str, Any]], object], place: str, folder: Path
) -> None:
    rewrite(folder, change)
    with pytest.raises(BundleBroken, match=rf"manifest\.json is damaged at .*{place}"):
        open_bundle(folder)


def _swap_entries(data: dict[str, Any], left: str, right: str) -> None:
    data["files"][left], data["files"][right] = data["files"][right], data["files"][left]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data.update(fingerprint="0" * 64), "fingerprint is not that of its inputs"),
        (
            lambda data: data["inputs"]["parameters"].update(top_n=6),
            "fingerprint is not that of its inputs",
        ),
        (lambda data: data.update(tables=[]), "lists no table, or one twice"),
        (lambda data: data["tables"].append(data["tables"][0]), "lists no table, or one twice"),
        (lambda data: data["tables"].pop(), r"schema\.sql does not describe the tables"),
        (lambda data: data["tables"][1].update(digest="0" * 64), "rows of 'other' are not those"),
        (lambda data: data["tables"][0]["files"].pop("copy"), "rows of 'USER' are not those"),
        (
            lambda data: _swap_entries(data, "data/USER.copy", "data/other.copy"),
            "rows of 'USER' are not those",
        ),
        (lambda data: data["files"].pop("data/USER.parquet"), "files of 'USER' are not listed"),
        (lambda data: data["files"].pop("schema.sql"), r"schema\.sql does not describe the tables"),
        (
            lambda data: data["tables"][0]["columns"][0].update(type="text"),
            r"schema\.sql does not describe the tables",
        ),
        (
            lambda data: data["tables"][0]["indexes"][0].update(definition="drop schema public cascade"),
            "an index of .* is none",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    change: Callable[[dict[str, Any]], object], problem: str, folder: Path
) -> None:
    rewrite(folder, change)
    with pytest.raises(BundleBroken, match=f"the bundle cannot be used: .*{problem}"):
        open_bundle(folder)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.rstrip(b"\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.decode().encode("utf-16"),
        lambda text: json.dumps(json.loads(text)).encode(),
        lambda text: text.replace(b"{", b'{\n "fingerprint": "0",', 1),
        lambda text: text.replace("ä".encode(), b"\\u00e4"),
    ],
    ids=["CRLF", "no newline", "BOM", "UTF-16", "one line", "a key twice", "escapes"],
)
def test_a_manifest_that_was_written_again_is_refused_even_if_it_says_the_same(
    edit: Callable[[bytes], bytes], folder: Path
) -> None:
    """What git or an editor does to text; the binary files beside it would not have survived that either."""
    path = folder / MANIFEST_FILE
    edited = edit(path.read_bytes())
    assert edited != path.read_bytes()
    path.write_bytes(edited)
    with pytest.raises(BundleBroken, match=r"manifest\.json was edited"):
        open_bundle(folder)


@given(st.binary(max_size=200))
@example(b'{"format": 1}')
@example(b'{"format": 1, "tables": []}')
@example(b"{}")
def test_any_other_bytes_are_refused(scratch: Path, manifest_bytes: bytes, data: bytes) -> None:
    _stays_what_it_was_or_is_refused(scratch, data, manifest_bytes)


# Mostly what is JSON afterwards, too: what is not is refused at once.
_put = st.sampled_from([b"", b"0", b"9", b"a", b"F", b" ", b'"', b",", b"\\"]) | st.binary(max_size=1)
_edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), _put), min_size=1, max_size=3
)


@given(_edits)
def test_any_damage_to_the_bytes_of_the_manifest_is_refused_or_changes_nothing_that_matters(
    scratch: Path, manifest_bytes: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    """Each edit cuts some bytes out somewhere and puts others in."""
    data = manifest_bytes
    for where, cut, put in edits:
        at = int(where * len(data))
        data = data[:at] + put + data[at + cut :]
    _stays_what_it_was_or_is_refused(scratch, data, manifest_bytes)


@given(st.floats(0, 1, exclude_max=True))
@example(0)
@example(0.999999)
def test_a_manifest_that_was_cut_off_is_refused(scratch: Path, manifest_bytes: bytes, where: float) -> None:
    (scratch / MANIFEST_FILE).write_bytes(manifest_bytes[: int(where * len(manifest_bytes))])
    try:
        with pytest.raises(BundleBroken):
            open_bundle(scratch)
    finally:
        (scratch / MANIFEST_FILE).write_bytes(manifest_bytes)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_change_of_the_manifest_as_json_is_refused_or_changes_nothing_that_matters(
    scratch: Path, manifest_bytes: bytes, data: st.DataObject
) -> None:
    """Written as we would write it, so that only what it says can give it away."""
    root = {"": json.loads(manifest_bytes)}
    parent: Any = root
    key: Any = ""
    while isinstance(parent[key], dict | list) and parent[key] and data.draw(st.booleans(), label="deeper"):
        parent = parent[key]
        key = data.draw(
            st.sampled_from(sorted(parent)) if isinstance(parent, dict) else st.integers(0, len(parent) - 1)
        )
    action = data.draw(st.sampled_from(["replace", "remove", "add", "repeat"]), label="action")
    if action == "add" and isinstance(parent[key], dict):
        parent[key][data.draw(st.text(max_size=8))] = data.draw(_json)
    elif action == "repeat" and isinstance(parent[key], list) and parent[key]:
        parent[key].append(copy.deepcopy(parent[key][0]))
    elif action == "remove" and parent is not root:
        del parent[key]
    else:
        parent[key] = data.draw(_json)
    _stays_what_it_was_or_is_refused(scratch, canonical(root[""]), manifest_bytes)


def _stays_what_it_was_or_is_refused(folder: Path, data: bytes, original: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(original)
    written = open_bundle(folder).manifest
    (folder / MANIFEST_FILE).write_bytes(data)
    try:
        bundle = open_bundle(folder)
        bundle.verify()
    except BundleError:
        return
    finally:
        (folder / MANIFEST_FILE).write_bytes(original)
    found = bundle.manifest
    assert found.to_bytes() == data
    assert (found.fingerprint, found.inputs) == (written.fingerprint, written.inputs)
    assert schema_sql(found.tables) == schema_sql(written.tables)
    assert [table.digest for table in found.tables] == [table.digest for table in written.tables]
    assert found.files == written.files


OUTSIDE = [
    "../outside.copy",
    "data/../../outside.copy",
    "data/..",
    "..",
    "/etc/passwd",
    "//etc/passwd",
    "",
    ".",
    "./",
    "data/USER.copy\0.txt",
]


def _rename(folder: Path, old: str, new: str) -> None:
    def change(data: dict[str, Any]) -> None:
        data["files"][new] = data["files"].pop(old)
        for table in data["tables"]:
            table["files"] = {kind: new if name == old else name for kind, name in table["files"].items()}

    rewrite(folder, change)


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["copy", "parquet"])
def test_a_name_that_climbs_out_of_the_folder_is_refused(kind: str, name: str, folder: Path) -> None:
    data = (folder / "data" / f"USER.{kind}").read_bytes()
    (folder.parent / "outside.copy").write_bytes(data)
    _rename(folder, f"data/USER.{kind}", name)
    with pytest.raises(BundleBroken, match="leads out of the bundle"):
        open_bundle(folder)


@given(
    st.text(max_size=30)
    | st.lists(st.sampled_from(["..", ".", "data", "/", "USER.jsonl", "~"])).map("/".join)
)
@example("~/x")
@example("a/" * 3000)
@example("x" * 300)
@example("data")
@example("data/USER.jsonl/deeper")
@example(MANIFEST_FILE)
@example("C:x")
@example("..\\x")
@example("\u202e\n")
def test_whatever_a_file_is_called_nothing_outside_the_folder_is_read(scratch: Path, name: str) -> None:
    path = scratch / MANIFEST_FILE
    original = path.read_bytes()
    found = None
    try:
        _rename(scratch, "data/USER.jsonl", name)
        bundle = open_bundle(scratch)
        found = bundle.path(name)
        bundle.verify([name])
    except BundleBroken:
        assert found is None or found.is_relative_to(scratch)
    else:
        assert found == scratch / "data" / "USER.jsonl"
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize(
    "target", ["../outside", "/etc/hostname", "../bundle-of-others/x", "data/../../outside"]
)
def test_a_link_that_leads_out_of_the_folder_is_refused(target: str, folder: Path) -> None:
    link = folder / "data" / "USER.copy"
    (folder.parent / "bundle-of-others").mkdir()
    for outside in ("outside", "bundle-of-others/x"):
        (folder.parent / outside).write_bytes(link.read_bytes())
    link.unlink()
    link.symlink_to(folder / target if target.startswith("data") else os.path.join("..", target))
    with pytest.raises(BundleBroken, match=r"'data/USER\.copy' leads out of the bundle"):
        open_bundle(folder)


def test_a_folder_of_data_that_is_a_link_out_is_refused(folder: Path) -> None:
    shutil.move(folder / "data", folder.parent / "data")
    (folder / "data").symlink_to("../data")
    with pytest.raises(BundleBroken, match="leads out of the bundle"):
        open_bundle(folder)


def test_a_link_that_was_put_there_after_the_bundle_was_opened_is_refused_too(folder: Path) -> None:
    bundle = open_bundle(folder)
    shutil.move(folder / "data" / "USER.copy", folder.parent / "outside")
    (folder / "data" / "USER.copy").symlink_to("../../outside")
    for look in (bundle.verify, lambda: bundle.read("data/USER.copy"), lambda: bundle.path("data/USER.copy")):
        with pytest.raises(BundleBroken, match="leads out of the bundle"):
            look()


def test_links_within_the_folder_and_to_the_folder_do_no_harm(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "data", folder / "elsewhere")
    (folder / "data").symlink_to("elsewhere")
    (tmp_path / "current").symlink_to("bundle")
    bundle = open_bundle(tmp_path / "current")
    bundle.verify()
    assert bundle.read("data/USER.jsonl") == b"{}\n{}\n"


def test_a_folder_relative_to_where_we_are_stays_that_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = open_bundle(Path("bundle"))
    monkeypatch.chdir("/")
    bundle.verify()
    assert bundle.folder == folder


_FILES = [
    SCHEMA_FILE,
    *(f"data/{name}.{kind}" for name in ("USER", "other") for kind in ("copy", "parquet", "jsonl")),
]


@given(st.sampled_from(_FILES), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_single_flipped_bit_in_any_file_is_found_and_the_file_is_named(
    scratch: Path, name: str, where: float, bit: int
) -> None:
    good = (scratch / name).read_bytes()
    bad = bytearray(good)
    bad[int(where * len(bad))] ^= 1 << bit
    _is_found(scratch, name, bytes(bad), f"{name} was altered")


@given(st.sampled_from(_FILES), st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_is_found_and_named(scratch: Path, name: str, where: float) -> None:
    good = (scratch / name).read_bytes()
    left = good[: int(where * len(good))]
    _is_found(scratch, name, left, f"{name} has {len(left)} bytes instead of {len(good)}")


@given(st.sampled_from(_FILES), st.binary(min_size=1, max_size=5))
def test_a_file_that_grew_is_found_and_named(scratch: Path, name: str, more: bytes) -> None:
    good = (scratch / name).read_bytes()
    expected = f"{name} has {len(good) + len(more)} bytes instead of {len(good)}"
    _is_found(scratch, name, good + more, expected)


def _is_found(folder: Path, name: str, data: bytes, message: str) -> None:
    path = folder / name
    good = path.read_bytes()
    path.write_bytes(data)
    try:
        bundle = open_bundle(folder)
        with pytest.raises(BundleBroken) as caught:
            bundle.verify()
        assert caught.value.what == f"the bundle cannot be used: {message}"
        with pytest.raises(BundleBroken, match="was altered"):
            bundle.read(name)
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("instead", ["nothing", "folder", "dead link", "pipe"])
@pytest.mark.parametrize("name", ["schema.sql", "data/USER.copy", "data/other.parquet"])
def test_a_file_that_is_not_there_is_found_and_named(name: str, instead: str, folder: Path) -> None:
    path = folder / name
    path.unlink()
    if instead == "folder":
        path.mkdir()
    elif instead == "dead link":
        path.symlink_to("nowhere")
    elif instead == "pipe":
        os.mkfifo(path)
    with pytest.raises(BundleBroken, match=f"{name} is missing"):
        open_bundle(folder).verify()


def test_files_of_equal_size_that_changed_places_are_found(folder: Path) -> None:
    for name in ("USER", "other"):
        (folder / "data" / f"{name}.parquet").write_bytes(name.ljust(9).encode())
    write_manifest(folder, *open_bundle(folder).manifest.tables)
    left, right = folder / "data" / "USER.parquet", folder / "data" / "other.parquet"
    left.rename(folder / "data" / "x")
    right.rename(left)
    (folder / "data" / "x").rename(right)
    with pytest.raises(BundleBroken, match=r"USER\.parquet was altered; data/other\.parquet was altered"):
        open_bundle(folder).verify()


@pytest.mark.parametrize(("damaged", "more"), [(5, ""), (6, " (and 1 more)"), (7, " (and 2 more)")])
def test_all_damaged_files_are_counted_and_the_first_five_named(
    damaged: int, more: str, folder: Path
) -> None:
    for name in _FILES[:damaged]:
        (folder / name).write_bytes(b"x")
    with pytest.raises(BundleBroken) as caught:
        open_bundle(folder).verify()
    assert [name in caught.value.what for name in _FILES].count(True) == 5
    assert re.search(rf" instead of \d+{re.escape(more)}$", caught.value.what)
    assert str(folder) in str(caught.value)


def test_only_the_files_that_are_asked_for_are_verified(folder: Path) -> None:
    (folder / "data" / "USER.parquet").write_bytes(b"")
    bundle = open_bundle(folder)
    bundle.verify(bundle.restored_files)
    with pytest.raises(BundleBroken, match=r"USER\.parquet"):
        bundle.verify(bundle.other_files)


def test_progress_grows_until_every_byte_is_verified(folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    bundle = open_bundle(folder)
    bundle.verify(progress=lambda *report: seen.append(report))
    total = sum(entry.bytes for entry in bundle.manifest.files.values())
    assert {(stage, of) for stage, _, of in seen} == {("verify", total)}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1] == ("verify", total, total)


def test_reading_a_file_that_is_gone_names_it(folder: Path) -> None:
    bundle = open_bundle(folder)
    (folder / "data" / "USER.jsonl").unlink()
    with pytest.raises(BundleBroken, match=r"data/USER\.jsonl cannot be read: No such file"):
        bundle.read("data/USER.jsonl")


def test_a_bundle_that_was_replaced_since_it_was_opened_is_noticed(folder: Path) -> None:
    bundle = open_bundle(folder)
    small_bundle(folder)
    bundle.refuse_replaced()  # the same data exported again is the same bundle
    tables = bundle.manifest.tables
    write_manifest(folder, replace(tables[0], indexes=()), tables[1])
    with pytest.raises(BundleBroken, match="replaced while it was read"):
        bundle.refuse_replaced()
    shutil.rmtree(folder)
    with pytest.raises(BundleMissing):
        bundle.refuse_replaced()
