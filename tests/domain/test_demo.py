"""The demo shop is the same each time, plausible, and true to every rule of stock, orders and events."""

import re
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from uuid import UUID

import pytest
from support.measuring import unmeasured

from domain.catalog.model import VariantKind
from domain.demo.dice import Dice
from domain.demo.shop import DAYS, ORDERS, SEED, DemoShop, make_shop
from domain.demo.timeline import Timeline
from domain.events.model import AggregateType, EventKind
from domain.inventory.model import MovementKind, StockMovement
from domain.orders.model import MOVES, NOTES_MAX, OrderStatus
from domain.users.model import check_registration

TODAY = datetime(2026, 11, 21, 10, 5, 30, 123456, UTC)

# Another seed, another day of the week, midnight, a leap day, and a clock that is not in UTC.
MOMENTS = {
    SEED: TODAY,
    1: datetime(2027, 1, 1, tzinfo=UTC),
    2: datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC),
    3: datetime(2026, 10, 26, 1, 30, tzinfo=timezone(timedelta(hours=-7))),
}


@pytest.fixture(scope="module")
def usual() -> DemoShop:
    """The shop of today with the seed that everybody gets; making one takes seconds."""
    return make_shop(TODAY)


@pytest.fixture(scope="module", autouse=True)
def _unmeasured(usual: DemoShop) -> Generator[None]:
    """The other shops are made by the same lines."""
    with unmeasured():
        yield


@pytest.fixture(scope="module", params=MOMENTS.items(), ids=lambda param: f"seed {param[0]}")
def played(request: pytest.FixtureRequest, usual: DemoShop) -> tuple[DemoShop, datetime]:
    seed, today = request.param
    return usual if (seed, today) == (SEED, TODAY) else make_shop(today, seed), today


@pytest.fixture(scope="module")
def shop(played: tuple[DemoShop, datetime]) -> DemoShop:
    return played[0]


def test_same_seed_and_moment_make_the_same_shop_in_whatever_time_zone(usual: DemoShop):
    assert make_shop(TODAY.astimezone(timezone(timedelta(hours=9))), SEED) == usual


def test_another_seed_makes_another_shop(usual: DemoShop):
    assert make_shop(TODAY, 1).orders != usual.orders


def test_shop_has_the_promised_size(shop: DemoShop):
    assert len(shop.orders) == ORDERS == 2000
    assert (len(shop.products), len(shop.variants)) == (122, 301)
    assert (len(shop.users), len(shop.customers), len(shop.warehouses)) == (12, 250, 3)
    assert [each.code for each in shop.warehouses] == ["LON", "LEE", "BRI"]
    assert set(Counter(line.order_id for line in shop.lines).values()) == {1, 2, 3, 4, 5, 6}


def test_orders_are_in_all_states_and_few_are_open(shop: DemoShop):
    states = Counter(order.status for order in shop.orders)

    assert set(states) == set(OrderStatus)
    assert min(states.values()) >= 10
    assert states[OrderStatus.PENDING] + states[OrderStatus.APPROVED] < 200
    assert states[OrderStatus.DELIVERED] > 1400


def test_nothing_lies_in_the_future(played: tuple[DemoShop, datetime]):
    shop, today = played
    moments = [
        *(each.created_at for each in (*shop.users, *shop.customers, *shop.products, *shop.variants)),
        *(user.last_login_at for user in shop.users if user.last_login_at),
        *(order.updated_at for order in shop.orders),
        *(each.returned_at for each in shop.returns),
        *(each.occurred_at for each in (*shop.movements, *shop.events)),
    ]

    assert max(moments) < today
    assert max(today - order.placed_at for order in shop.orders) < timedelta(days=DAYS + 1)


def test_pending_orders_are_recent(played: tuple[DemoShop, datetime]):
    shop, today = played
    ages = [today - order.placed_at for order in shop.orders if order.status is OrderStatus.PENDING]

    assert max(ages) < timedelta(days=6)


def test_weekends_are_quieter(shop: DemoShop):
    by_day = Counter(order.placed_at.weekday() for order in shop.orders)

    assert by_day[5] + by_day[6] < by_day[0] + by_day[1]


def test_order_numbers_follow_time(shop: DemoShop):
    in_time = sorted(shop.orders, key=attrgetter("placed_at"))

    assert [order.number for order in in_time] == [f"OW-{number:06}" for number in range(1, ORDERS + 1)]
    assert [order.id for order in in_time] == sorted(order.id for order in in_time)


def test_ids_are_unique_and_version_7(shop: DemoShop):
    things = (
        *shop.users,
        *shop.customers,
        *shop.addresses,
        *shop.products,
        *shop.variants,
        *shop.warehouses,
        *shop.levels,
        *shop.movements,
        *shop.orders,
        *shop.returns,
        *shop.events,
    )

    assert len({thing.id for thing in things}) == len(things)
    assert {(thing.id.version, thing.id.variant) for thing in things} == {(7, UUID(int=0x80 << 56).variant)}


def test_skus_are_unique_and_prices_have_two_decimals(shop: DemoShop):
    assert len({variant.sku for variant in shop.variants}) == len(shop.variants)
    assert "TEAPOT-BLU-L" in {variant.sku for variant in shop.variants}
    assert all(variant.price.amount > 0 for variant in shop.variants)
    assert {variant.price.amount.as_tuple().exponent for variant in shop.variants} == {-2}
    assert {variant.price.currency_code for variant in shop.variants} == {"GBP"}
    assert all(re.fullmatch(r"[A-Z0-9-]+", variant.sku) for variant in shop.variants)


def test_totals_are_the_sums_of_the_lines(shop: DemoShop):
    order_totals: Counter[UUID] = Counter()
    for line in shop.lines:
        order_totals[line.order_id] += line.total.amount
    return_totals: Counter[UUID] = Counter()
    for line in shop.return_lines:
        return_totals[line.return_id] += line.total.amount

    assert {order.id: order.total.amount for order in shop.orders} == order_totals
    assert {each.id: each.total.amount for each in shop.returns} == return_totals
    assert min(order.total.amount for order in shop.orders) > Decimal(0)


def test_lines_have_the_price_and_name_of_their_variant(shop: DemoShop):
    variants = {variant.id: variant for variant in shop.variants}

    for line in shop.lines:
        variant = variants[line.variant_id]
        assert (line.description, line.unit_price) == (variant.name, variant.price)
        assert line.quantity > 0


def test_orders_belong_to_customers_of_that_time(shop: DemoShop):
    customers = {customer.id: customer for customer in shop.customers}
    countries = defaultdict(set)
    for address in shop.addresses:
        countries[address.customer_id].add(address.country)

    for order in shop.orders:
        customer = customers[order.customer_id]
        assert customer.created_at <= order.placed_at
        assert order.placed_by == customer.user_id
        assert order.country in countries[customer.id]
        assert len(order.notes or "") <= NOTES_MAX
    assert {customer.user_id for customer in shop.customers if customer.user_id} == {user.id for user in shop.users}
    assert 100 < sum(order.notes is not None for order in shop.orders) < 400


def test_users_keep_the_rules_of_registration(shop: DemoShop):
    assert [check_registration(user.username, user.email, "secret 123") for user in shop.users] == [[]] * 12
    assert not any(user.is_admin or user.scopes for user in shop.users)
    assert len({user.username.lower() for user in shop.users}) == 12


def test_users_step_aside_for_taken_names():
    shop = make_shop(TODAY, taken={"amelia", "priya@example.com", "niamh", "niamh2"})

    assert {"amelia2", "priya2", "niamh3"} < {user.username for user in shop.users}
    assert not {"amelia", "priya", "niamh", "niamh2"} & {user.username for user in shop.users}


def test_emails_and_references_of_customers_are_unique(shop: DemoShop):
    emails = [customer.email for customer in shop.customers if customer.email]

    assert len(set(emails)) == len(emails) > 200
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.(com|org)", email) for email in emails)
    assert [customer.reference for customer in shop.customers][::249] == ["C-0001", "C-0250"]


def test_movements_are_one_chain_per_level(shop: DemoShop):
    levels = {(level.variant_id, level.warehouse_id): level for level in shop.levels}
    chains = _chains(shop)

    assert chains.keys() == levels.keys()
    for key, chain in chains.items():
        first, last = chain[0], chain[-1]
        assert (first.kind, first.on_hand_before, first.reserved_before) == (MovementKind.OPENING, 0, 0)
        for before, after in pairwise(chain):
            assert (before.on_hand_after, before.reserved_after) == (
                after.on_hand_before,
                after.reserved_before,
            )
        assert (last.on_hand_after, last.reserved_after) == (levels[key].on_hand, levels[key].reserved)


def test_movements_say_what_changed(shop: DemoShop):
    for each in shop.movements:
        on_hand = each.on_hand_after - each.on_hand_before
        reserved = each.reserved_after - each.reserved_before
        match each.kind:
            case MovementKind.RESERVATION:
                assert each.quantity == reserved > 0 == on_hand
            case MovementKind.RELEASE:
                assert each.quantity == reserved < 0 == on_hand
            case MovementKind.SHIPMENT:
                assert each.quantity == on_hand == reserved < 0
            case MovementKind.WRITE_OFF:
                assert each.quantity == on_hand < 0 == reserved
                assert each.reason
            case MovementKind.ADJUSTMENT:
                assert each.quantity == on_hand != 0 == reserved
                assert each.reason
            case _:
                assert each.quantity == on_hand > 0 == reserved
    assert {each.kind for each in shop.movements} == set(MovementKind) - {MovementKind.TRANSFER}


def test_nothing_is_ever_oversold(shop: DemoShop):
    promised = {variant.id for variant in shop.variants if variant.allow_backorder}

    assert len(promised) == 1
    for each in shop.movements:
        assert each.on_hand_after >= 0
        assert each.reserved_after >= 0
        assert each.reserved_after <= each.on_hand_after or each.variant_id in promised


def test_open_orders_alone_hold_reservations_and_these_add_up(shop: DemoShop):
    goods = {variant.id for variant in shop.variants if variant.kind is VariantKind.GOODS}
    level_variants = {level.id: level.variant_id for level in shop.levels}
    open_orders = {order.id for order in shop.orders if order.status in {OrderStatus.PENDING, OrderStatus.APPROVED}}
    demand: Counter[tuple[UUID, UUID]] = Counter()
    for line in shop.lines:
        if line.order_id in open_orders and line.variant_id in goods:
            demand[line.order_id, line.variant_id] += line.quantity
    held: Counter[tuple[UUID, UUID]] = Counter()
    by_level: Counter[UUID] = Counter()
    for reservation in shop.reservations:
        held[reservation.order_id, level_variants[reservation.level_id]] += reservation.quantity
        by_level[reservation.level_id] += reservation.quantity

    assert held == demand
    assert {level.id: level.reserved for level in shop.levels if level.reserved} == by_level


def test_shelves_have_something_to_tell(shop: DemoShop):
    low = [level for level in shop.levels if level.available <= level.reorder_point]

    assert 10 <= len(low) <= len(shop.levels) // 4
    assert any(level.on_hand == 0 for level in shop.levels)
    assert any(level.available < 0 for level in shop.levels)


def test_services_have_no_stock(shop: DemoShop):
    services = {variant.id for variant in shop.variants if variant.kind is VariantKind.SERVICE}

    assert len(services) == 3
    assert not services & {level.variant_id for level in shop.levels}
    assert services & {line.variant_id for line in shop.lines}
    assert not services & {line.variant_id for line in shop.return_lines}


def test_returns_name_lines_of_returned_orders(shop: DemoShop):
    lines = {(line.order_id, line.position): line for line in shop.lines}
    returned = [order.id for order in shop.orders if order.status is OrderStatus.RETURNED]

    assert sorted(each.order_id for each in shop.returns) == sorted(returned)
    assert [each.number for each in shop.returns] == [f"RT-{n:06}" for n in range(1, len(returned) + 1)]
    assert shop.returns == sorted(shop.returns, key=attrgetter("returned_at"))
    for line in shop.return_lines:
        ordered = lines[line.order_id, line.order_line_position]
        assert (line.variant_id, line.unit_price) == (ordered.variant_id, ordered.unit_price)
        assert line.quantity <= ordered.quantity
    back = sum(each.quantity for each in shop.movements if each.kind is MovementKind.RETURN)
    assert back == sum(line.quantity for line in shop.return_lines)


def test_events_tell_the_whole_life_of_each_order(shop: DemoShop):
    told = defaultdict(list)
    for event in shop.events:
        if event.aggregate_type is AggregateType.ORDER:
            told[event.aggregate_id].append(event)

    for order in shop.orders:
        events = told[order.id]
        states = [event.payload["to"] for event in events]
        assert [event.sequence for event in events] == list(range(1, order.version + 1))
        assert [event.payload["from"] for event in events] == [None, *states[:-1]]
        assert states[0] == OrderStatus.PENDING
        assert all(after in MOVES[before] for before, after in pairwise(states))
        assert {event.payload["number"] for event in events} == {order.number}
        assert {event.payload["customer_id"] for event in events} == {str(order.customer_id)}
        sums = {(event.payload["total"], event.payload["currency"]) for event in events}
        assert sums == {(str(order.total.amount), order.total.currency_code)}
        assert (states[-1], events[-1].occurred_at) == (order.status, order.updated_at)
        assert events[0].occurred_at == order.placed_at
        approved = [event.occurred_at for event in events if event.payload["to"] == OrderStatus.APPROVED]
        assert shop.approvals.get(order.id) == (approved[0] if approved else None)


def test_events_are_in_order_and_users_are_registered_first(shop: DemoShop):
    moments = [event.occurred_at for event in shop.events]
    registered = [event for event in shop.events if event.kind is EventKind.USER_REGISTERED]

    assert moments == sorted(moments)
    assert [event.position for event in shop.events] == list(range(1, len(shop.events) + 1))
    assert [event.aggregate_id for event in registered] == [user.id for user in shop.users]
    assert registered == shop.events[:12]


def test_ids_of_one_moment_differ_and_those_of_later_ones_are_greater():
    dice = Dice(1)
    tick = timedelta(microseconds=1)

    ids = [dice.id(TODAY + number * tick) for number in range(2000)]

    assert ids == sorted(ids)
    assert dice.id(TODAY) != dice.id(TODAY)


def test_timeline_gives_each_act_its_own_moment_and_stops_at_the_end():
    happened: list[tuple[str, datetime]] = []
    timeline = Timeline(TODAY)
    start = TODAY - timedelta(days=1)

    for moment, name in ((TODAY, "never"), (start, "first"), (start, "second")):
        timeline.plan(moment, lambda at, name=name: happened.append((name, at)))
    timeline.run()

    assert happened == [("first", start), ("second", start + timedelta(microseconds=1))]


def _chains(shop: DemoShop) -> dict[tuple[UUID, UUID], Sequence[StockMovement]]:
    chains = defaultdict(list)
    for each in sorted(shop.movements, key=attrgetter("occurred_at", "id")):
        chains[each.variant_id, each.warehouse_id].append(each)
    return chains
