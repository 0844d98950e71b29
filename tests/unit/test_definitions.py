"""The asset graph under review, one address for it everywhere, and imports that go one way and stay light."""

from __future__ import annotations

import ast
import atexit
import gc
import importlib
import json
import logging
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from ost_assets import cli
from ost_assets.assets.extensions import postgres_extensions
from ost_assets.assets.fixtures import fixture_bundle
from ost_assets.assets.publish import test_database_asset as database_asset
from ost_assets.assets.seeds import seed_assets
from ost_assets.resources import PostgresTarget
from ost_assets.seeding.graph import Check, Graph, Node
from tests.conftest import ROOT, repository_environment

MODULE = "ost_assets.definitions"
PACKAGE = ROOT / "ost_assets"


def structure(definitions: dg.Definitions) -> dict[str, Any]:
    """What a reviewer wants to see of a graph: assets with their edges, groups and kinds, and checks."""
    graph = definitions.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        item = graph.get(key)
        assets[key.to_user_string()] = {
            "deps": sorted(parent.to_user_string() for parent in item.parent_keys),
            "group": item.group_name,
            "kinds": sorted(item.kinds),
        }
    checks: dict[str, dict[str, str]] = {}
    for check in sorted(graph.asset_check_keys, key=lambda key: (key.asset_key, key.name)):
        spec = graph.get_check_spec(check)
        of_asset = checks.setdefault(check.asset_key.to_user_string(), {})
        of_asset[check.name] = "blocking" if spec.blocking else "warns"
    return {"assets": assets, "checks": checks}


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """One readable file a snapshot. Update: pytest tests/unit/test_definitions.py -n0 --snapshot-update"""
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.Definitions]:
    """The real definitions, read from the lock as in CI; what loading sets up in this process is undone."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    logger_class = logging.getLoggerClass()
    sys.modules.pop(MODULE, None)
    try:
        yield importlib.import_module(MODULE).defs
    finally:
        logging.setLoggerClass(logger_class)
        gc.unfreeze()
        atexit.unregister(gc.freeze)
        sys.modules.pop(MODULE, None)


def _node(kind: str, name: str, *parents: str, **more: Any) -> Node:
    values: dict[str, Any] = {
        "unique_id": f"{kind}.t.{name}",
        "kind": kind,
        "name": name,
        "key": (name,),
        "relation": name,
        "depends_on": parents,
        "path": f"{kind}s/{name}",
        "description": "",
        "tags": (),
        "group": None,
        "published": True,
        "delimiter": ",",
        "has_vectors": False,
    }
    return Node(**{**values, **more})


FIXED = Graph(
    nodes=(
        _node("seed", "raw_users", tags=("seeds",), published=False),
        _node("model", "USER", "seed.t.raw_users", tags=("core",)),
        _node("model", "embed_USERS", "model.t.USER", "seed.t.raw_users", has_vectors=True),
        _node("model", "scores", "model.t.embed_USERS", key=("extra", "scores"), group="chosen"),
    ),
    checks=(
        Check("test.t.unique_USER_id", "unique_USER_id", "model.t.USER", "error", "no id twice"),
        Check("test.t.few_scores", "few_scores", "model.t.scores", "warn", ""),
    ),
)


def test_the_assets_of_a_small_graph_are_those_of_the_snapshot(snapshot_json: SnapshotAssertion) -> None:
    definitions = dg.Definitions(
        assets=[postgres_extensions, seed_assets(FIXED), database_asset(FIXED, FIXED.by_id), fixture_bundle],
        resources={"database": PostgresTarget()},
    )
    assert structure(definitions) == snapshot_json


def test_the_asset_graph_of_this_repository_is_that_of_the_snapshot(
    loaded: dg.Definitions, snapshot_json: SnapshotAssertion
) -> None:
    assert structure(loaded) == snapshot_json


def test_everything_stands_on_the_extensions_and_ends_in_the_bundle(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    extensions, bundle = dg.AssetKey("postgres_extensions"), dg.AssetKey("fixture_bundle")
    assert graph.root_materializable_asset_keys == {extensions}
    upstream = set()
    todo = {bundle}
    while todo:
        upstream |= todo
        todo = {parent for key in todo for parent in graph.get(key).parent_keys}
    unpublished = {key for key in graph.get_all_asset_keys() - upstream if graph.get(key).child_keys}
    assert unpublished == set()
    assert extensions in upstream


def test_every_check_that_is_an_error_blocks(loaded: dg.Definitions) -> None:
    checks = structure(loaded)["checks"]
    assert checks["test_database"] == {"api_queries": "blocking", "seeded_by_dbt": "warns"}
    assert all(found.get("matches_lock", "blocking") == "blocking" for found in checks.values())


def test_the_job_runs_in_one_process(loaded: dg.Definitions) -> None:
    assert loaded.executor is dg.in_process_executor


def test_the_definitions_only_wire_and_stay_under_sixty_lines() -> None:
    text = (PACKAGE / "definitions.py").read_text()
    assert len(text.splitlines()) < 60
    tree = ast.parse(text)
    defined = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.If | ast.For)]
    assert defined == []


# --- one address -----------------------------------------------------------------------------------------


def test_the_workspace_names_the_module_and_a_location_of_that_name() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    assert workspace == {"load_from": [{"python_module": {"module_name": MODULE, "location_name": MODULE}}]}


def test_pyproject_names_the_same_module_and_location_as_the_workspace() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    # With [tool.dg] the plain `dagster` commands would ignore workspace.yaml.
    assert "dg" not in tools
    assert tools["dagster"] == {"module_name": MODULE, "code_location_name": MODULE}


def test_the_command_of_the_readme_and_that_of_the_command_line_name_the_same_module() -> None:
    assert cli.JOB == ("asset", "materialize", "--select", "*", "-m", MODULE)
    command = f'dagster asset materialize --select "*" -m {MODULE}'
    assert command in (ROOT / "README.md").read_text()


# --- imports ---------------------------------------------------------------------------------------------


def _imported_by(statement: str, **environment: str) -> set[str]:
    """Top-level packages in a fresh interpreter after `statement`."""
    code = (
        f"{statement}\nimport sys, json\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=repository_environment(**environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_loading_the_definitions_imports_neither_dbt_nor_dagster_dbt(tmp_path: Path) -> None:
    found = _imported_by(f"import {MODULE}", CI="true", OST_HOME=str(tmp_path))
    assert found & {"dbt", "dagster_dbt", "dbt_common", "pyarrow", "pytest"} == set()
    assert "dagster" in found


@pytest.mark.parametrize(
    "statement",
    [
        "import ost_assets.cli",
        "import ost_assets.cli, ost_assets.fingerprint, ost_assets.bundle.manifest, "
        "ost_assets.postgres.bookkeeping, ost_assets.postgres.connect",
    ],
    ids=["cli", "quick-path"],
)
def test_the_command_line_and_its_quick_path_import_nothing_heavy(statement: str) -> None:
    heavy = {"dagster", "dbt", "dagster_dbt", "pyarrow", "sqlalchemy", "rich", "yaml", "pytest", "numpy"}
    assert _imported_by(statement) & heavy == set()


ENGINE = (
    "garbage_collection",
    "errors",
    "settings",
    "fingerprint",
    "postgres",
    "seeding",
    "bundle",
    "isolation",
)
ENGINE_OVER_IT = ("publishing", "status", "summary", "unchanged")
# Part -> parts of the engine that it may import, besides itself. Arrows go one way.
ARROWS: dict[str, set[str]] = {
    "garbage_collection": set(),  # the standard library's gc, and nothing of ours
    "errors": set(),
    "settings": {"errors"},
    "fingerprint": {"settings", "errors"},
    "postgres": {"settings", "errors"},
    "seeding": {"garbage_collection", "postgres", "fingerprint", "settings", "errors"},
    "bundle": {"seeding", "postgres", "fingerprint", "settings", "errors"},
    "isolation": {"bundle", "postgres", "settings", "errors"},
}
# Importer -> imported, and why that arrow may go the other way.
KNOWN_EXCEPTIONS = {
    ("errors", "ost_assets.seeding.report"): "under TYPE_CHECKING: the type of CheckFailed.checks",
}


def _imports(path: Path) -> Iterator[str]:
    """Every module a file imports anywhere, functions and TYPE_CHECKING included; names of modules resolved."""
    for item in ast.walk(ast.parse(path.read_text())):
        if isinstance(item, ast.Import):
            yield from (alias.name for alias in item.names)
        elif isinstance(item, ast.ImportFrom):
            assert item.level == 0, f"{path}: imports here are absolute"
            assert item.module is not None
            for alias in item.names:
                inner = PACKAGE.parent / item.module.replace(".", "/") / alias.name
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield f"{item.module}.{alias.name}" if is_module else item.module


def _files(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("part", ENGINE + ENGINE_OVER_IT)
def test_the_engine_imports_neither_dagster_nor_pytest_nor_click(part: str) -> None:
    skins = {"dagster", "dagster_dbt", "pytest", "_pytest", "click"}
    found = {(p.name, m) for p in _files(part) for m in _imports(p) if m.split(".")[0] in skins}
    assert found == set()


@pytest.mark.parametrize("part", ENGINE)
def test_the_arrows_of_the_engine_go_one_way(part: str) -> None:
    wrong = set()
    for path in _files(part):
        for module in _imports(path):
            names = module.split(".")
            if names[0] != "ost_assets" or len(names) == 1 or (part, module) in KNOWN_EXCEPTIONS:
                continue
            if names[1] != part and names[1] not in ARROWS[part]:
                wrong.add((path.relative_to(PACKAGE).as_posix(), module))
    assert wrong == set()


def test_every_known_exception_is_still_there() -> None:
    found = {(part, module) for part in ENGINE for path in _files(part) for module in _imports(path)}
    assert set(KNOWN_EXCEPTIONS) <= found


def test_no_part_of_the_engine_imports_a_skin() -> None:
    skins = {
        "assets",
        "checks",
        "cli",
        "definitions",
        "failures",
        "pytest_plugin",
        "resources",
        "dagster_storage",
    }
    found = {
        (path.name, module)
        for part in ENGINE + ENGINE_OVER_IT
        for path in _files(part)
        for module in _imports(path)
        if module.startswith("ost_assets.") and module.split(".")[1] in skins
    }
    assert found == set()


def test_only_the_dbt_seeder_imports_dbt() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for module in _imports(path)
        if module.split(".")[0] in ("dbt", "dbt_common", "dagster_dbt")
    }
    assert found == {"seeding/dbt_runner.py"}


def test_every_file_of_the_package_opens_with_what_it_is_responsible_for() -> None:
    assert [p.name for p in PACKAGE.rglob("*.py") if not ast.get_docstring(ast.parse(p.read_text()))] == []
