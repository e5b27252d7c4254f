"""Call off what nobody decided on in time."""

from collections.abc import Callable
from datetime import datetime

from domain.orders.model import Order, OrderAction
from domain.orders.moves import take
from domain.orders.ports import OrdersUnitOfWork

REASON = "expired"


async def expire_pending(uow: OrdersUnitOfWork, before: datetime, on_fault: Callable[[Order, Exception], None]) -> int:
    """Cancel the orders that are pending since before a moment, the oldest first; returns how many were cancelled.

    Each has a transaction of its own, so that nobody waits for more than one, and is locked in it: of several
    processes that do this at once each takes other orders. Each is tried once: one that cannot be cancelled is
    told to `on_fault`, stays as it is until the next time, and holds up none of those behind it.
    """
    done, last = 0, None
    while True:
        order = None
        try:
            async with uow:
                order = await uow.orders.next_expired(before, last)
                if order is None:
                    return done
                await take(uow, OrderAction.CANCEL, order, REASON)
        except Exception as fault:
            # Without an order it was the search that failed, as it would for all that follow.
            if order is None:
                raise
            on_fault(order, fault)
        else:
            done += 1
        last = order
