"""What may be done to a level, and which events tell of it."""

from uuid import UUID

import pytest

from domain.events.model import EventKind
from domain.inventory import rules
from domain.inventory.changes import Cause, LevelChange, events_of_change, events_of_reorder_point, is_low
from domain.inventory.model import LockedLevel, MovementKind
from domain.inventory.ports import Tally
from domain.inventory.verify import correction
from domain.refusals import ErrorCode, InsufficientStock, OnHandConflict, Refused

KEY = UUID(int=1)


def level(on_hand: int, reserved: int = 0, *, backorder: bool = False, point: int = 0, version: int = 0) -> LockedLevel:
    return LockedLevel(KEY, KEY, KEY, 1, on_hand, reserved, backorder, point, version, "MUG", "LON")


def test_quantities_deltas_and_reorder_points_have_bounds():
    assert [bool(rules.check_quantity(each)) for each in (-1, 0, 1, 1_000_000, 1_000_001)] == [1, 1, 0, 0, 1]
    assert [bool(rules.check_delta(each)) for each in (-1_000_001, -1, 0, 1, 1_000_001)] == [1, 0, 1, 0, 1]
    assert [bool(rules.check_reorder_point(each)) for each in (-1, 0, 1_000_000, 1_000_001)] == [1, 0, 0, 1]


def test_words_have_bounds_and_an_adjustment_needs_some():
    assert rules.check_words("r" * 1000, "d" * 100) == []
    assert [each.field for each in rules.check_words("r" * 1001, "d" * 101)] == [
        ("input", "reason"),
        ("input", "reference"),
    ]
    assert [bool(rules.check_needed_reason(each)) for each in ("", " \n", "x", "x" * 1001)] == [1, 1, 0, 1]


def test_what_is_received_is_added_up_to_what_a_level_can_count():
    assert rules.received(level(2, 1), 5).result() == level(7, 1).level
    assert rules.received(level(2**31 - 2), 1).on_hand_after == 2**31 - 1
    with pytest.raises(Refused) as caught:
        rules.received(level(2**31 - 1), 1)
    assert [each.code for each in caught.value.refusals] == [ErrorCode.BAD_INPUT]


@pytest.mark.parametrize(
    ("before", "delta", "left"),
    [
        (level(5, 2), -3, 2),
        (level(5, 2), -4, None),
        (level(5), -5, 0),
        (level(5), -6, None),
        (level(2, 5, backorder=True), -2, 0),
        (level(2, 5, backorder=True), -3, None),
        (level(2, 5, backorder=True), 1, 3),
    ],
)
def test_a_level_is_adjusted_down_to_what_it_owes(before: LockedLevel, delta: int, left: int | None):
    if left is not None:
        assert rules.adjusted(before, delta, None).on_hand_after == left
        return
    with pytest.raises(Refused) as caught:
        rules.adjusted(before, delta, None)
    free = before.on_hand if before.allow_backorder else before.available
    [refusal] = caught.value.refusals
    assert isinstance(refusal, InsufficientStock)
    assert (refusal.sku, refusal.requested, refusal.available) == ("MUG", -delta, free)


def test_an_adjustment_of_another_level_than_expected_is_refused_before_all_else():
    with pytest.raises(Refused) as caught:
        rules.adjusted(level(5), -9, 6)

    [refusal] = caught.value.refusals
    assert isinstance(refusal, OnHandConflict)
    assert refusal.current == 5
    assert rules.adjusted(level(5), -1, 5).on_hand_after == 4


def test_only_what_is_promised_to_nobody_can_be_transferred():
    out, into = rules.transferred(level(5, 2), level(1), 3)
    assert (out.on_hand_after, into.on_hand_after) == (2, 4)
    for source in (level(5, 3), level(5, 9, backorder=True)):
        with pytest.raises(Refused):
            rules.transferred(source, level(1), 3)


def test_a_reservation_counts_reserved_units_and_all_else_those_on_hand():
    change = LevelChange(level(5), on_hand=-2, reserved=-3)

    quantities = {kind: change.quantity(kind) for kind in MovementKind}

    assert quantities.pop(MovementKind.RESERVATION) == quantities.pop(MovementKind.RELEASE) == -3
    assert set(quantities.values()) == {-2}


def test_low_is_told_when_it_begins_and_never_without_a_reorder_point():
    def kinds(before: LockedLevel, units: int) -> list[tuple[EventKind, int]]:
        events = events_of_change(MovementKind.ADJUSTMENT, LevelChange(before, units), Cause())
        return [(event.kind, event.sequence) for event in events]

    changed, low = EventKind.STOCK_CHANGED, EventKind.STOCK_LOW
    assert kinds(level(6, 1, point=4, version=7), -1) == [(changed, 8), (low, 9)]
    assert kinds(level(7, 1, point=4), -1) == [(changed, 1)]
    assert kinds(level(5, 1, point=4), -1) == [(changed, 1)]
    assert kinds(level(1), -1) == [(changed, 1)]
    assert [is_low(4, 4), is_low(5, 4), is_low(-1, 0)] == [True, False, False]


def test_a_reorder_point_that_makes_a_level_low_tells_both():
    events = events_of_reorder_point(level(5, 1, version=2), 4)

    assert [(event.kind, event.sequence) for event in events] == [
        (EventKind.REORDER_POINT_CHANGED, 3),
        (EventKind.STOCK_LOW, 4),
    ]
    assert [(event.kind) for event in events_of_reorder_point(level(5, 1, point=4), 6)] == [
        EventKind.REORDER_POINT_CHANGED
    ]


@pytest.mark.parametrize(
    ("stored", "tally", "begins", "change"),
    [
        (level(5, 2), Tally(5, 2, 2), None, None),
        (level(7, 2), Tally(5, 2, 2), (5, 2), (2, 0)),
        (level(5, 1), Tally(5, 2, 2), (5, 2), (0, 0)),
        (level(5, 2), Tally(5, 2, 3), (5, 2), (0, 1)),
        (level(2, 2), Tally(5, 2, 3), None, None),
        (level(2, 2, backorder=True), Tally(5, 2, 3), (5, 2), (-3, 1)),
    ],
)
def test_a_correction_begins_where_the_movements_end(
    stored: LockedLevel, tally: Tally, begins: tuple[int, int] | None, change: tuple[int, int] | None
):
    found = correction(stored, tally)

    assert (found and (found.level.on_hand, found.level.reserved)) == begins
    assert (found and (found.on_hand, found.reserved)) == change
    if found:
        assert (found.on_hand_after, found.reserved_after) == (stored.on_hand, tally.held)
