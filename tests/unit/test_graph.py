"""The graph is read from dbt's manifest, and is the same however the manifest happens to be ordered."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ost_assets.seeding.graph import Graph, graph_from_manifest


def node(kind: str, name: str, *parents: str, **more: Any) -> dict[str, Any]:
    """A node as it stands in a manifest of schema v12; `config` and others are merged in."""
    config: dict[str, Any] = {
        "materialized": "seed" if kind == "seed" else "table",
        "meta": {},
        "tags": [],
        "schema": None,
        **more.pop("config", {}),
    }
    return {
        "unique_id": f"{kind}.t.{name}",
        "resource_type": kind,
        "name": name,
        "alias": name,
        "original_file_path": f"{kind}s/{name}.{'csv' if kind == 'seed' else 'sql'}",
        "description": "",
        "columns": {},
        "depends_on": {"nodes": list(parents)},
        "config": config,
        **more,
    }


def check(name: str, *parents: str, **more: Any) -> dict[str, Any]:
    config = {"materialized": "test", "severity": "ERROR", **more.pop("config", {})}
    return {**node("test", name, *parents), "attached_node": None, "config": config, **more}


def manifest(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": {item["unique_id"]: item for item in nodes}, "sources": {}}


def order(graph: Graph) -> list[str]:
    return [item.name for item in graph.nodes]


SHOP = [
    node("seed", "raw_b"),
    node("seed", "raw_a"),
    node("model", "orders", "model.t.staged", "model.t.users"),
    node("model", "staged", "seed.t.raw_b", config={"materialized": "ephemeral"}),
    node("model", "users", "seed.t.raw_a", "source.t.outside.people"),
    node("model", "lonely"),
    check("orders_are_paid", "model.t.orders", "model.t.users"),
    check("unique_users_id", "model.t.users", attached_node="model.t.users", config={"severity": "Warn"}),
]


def test_seeds_come_first_and_parents_before_children() -> None:
    assert order(graph_from_manifest(manifest(*SHOP))) == ["raw_a", "raw_b", "lonely", "users", "orders"]


@given(st.randoms(use_true_random=False))
def test_the_graph_does_not_depend_on_the_order_of_the_manifest(shuffle: random.Random) -> None:
    shuffled = [dict(item) for item in SHOP]
    shuffle.shuffle(shuffled)
    for item in shuffled:
        parents = list(item["depends_on"]["nodes"])
        shuffle.shuffle(parents)
        item["depends_on"] = {"nodes": parents}
    assert graph_from_manifest(manifest(*shuffled)) == graph_from_manifest(manifest(*SHOP))


@st.composite
def _projects(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Any acyclic project: each model reads some of what was drawn before it."""
    drawn = [node("seed", f"s{n}") for n in range(draw(st.integers(0, 3)))]
    for name in draw(st.lists(st.text("abcxyz", min_size=1, max_size=3), unique=True, max_size=8)):
        known = [item["unique_id"] for item in drawn]
        parents = draw(st.lists(st.sampled_from(known), unique=True, max_size=4)) if known else []
        kind = draw(st.sampled_from(["table", "table", "ephemeral"]))
        drawn.append(node("model", name, *parents, config={"materialized": kind}))
    return drawn


@given(_projects(), st.randoms(use_true_random=False))
def test_any_project_has_one_order_and_no_child_comes_before_its_parents(
    project: list[dict[str, Any]], shuffle: random.Random
) -> None:
    graph = graph_from_manifest(manifest(*project))
    seen: set[str] = set()
    for item in graph.nodes:
        assert set(item.depends_on) <= seen
        seen.add(item.unique_id)
    tables = {i["unique_id"] for i in project if i["config"]["materialized"] != "ephemeral"}
    assert seen == tables
    shuffled = list(project)
    shuffle.shuffle(shuffled)
    assert graph_from_manifest(manifest(*shuffled)) == graph


@given(_projects())
def test_a_graph_survives_json(project: list[dict[str, Any]]) -> None:
    graph = graph_from_manifest(manifest(*project))
    assert TypeAdapter(Graph).validate_json(json.dumps(asdict(graph)), strict=True) == graph


def test_the_graph_with_checks_survives_json() -> None:
    graph = graph_from_manifest(manifest(*SHOP))
    assert TypeAdapter(Graph).validate_json(json.dumps(asdict(graph)), strict=True) == graph


def test_an_ephemeral_model_is_looked_through_to_its_tables() -> None:
    graph = graph_from_manifest(
        manifest(
            node("seed", "s"),
            node("model", "e1", "seed.t.s", config={"materialized": "ephemeral"}),
            node("model", "e2", "model.t.e1", "seed.t.s", config={"materialized": "ephemeral"}),
            node("model", "m", "model.t.e2", "model.t.e1"),
        )
    )
    assert graph.by_id["model.t.m"].depends_on == ("seed.t.s",)
    assert order(graph) == ["s", "m"]


def test_sources_are_no_parents() -> None:
    graph = graph_from_manifest(manifest(node("model", "m", "source.t.raw.people")))
    assert graph.by_id["model.t.m"].depends_on == ()


def test_operations_and_analyses_are_no_tables() -> None:
    graph = graph_from_manifest(manifest(node("operation", "hook"), node("analysis", "a"), node("seed", "s")))
    assert order(graph) == ["s"]


def test_a_generic_test_belongs_to_the_node_it_stands_on() -> None:
    graph = graph_from_manifest(manifest(*SHOP))
    found = {item.name: (item.node, item.severity) for item in graph.checks}
    assert found["unique_users_id"] == ("model.t.users", "warn")


def test_a_singular_test_with_several_parents_belongs_to_the_one_built_last() -> None:
    for parents in (("model.t.orders", "model.t.users"), ("model.t.users", "model.t.orders")):
        nodes = [*SHOP[:-2], check("singular", *parents)]
        (found,) = graph_from_manifest(manifest(*nodes)).checks
        assert found.node == "model.t.orders"


def test_a_test_on_an_ephemeral_model_belongs_to_the_table_behind_it() -> None:
    nodes = [
        node("seed", "s"),
        node("model", "e", "seed.t.s", config={"materialized": "ephemeral"}),
        check("not_null_e", "model.t.e", attached_node="model.t.e"),
    ]
    (found,) = graph_from_manifest(manifest(*nodes)).checks
    assert found.node == "seed.t.s"


def test_checks_are_sorted_and_without_a_severity_they_are_errors() -> None:
    nodes = [node("seed", "s"), check("b", "seed.t.s"), check("a", "seed.t.s")]
    nodes[1]["config"].pop("severity")
    graph = graph_from_manifest(manifest(*nodes))
    assert [(item.name, item.severity) for item in graph.checks] == [("a", "error"), ("b", "error")]


def test_a_node_is_published_unless_its_meta_says_otherwise() -> None:
    graph = graph_from_manifest(
        manifest(
            node("seed", "raw", config={"meta": {"ost_assets": {"publish": False}}}),
            node("seed", "said", config={"meta": {"ost_assets": {"publish": True}}}),
            node("seed", "silent"),
        )
    )
    assert [item.name for item in graph.published] == ["said", "silent"]


def test_the_asset_key_and_the_group_are_those_dagster_dbt_would_choose() -> None:
    graph = graph_from_manifest(
        manifest(
            node("model", "plain"),
            node("model", "in_schema", config={"schema": "extra"}),
            node("model", "named", config={"meta": {"dagster": {"asset_key": ["a", "b"], "group": "g"}}}),
            node("model", "grouped", config={"group": "dbt_group"}),
        )
    )
    found = {item.name: (item.key, item.group) for item in graph.nodes}
    assert found == {
        "plain": (("plain",), None),
        "in_schema": (("extra", "in_schema"), None),
        "named": (("a", "b"), "g"),
        "grouped": (("grouped",), "dbt_group"),
    }


def test_a_node_carries_its_alias_delimiter_tags_and_vectors() -> None:
    graph = graph_from_manifest(
        manifest(
            node(
                "seed",
                "s",
                alias="S P",
                description="about",
                config={"delimiter": ";", "tags": ["b", "a"]},
                columns={
                    "id": {"description": None, "data_type": "uuid"},
                    "v": {"description": "d", "data_type": "vector(3)"},
                },
            )
        )
    )
    (found,) = graph.nodes
    assert (found.relation, found.delimiter, found.tags) == ("S P", ";", ("a", "b"))
    assert (found.has_vectors, found.description) == (True, "about")


@pytest.mark.parametrize("data_type", [None, "", "uuid", "text", "halfvec(3)"])
def test_a_column_of_another_type_is_no_vector(data_type: str | None) -> None:
    column = {"v": {"description": "", "data_type": data_type}}
    (found,) = graph_from_manifest(manifest(node("seed", "s", columns=column))).nodes
    assert not found.has_vectors
