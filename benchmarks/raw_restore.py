"""Loads the binary files of a bundle by hand, unverified; what `benchmarks.restore --large` compares with.

    python -m benchmarks.raw_restore JOB.json

One transaction: tables, COPY, keys. Prints the seconds of each phase as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psycopg

_BLOCK_BYTES = 1 << 18


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_bytes())
    options = "format binary, freeze" if job["freeze"] else "format binary"
    seconds = {}
    with psycopg.connect(job["url"]) as conn:
        for statement in job["before"]:
            conn.execute(statement)
        started = time.perf_counter()
        for table, path in job["files"]:
            statement = f"copy {table} from stdin ({options})"
            with open(path, "rb") as file, conn.cursor() as cursor, cursor.copy(statement) as copy:
                while block := file.read(_BLOCK_BYTES):
                    copy.write(block)
        seconds["copy"] = time.perf_counter() - started
        started = time.perf_counter()
        for statement in job["after"]:
            conn.execute(statement)
        seconds["keys"] = time.perf_counter() - started
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
