"""A worker goes with the process that started it: of one that was killed nobody else would stop the workers."""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import parent_process

import structlog

log = structlog.get_logger("orderwire.worker")


@contextmanager
def ending_with_parent() -> Generator[None]:
    """Have this process stop gracefully once its parent is gone, should it be a worker."""
    parent = parent_process()
    if parent is None:
        yield
        return
    loop, sentinel = asyncio.get_running_loop(), parent.sentinel

    def end() -> None:
        loop.remove_reader(sentinel)
        log.warning("parent_gone")
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(sentinel, end)
    try:
        yield
    finally:
        loop.remove_reader(sentinel)
