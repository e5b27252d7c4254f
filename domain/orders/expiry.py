"""Call off what nobody decided on in time."""

from datetime import datetime

from domain.orders.model import OrderAction
from domain.orders.moves import take
from domain.orders.ports import OrdersUnitOfWork

REASON = "expired"


async def expire_pending(uow: OrdersUnitOfWork, before: datetime, limit: int) -> int:
    """Cancel at most `limit` orders that are pending since before a moment; returns how many there were.

    Each has a transaction of its own, so that nobody waits for more than one, and is locked in it: of several
    processes that do this at once each takes other orders.
    """
    for done in range(limit):
        async with uow:
            order = await uow.orders.next_expired(before)
            if order is None:
                return done
            await take(uow, OrderAction.CANCEL, order, REASON)
    return limit
