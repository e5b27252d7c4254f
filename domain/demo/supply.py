"""How goods come into the demo shop, and how some of them are lost: opening, purchases, breakage, counts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from domain.catalog.model import Variant
from domain.demo.dice import Dice
from domain.demo.ledger import Cause, Ledger
from domain.demo.timeline import Timeline
from domain.demo.words import ADJUSTMENT_REASONS, WRITE_OFF_REASONS
from domain.inventory.model import MovementKind, Warehouse

MONDAY, THURSDAY = 0, 3
DISCONTINUED = 12
BUSY = 3
"""The first warehouse ships most orders and so keeps this many times the stock of the others."""
SCARCE = 2
"""The stock of what may be back-ordered: too little, so that the demo has orders that wait for goods."""
LATE_SUPPLIER = timedelta(days=24)


def make_warehouses(dice: Dice, opening: datetime) -> list[Warehouse]:
    places = (("LON", "London", 10), ("LEE", "Leeds", 20), ("BRI", "Bristol", 30))
    return [Warehouse(dice.id(opening), code, name, priority) for code, name, priority in places]


class Supply:
    """Fills the shelves before the first order and keeps them filled."""

    def __init__(self, dice: Dice, timeline: Timeline, ledger: Ledger, today: datetime) -> None:
        self._dice, self._timeline, self._ledger, self._today = dice, timeline, ledger, today
        self._targets: dict[UUID, int] = {}
        self._in_warehouse: dict[UUID, list[UUID]] = {}
        self._never_again: set[UUID] = set()
        self._awaited: set[UUID] = set()
        self._purchases = 0

    def open(self, goods: Sequence[tuple[Variant, float]], warehouses: Sequence[Warehouse], opening: datetime) -> None:
        """Stock each variant by its popularity: all in the first warehouse, most in the others too."""
        # The best sellers among the discontinued run out for sure, so that the demo has empty shelves.
        popular = sorted(goods, key=lambda each: each[1], reverse=True)[: len(goods) // 4]
        candidates = [variant for variant, _ in popular if not variant.allow_backorder]
        discontinued = {variant.id for variant in self._dice.sample(candidates, DISCONTINUED)}
        for variant, popularity in goods:
            for warehouse in warehouses:
                is_first = warehouse is warehouses[0]
                if not is_first and (variant.allow_backorder or self._dice.chance(0.25)):
                    continue
                pace = SCARCE if variant.allow_backorder else popularity * (BUSY if is_first else 1)
                self._open_level(variant, warehouse, pace, opening)
                if variant.id in discontinued:
                    self._never_again.add(self._in_warehouse[warehouse.id][-1])

    def plan(self, opening: datetime) -> None:
        """Plan the routine of every day from the opening on."""
        midnight = opening.replace(hour=0, minute=0, second=0, microsecond=0)
        for number in range(1, (self._today - midnight).days + 1):
            day = midnight + timedelta(days=number)
            if day.weekday() in {MONDAY, THURSDAY}:
                self._timeline.plan(self._in_hours(day, 7, 8), self._purchase)
            if self._dice.chance(0.35):
                self._timeline.plan(self._in_hours(day, 9, 17), self._write_off)
            if self._dice.chance(0.35):
                self._timeline.plan(self._in_hours(day, 16, 18), self._count)

    def _open_level(self, variant: Variant, warehouse: Warehouse, pace: float, opening: datetime) -> None:
        target = 6 + round(pace * self._dice.uniform(5, 7))
        reorder_point = 2 + round(pace * 1.5)
        level_id = self._ledger.open(variant, warehouse, target, reorder_point, opening)
        self._targets[level_id] = target
        self._in_warehouse.setdefault(warehouse.id, []).append(level_id)

    def _purchase(self, moment: datetime) -> None:
        """Order for each warehouse what runs low there; it comes in one delivery some days later."""
        for level_ids in self._in_warehouse.values():
            low = [level_id for level_id in level_ids if self._should_buy(level_id, moment)]
            if not low:
                continue
            self._purchases += 1
            self._awaited.update(low)
            day = moment + timedelta(days=self._dice.number(2, 5))
            arrive = partial(self._receive, f"PO-{self._purchases:04}", low)
            self._timeline.plan(self._in_hours(day, 8, 12), arrive)

    def _should_buy(self, level_id: UUID, moment: datetime) -> bool:
        if level_id in self._awaited or level_id in self._never_again:
            return False
        if self._ledger.level(level_id).allow_backorder and moment > self._today - LATE_SUPPLIER:
            return False
        return self._ledger.is_low(level_id)

    def _receive(self, reference: str, level_ids: Sequence[UUID], moment: datetime) -> None:
        """Fill levels up to their target."""
        for level_id in level_ids:
            self._awaited.discard(level_id)
            quantity = max(self._targets[level_id] - self._ledger.level(level_id).available, 1)
            cause = Cause(reference=reference)
            self._ledger.change(level_id, MovementKind.RECEIPT, quantity, moment, cause)

    def _write_off(self, moment: datetime) -> None:
        level_id = self._dice.one(list(self._targets))
        quantity = min(self._dice.number(1, 3), self._ledger.level(level_id).available)
        if quantity > 0:
            cause = Cause(reason=self._dice.one(WRITE_OFF_REASONS))
            self._ledger.change(level_id, MovementKind.WRITE_OFF, -quantity, moment, cause)

    def _count(self, moment: datetime) -> None:
        """Find a unit more or less than the books say."""
        level_id = self._dice.one(list(self._targets))
        quantity = self._dice.one((-2, -1, 1, 1))
        if self._ledger.level(level_id).available + quantity >= 0:
            cause = Cause(reason=self._dice.one(ADJUSTMENT_REASONS))
            self._ledger.change(level_id, MovementKind.ADJUSTMENT, quantity, moment, cause)

    def _in_hours(self, day: datetime, start: int, end: int) -> datetime:
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        return self._dice.moment(midnight + timedelta(hours=start), midnight + timedelta(hours=end))
