"""Take back what was shipped, all of it or some. The command is one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.actor import Actor
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.money import total
from domain.orders import policy
from domain.orders.effects import Returned, rehearsed
from domain.orders.model import NewReturnLine, Order, OrderAction, OrderLine, OrderReturn, OrderStatus, ReturnLine
from domain.orders.moves import known, locked, must_be_short, record_move
from domain.orders.ports import OrdersUnitOfWork
from domain.refusals import ErrorCode, Refusal, Refused, ReturnExceeds, bad_input, not_found


async def return_order(
    uow: OrdersUnitOfWork,
    actor: Actor,
    order_id: UUID,
    lines: Sequence[NewReturnLine] | None = None,
    *,
    restock: bool = True,
    reason: str | None = None,
    expected_version: int | None = None,
    idempotency_key: UUID | None = None,
    dry_run: bool = False,
) -> Returned:
    """Take back units of an order, or without `lines` all that have not come back, and credit their price.

    With `restock` the goods are on hand again; without it they are written off. Once every unit of every line has
    come back the order is RETURNED; before that it keeps its state and grows by one version. With `dry_run` all is
    done and then undone, the key is left alone, and the effect is told.

    Raises:
        Refused: NOT_FOUND; FORBIDDEN; VERSION_CONFLICT; ILLEGAL_TRANSITION; IDEMPOTENCY_CONFLICT; BAD_INPUT and
            RETURN_EXCEEDS for each line concerned; BAD_INPUT where a warehouse cannot count as many.
    """
    must_be_short(reason)
    if refusals := check_return(lines):
        raise Refused(*refusals)
    key = None if dry_run else idempotency_key
    async with uow:
        asked = None if lines is None else [(line.position, line.quantity) for line in lines]
        if made := await uow.claim(key, "orderReturn", (str(order_id), asked, restock, reason, expected_version)):
            return await _known(uow, made)
        order = await locked(uow, actor, OrderAction.RETURN, order_id, expected_version)
        ordered, back = await uow.orders.lines(order.id), await uow.returns.units_returned(order.id)
        taken = plan_return(ordered, back, lines)
        made_return = await _store(uow, order, taken)
        if restock:
            await _restock(uow, order, taken, reason, made_return.number)
        is_whole = all(back.get(line.position, 0) + taken.get(line, 0) >= line.quantity for line in ordered)
        after = await uow.orders.save(order.move_to(OrderStatus.RETURNED) if is_whole else order.changed())
        _record(uow, order, after, made_return, taken, reason, restock)
        await uow.settle(key, made_return.id)
        if dry_run:
            return Returned(after, None, await rehearsed(uow, actor, order, after, made_return.total))
    return Returned(after, made_return)


def check_return(lines: Sequence[NewReturnLine] | None) -> list[Refusal]:
    """Every written rule that a return breaks whatever its order, each with its field; empty if it breaks none."""
    if lines is None:
        return []
    if not lines:
        message = "A return has at least one line. Leave `lines` out to return everything."
        return [bad_input(message, "input", "lines")]
    times = Counter(line.position for line in lines)
    refusals: list[Refusal] = []
    for index, line in enumerate(lines):
        if line.quantity < 1:
            refusals.append(bad_input("At least one unit comes back.", *_path(index, "quantity")))
        if times[line.position] > 1:
            refusals.append(bad_input("A line is named once.", *_path(index, "position")))
    return refusals


def plan_return(
    ordered: Sequence[OrderLine], back: Mapping[int, int], wanted: Sequence[NewReturnLine] | None
) -> dict[OrderLine, int]:
    """The units to take back of each line, where `back` units by position have come back before.

    Raises:
        Refused: BAD_INPUT for a line that the order does not have, or where nothing is left to return;
            RETURN_EXCEEDS for a line of which less is left than is wanted.
    """
    left = {line.position: line.quantity - back.get(line.position, 0) for line in ordered}
    if wanted is None:
        wanted = [NewReturnLine(position, units) for position, units in left.items() if units > 0]
        if not wanted:
            raise Refused(bad_input(policy.NOTHING_LEFT, "input", "id"))
    if refusals := [refusal for index, line in enumerate(wanted) if (refusal := _judge(index, line, left))]:
        raise Refused(*refusals)
    by_position = {line.position: line for line in ordered}
    return {by_position[line.position]: line.quantity for line in wanted}


def _judge(index: int, line: NewReturnLine, left: Mapping[int, int]) -> Refusal | None:
    if line.position not in left:
        return bad_input(f"The order has no line {line.position}.", *_path(index, "position"))
    returnable = max(left[line.position], 0)
    if line.quantity <= returnable:
        return None
    message = f"{line.quantity} of line {line.position} were to come back, {returnable} still can."
    facts = (line.position, line.quantity, returnable)
    return ReturnExceeds(ErrorCode.RETURN_EXCEEDS, message, _path(index, "quantity"), *facts)


async def _known(uow: OrdersUnitOfWork, return_id: UUID) -> Returned:
    made = await uow.returns.get(return_id)
    if made is None or made.order_id is None:
        raise Refused(not_found("return", "input", "idempotencyKey"))
    return Returned(await known(uow, made.order_id), made)


async def _store(uow: OrdersUnitOfWork, order: Order, taken: Mapping[OrderLine, int]) -> OrderReturn:
    credited = total((line.unit_price.times(units) for line, units in taken.items()), order.total.currency_code)
    made = await uow.returns.add(order, credited)
    await uow.returns.add_lines(
        [
            ReturnLine(
                made.id,
                position,
                order.id,
                line.position,
                line.variant_id,
                line.description,
                units,
                line.unit_price,
            )
            for position, (line, units) in enumerate(taken.items(), start=1)
        ]
    )
    return made


async def _restock(
    uow: OrdersUnitOfWork, order: Order, taken: Mapping[OrderLine, int], reason: str | None, number: str
) -> None:
    units: Counter[UUID] = Counter()
    for line, quantity in taken.items():
        units[line.variant_id] += quantity
    # Services among them are passed over by the guard: they lie nowhere.
    await uow.stock.take_back(order.id, units, reason, number)


def _record(
    uow: OrdersUnitOfWork,
    before: Order,
    after: Order,
    made: OrderReturn,
    taken: Mapping[OrderLine, int],
    reason: str | None,
    restock: bool,
) -> None:
    """One event for each version: the order came back, or some of its lines did."""
    if after.status is not before.status:
        record_move(uow, after, before.status, reason)
        return
    payload = {
        "number": after.number,
        "return": made.number,
        "reason": reason,
        "restocked": restock,
        "lines": [{"position": line.position, "quantity": units} for line, units in taken.items()],
    }
    uow.record(NewEvent(EventKind.ORDER_LINES_RETURNED, AggregateType.ORDER, after.id, after.version, payload))


def _path(index: int, name: str) -> tuple[str, ...]:
    return ("input", "lines", str(index), name)
