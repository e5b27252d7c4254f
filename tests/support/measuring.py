"""Where coverage is not asked for: what passes there has passed elsewhere, and counting it doubles the time."""

from collections.abc import Generator
from contextlib import contextmanager

from coverage import Coverage


@contextmanager
def unmeasured() -> Generator[None]:
    """Count no lines and branches in this block."""
    stopped: list[Coverage] = []
    # In a process of pytest-xdist there are two, and the lower one would go on where the upper one stops.
    while coverage := Coverage.current():
        coverage.stop()
        stopped.append(coverage)
    try:
        yield
    finally:
        for coverage in reversed(stopped):
            coverage.start()
