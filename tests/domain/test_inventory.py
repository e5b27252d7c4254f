"""Spreading a demand over warehouses: exact, greedy by priority, and never beyond what is there."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.inventory.model import (
    Allocation,
    LockedLevel,
    Shortage,
    StockLevel,
    allocate,
    missing_to_ship,
    places_to_take_back,
)

MUG, CUP = UUID(int=1), UUID(int=2)


def level(number: int, variant: UUID, on_hand: int, reserved: int = 0, priority: int = 1, *, backorder: bool = False):
    return LockedLevel(UUID(int=number), variant, UUID(int=number), priority, on_hand, reserved, backorder)


@st.composite
def stock(draw: st.DrawFn, *, backorder: bool) -> tuple[dict[UUID, int], list[LockedLevel]]:
    """A demand for up to three variants, and levels of them in up to four warehouses."""
    variants = [UUID(int=number) for number in range(3)]
    demand = draw(st.dictionaries(st.sampled_from(variants), st.integers(1, 30)))
    levels = []
    for variant in variants:
        accepts = backorder and draw(st.booleans())
        for warehouse in draw(st.sets(st.integers(0, 3))):
            on_hand = draw(st.integers(0, 20))
            reserved = draw(st.integers(0, on_hand + (10 if accepts else 0)))
            key = UUID(int=variant.int * 10 + warehouse)
            priority = draw(st.integers(0, 2))
            levels.append(LockedLevel(key, variant, UUID(int=warehouse), priority, on_hand, reserved, accepts))
    return demand, draw(st.permutations(levels))


@given(stock(backorder=True))
def test_each_variant_is_allocated_exactly_or_short(case: tuple[dict[UUID, int], list[LockedLevel]]):
    demand, levels = case

    allocations, shortages = allocate(demand, levels)

    short = {shortage.variant_id for shortage in shortages}
    for variant, requested in demand.items():
        taken = sum(each.quantity for each in allocations if each.level.variant_id == variant)
        assert taken == (0 if variant in short else requested)
    assert {each.level.variant_id for each in allocations} == set(demand) - short


@given(stock(backorder=True))
def test_every_allocation_is_of_units_and_no_level_is_named_twice(case: tuple[dict[UUID, int], list[LockedLevel]]):
    allocations, _ = allocate(*case)

    assert all(each.quantity > 0 for each in allocations)
    assert len({each.level.id for each in allocations}) == len(allocations)


@given(stock(backorder=False))
def test_without_back_orders_no_level_gives_more_than_it_has(case: tuple[dict[UUID, int], list[LockedLevel]]):
    demand, levels = case

    allocations, shortages = allocate(demand, levels)

    assert all(each.quantity <= each.level.available for each in allocations)
    for shortage in shortages:
        available = sum(each.available for each in levels if each.variant_id == shortage.variant_id)
        assert (shortage.requested, shortage.available) == (demand[shortage.variant_id], available)
        assert shortage.available < shortage.requested


@given(stock(backorder=False))
def test_a_warehouse_gives_only_what_those_before_it_lack(case: tuple[dict[UUID, int], list[LockedLevel]]):
    demand, levels = case

    allocations, _ = allocate(demand, levels)

    taken = {each.level.id: each.quantity for each in allocations}
    for each in allocations:
        for earlier in levels:
            is_earlier = (earlier.priority, earlier.warehouse_id) < (each.level.priority, each.level.warehouse_id)
            if earlier.variant_id == each.level.variant_id and is_earlier:
                assert taken.get(earlier.id, 0) == earlier.available


@given(stock(backorder=True), st.randoms())
def test_the_order_of_the_levels_does_not_matter(case: tuple[dict[UUID, int], list[LockedLevel]], dice):
    demand, levels = case
    shuffled = list(levels)
    dice.shuffle(shuffled)

    assert allocate(demand, shuffled) == allocate(demand, levels)


def test_what_the_warehouses_lack_goes_to_the_first_that_accepts_back_orders():
    near, far = level(1, MUG, 3, priority=2, backorder=True), level(2, MUG, 4, priority=1, backorder=True)

    allocations, shortages = allocate({MUG: 10}, [near, far])

    assert allocations == [Allocation(far, 7), Allocation(near, 3)]
    assert shortages == []


def test_a_level_that_owes_units_already_counts_as_empty():
    owing, full = level(1, MUG, 0, 5, priority=1), level(2, MUG, 4, priority=2)

    assert allocate({MUG: 4}, [owing, full]) == ([Allocation(full, 4)], [])
    assert allocate({MUG: 5}, [owing, full]) == ([], [Shortage(MUG, 5, 4)])


def test_one_shortage_does_not_hide_the_allocation_of_another_variant():
    cup = level(1, CUP, 1)

    allocations, shortages = allocate({MUG: 1, CUP: 1}, [cup])

    assert (allocations, shortages) == ([Allocation(cup, 1)], [Shortage(MUG, 1, 0)])


def test_no_demand_takes_nothing():
    assert allocate({}, [level(1, MUG, 5)]) == ([], [])


def test_available_is_on_hand_less_reserved():
    assert StockLevel(MUG, MUG, MUG, 5, 7, 0).available == -2


def test_what_is_not_there_yet_cannot_be_shipped():
    near, far, cup = level(1, MUG, 3, 5, backorder=True), level(2, MUG, 4, 4), level(3, CUP, 1, 1)

    shortages = missing_to_ship({near.id: 5, far.id: 4, cup.id: 1}, [near, far, cup])

    assert shortages == [Shortage(MUG, 5, 3)]
    assert missing_to_ship({far.id: 4, cup.id: 1}, [far, cup]) == []


def test_units_return_to_where_they_came_from_first_by_priority():
    near, far = level(1, MUG, 0, priority=1), level(2, MUG, 0, priority=2)

    def places(units: int, shipped: dict[UUID, int]) -> list[Allocation]:
        return places_to_take_back({MUG: units}, [far, near], shipped)

    assert places(3, {near.id: 2, far.id: 4}) == [Allocation(near, 2), Allocation(far, 1)]
    assert places(3, {far.id: 4}) == [Allocation(far, 3)]
    assert places(9, {near.id: 2, far.id: 4}) == [Allocation(near, 5), Allocation(far, 4)]
    assert places(2, {near.id: -1}) == [Allocation(near, 2)]
    assert places_to_take_back({CUP: 1}, [far, near], {}) == []


def test_more_than_a_level_can_count_is_not_promised_ahead():
    promised = level(1, MUG, 0, 2**31 - 3, backorder=True)

    assert allocate({MUG: 2}, [promised]) == ([Allocation(promised, 2)], [])
    assert allocate({MUG: 3}, [promised]) == ([], [Shortage(MUG, 3, 0)])
