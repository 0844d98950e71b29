"""How errors and degraded runs show in Dagster and in the terminal: the message, its remedy, no traceback."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import dagster as dg

from ost_assets.errors import OstError, from_os_error
from ost_assets.seeding.report import Report
from ost_assets.settings import Settings

# Whether the error of the current run stands in the terminal.
_shown = threading.Event()


@contextmanager
def readable_failures() -> Iterator[None]:
    """Print an `OstError` once and raise it as `dagster.Failure`, without retries: bad input stays bad."""
    _shown.clear()
    try:
        try:
            yield
        except OSError as error:
            raise from_os_error(error) from error
    except OstError as error:
        print(f"\nError: {error}\n", file=sys.stderr)
        _shown.set()
        raise dg.Failure(str(error), {"error": type(error).__name__}, allow_retries=False) from None


def announce_degraded(context: dg.AssetExecutionContext, settings: Settings, report: Report) -> None:
    """Be loud where the SQL lock stood in: in the log, and as an annotation where CI shows those."""
    if report.degraded:
        context.log.warning("DEGRADED: %s", report.reason)
        if settings.github_actions:
            # GitHub's workflow commands: one line, %, CR and LF escaped.
            reason = report.reason.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            print(f"::warning title=Degraded test data::{reason}", flush=True)


def speak_plainly() -> None:
    """Set up this process so that an `OstError` shows as its message alone, once.

    While definitions load, it would end the process with a traceback. In a run, Dagster's console would
    print it twice more with a stack of its own; that console is silent once we have shown the error, and
    the web UI still gets everything.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if isinstance(error, OstError):
            print(f"Error: {error}", file=sys.stderr)
        else:
            before(kind, error, traceback)

    sys.excepthook = hook
    # Dagster makes its console loggers of whatever class is standard when a run starts.
    logging.setLoggerClass(_Console)


class _Console(logging.getLoggerClass()):  # type: ignore[misc]
    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return not (self.name == "dagster" and _shown.is_set()) and bool(super().isEnabledFor(level))
