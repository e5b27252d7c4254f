"""The shop's stock as a plain model: what each request must answer, and what must be true after it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

WAREHOUSES = ("LON", "YRK", "HUL")
"""By priority."""

MOVES = {
    ("approve", "PENDING"): "APPROVED",
    ("reject", "PENDING"): "REJECTED",
    ("cancel", "PENDING"): "CANCELLED",
    ("cancel", "APPROVED"): "CANCELLED",
    ("ship", "APPROVED"): "SHIPPED",
    ("deliver", "SHIPPED"): "DELIVERED",
    ("return", "SHIPPED"): "RETURNED",
    ("return", "DELIVERED"): "RETURNED",
}
ACTIONS = ("approve", "reject", "ship", "deliver", "cancel", "return")

Place = tuple[str, str]
"""A SKU and a warehouse."""


@dataclass
class Level:
    on_hand: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        return max(self.on_hand - self.reserved, 0)


@dataclass
class ModelOrder:
    lines: list[tuple[str, int]]
    held: Counter[Place]
    status: str = "PENDING"
    version: int = 1
    away: Counter[Place] = field(default_factory=Counter[Place])
    back: Counter[int] = field(default_factory=Counter[int])

    def left(self, position: int) -> int:
        return self.lines[position - 1][1] - self.back[position]

    @property
    def allowed(self) -> set[str]:
        return {action for action in ACTIONS if (action, self.status) in MOVES}


class Model:
    """Levels and orders. Each request returns the codes of its refusals, and changes nothing where there are any."""

    def __init__(self, ahead: str) -> None:
        """`ahead` is the SKU that is promised ahead of a delivery."""
        self.ahead = ahead
        self.levels: dict[Place, Level] = {}
        self.orders: list[ModelOrder] = []

    def places(self, sku: str) -> list[tuple[Place, Level]]:
        return [((sku, code), self.levels[sku, code]) for code in WAREHOUSES if (sku, code) in self.levels]

    def place(self, lines: Sequence[tuple[str, int]]) -> list[str]:
        demand: Counter[str] = Counter()
        for sku, units in lines:
            demand[sku] += units
        held: Counter[Place] = Counter()
        short = 0
        for sku, units in demand.items():
            wanted = units
            for place, level in self.places(sku):
                taken = min(wanted, level.free)
                held[place] += taken
                wanted -= taken
            if wanted and sku == self.ahead:
                held[self.places(sku)[0][0]] += wanted
            elif wanted:
                short += 1
        if short:
            return ["INSUFFICIENT_STOCK"] * short
        for place, units in held.items():
            self.levels[place].reserved += units
        self.orders.append(ModelOrder(list(lines), +held))
        return []

    def move(self, action: str, index: int) -> list[str]:
        order = self.orders[index]
        if (action, order.status) not in MOVES:
            return ["ILLEGAL_TRANSITION"]
        if action == "ship":
            if short := {place[0] for place, units in order.held.items() if self.levels[place].on_hand < units}:
                return ["INSUFFICIENT_STOCK"] * len(short)
            for place, units in order.held.items():
                self.levels[place].on_hand -= units
            order.away = order.held.copy()
        if action in {"ship", "reject", "cancel"}:
            for place, units in order.held.items():
                self.levels[place].reserved -= units
            order.held.clear()
        order.status, order.version = MOVES[action, order.status], order.version + 1
        return []

    def take_back(self, index: int, lines: Sequence[tuple[int, int]] | None, *, restock: bool) -> list[str]:
        order = self.orders[index]
        if ("return", order.status) not in MOVES:
            return ["ILLEGAL_TRANSITION"]
        positions = range(1, len(order.lines) + 1)
        wanted = lines or [(each, order.left(each)) for each in positions if order.left(each)]
        if refused := ["RETURN_EXCEEDS" for position, units in wanted if units > order.left(position)]:
            return refused
        units_back: Counter[str] = Counter()
        for position, units in wanted:
            order.back[position] += units
            units_back[order.lines[position - 1][0]] += units
        if restock:
            for sku, units in units_back.items():
                self._put_back(order, sku, units)
        order.version += 1
        if not any(order.left(each) for each in positions):
            order.status = "RETURNED"
        return []

    def _put_back(self, order: ModelOrder, sku: str, units: int) -> None:
        """To where they came from, first by priority."""
        for place, level in self.places(sku):
            here = min(units, order.away[place])
            level.on_hand += here
            order.away[place] -= here
            units -= here
        assert units == 0

    def receive(self, place: Place, units: int) -> list[str]:
        self.levels.setdefault(place, Level()).on_hand += units
        return []

    def adjust(self, place: Place, delta: int, expected: int | None) -> list[str]:
        level = self.levels.get(place)
        if level is None:
            return ["NOT_FOUND"]
        if expected not in {None, level.on_hand}:
            return ["ON_HAND_CONFLICT"]
        if -delta > (level.on_hand if place[0] == self.ahead else level.free):
            return ["INSUFFICIENT_STOCK"]
        level.on_hand += delta
        return []

    def transfer(self, sku: str, start: str, end: str, units: int) -> list[str]:
        if start == end:
            return ["BAD_INPUT"]
        if (sku, start) not in self.levels:
            return ["NOT_FOUND"]
        if units > self.levels[sku, start].free:
            return ["INSUFFICIENT_STOCK"]
        self.levels[sku, start].on_hand -= units
        return self.receive((sku, end), units)
