"""What the benchmark compares with: the same dbt project in the plain way of dagster-dbt's documentation."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

project = DbtProject(
    project_dir=Path(__file__).parent.parent / "dbt_project",
    target_path=Path(os.environ["DBT_TARGET_PATH"]),
)


@dbt_assets(manifest=project.manifest_path)
def everything(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    yield from dbt.cli(["build"], context=context).stream()


defs = dg.Definitions(assets=[everything], resources={"dbt": DbtCliResource(project_dir=project)})
