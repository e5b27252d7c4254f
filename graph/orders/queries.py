"""Queries about orders, returns and adjustments."""

from enum import StrEnum

import strawberry

from domain.orders import model
from domain.reading import Sort
from domain.refusals import Refused, bad_input
from graph.context import Info
from graph.enums import register
from graph.fields import ITEM
from graph.filters import DateTimeFilter, DecimalFilter, EnumFilter, IDFilter, StringFilter, filters_of
from graph.node import look_up
from graph.ordering import OrderDirection, sort_of
from graph.orders.enums import OrderStatus
from graph.orders.types import Adjustment, Order, OrderReturn
from graph.paging import After, Before, Connected, Connection, First, Last, connect, page_request


class OrderOrderField(StrEnum):
    """What orders can be ordered by."""

    PLACED_AT = "PLACED_AT"
    NUMBER = "NUMBER"
    TOTAL = "TOTAL"


register(
    OrderOrderField,
    "What orders can be ordered by.",
    {
        OrderOrderField.PLACED_AT: "When they were placed.",
        OrderOrderField.NUMBER: "Their number, as text.",
        OrderOrderField.TOTAL: "Their total.",
    },
)


@strawberry.input(description="Which order orders come in.")
class OrderOrder:
    """The `orderBy` of `orders`."""

    field: OrderOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


@strawberry.input(description="Which orders; all conditions must hold.")
class OrderFilter:
    """The `filter` of `orders`."""

    status: EnumFilter[OrderStatus] | None = strawberry.field(default=None, description="Where they stand.")
    number: StringFilter | None = strawberry.field(default=None, description="The number.")
    placed_at: DateTimeFilter | None = strawberry.field(default=None, description="When they were placed.")
    total: DecimalFilter | None = strawberry.field(default=None, description="The amount of the total.")
    customer: IDFilter | None = strawberry.field(default=None, description="Who buys.")
    country: StringFilter | None = strawberry.field(default=None, description="Where they were sold to.")


@strawberry.input(description="Which returns; all conditions must hold.")
class OrderReturnFilter:
    """The `filter` of `returns`."""

    number: StringFilter | None = strawberry.field(default=None, description="The number of the credit note.")
    returned_at: DateTimeFilter | None = strawberry.field(default=None, description="When they came back.")
    customer: IDFilter | None = strawberry.field(default=None, description="Who sent them back.")
    country: StringFilter | None = strawberry.field(default=None, description="Where they came from.")


@strawberry.type
class OrderQueries:
    """Fields of Query about orders."""

    @strawberry.field(
        graphql_type=Order | None,
        description="An order by id or by number; null where there is none or it is hidden from you.",
        metadata={ITEM: True},
    )
    async def order(self, info: Info, id: strawberry.ID | None = None, number: str | None = None) -> model.Order | None:
        if (id is None) is (number is None):
            raise Refused(bad_input("Give either `id` or `number`.", "id"))
        if number is not None:
            return await info.context.loaders.order_by_number.load(number)
        return await look_up(info, id or "", "Order")

    @strawberry.field(
        graphql_type=Connection[Order],
        description="The orders you may see: all with `orders:read`, else your own. Newest first by default.",
    )
    async def orders(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: OrderFilter | None = None,
        order_by: OrderOrder | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = sort_of(order_by, Sort("PLACED_AT", descending=True))
        return await connect(info, info.context.readers.orders, filters_of(filter), sort, page)

    @strawberry.field(graphql_type=Connection[OrderReturn], description="The returns you may see, latest first.")
    async def returns(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: OrderReturnFilter | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = Sort("RETURNED_AT", descending=True)
        return await connect(info, info.context.readers.returns, filters_of(filter), sort, page)

    @strawberry.field(
        graphql_type=Connection[Adjustment],
        description="Corrections of the books, latest first. Needs `orders:read`, else empty.",
    )
    async def adjustments(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = Sort("ADJUSTED_AT", descending=True)
        return await connect(info, info.context.readers.adjustments, {}, sort, page)
