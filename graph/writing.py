"""Parts of answers that the database writes: asking for them, and their place in the JSON that goes out."""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar
from uuid import UUID

import orjson
import structlog

from domain.reading import Filters, Page, PageRequest, Sort
from domain.refusals import Refused, TookTooLong
from domain.writing import Target, Turn, Written
from graph.context import Context
from graph.limits.turns import NoTurnError

T = TypeVar("T")

log = structlog.get_logger("orderwire.graph")


async def written_by_key(context: Context, target: Target, keys: Sequence[UUID]) -> Mapping[UUID, Written] | None:
    """What belongs to keys; None where it has to be read.

    Raises:
        TookTooLong: the database gave it up.
    """
    writer = context.writer
    if writer is None or not writer.knows(target):
        return None
    if not keys:
        return {}
    return await _tried(context, target, writer.write(context.viewer, target, keys, _turn(context)))


async def written_page(
    context: Context, target: Target, filters: Filters, sort: Sort, page: PageRequest
) -> Page[Written] | None:
    """A page of a list; None where it has to be read.

    Raises:
        Refused: a cursor that this list did not make.
        TookTooLong: the database gave it up.
    """
    writer = context.writer
    if writer is None or not writer.lists(target):
        return None
    return await _tried(context, target, writer.page(context.viewer, target, filters, sort, page, _turn(context)))


def _turn(context: Context) -> Turn:
    """When a new statement may be prepared, which takes about as long as the plan that it is for."""
    # Events of a subscription are told whoever else is at the desk.
    return nullcontext if context.source is not None else lambda: context.services.desk.turn(context.caller)


async def _tried(context: Context, target: Target, writing: Awaitable[T]) -> T | None:
    try:
        return await writing
    except (Refused, TookTooLong):
        # What took so long is not asked for a second time.
        raise
    except NoTurnError:
        return None
    except Exception as error:
        # Whatever it was: reading tells what is wrong, and with what.
        log.warning("not_written", request_id=context.request_id, relation=target.relation, error=type(error).__name__)
        return None


def encoded(body: Any) -> bytes:
    """The body of an answer."""
    # The library would take what is written for an object like others.
    return orjson.dumps(body, default=_fragment, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def _fragment(part: Any) -> orjson.Fragment:
    if not isinstance(part, Written):
        raise TypeError(f"{type(part).__name__} is not JSON.")
    return orjson.Fragment(part.text)
