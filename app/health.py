"""Whether the process runs, and whether it can serve."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from app import faults
from app.wiring import Process
from db import migrate
from graph.schema import ShopSchema

PATIENCE = 2.0
"""Seconds after which a part that does not answer counts as failed."""


async def health(_request: Request) -> JSONResponse:
    """The process runs: 200, whatever its surroundings do."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> JSONResponse:
    """The process can serve: 200, or 503 with the parts that failed; and what it has met and executed so far."""
    process: Process = request.app.state.process
    checks = {
        "database": await _check(process.database.ping()),
        "migrations": await _check(_at_head(process)),
        "broadcaster": await _check(_hears_the_doorbell(process)),
    }
    failed = [name for name, result in checks.items() if result != "ok"]
    body: dict[str, Any] = {
        "status": "failed" if failed else "ready",
        "failed": failed,
        "checks": checks,
        "faults": faults.count,
        "operations": _executed(request.app.state.schema),
    }
    return JSONResponse(body, status_code=503 if failed else 200, headers={"Cache-Control": "no-store"})


def _executed(schema: ShopSchema) -> dict[str, Any]:
    """How many operations were executed by a plan, and how many by graphql-core, by the reason."""
    if schema.operations is None:
        return {}
    tally = schema.operations.tally
    return {"compiled": tally.compiled, "not_compiled": dict(tally.fallbacks)}


async def _check(work: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await work
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except NotReadyError as error:
        return str(error)
    except Exception as error:
        # The kind alone: a driver's message may carry an address or a user name.
        return type(error).__name__
    return "ok"


class NotReadyError(Exception):
    """A part answers, and is not in order."""


async def _at_head(process: Process) -> None:
    at, head = await migrate.current(process.database), migrate.head()
    if at != head:
        raise NotReadyError(f"at {at or 'none'}, not at {head}")


async def _hears_the_doorbell(process: Process) -> None:
    if not process.doorbell.is_connected:
        raise NotReadyError("not connected")
