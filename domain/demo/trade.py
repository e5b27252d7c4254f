"""How orders come to the demo shop and what becomes of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from uuid import UUID

from domain.catalog.model import Variant, VariantKind
from domain.customers.model import Customer
from domain.demo.buyers import Buyers
from domain.demo.dice import Dice
from domain.demo.goods import DELIVERY, GIFT_WRAPPING
from domain.demo.ledger import Cause, Ledger
from domain.demo.log import Log
from domain.demo.timeline import Timeline
from domain.demo.words import (
    CANCELLATION_REASONS,
    DAMAGED,
    NOTES,
    REJECTION_REASONS,
    RETURN_REASONS,
)
from domain.inventory.model import MovementKind
from domain.money import DEFAULT_CURRENCY, total
from domain.orders.model import Order, OrderLine, OrderReturn, OrderStatus, ReturnLine

Path = Sequence[OrderStatus]

FATES: Sequence[tuple[Path, float]] = (
    ((OrderStatus.APPROVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED), 86),
    ((OrderStatus.APPROVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.RETURNED), 5),
    ((OrderStatus.APPROVED, OrderStatus.SHIPPED, OrderStatus.RETURNED), 1),
    ((OrderStatus.APPROVED, OrderStatus.CANCELLED), 2),
    ((OrderStatus.CANCELLED,), 3),
    ((OrderStatus.REJECTED,), 3),
)
"""What may become of an order, and how often in a hundred. The future is cut off: that leaves open orders."""

HOURS: dict[OrderStatus, tuple[float, float]] = {
    OrderStatus.APPROVED: (1, 80),
    OrderStatus.REJECTED: (1, 48),
    OrderStatus.CANCELLED: (0.2, 20),
    OrderStatus.SHIPPED: (3, 52),
    OrderStatus.DELIVERED: (20, 110),
    OrderStatus.RETURNED: (40, 240),
}
"""How long it takes until the next state, at least and at most."""

BY_STAFF = frozenset({OrderStatus.APPROVED, OrderStatus.REJECTED, OrderStatus.SHIPPED})
OPENS, CLOSES, SUNDAY = 8, 18, 6

LINES = ((1, 2, 3, 4, 5), (30, 28, 20, 13, 9))
UNITS = ((1, 2, 3, 4, 6, 12, 24), (50, 24, 8, 7, 6, 4, 1))


class Trade:
    """Orders from their placing to the last state that they have reached."""

    def __init__(
        self,
        dice: Dice,
        timeline: Timeline,
        ledger: Ledger,
        log: Log,
        buyers: Buyers,
        goods: Sequence[tuple[Variant, float]],
        services: Sequence[Variant],
    ) -> None:
        self._dice, self._timeline, self._ledger, self._log = dice, timeline, ledger, log
        self._buyers, self._services = buyers, services
        self._goods = [variant for variant, _ in goods]
        self._popularity = list(accumulate(popularity for _, popularity in goods))
        self._endless = next(variant for variant in self._goods if variant.allow_backorder)
        self._variants = {variant.id: variant for variant in (*self._goods, *services)}
        self.orders: dict[UUID, Order] = {}
        self.lines: dict[UUID, list[OrderLine]] = {}
        self.approvals: dict[UUID, datetime] = {}
        self.returns: list[OrderReturn] = []
        self.return_lines: list[ReturnLine] = []

    def place(self, moment: datetime) -> None:
        """A customer places an order."""
        customer = self._buyers.one(moment)
        order_id = self._dice.id(moment)
        basket = self._basket()
        lines = [
            OrderLine(order_id, position, variant.id, variant.name, quantity, variant.price)
            for position, (variant, quantity) in enumerate(basket, start=1)
        ]
        order = self._new_order(order_id, customer, lines, moment)
        self.orders[order_id], self.lines[order_id] = order, lines
        demand = {variant.id: quantity for variant, quantity in basket if variant.kind is VariantKind.GOODS}
        self._ledger.reserve(demand, moment, Cause(order_id, order.placed_by))
        self._log.order_moved(order, None, None, order.placed_by)
        paths, weights = zip(*FATES, strict=True)
        self._plan(order_id, self._dice.one(paths, weights), moment)

    def _basket(self) -> list[tuple[Variant, int]]:
        """Different goods that are in stock, and perhaps services; at most six lines."""
        wanted = self._dice.one(*LINES)
        basket: dict[UUID, int] = {}
        for _ in range(wanted * 3):
            variant = self._dice.one_cumulative(self._goods, self._popularity)
            quantity = self._dice.one(*UNITS)
            if not variant.allow_backorder:
                quantity = min(quantity, self._ledger.available(variant.id))
            if quantity > 0:
                basket.setdefault(variant.id, quantity)
            if len(basket) == wanted:
                break
        goods = [(self._variants[key], quantity) for key, quantity in basket.items()]
        return [*(goods or [(self._endless, 1)]), *self._some_services(len(goods))]

    def _some_services(self, goods: int) -> list[tuple[Variant, int]]:
        deliveries = [variant for variant in self._services if variant.sku.startswith(DELIVERY)]
        wrapping = next(variant for variant in self._services if variant.sku == GIFT_WRAPPING)
        chosen: list[tuple[Variant, int]] = []
        if self._dice.chance(0.4):
            chosen.append((self._dice.one(deliveries, (4, 1)), 1))
        if goods < LINES[0][-1] and self._dice.chance(0.08):
            chosen.append((wrapping, max(goods, 1)))
        return chosen

    def _new_order(self, order_id: UUID, customer: Customer, lines: Sequence[OrderLine], moment: datetime) -> Order:
        return Order(
            id=order_id,
            number=f"OW-{len(self.orders) + 1:06}",
            customer_id=customer.id,
            placed_by=customer.user_id,
            status=OrderStatus.PENDING,
            total=total((line.total for line in lines), DEFAULT_CURRENCY),
            country=self._buyers.country(customer),
            notes=self._dice.one(NOTES) if self._dice.chance(0.12) else None,
            version=1,
            placed_at=moment,
            updated_at=moment,
        )

    def _plan(self, order_id: UUID, path: Path, moment: datetime) -> None:
        """Plan the next state of an order, in the hours of the staff if it is theirs to give."""
        if not path:
            return
        moment += timedelta(hours=self._dice.uniform(*HOURS[path[0]]))
        if path[0] in BY_STAFF:
            moment = self._office_hours(moment)
        self._timeline.plan(moment, partial(self._move, order_id, path))

    def _office_hours(self, moment: datetime) -> datetime:
        if moment.weekday() != SUNDAY and OPENS <= moment.hour < CLOSES:
            return moment
        day = moment.replace(hour=OPENS, minute=0, second=0, microsecond=0)
        if day < moment:
            day += timedelta(days=1)
        if day.weekday() == SUNDAY:
            day += timedelta(days=1)
        return self._dice.moment(day, day + timedelta(hours=2))

    def _move(self, order_id: UUID, path: Path, moment: datetime) -> None:
        """Take an order one step along its path, unless it must wait for goods."""
        wanted, rest = path[0], path[1:]
        if wanted is OrderStatus.SHIPPED and not self._ledger.can_ship(order_id):
            self._plan(order_id, path, moment)
            return
        before = self.orders[order_id]
        order = self.orders[order_id] = replace(before.move_to(wanted), updated_at=moment)
        reason = self._reason(wanted)
        is_own = wanted is OrderStatus.CANCELLED and before.status is OrderStatus.PENDING
        actor_id = order.placed_by if is_own else None
        self._carry_out(order, moment, reason, actor_id)
        self._log.order_moved(order, before.status, reason, actor_id)
        self._plan(order_id, rest, moment)

    def _carry_out(self, order: Order, moment: datetime, reason: str | None, actor_id: UUID | None) -> None:
        match order.status:
            case OrderStatus.APPROVED:
                self.approvals[order.id] = moment
            case OrderStatus.REJECTED | OrderStatus.CANCELLED:
                self._ledger.release(order.id, moment, Cause(order.id, actor_id, reason))
            case OrderStatus.SHIPPED:
                self._ledger.ship(order.id, moment)
            case OrderStatus.RETURNED:
                self._take_back(order, moment, reason)
            case OrderStatus.PENDING | OrderStatus.DELIVERED:
                pass

    def _reason(self, status: OrderStatus) -> str | None:
        match status:
            case OrderStatus.REJECTED:
                return self._dice.one(REJECTION_REASONS)
            case OrderStatus.CANCELLED:
                return self._dice.one(CANCELLATION_REASONS)
            case OrderStatus.RETURNED:
                return self._dice.one(RETURN_REASONS)
            case _:
                return None

    def _take_back(self, order: Order, moment: datetime, reason: str | None) -> None:
        """Take back all goods of an order or some; they go to the first warehouse. Services are kept."""
        goods = [line for line in self.lines[order.id] if self._variants[line.variant_id].kind is VariantKind.GOODS]
        if self._dice.chance(0.5):
            goods = goods[: self._dice.number(1, len(goods))]
        return_id, number = self._dice.id(moment), f"RT-{len(self.returns) + 1:06}"
        amount = total((line.total for line in goods), DEFAULT_CURRENCY)
        self.returns.append(OrderReturn(return_id, number, order.id, order.customer_id, order.country, amount, moment))
        cause = Cause(order.id, None, reason, number)
        for position, line in enumerate(goods, start=1):
            self.return_lines.append(
                ReturnLine(
                    return_id,
                    position,
                    order.id,
                    line.position,
                    line.variant_id,
                    line.description,
                    line.quantity,
                    line.unit_price,
                )
            )
            level_id = self._ledger.first_level(line.variant_id)
            self._ledger.change(level_id, MovementKind.RETURN, line.quantity, moment, cause)
            if reason == DAMAGED:
                write_off = partial(self._write_off, level_id, line.quantity, number)
                self._timeline.plan(moment + timedelta(hours=1), write_off)

    def _write_off(self, level_id: UUID, quantity: int, reference: str, moment: datetime) -> None:
        """Throw away what came back damaged, as far as nobody was promised it in the meantime."""
        units = min(quantity, self._ledger.level(level_id).available)
        if units > 0:
            cause = Cause(reason="It came back damaged.", reference=reference)
            self._ledger.change(level_id, MovementKind.WRITE_OFF, -units, moment, cause)
