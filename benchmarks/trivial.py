"""One trivial asset under Dagster's default executor."""

import dagster as dg


@dg.asset
def one() -> None: ...


defs = dg.Definitions(assets=[one])
