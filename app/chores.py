"""What every process does now and then: old keys and tokens are forgotten, old pending orders called off."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from app.background import Background
from app.settings import Settings
from db.housekeeping import Housekeeping
from domain.orders.expiry import expire_pending
from domain.orders.model import Order
from domain.orders.ports import OrdersUnitOfWork

log = structlog.get_logger("orderwire.chores")


class Chores:
    """The periodic task of one process. Those of several processes share the work and do nothing twice."""

    def __init__(
        self,
        settings: Settings,
        housekeeping: Housekeeping,
        begin: Callable[[], OrdersUnitOfWork],
        retain: Callable[[int], Awaitable[int]],
        interval: float = 60,
    ) -> None:
        """`begin` makes a transaction of the system itself; `retain` drops events older than so many days.

        `interval` is in seconds.
        """
        self._settings, self._housekeeping, self._begin, self._retain = settings, housekeeping, begin, retain
        self._interval = interval
        self._background = Background()

    def start(self) -> None:
        self._background.start(self._run())

    async def stop(self) -> None:
        await self._background.stop()

    async def do_all(self) -> None:
        """Do each chore once; one that fails is logged and does not keep the others from being done."""
        await self._attempt("expire_orders", self.expire_orders())
        await self._attempt("forget_idempotency_keys", self.forget_idempotency_keys())
        await self._attempt("forget_refresh_tokens", self._housekeeping.forget_refresh_tokens())
        await self._attempt("forget_revoked_tokens", self._housekeeping.forget_revoked_tokens())
        await self._attempt("forget_password_resets", self._housekeeping.forget_password_resets())
        await self._attempt("forget_logins", self._housekeeping.forget_logins())
        if days := self._settings.event_retention_days:
            await self._attempt("drop_old_events", self._retain(days))

    async def expire_orders(self) -> int:
        """Cancel the orders that have been pending for too long; returns how many this process cancelled."""
        hours = self._settings.pending_order_hours
        if hours == 0:
            return 0
        before = datetime.now(UTC) - timedelta(hours=hours)
        if done := await expire_pending(self._begin(), before, _tell_fault):
            log.info("orders_expired", count=done)
        return done

    async def forget_idempotency_keys(self) -> None:
        before = datetime.now(UTC) - timedelta(hours=self._settings.idempotency_hours)
        await self._housekeeping.forget_idempotency_keys(before)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.do_all()

    async def _attempt(self, chore: str, work: Awaitable[object]) -> None:
        try:
            await work
        except Exception as error:
            # The database may be away for a while; what is left is done the next time.
            log.warning("chore_failed", chore=chore, error=repr(error))


def _tell_fault(order: Order, fault: Exception) -> None:
    log.warning("order_not_expired", order=order.number, error=repr(fault))
