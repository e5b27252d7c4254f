"""The closed sets of orders, described."""

from domain.orders.model import OrderAction, OrderStatus
from graph.enums import register

__all__ = ["OrderAction", "OrderStatus"]

register(
    OrderStatus,
    "Where an order stands.",
    {
        OrderStatus.PENDING: "Placed; its goods are reserved; it waits for approval.",
        OrderStatus.APPROVED: "Accepted; its goods stay reserved until they ship.",
        OrderStatus.REJECTED: "Turned down; its goods are free again.",
        OrderStatus.SHIPPED: "On its way; its goods have left the warehouse.",
        OrderStatus.DELIVERED: "With the customer.",
        OrderStatus.CANCELLED: "Called off before it shipped; its goods are free again.",
        OrderStatus.RETURNED: "Sent back by the customer.",
    },
)

register(
    OrderAction,
    "What can be done to an order.",
    {
        OrderAction.APPROVE: "Accept it.",
        OrderAction.REJECT: "Turn it down.",
        OrderAction.SHIP: "Send its goods.",
        OrderAction.DELIVER: "Note that it has arrived.",
        OrderAction.CANCEL: "Call it off.",
        OrderAction.RETURN: "Take it back, all of it or some.",
    },
)
