"""Place orders. What moves them on stands in domain/orders/moves.py and domain/orders/returns.py."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from domain.actor import Actor
from domain.catalog.model import Variant, VariantKind
from domain.inventory.model import Shortage
from domain.money import total
from domain.orders import policy
from domain.orders.model import (
    COUNTRY_MAX,
    NOTES_MAX,
    NewLine,
    Offer,
    Order,
    OrderLine,
)
from domain.orders.moves import known, record_move
from domain.orders.ports import OrdersUnitOfWork
from domain.refusals import (
    ErrorCode,
    InsufficientStock,
    Refusal,
    Refused,
    UnknownSku,
    bad_input,
    not_found,
    unauthenticated,
)

LINES_MAX = 100


async def place_order(
    uow: OrdersUnitOfWork,
    actor: Actor,
    lines: Sequence[NewLine],
    *,
    notes: str | None = None,
    country: str | None = None,
    customer_id: UUID | None = None,
    idempotency_key: UUID | None = None,
    max_quantity: int = 100,
) -> Order:
    """Place an order and reserve its goods, all or nothing.

    Raises:
        Refused: UNAUTHENTICATED; FORBIDDEN for another customer without the right; BAD_INPUT, UNKNOWN_SKU and
            INSUFFICIENT_STOCK, each for every line or SKU concerned; MIXED_CURRENCIES; IDEMPOTENCY_CONFLICT.
    """
    policy.must_place(actor)
    if customer_id is not None:
        policy.must_place_for_others(actor)
    if refusals := check_order(lines, notes, country, max_quantity):
        raise Refused(*refusals)
    async with uow:
        request = (str(customer_id), notes, country, [(line.sku, line.quantity) for line in lines])
        if made := await uow.claim(idempotency_key, "orderPlace", request):
            return await known(uow, made)
        offer = await uow.offers.make({line.sku for line in lines}, customer_id, actor.user_id)
        buyer = offer.customer_id or await _new_customer(uow, actor, customer_id)
        variants = _variants(lines, offer)
        amounts = [variant.price.times(line.quantity) for line, variant in zip(lines, variants, strict=True)]
        price = total(amounts, variants[0].price.currency_code)
        order = await uow.orders.add(offer.number, buyer, actor.user_id, price, country, notes)
        await _store_lines(uow, order, lines, variants)
        await _reserve(uow, order, lines, variants, offer)
        record_move(uow, order, None)
        await uow.settle(idempotency_key, order.id)
    return order


def check_order(lines: Sequence[NewLine], notes: str | None, country: str | None, max_quantity: int) -> list[Refusal]:
    """Every written rule that a new order breaks, each with its field; empty if it breaks none."""
    refusals: list[Refusal] = []
    if not 1 <= len(lines) <= LINES_MAX:
        refusals.append(bad_input(f"An order has 1 to {LINES_MAX} lines.", "input", "lines"))
    for index, line in enumerate(lines):
        if not 1 <= line.quantity <= max_quantity:
            path = ("input", "lines", str(index), "quantity")
            refusals.append(bad_input(f"A line has 1 to {max_quantity} units.", *path))
    if notes is not None and len(notes) > NOTES_MAX:
        refusals.append(bad_input(f"Notes have at most {NOTES_MAX} characters.", "input", "notes"))
    if country is not None and (not country.strip() or len(country) > COUNTRY_MAX):
        refusals.append(bad_input(f"A country has 1 to {COUNTRY_MAX} characters.", "input", "country"))
    return refusals


async def _new_customer(uow: OrdersUnitOfWork, actor: Actor, customer_id: UUID | None) -> UUID:
    """The key of the customer that a user becomes by the first order."""
    if customer_id is not None:
        raise Refused(not_found("customer", "input", "customerId"))
    if actor.user_id is None:
        raise Refused(bad_input("Say for which customer.", "input", "customerId"))
    user = await uow.users.get(actor.user_id)
    if user is None:
        raise Refused(unauthenticated())
    return (await uow.customers.of_user(user)).id


def _variants(lines: Sequence[NewLine], offer: Offer) -> list[Variant]:
    """The variant of each line."""
    unknown = [
        UnknownSku(ErrorCode.UNKNOWN_SKU, f"No variant has the SKU {line.sku}.", _line_path(index, "sku"), line.sku)
        for index, line in enumerate(lines)
        if line.sku not in offer.variants
    ]
    if unknown:
        raise Refused(*unknown)
    variants = [offer.variants[line.sku] for line in lines]
    if len({variant.price.currency_code for variant in variants}) > 1:
        message = "The lines of one order are in one currency."
        raise Refused(Refusal(ErrorCode.MIXED_CURRENCIES, message, ("input", "lines")))
    return variants


async def _store_lines(
    uow: OrdersUnitOfWork, order: Order, lines: Sequence[NewLine], variants: Sequence[Variant]
) -> None:
    await uow.orders.add_lines(
        [
            OrderLine(order.id, position, variant.id, variant.name, line.quantity, variant.price)
            for position, (line, variant) in enumerate(zip(lines, variants, strict=True), start=1)
        ]
    )


async def _reserve(
    uow: OrdersUnitOfWork, order: Order, lines: Sequence[NewLine], variants: Sequence[Variant], offer: Offer
) -> None:
    demand: Counter[UUID] = Counter()
    for line, variant in zip(lines, variants, strict=True):
        if variant.kind is VariantKind.GOODS:
            demand[variant.id] += line.quantity
    if shortages := await uow.stock.reserve(order.id, demand, offer.levels):
        raise Refused(*_shortage_refusals(shortages, variants))


def _shortage_refusals(shortages: Sequence[Shortage], variants: Sequence[Variant]) -> list[Refusal]:
    positions = {variant.id: index for index, variant in reversed(list(enumerate(variants)))}
    refusals: list[Refusal] = []
    for shortage in sorted(shortages, key=lambda each: positions[each.variant_id]):
        index = positions[shortage.variant_id]
        sku = variants[index].sku
        message = f"{shortage.requested} of {sku} were asked for, {shortage.available} are available."
        path = _line_path(index, "quantity")
        refusals.append(
            InsufficientStock(ErrorCode.INSUFFICIENT_STOCK, message, path, sku, shortage.requested, shortage.available)
        )
    return refusals


def _line_path(index: int, name: str) -> tuple[str, ...]:
    return ("input", "lines", str(index), name)
