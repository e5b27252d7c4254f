"""Receive, adjust and transfer stock, and set reorder points. All of them need `inventory:write`."""

from typing import Any
from uuid import UUID

import strawberry

from domain.inventory import commands
from graph.context import Info
from graph.errors import UserError, outcome
from graph.inputs import DRY_RUN, IDEMPOTENCY_KEY
from graph.inventory.types import StockLevel

SKU: Any = strawberry.field(description="The SKU of the variant, which must be goods. Case matters.")
WAREHOUSE: Any = strawberry.field(description="The code of the warehouse. Case matters.")
REASON: Any = strawberry.field(default=None, description="Why; kept in the ledger. At most 1000 characters.")


@strawberry.input(description="What `stockReceive` takes.")
class StockReceiveInput:
    """Goods that came in."""

    sku: str = SKU
    warehouse: str = WAREHOUSE
    quantity: int = strawberry.field(description="Units that came in; 1 to 1000000.")
    reason: str | None = REASON
    reference: str | None = strawberry.field(
        default=None, description="The document it follows from, such as a delivery note. At most 100 characters."
    )
    idempotency_key: UUID | None = IDEMPOTENCY_KEY
    dry_run: bool = DRY_RUN


@strawberry.input(description="What `stockAdjust` takes.")
class StockAdjustInput:
    """What a count showed."""

    sku: str = SKU
    warehouse: str = WAREHOUSE
    delta: int = strawberry.field(description="Units more or, below 0, fewer; at most 1000000 and not 0.")
    reason: str = strawberry.field(description="Why; kept in the ledger. 1 to 1000 characters.")
    expected_on_hand: int | None = strawberry.field(
        default=None, description="Refuse with ON_HAND_CONFLICT unless so many units are on hand."
    )
    idempotency_key: UUID | None = IDEMPOTENCY_KEY
    dry_run: bool = DRY_RUN


@strawberry.input(description="What `stockTransfer` takes.")
class StockTransferInput:
    """Units that go from one warehouse to another."""

    sku: str = SKU
    from_warehouse: str = strawberry.field(name="from", description="The code of the warehouse they leave.")
    to_warehouse: str = strawberry.field(name="to", description="The code of the warehouse they go to; another one.")
    quantity: int = strawberry.field(description="Units to move; 1 to 1000000, and no more than are available.")
    reason: str | None = REASON
    idempotency_key: UUID | None = IDEMPOTENCY_KEY
    dry_run: bool = DRY_RUN


@strawberry.input(description="What `stockReorderPointSet` takes.")
class StockReorderPointSetInput:
    """When a level is low."""

    sku: str = SKU
    warehouse: str = WAREHOUSE
    reorder_point: int = strawberry.field(
        description="At or below this many available units the level is low; 0 if it never is, at most 1000000."
    )
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.type
class StockLevelPayload:
    """The level, or why nothing changed."""

    stock_level: StockLevel | None = strawberry.field(default=None, description="The stock level as it is now.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `stockReceive` answers.")
class StockReceivePayload(StockLevelPayload):
    """The level, or why nothing changed."""


@strawberry.type(description="What `stockAdjust` answers.")
class StockAdjustPayload(StockLevelPayload):
    """The level, or why nothing changed."""


@strawberry.type(description="What `stockReorderPointSet` answers.")
class StockReorderPointSetPayload(StockLevelPayload):
    """The level, or why nothing changed."""


@strawberry.type(description="What `stockTransfer` answers.")
class StockTransferPayload:
    """Both levels, or why nothing changed."""

    from_level: StockLevel | None = strawberry.field(
        name="from", default=None, description="The stock level that the units left, as it is now."
    )
    to_level: StockLevel | None = strawberry.field(
        name="to", default=None, description="The stock level that they went to, as it is now."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type
class InventoryMutations:
    """Fields of Mutation about stock."""

    @strawberry.mutation(
        description="Put goods that came in on hand, also where they never lay before. Needs `inventory:write`."
    )
    async def stock_receive(self, info: Info, input: StockReceiveInput) -> StockReceivePayload:
        work = commands.receive_stock(info.context.unit_of_work(), info.context.viewer, **vars(input))
        return await outcome(info, StockReceivePayload, "stock_level", work)

    @strawberry.mutation(description="Bring a stock level to what a count showed. Needs `inventory:write`.")
    async def stock_adjust(self, info: Info, input: StockAdjustInput) -> StockAdjustPayload:
        work = commands.adjust_stock(info.context.unit_of_work(), info.context.viewer, **vars(input))
        return await outcome(info, StockAdjustPayload, "stock_level", work)

    @strawberry.mutation(
        description="Move units that are promised to nobody to another warehouse. Needs `inventory:write`."
    )
    async def stock_transfer(self, info: Info, input: StockTransferInput) -> StockTransferPayload:
        work = commands.transfer_stock(info.context.unit_of_work(), info.context.viewer, **vars(input))
        return await outcome(info, StockTransferPayload, None, work)

    @strawberry.mutation(description="Say at how many available units a level is low. Needs `inventory:write`.")
    async def stock_reorder_point_set(
        self, info: Info, input: StockReorderPointSetInput
    ) -> StockReorderPointSetPayload:
        work = commands.set_reorder_point(info.context.unit_of_work(), info.context.viewer, **vars(input))
        return await outcome(info, StockReorderPointSetPayload, "stock_level", work)
