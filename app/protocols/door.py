"""How many connections a process has at once; and who comes when it is full."""

import resource
import time

import structlog

log = structlog.get_logger("orderwire.http")

SPARE = 64
"""How many files a process keeps open besides its connections, to clients and to the database."""
LEAST = 16
"""The smallest bound that follows from the limit of open files: without any connection nobody could be told."""
UNBOUNDED = 65_536
"""The bound where open files have none."""
TELL_EVERY = 10.0
"""Seconds after which it is logged again that there is no room."""


class Door:
    """Lets in as many connections as there is room for."""

    def __init__(self, most: int) -> None:
        """`most` is how many may be open at once: HTTP, server-sent events and WebSockets together."""
        self.most = most
        self._told_at = -TELL_EVERY

    def is_open(self, inside: int) -> bool:
        """Whether there is room for the connection that has come, the last of so many `inside`."""
        if inside <= self.most:
            return True
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            log.warning("connections_full", most=self.most)
        return False


def room(pool_size: int) -> int:
    """How many connections the limit of open files leaves, beside a pool of database connections and the rest.

    Beyond it a connection could not be accepted, nor a file be opened, nor the database be asked.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNBOUNDED if files == resource.RLIM_INFINITY else max(LEAST, files - pool_size - SPARE)
