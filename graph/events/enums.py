"""The kinds of events and what they speak of, in the schema."""

from domain.events.model import AggregateType, EventKind
from graph.enums import register

__all__ = ["AggregateType", "EventKind"]

register(
    AggregateType,
    "What an event speaks of.",
    {
        AggregateType.ORDER: "An order.",
        AggregateType.STOCK_LEVEL: "The stock of a variant in a warehouse.",
        AggregateType.USER: "A user.",
        AggregateType.IMPORT: "An import of a file.",
    },
)

register(
    EventKind,
    "What happened.",
    {
        EventKind.ORDER_STATUS_CHANGED: "An order was placed or went from one state to another.",
        EventKind.ORDER_LINES_RETURNED: "A part of an order came back, and the rest did not.",
        EventKind.STOCK_CHANGED: "Units on hand or reserved changed; `payload` tells by which movement.",
        EventKind.STOCK_LOW: "The available units sank to the reorder point or below.",
        EventKind.REORDER_POINT_CHANGED: "A reorder point was set.",
        EventKind.USER_REGISTERED: "A user registered or was created.",
        EventKind.IMPORT_COMPLETED: "A file was imported.",
    },
)
