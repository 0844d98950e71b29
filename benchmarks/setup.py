"""How long the main job takes, side by side with what a user would run otherwise.

    uv run python -m benchmarks.setup [--rounds 5]

Whole processes, warm environment, one running server (the configured one, else the embedded one). The
commands take turns, so that a slow moment of the machine hits all of them; figures are medians, and only
the ratios mean anything on another machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ost_assets.cli import JOB, by_hand_environment
from ost_assets.postgres.connect import ensure_target
from ost_assets.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MATERIALIZE = (str(BIN / "dagster"), "asset", "materialize", "--select", "*", "-m")

# name -> name it is compared with, and the ratio that must not be exceeded (or must be reached, for the plain way)
TARGETS = (
    ("main job, dbt", "dbt build", "at most 1.6"),
    ("plain @dbt_assets", "main job, dbt", "at least 2.5"),
    ("main job, SQL", "trivial asset", "at most 1.25"),
    ("main job, SQL", "trivial asset, in process", "(stricter than asked)"),
    ("setup, unchanged", "import psycopg", "at most 3"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds

    settings = load_settings()
    elsewhere = settings.home / "benchmark"
    elsewhere.mkdir(parents=True, exist_ok=True)
    # As under `uv run`: dagster-dbt looks for dbt on the path.
    ours = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    # A plain dbt is told server and project in variables; our own commands find the same ones by themselves.
    by_hand = {**ours, **by_hand_environment(settings, ensure_target(settings)), "PYTHONPATH": str(ROOT)}
    dagster, dbt = str(BIN / "dagster"), str(BIN / "dbt")
    commands: dict[str, tuple[list[str], dict[str, str], Path]] = {
        "dbt build": ([dbt, "build"], by_hand, ROOT),
        "main job, dbt": ([dagster, *JOB], {**ours, "OST_SEED_STRATEGY": "dbt"}, ROOT),
        # Elsewhere, because dagster.yaml of this repository would help them.
        "plain @dbt_assets": ([*MATERIALIZE, "benchmarks.plain_dagster"], by_hand, elsewhere),
        "main job, SQL": ([dagster, *JOB], {**ours, "OST_SEED_STRATEGY": "sql"}, ROOT),
        "trivial asset": ([*MATERIALIZE, "benchmarks.trivial"], by_hand, elsewhere),
        "trivial asset, in process": (
            [*MATERIALIZE, "benchmarks.trivial_in_process"],
            by_hand,
            elsewhere,
        ),
        "setup, unchanged": ([str(BIN / "ost-assets"), "setup"], ours, ROOT),
        "import psycopg": ([sys.executable, "-c", "import psycopg"], ours, ROOT),
    }

    run([dbt, "parse"], by_hand, ROOT)  # the manifest that the plain way needs
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    console = Console(stderr=True)
    with console.status("warming up") as status:
        for number in range(rounds + 1):
            for name, (command, environment, folder) in commands.items():
                status.update(f"round {number} of {rounds}: {name}")
                started = time.perf_counter()
                run(command, environment, folder)
                if number:  # round 0 warms caches
                    seconds[name].append(time.perf_counter() - started)
    report({name: statistics.median(values) for name, values in seconds.items()}, rounds)


def run(command: list[str], environment: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")


def report(medians: dict[str, float], rounds: int) -> None:
    console = Console(width=110)
    times = Table(
        "command", "median s", title=f"{platform.machine()}, {os.cpu_count()} cores, {rounds} rounds"
    )
    for name, value in medians.items():
        times.add_row(name, f"{value:.2f}")
    ratios = Table("ratio", "measured", "wanted")
    for name, base, wanted in TARGETS:
        ratios.add_row(f"{name} / {base}", f"{medians[name] / medians[base]:.2f}", wanted)
    console.print(times, ratios)


if __name__ == "__main__":
    main()
