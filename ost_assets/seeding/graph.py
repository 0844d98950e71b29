"""The dbt project as a graph of seeds, models and data tests, read from dbt's manifest (schema v12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from pydantic import ConfigDict

Manifest = Mapping[str, Any]
_KNOWN_FIELDS_ONLY = ConfigDict(extra="forbid")  # when read back from the lock


@dataclass(frozen=True)
class Node:
    """A seed or a model that becomes a table.

    Attributes:
        unique_id: dbt's, such as `model.ost.USER`.
        key: asset key, as dagster-dbt would choose it.
        relation: table name.
        depends_on: unique ids of the nodes it reads, ephemeral models looked through.
        published: False for what stays behind in the build schema (`meta.ost_assets.publish`).
        has_vectors: some column is declared as `vector`.
    """

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    unique_id: str
    kind: str
    name: str
    key: tuple[str, ...]
    relation: str
    depends_on: tuple[str, ...]
    path: str
    description: str
    tags: tuple[str, ...]
    group: str | None
    published: bool
    delimiter: str
    has_vectors: bool


@dataclass(frozen=True)
class Check:
    """A dbt data test. `node` is the node it is attached to, `severity` is `error` or `warn`."""

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    unique_id: str
    name: str
    node: str
    severity: str
    description: str


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can be built, and their checks sorted by name."""

    __pydantic_config__ = _KNOWN_FIELDS_ONLY

    nodes: tuple[Node, ...]
    checks: tuple[Check, ...]

    @property
    def by_id(self) -> dict[str, Node]:
        return {node.unique_id: node for node in self.nodes}

    @property
    def published(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.published)


def graph_from_manifest(manifest: Manifest) -> Graph:
    """Read the graph.

    Args:
        manifest: the parsed `manifest.json`.
    """
    raw: Mapping[str, Any] = manifest["nodes"]
    tables = {uid: node for uid, node in raw.items() if _is_table(node)}
    parents = {uid: set(_table_parents(raw, uid)) for uid in tables}
    order = list(_stable_topological_order(parents))
    position = {uid: number for number, uid in enumerate(order)}
    nodes = tuple(_node(tables[uid], sorted(parents[uid])) for uid in order)
    checks = []
    for uid, test in raw.items():
        if test["resource_type"] == "test":
            about = test.get("attached_node")
            if about not in position:
                candidates = [p for p in _table_parents(raw, uid) if p in position]
                if not candidates:
                    continue
                about = max(candidates, key=position.__getitem__)
            checks.append(
                Check(
                    uid,
                    test["name"],
                    about,
                    test["config"].get("severity", "error").lower(),
                    test.get("description") or "",
                )
            )
    return Graph(nodes, tuple(sorted(checks, key=lambda check: check.unique_id)))


def _is_table(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "seed" or (
        node["resource_type"] in ("model", "snapshot") and node["config"]["materialized"] != "ephemeral"
    )


def _table_parents(raw: Mapping[str, Any], uid: str) -> Iterator[str]:
    for parent in raw[uid].get("depends_on", {}).get("nodes", ()):
        if parent not in raw:  # a source
            continue
        if _is_table(raw[parent]):
            yield parent
        else:
            yield from _table_parents(raw, parent)


def _stable_topological_order(parents: Mapping[str, set[str]]) -> Iterator[str]:
    """Seeds first, then by name among those that are ready: the same order on every machine."""
    sorter = TopologicalSorter(parents)
    sorter.prepare()
    while sorter.is_active():
        for uid in sorted(sorter.get_ready(), key=lambda u: (not u.startswith("seed."), u)):
            yield uid
            sorter.done(uid)


def _node(node: Mapping[str, Any], parents: list[str]) -> Node:
    config = node["config"]
    meta = config.get("meta", {})
    schema = config.get("schema")
    key = meta.get("dagster", {}).get("asset_key") or ([schema] if schema else []) + [node["name"]]
    return Node(
        unique_id=node["unique_id"],
        kind=node["resource_type"],
        name=node["name"],
        key=tuple(key),
        relation=node["alias"],
        depends_on=tuple(parents),
        path=node["original_file_path"],
        description=node.get("description") or "",
        tags=tuple(sorted(config.get("tags", ()))),
        group=meta.get("dagster", {}).get("group") or config.get("group"),
        published=meta.get("ost_assets", {}).get("publish", True),
        delimiter=config.get("delimiter") or ",",
        has_vectors=any(
            str(col.get("data_type") or "").startswith("vector") for col in node["columns"].values()
        ),
    )
