"""What may be done to stock levels. Each rule answers with the change, or refuses with the facts."""

from collections.abc import Sequence

from domain.inventory.changes import LevelChange
from domain.inventory.model import LEVEL_MAX, Allocation, LockedLevel
from domain.refusals import (
    ErrorCode,
    InsufficientStock,
    OnHandConflict,
    Refusal,
    Refused,
    bad_input,
)

UNITS_MAX = 1_000_000
"""The most units that one request moves."""

REASON_MAX = 1000
REFERENCE_MAX = 100


def check_quantity(quantity: int) -> list[Refusal]:
    """The refusal of a number of units out of range, if it is."""
    if 1 <= quantity <= UNITS_MAX:
        return []
    return [bad_input(f"A quantity is 1 to {UNITS_MAX} units.", "input", "quantity")]


def check_delta(delta: int) -> list[Refusal]:
    """The refusal of a signed change out of range, if it is."""
    if 1 <= abs(delta) <= UNITS_MAX:
        return []
    return [bad_input(f"A delta is 1 to {UNITS_MAX} units, more or less.", "input", "delta")]


def check_reorder_point(reorder_point: int) -> list[Refusal]:
    """The refusal of a reorder point out of range, if it is."""
    if 0 <= reorder_point <= UNITS_MAX:
        return []
    return [bad_input(f"A reorder point is 0 to {UNITS_MAX} units.", "input", "reorderPoint")]


def check_words(reason: str | None, reference: str | None = None) -> list[Refusal]:
    """The refusals of a reason or a reference that is too long."""
    refusals: list[Refusal] = []
    if reason is not None and len(reason) > REASON_MAX:
        refusals.append(bad_input(f"A reason has at most {REASON_MAX} characters.", "input", "reason"))
    if reference is not None and len(reference) > REFERENCE_MAX:
        refusals.append(bad_input(f"A reference has at most {REFERENCE_MAX} characters.", "input", "reference"))
    return refusals


def check_needed_reason(reason: str) -> list[Refusal]:
    """The refusal of a reason that says nothing, or too much."""
    if not reason.strip():
        return [bad_input("Say why.", "input", "reason")]
    return check_words(reason)


def received(level: LockedLevel, quantity: int) -> LevelChange:
    """Goods come in.

    Raises:
        Refused: BAD_INPUT, the level cannot count as many.
    """
    return _added(level, quantity, "quantity")


def adjusted(level: LockedLevel, delta: int, expected_on_hand: int | None) -> LevelChange:
    """A count showed `delta` units more, or less.

    Raises:
        Refused: ON_HAND_CONFLICT, the level is not as expected; INSUFFICIENT_STOCK, there would be fewer than none,
            or fewer than are reserved where units are not promised ahead; BAD_INPUT, the level cannot count as many.
    """
    if expected_on_hand is not None and expected_on_hand != level.on_hand:
        message = f"{level.on_hand} of {level.sku} are on hand in {level.warehouse}, not {expected_on_hand}."
        path = ("input", "expectedOnHand")
        raise Refused(OnHandConflict(ErrorCode.ON_HAND_CONFLICT, message, path, level.on_hand))
    _must_have(level, -delta, level.on_hand if level.allow_backorder else level.available, "delta")
    return _added(level, delta, "delta")


def taken_back(places: Sequence[Allocation]) -> list[LevelChange]:
    """Units of an order come back.

    Raises:
        Refused: BAD_INPUT, a level cannot count as many.
    """
    return [_added(each.level, each.quantity, "id") for each in places]


def transferred(source: LockedLevel, target: LockedLevel, quantity: int) -> tuple[LevelChange, LevelChange]:
    """Units that are promised to nobody go from one level to another.

    Raises:
        Refused: INSUFFICIENT_STOCK; BAD_INPUT, the target cannot count as many.
    """
    _must_have(source, quantity, source.available, "quantity")
    return LevelChange(source, -quantity), _added(target, quantity, "quantity")


def _must_have(level: LockedLevel, wanted: int, available: int, field: str) -> None:
    free = max(available, 0)
    if wanted > free:
        message = f"{wanted} of {level.sku} were to leave {level.warehouse}, {free} are available."
        facts = (level.sku, wanted, free)
        raise Refused(InsufficientStock(ErrorCode.INSUFFICIENT_STOCK, message, ("input", field), *facts))


def _added(level: LockedLevel, units: int, field: str) -> LevelChange:
    change = LevelChange(level, units)
    if change.on_hand_after > LEVEL_MAX:
        message = f"A level holds at most {LEVEL_MAX} units; {level.on_hand} are on hand in {level.warehouse}."
        raise Refused(bad_input(message, "input", field))
    return change
