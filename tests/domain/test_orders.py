"""Orders without a database: the table of moves, who may do what, and the written rules of a new order."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actor import Actor, Scope
from domain.money import Money, total
from domain.orders import policy
from domain.orders.commands import check_order
from domain.orders.model import MOVES, TARGETS, NewLine, Order, OrderAction, OrderLine, OrderStatus
from domain.refusals import ErrorCode, IllegalTransition, Refused, VersionConflict

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
OWNER = Actor(UUID(int=1), "owner")
ORDER = Order(
    UUID(int=9), "A1", None, OWNER.user_id, OrderStatus.PENDING, Money(Decimal(5), "GBP"), None, None, 1, MOMENT, MOMENT
)

LEGAL = {
    ("PENDING", "APPROVED"),
    ("PENDING", "REJECTED"),
    ("PENDING", "CANCELLED"),
    ("APPROVED", "SHIPPED"),
    ("APPROVED", "CANCELLED"),
    ("SHIPPED", "DELIVERED"),
    ("SHIPPED", "RETURNED"),
    ("DELIVERED", "RETURNED"),
}

actors = st.builds(
    Actor,
    user_id=st.sampled_from([None, UUID(int=1), UUID(int=2)]),
    is_admin=st.booleans(),
    scopes=st.frozensets(st.sampled_from(list(Scope))),
)
orders = st.builds(
    lambda status, placed_by: replace(ORDER, status=status, placed_by=placed_by),
    st.sampled_from(OrderStatus),
    st.sampled_from([None, UUID(int=1), UUID(int=2)]),
)


def test_the_table_of_moves_is_that_of_the_design():
    assert {(before, after) for before, targets in MOVES.items() for after in targets} == LEGAL
    assert set(MOVES) == set(OrderStatus)
    assert set(TARGETS) == set(OrderAction)


@pytest.mark.parametrize("before", OrderStatus)
@pytest.mark.parametrize("after", OrderStatus)
def test_an_order_moves_along_the_table_and_grows_by_one_version(before: OrderStatus, after: OrderStatus):
    order = replace(ORDER, status=before, version=4)

    if (before, after) in LEGAL:
        assert order.move_to(after) == replace(order, status=after, version=5)
        return
    with pytest.raises(Refused) as caught:
        order.move_to(after)
    message = f"Order A1 is {before} and cannot become {after}."
    path = ("input", "id")
    assert caught.value.refusals == (
        IllegalTransition(ErrorCode.ILLEGAL_TRANSITION, message, path, before, after, tuple(MOVES[before])),
    )


def test_another_version_than_expected_is_refused():
    ORDER.must_be_version(None)
    ORDER.must_be_version(1)

    with pytest.raises(Refused) as caught:
        ORDER.must_be_version(0)

    message = "Order A1 is at version 1, not 0. Read it again."
    path = ("input", "expectedVersion")
    assert caught.value.refusals == (VersionConflict(ErrorCode.VERSION_CONFLICT, message, path, 1),)


@given(actors, orders)
def test_what_is_offered_is_what_is_done(actor: Actor, order: Order):
    for offer in policy.allowed_actions(actor, order):
        try:
            policy.must(actor, offer.action, order)
            moved = order.move_to(TARGETS[offer.action])
        except Refused:
            assert not offer.allowed
            assert offer.reason
        else:
            assert (offer.allowed, offer.reason) == (True, None)
            assert moved.status == TARGETS[offer.action]


@given(actors, orders)
def test_every_action_is_offered_once(actor: Actor, order: Order):
    assert [offer.action for offer in policy.allowed_actions(actor, order)] == list(OrderAction)


@pytest.mark.parametrize(
    ("actor", "status", "allowed"),
    [
        (OWNER, OrderStatus.PENDING, {OrderAction.CANCEL}),
        (OWNER, OrderStatus.APPROVED, set()),
        (Actor(UUID(int=2)), OrderStatus.PENDING, set()),
        (Actor(), OrderStatus.PENDING, set()),
        (Actor.system(), OrderStatus.PENDING, {OrderAction.APPROVE, OrderAction.REJECT, OrderAction.CANCEL}),
        (Actor.system(), OrderStatus.APPROVED, {OrderAction.SHIP, OrderAction.CANCEL}),
        (Actor.system(), OrderStatus.SHIPPED, {OrderAction.DELIVER, OrderAction.RETURN}),
        (Actor.system(), OrderStatus.DELIVERED, {OrderAction.RETURN}),
        (Actor.system(), OrderStatus.RETURNED, set()),
        (
            Actor(UUID(int=2), scopes=frozenset({Scope.ORDERS_APPROVE})),
            OrderStatus.PENDING,
            {OrderAction.APPROVE, OrderAction.REJECT},
        ),
        (
            Actor(UUID(int=2), scopes=frozenset({Scope.ORDERS_WRITE})),
            OrderStatus.APPROVED,
            {OrderAction.SHIP, OrderAction.CANCEL},
        ),
    ],
)
def test_who_may_do_what(actor: Actor, status: OrderStatus, allowed: set[OrderAction]):
    offers = policy.allowed_actions(actor, replace(ORDER, status=status))

    assert {offer.action for offer in offers if offer.allowed} == allowed


def test_an_order_that_nobody_placed_belongs_to_nobody():
    assert not policy.may(Actor.anonymous(), OrderAction.CANCEL, replace(ORDER, placed_by=None))


def test_watching_and_placing_take_their_rights():
    policy.must_place(OWNER)
    policy.must_place(Actor.system())
    policy.must_place_for_others(Actor(UUID(int=2), scopes=frozenset({Scope.ORDERS_WRITE})))
    policy.must_watch(Actor(UUID(int=2), scopes=frozenset({Scope.ORDERS_READ})))

    for check, actor, code in (
        (policy.must_place, Actor.anonymous(), ErrorCode.UNAUTHENTICATED),
        (policy.must_place_for_others, OWNER, ErrorCode.FORBIDDEN),
        (policy.must_watch, Actor.anonymous(), ErrorCode.UNAUTHENTICATED),
        (policy.must_watch, OWNER, ErrorCode.FORBIDDEN),
    ):
        with pytest.raises(Refused) as caught:
            check(actor)
        assert [refusal.code for refusal in caught.value.refusals] == [code]


def test_every_broken_rule_of_an_order_is_named():
    lines = [NewLine("MUG", 0), NewLine("MUG", 5), NewLine("MUG", 6)]

    refusals = check_order(lines, "n" * 1001, " ", 5)

    assert [refusal.field for refusal in refusals] == [
        ("input", "lines", "0", "quantity"),
        ("input", "lines", "2", "quantity"),
        ("input", "notes"),
        ("input", "country"),
    ]
    assert {refusal.code for refusal in refusals} == {ErrorCode.BAD_INPUT}


@pytest.mark.parametrize(
    ("country", "refused"),
    [(None, False), ("", True), ("\t", True), ("Norway", False), ("x" * 60, False), ("x" * 61, True)],
)
def test_a_country_is_named_or_left_out(country: str | None, refused: bool):
    assert bool(check_order([NewLine("MUG", 1)], None, country, 1)) is refused


@pytest.mark.parametrize(("count", "refused"), [(0, True), (1, False), (100, False), (101, True)])
def test_an_order_has_one_to_a_hundred_lines(count: int, refused: bool):
    assert bool(check_order([NewLine("MUG", 1)] * count, None, None, 1)) is refused


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=0, max_value=10**6)


@given(st.lists(st.tuples(amounts, st.integers(1, 1000)), max_size=20))
def test_totals_are_exact_to_the_last_decimal(lines: list[tuple[Decimal, int]]):
    order = [OrderLine(ORDER.id, 1, ORDER.id, None, quantity, Money(price, "GBP")) for price, quantity in lines]

    summed = total((line.total for line in order), "GBP")

    units = sum(int(price * 10_000) * quantity for price, quantity in lines)
    assert summed == Money(Decimal(units) / 10_000, "GBP")
