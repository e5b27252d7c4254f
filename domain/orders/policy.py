"""Who may place, see and move orders."""

from domain.actor import Actor, Scope
from domain.orders.model import MOVES, TARGETS, AllowedAction, Order, OrderAction, OrderStatus
from domain.refusals import Refused, forbidden, unauthenticated

REQUIRED_SCOPE = {
    OrderAction.APPROVE: Scope.ORDERS_APPROVE,
    OrderAction.REJECT: Scope.ORDERS_APPROVE,
    OrderAction.SHIP: Scope.ORDERS_WRITE,
    OrderAction.DELIVER: Scope.ORDERS_WRITE,
    OrderAction.CANCEL: Scope.ORDERS_WRITE,
    OrderAction.RETURN: Scope.ORDERS_WRITE,
}


NOTHING_LEFT = "Everything of this order has come back already."


def must_place(actor: Actor) -> None:
    """Anybody who has signed in may place an order for themselves."""
    if not actor.is_signed_in and not actor.is_admin:
        raise Refused(unauthenticated())


def must_place_for_others(actor: Actor) -> None:
    """Placing an order in a customer's name takes the right to write orders."""
    if not actor.has(Scope.ORDERS_WRITE):
        raise Refused(forbidden("place an order for another customer"))


def must_watch(actor: Actor) -> None:
    """Watching every order takes the right to read them all."""
    if not actor.is_signed_in:
        raise Refused(unauthenticated())
    if not actor.has(Scope.ORDERS_READ):
        raise Refused(forbidden("watch orders"))


def may(actor: Actor, action: OrderAction, order: Order) -> bool:
    """Whether the actor holds the right to take an action, whatever the state of the order.

    Whoever placed an order may cancel it while it is pending.
    """
    if action is OrderAction.CANCEL and order.status is OrderStatus.PENDING and _is_own(actor, order):
        return True
    return actor.has(REQUIRED_SCOPE[action])


def must(actor: Actor, action: OrderAction, order: Order) -> None:
    """Refuse an actor without the right to take the action."""
    if not may(actor, action, order):
        raise Refused(forbidden(f"{action.lower()} this order"))


def allowed_actions(actor: Actor, order: Order, units_left: int | None = None) -> list[AllowedAction]:
    """Each action with whether this actor can take it now and, if not, why.

    `units_left` are those that have not come back; they count only where `may_come_back`.
    """
    return [_judge(actor, order, action, units_left) for action in OrderAction]


def may_come_back(actor: Actor, order: Order) -> bool:
    """Whether the state of the order and the rights of the actor allow a return, if anything is left to return."""
    return OrderStatus.RETURNED in MOVES[order.status] and may(actor, OrderAction.RETURN, order)


def _judge(actor: Actor, order: Order, action: OrderAction, units_left: int | None) -> AllowedAction:
    if TARGETS[action] not in MOVES[order.status]:
        return AllowedAction(action, False, f"The order is {order.status}.")
    if not may(actor, action, order):
        return AllowedAction(action, False, f"This needs the scope {REQUIRED_SCOPE[action]}.")
    if action is OrderAction.RETURN and units_left == 0:
        return AllowedAction(action, False, NOTHING_LEFT)
    return AllowedAction(action, True, None)


def _is_own(actor: Actor, order: Order) -> bool:
    return actor.user_id is not None and order.placed_by == actor.user_id
