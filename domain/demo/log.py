"""The events of the demo shop, as the commands would have recorded them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.demo.dice import Dice
from domain.events.model import AggregateType, Event, EventKind
from domain.orders.model import Order, OrderStatus, status_change
from domain.users.model import User


class Log:
    """Events in order of time, with the positions they would have in an empty log."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.events: list[Event] = []

    def user_registered(self, user: User) -> None:
        payload = {"username": user.username, "isAdmin": user.is_admin, "roles": list(user.roles)}
        subject = (AggregateType.USER, user.id, 1)
        self._record(EventKind.USER_REGISTERED, subject, payload, None, user.created_at)

    def order_moved(self, order: Order, before: OrderStatus | None, reason: str | None, actor_id: UUID | None) -> None:
        subject = (AggregateType.ORDER, order.id, order.version)
        payload = status_change(order, before, reason)
        self._record(EventKind.ORDER_STATUS_CHANGED, subject, payload, actor_id, order.updated_at)

    def _record(
        self,
        kind: EventKind,
        subject: tuple[AggregateType, UUID, int],
        payload: Mapping[str, Any],
        actor_id: UUID | None,
        moment: datetime,
    ) -> None:
        position = len(self.events) + 1
        self.events.append(
            Event(self._dice.id(moment), position, kind, *subject, payload, actor_id, None, None, moment)
        )
