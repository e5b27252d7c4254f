"""What the mutations of orders take."""

from typing import Any
from uuid import UUID

import strawberry

from graph.inputs import DRY_RUN, EXPECTED_VERSION, IDEMPOTENCY_KEY

REASON: Any = strawberry.field(default=None, description="Why; kept in the history. At most 1000 characters.")
ORDER_IDS: Any = strawberry.field(description="1 to 100 orders, each named once.")
BULK_KEY: Any = strawberry.field(
    default=None,
    description="A UUID of your making: a second request with it does nothing more to the orders that were done.",
)


@strawberry.input(description="One line of a new order.")
class OrderLineInput:
    """What is wanted, and how much of it."""

    sku: str = strawberry.field(description="The SKU of the variant. Case matters.")
    quantity: int = strawberry.field(description="Units; 1 to 100 unless the shop is set otherwise.")


@strawberry.input(description="What `orderPlace` takes.")
class OrderPlaceInput:
    """A new order."""

    lines: list[OrderLineInput] = strawberry.field(description="1 to 100 lines; a SKU may occur more than once.")
    notes: str | None = strawberry.field(default=None, description="At most 1000 characters.")
    country: str | None = strawberry.field(default=None, description="Where it goes to; at most 60 characters.")
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Who buys; yourself unless given. For another customer you need `orders:write`.",
    )
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.input
class MoveInput:
    """An order, and how to retry safely. Each move says for itself which order it takes."""

    id: strawberry.ID
    expected_version: int | None = EXPECTED_VERSION
    idempotency_key: UUID | None = IDEMPOTENCY_KEY
    dry_run: bool = DRY_RUN


@strawberry.input
class ReasonedMoveInput:
    """As above, with the reason after the order."""

    id: strawberry.ID
    reason: str | None = REASON
    expected_version: int | None = EXPECTED_VERSION
    idempotency_key: UUID | None = IDEMPOTENCY_KEY
    dry_run: bool = DRY_RUN


@strawberry.input(description="What `orderApprove` takes.")
class OrderApproveInput(MoveInput):
    id: strawberry.ID = strawberry.field(description="The order to approve.")


@strawberry.input(description="What `orderReject` takes.")
class OrderRejectInput(ReasonedMoveInput):
    id: strawberry.ID = strawberry.field(description="The order to reject.")


@strawberry.input(description="What `orderShip` takes.")
class OrderShipInput(MoveInput):
    id: strawberry.ID = strawberry.field(description="The order to ship.")


@strawberry.input(description="What `orderDeliver` takes.")
class OrderDeliverInput(MoveInput):
    id: strawberry.ID = strawberry.field(description="The order that has arrived.")


@strawberry.input(description="What `orderCancel` takes.")
class OrderCancelInput(ReasonedMoveInput):
    id: strawberry.ID = strawberry.field(description="The order to cancel.")


@strawberry.input(description="What comes back of one order line.")
class OrderReturnLineInput:
    """A line, and how much of it."""

    position: int = strawberry.field(description="The place of the order line. Each is named once.")
    quantity: int = strawberry.field(description="Units; at most those ordered that have not come back yet.")


@strawberry.input(description="What `orderReturn` takes.")
class OrderReturnInput:
    """An order, what comes back of it, and how to retry safely."""

    id: strawberry.ID = strawberry.field(description="The order to take back.")
    lines: list[OrderReturnLineInput] | None = strawberry.field(
        default=None, description="What comes back; everything that has not come back yet unless given."
    )
    restock: bool = strawberry.field(
        default=True, description="Whether the goods are on hand again; false where they are written off."
    )
    reason: str | None = REASON
    expected_version: int | None = EXPECTED_VERSION
    idempotency_key: UUID | None = IDEMPOTENCY_KEY
    dry_run: bool = DRY_RUN


@strawberry.input(description="What `orderBulkApprove` takes.")
class OrderBulkApproveInput:
    """Many orders."""

    ids: list[strawberry.ID] = ORDER_IDS
    idempotency_key: UUID | None = BULK_KEY


@strawberry.input(description="What `orderBulkReject` takes.")
class OrderBulkRejectInput:
    """Many orders."""

    ids: list[strawberry.ID] = ORDER_IDS
    reason: str | None = REASON
    idempotency_key: UUID | None = BULK_KEY
