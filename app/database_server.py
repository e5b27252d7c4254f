"""The database server of a command: the operator's own, or the embedded one for as long as the command runs."""

import signal
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import FrameType

from app.settings import Settings


def _nothing() -> None:
    """There is nothing else to do."""


@contextmanager
def database_server(settings: Settings, meanwhile: Callable[[], object] = _nothing) -> Generator[Settings]:
    """The settings with the URL of a running server: the operator's own, or the embedded one, started now.

    `meanwhile` is done while that starts, which waits for others more than it does itself.
    """
    _heed_signals()
    if settings.database_url is not None:
        meanwhile()
        yield settings
        return
    # Imported here, for a server with a database of its own needs no embedded one installed.
    from db.embedded import database_url, embedded_server

    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as aside:
            starting = aside.submit(stack.enter_context, embedded_server((settings.data_dir / "postgres").resolve()))
            meanwhile()
            url = starting.result()
        yield settings.model_copy(update={"database_url": database_url(url)})


def _heed_signals() -> None:
    """Have whatever stops the process stop it as Ctrl-C does: in order, and with the server that it started."""
    # uvicorn ends by it, and raises it again.
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        # The terminal was closed. Who expects that has it ignored (man nohup).
        signal.signal(signal.SIGHUP, _terminate)


def _interrupt(_signal: int, frame: FrameType | None) -> None:
    # An event loop that runs heeds that in order. By an error out of nowhere it could lose what somebody waits for.
    heeding = signal.getsignal(signal.SIGINT)
    (heeding if callable(heeding) else signal.default_int_handler)(signal.SIGINT, frame)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)
