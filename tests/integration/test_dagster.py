"""What Dagster shows is what dagster-dbt would show of the same project, whoever seeds."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from ost_assets.assets.seeds import seed_assets
from ost_assets.seeding.audit import EMBEDDING_DIMENSIONS, MATCHES_LOCK
from ost_assets.seeding.current_graph import current_graph
from ost_assets.seeding.dbt_runner import parse_project
from ost_assets.seeding.lock import read_lock
from tests.jobs import run_job
from tests.projects import Project
from tests.servers import Database

# Data tests over several nodes are asset checks of ours and none of dagster-dbt's, which takes a test for a
# check only where dbt says which node it is attached to. Ours hang on the node that is built last.
_OURS_ALONE = {MATCHES_LOCK, EMBEDDING_DIMENSIONS}


def _by_dagster_dbt(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """The same project as the plain way has it."""
    with warnings.catch_warnings():
        # Experimental parts of dagster-dbt announce themselves; we only compare.
        warnings.simplefilter("ignore")
        from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

        translator = DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_asset_checks=True))

        @dbt_assets(manifest=dict(manifest), dagster_dbt_translator=translator)
        def plain() -> Iterator[Any]:
            yield from ()

    return plain


def test_assets_groups_and_checks_are_those_of_dagster_dbt(ost: Project) -> None:
    _compare_with_dagster_dbt(ost)


def test_keys_and_groups_that_a_project_chooses_are_those_of_dagster_dbt(awkward: Project) -> None:
    awkward.edit(
        "models/models.yml",
        "  - name: phrases\n",
        "  - name: phrases\n    config: {meta: {dagster: {group: talk, asset_key: [words, phrases]}}}\n",
    )
    awkward.edit("models/models.yml", "  - name: scores\n", "  - name: scores\n    config: {group: judges}\n")
    awkward.write("models/groups.yml", "groups: [{name: judges, owner: {name: nobody}}]")
    awkward.write(
        "models/between.sql", "{{ config(materialized='ephemeral') }} select id from {{ ref('phrases') }}"
    )
    awkward.write(
        "models/behind.sql",
        "{{ config(contract={'enforced': false}, tags=['b', 'a']) }} select id from {{ ref('between') }}",
    )
    awkward.write(
        "models/behind.yml",
        "models: [{name: behind, description: Reads through another., columns: [{name: id, data_tests:"
        " [unique, {not_null: {config: {severity: warn}}}, {relationships: {arguments:"
        " {to: ref('phrases'), field: id}}}]}]}]",
    )
    groups = _compare_with_dagster_dbt(awkward)
    assert groups["words/phrases"] == "talk"
    assert groups["scores"] == "judges"
    assert "between" not in groups


def _compare_with_dagster_dbt(project: Project) -> dict[str, str | None]:
    """Fails where ours differ; key -> group."""
    settings = project.settings()
    manifest = parse_project(settings)
    theirs = _by_dagster_dbt(manifest)
    ours = seed_assets(current_graph(settings)[0])

    assert ours.keys == theirs.keys
    their_specs, our_specs = ({spec.key: spec for spec in assets.specs} for assets in (theirs, ours))
    for key, spec in our_specs.items():
        theirs_deps = {dep.asset_key for dep in their_specs[key].deps}
        # Where dbt names no group, dagster-dbt says `default` and we take the folder's tag or the kind.
        assert their_specs[key].group_name in ("default", spec.group_name)
        assert (spec.description or "") in (their_specs[key].description or "")
        # What reads nothing waits for the extensions; in dagster-dbt it would wait for nothing.
        assert {dep.asset_key for dep in spec.deps} == theirs_deps or (
            not theirs_deps
            and {dep.asset_key.to_user_string() for dep in spec.deps} == {"postgres_extensions"}
        )

    def checks(assets: dg.AssetsDefinition) -> dict[tuple[str, str], bool]:
        return {(c.asset_key.to_user_string(), c.name): c.blocking for c in assets.check_specs}

    our_checks = {key: blocking for key, blocking in checks(ours).items() if key[1] not in _OURS_ALONE}
    their_checks = checks(theirs)
    over_several = {
        test["name"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test" and not test.get("attached_node")
    }
    only_ours = our_checks.keys() - their_checks.keys()
    assert their_checks.keys() - our_checks.keys() == set()
    assert {name for _, name in only_ours} <= over_several
    return {key.to_user_string(): spec.group_name for key, spec in our_specs.items()}


def test_where_dbt_names_no_group_the_tag_is_the_group(ost: Project) -> None:
    groups = {
        spec.key.to_user_string(): spec.group_name
        for spec in seed_assets(current_graph(ost.settings())[0]).specs
    }
    assert groups["raw_users"] == "seeds"
    assert groups["USER"] == "core"
    assert groups["test_users"] == "fixtures"


def test_the_graph_is_the_same_from_the_lock_and_from_dbt(awkward: Project) -> None:
    from ost_assets.seeding.graph import graph_from_manifest

    settings = awkward.settings()
    from_dbt = graph_from_manifest(parse_project(settings))
    assert from_dbt == read_lock(awkward.lock).graph
    assert json.loads((settings.home / "dbt" / "parse" / "manifest.json").read_bytes())["nodes"]


def test_at_a_desk_a_new_model_is_an_asset_before_it_is_locked(awkward: Project, database: Database) -> None:
    awkward.write("models/extra.sql", "select 1 as id")
    awkward.write("models/extra.yml", "models: [{name: extra, columns: [{name: id, data_type: integer}]}]")
    result = run_job(awkward.settings(database))
    assert result.success
    materialized = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert "extra" in materialized
    assert database.query("select * from extra") == [(1,)]


@pytest.mark.parametrize("strategy", ["dbt", "sql"])
def test_every_asset_and_check_says_what_was_done(
    strategy: str, awkward: Project, database: Database
) -> None:
    settings = awkward.settings(database, ost_seed_strategy=strategy)
    result = run_job(settings)
    lock = read_lock(awkward.lock)
    metadata = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    expected = {dg.AssetKey(node.key).to_user_string() for node in lock.graph.nodes}
    assert metadata.keys() == expected | {
        "postgres_extensions",
        "test_database",
        "fixture_bundle",
        "template_database",
    }
    for node in lock.graph.nodes:
        shown = metadata[dg.AssetKey(node.key).to_user_string()]
        assert (shown["strategy"].value, shown["degraded"].value) == (strategy, False)
        assert shown["seconds"].value >= 0  # type: ignore[operator]
        if node.published:
            table = lock.tables[node.relation]
            assert (shown["dagster/row_count"].value, shown["content_digest"].value) == (
                table.rows,
                table.digest,
            )
    assert metadata["postgres_extensions"]["server"].value.startswith("PostgreSQL 18")  # type: ignore[union-attr]
    database_shown = metadata["test_database"]
    assert (database_shown["tables"].value, database_shown["schema"].value) == (len(lock.tables), "public")
    assert database_shown["dagster/row_count"].value == sum(table.rows for table in lock.tables.values())
    assert database_shown["strategy"].value == strategy
    bundle = metadata["fixture_bundle"]
    assert bundle["path"].value == str(settings.bundle_dir)
    assert bundle["fingerprint"].value == database_shown["fingerprint"].value
    assert bundle["bytes"].value > 0  # type: ignore[operator]
    template = metadata["template_database"]
    assert template["fingerprint"].value == bundle["fingerprint"].value
    measured = template["measured_milliseconds"].value
    assert isinstance(measured, dict)
    assert template["clone_milliseconds"].value == min(measured.values())
    assert measured[template["strategy"].value] == min(measured.values())

    checks = result.get_asset_check_evaluations()
    assert all(check.passed for check in checks)
    names = {check.check_name for check in checks}
    assert {c.name for c in lock.graph.checks} <= names
    assert {MATCHES_LOCK, EMBEDDING_DIMENSIONS, "api_queries", "seeded_by_dbt"} <= names


def _launch(project: Project, database: Database, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    """The seeds alone, with what a person types into the launchpad."""
    from ost_assets.assets.extensions import postgres_extensions
    from ost_assets.resources import PostgresTarget

    overrides = {
        "database_url": database.url,
        "ost_project_root": str(project.root),
        "ost_home": str(project.home),
        "model_dimensions": str(project.dimensions),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [postgres_extensions, seed_assets(read_lock(project.lock).graph)],
            resources={"database": PostgresTarget(overrides=overrides)},
            instance=instance,
            run_config={"ops": {"test_data": {"config": config}}},
            raise_on_error=False,
        )


def test_the_launchpad_chooses_the_strategy(awkward: Project, database: Database) -> None:
    result = _launch(awkward, database, {"strategy": "sql"})
    assert result.success
    shown = result.asset_materializations_for_node("test_data")[0].metadata
    assert shown["strategy"].value == "sql"


def test_a_wrong_strategy_in_the_launchpad_is_a_readable_failure(
    awkward: Project, database: Database
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"strategy not in enum type.*got magic"):
        _launch(awkward, database, {"strategy": "magic"})
    assert database.query("select nspname from pg_namespace where nspname ~ '^ost_'") == []
