"""The two tables that a benchmark prints: what was measured, and the ratios with what is wanted of them."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Ratio:
    """`name` / `base`, and in words what it should be; empty where it is only for information."""

    name: str
    base: str
    wanted: str = ""


def print_tables(
    title: str, unit: str, values: Mapping[str, Sequence[float]], ratios: Sequence[Ratio], digits: int = 2
) -> None:
    """Medians with the least and the most of each, then those ratios that were measured."""
    console = Console(width=110)
    medians = {name: statistics.median(found) for name, found in values.items() if found}
    times = Table("what", f"median {unit}", "least", "most", title=f"{title}; {machine()}", min_width=80)
    for name, median in medians.items():
        times.add_row(
            name, *(f"{value:.{digits}f}" for value in (median, min(values[name]), max(values[name])))
        )
    compared = Table("ratio of medians", "measured", "wanted", min_width=80)
    for ratio in ratios:
        if ratio.name in medians and ratio.base in medians:
            compared.add_row(
                f"{ratio.name} / {ratio.base}",
                f"{medians[ratio.name] / medians[ratio.base]:.2f}",
                ratio.wanted or "(for information)",
            )
    console.print(times)
    if compared.rows:
        console.print(compared)


def machine() -> str:
    """Processor and cores, and whether it has instructions for the sha256 that every restore computes."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        hashing = "sha_ni unknown"
    else:
        hashing = next((flag for flag in ("sha_ni", "sha2") if flag in flags), "no sha_ni")
    return f"{platform.machine()}, {os.cpu_count()} cores, {hashing}"
