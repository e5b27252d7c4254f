"""Queries about stock. All of them need `inventory:read` and are empty without it."""

from enum import StrEnum

import strawberry

from domain.inventory import model
from domain.inventory.model import MovementKind
from domain.reading import Sort
from graph.context import Info
from graph.enums import register
from graph.fields import ITEM
from graph.filters import DateTimeFilter, EnumFilter, IDFilter, IntFilter, StringFilter, filters_of
from graph.inventory.types import StockLevel, StockMovement, Warehouse
from graph.node import look_up
from graph.ordering import OrderDirection, sort_of
from graph.paging import After, Before, Connected, Connection, First, Last, connect, page_request


class StockMovementOrderField(StrEnum):
    """What movements can be ordered by."""

    OCCURRED_AT = "OCCURRED_AT"


register(
    StockMovementOrderField,
    "What stock movements can be ordered by.",
    {StockMovementOrderField.OCCURRED_AT: "When they happened."},
)


@strawberry.input(description="Which order stock movements come in.")
class StockMovementOrder:
    """The `orderBy` of `stockMovements`."""

    field: StockMovementOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")


@strawberry.input(description="Which stock levels; all conditions must hold.")
class StockLevelFilter:
    """The `filter` of `stockLevels`."""

    sku: StringFilter | None = strawberry.field(default=None, description="The SKU of the variant.")
    warehouse: StringFilter | None = strawberry.field(default=None, description="The code of the warehouse.")
    on_hand: IntFilter | None = strawberry.field(default=None, description="Units in the warehouse.")
    reserved: IntFilter | None = strawberry.field(default=None, description="Units promised to orders.")


@strawberry.input(description="Which stock movements; all conditions must hold.")
class StockMovementFilter:
    """The `filter` of `stockMovements`."""

    kind: EnumFilter[MovementKind] | None = strawberry.field(default=None, description="Why the level changed.")
    sku: StringFilter | None = strawberry.field(default=None, description="The SKU of the variant.")
    warehouse: StringFilter | None = strawberry.field(default=None, description="The code of the warehouse.")
    order: IDFilter | None = strawberry.field(default=None, description="The order it served.")
    actor: IDFilter | None = strawberry.field(default=None, description="The user who did it.")
    reference: StringFilter | None = strawberry.field(default=None, description="The document it follows from.")
    occurred_at: DateTimeFilter | None = strawberry.field(default=None, description="When it happened.")


@strawberry.type
class InventoryQueries:
    """Fields of Query about stock."""

    @strawberry.field(graphql_type=Warehouse | None, description="A warehouse by id.", metadata={ITEM: True})
    async def warehouse(self, info: Info, id: strawberry.ID) -> model.Warehouse | None:
        return await look_up(info, id, "Warehouse")

    @strawberry.field(graphql_type=Connection[Warehouse], description="The warehouses, by code.")
    async def warehouses(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        return await connect(info, info.context.readers.warehouses, {}, Sort("CODE"), page)

    @strawberry.field(graphql_type=Connection[StockLevel], description="Stock levels, by SKU.")
    async def stock_levels(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: StockLevelFilter | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        reader = info.context.readers.stock_levels
        return await connect(info, reader, filters_of(filter), Sort("SKU"), page)

    @strawberry.field(graphql_type=Connection[StockMovement], description="The ledger of stock, newest first.")
    async def stock_movements(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: StockMovementFilter | None = None,
        order_by: StockMovementOrder | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = sort_of(order_by, Sort("OCCURRED_AT", descending=True))
        reader = info.context.readers.stock_movements
        return await connect(info, reader, filters_of(filter), sort, page)
