"""How many faults this process has met since it started: what went wrong inside, whoever asked for it.

They are counted where they are logged (app/logs.py), so that none is told in one place and missing in the other.
"""

from structlog.typing import EventDict, WrappedLogger

EVENT = "fault"
"""What every line of the log that tells of a fault says."""

count: int = 0


def counted(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """A processor of the log: counts each fault, and numbers it."""
    global count  # noqa: PLW0603  (one log and one count for each process)
    if line.get("event") == EVENT:
        count += 1
        line["faults"] = count
    return line
