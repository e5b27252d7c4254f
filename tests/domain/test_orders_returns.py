"""Returns and bulk requests without a database: what a request may ask for, and how much of a line is left."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.orders.bulk import check_bulk
from domain.orders.model import NewReturnLine, OrderLine
from domain.orders.returns import check_return, plan_return
from domain.refusals import ErrorCode, Refused, ReturnExceeds

ORDER, VARIANT = UUID(int=1), UUID(int=2)
LINES = [
    OrderLine(ORDER, position, VARIANT, None, quantity, Money(Decimal("2.50"), "GBP"))
    for position, quantity in ((1, 5), (2, 2))
]
units = st.integers(0, 5)


def refusals(back: dict[int, int], *wanted: tuple[int, int]) -> list[tuple[ErrorCode, tuple[str, ...] | None]]:
    with pytest.raises(Refused) as caught:
        plan_return(LINES, back, [NewReturnLine(*each) for each in wanted])
    return [(refusal.code, refusal.field) for refusal in caught.value.refusals]


def test_without_lines_everything_that_is_left_comes_back():
    assert plan_return(LINES, {}, None) == {LINES[0]: 5, LINES[1]: 2}
    assert plan_return(LINES, {1: 3, 2: 2}, None) == {LINES[0]: 2}


def test_where_nothing_is_left_there_is_nothing_to_return():
    with pytest.raises(Refused) as caught:
        plan_return(LINES, {1: 5, 2: 2}, None)

    assert [refusal.code for refusal in caught.value.refusals] == [ErrorCode.BAD_INPUT]


def test_each_line_that_asks_for_too_much_is_named():
    place = ("input", "lines")

    assert refusals({1: 4}, (1, 2), (2, 1)) == [(ErrorCode.RETURN_EXCEEDS, (*place, "0", "quantity"))]
    assert refusals({}, (3, 1), (2, 3)) == [
        (ErrorCode.BAD_INPUT, (*place, "0", "position")),
        (ErrorCode.RETURN_EXCEEDS, (*place, "1", "quantity")),
    ]


def test_a_line_of_which_more_was_imported_back_than_sold_has_nothing_left():
    with pytest.raises(Refused) as caught:
        plan_return(LINES, {1: 9}, [NewReturnLine(1, 1)])

    message, path = "1 of line 1 were to come back, 0 still can.", ("input", "lines", "0", "quantity")
    assert caught.value.refusals == (ReturnExceeds(ErrorCode.RETURN_EXCEEDS, message, path, 1, 1, 0),)


@given(units, st.integers(0, 2), st.integers(1, 6), st.integers(1, 3))
def test_never_more_comes_back_than_was_ordered(first: int, second: int, wanted: int, other: int):
    back = {1: first, 2: second}

    try:
        taken = plan_return(LINES, back, [NewReturnLine(1, wanted), NewReturnLine(2, other)])
    except Refused:
        assert first + wanted > 5 or second + other > 2
    else:
        assert {line.position: units for line, units in taken.items()} == {1: wanted, 2: other}
        assert all(back[line.position] + units <= line.quantity for line, units in taken.items())


def test_a_return_names_each_line_once_and_at_least_one_unit():
    assert check_return(None) == []
    assert check_return([NewReturnLine(1, 1), NewReturnLine(2, 1)]) == []
    wrong = check_return([NewReturnLine(1, 0), NewReturnLine(2, -1), NewReturnLine(1, 1)])

    assert [refusal.field for refusal in check_return([])] == [("input", "lines")]
    assert [refusal.field[2:] for refusal in wrong if refusal.field] == [
        ("0", "quantity"),
        ("0", "position"),
        ("1", "quantity"),
        ("2", "position"),
    ]


def test_a_bulk_request_names_one_to_a_hundred_orders_each_once():
    keys = [UUID(int=number) for number in range(101)]

    assert check_bulk(keys[:1]) == check_bulk(keys[:100]) == []
    assert [refusal.field for refusal in check_bulk([])] == [("input", "ids")]
    assert [refusal.field for refusal in check_bulk(keys)] == [("input", "ids")]
    twice = check_bulk([keys[0], keys[1], keys[0]])
    assert [refusal.field for refusal in twice] == [("input", "ids", "0"), ("input", "ids", "2")]
