"""One trivial asset under the in-process executor, Dagster's quickest."""

import dagster as dg

from benchmarks.trivial import one

defs = dg.Definitions(assets=[one], executor=dg.in_process_executor)
