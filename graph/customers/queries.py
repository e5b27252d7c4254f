"""Queries about customers."""

from enum import StrEnum

import strawberry

from domain.customers import model
from domain.reading import Sort
from graph.context import Info
from graph.customers.types import Customer
from graph.enums import register
from graph.fields import ITEM
from graph.filters import DateTimeFilter, StringFilter, filters_of
from graph.node import look_up
from graph.ordering import OrderDirection, sort_of
from graph.paging import After, Before, Connected, Connection, First, Last, connect, page_request


class CustomerOrderField(StrEnum):
    """What customers can be ordered by."""

    CREATED_AT = "CREATED_AT"
    NAME = "NAME"


register(
    CustomerOrderField,
    "What customers can be ordered by.",
    {CustomerOrderField.CREATED_AT: "Since when they are known.", CustomerOrderField.NAME: "Their name."},
)


@strawberry.input(description="Which order customers come in.")
class CustomerOrder:
    """The `orderBy` of `customers`."""

    field: CustomerOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


@strawberry.input(description="Which customers; all conditions must hold.")
class CustomerFilter:
    """The `filter` of `customers`."""

    name: StringFilter | None = strawberry.field(default=None, description="The name.")
    reference: StringFilter | None = strawberry.field(default=None, description="The shop's own number.")
    email: StringFilter | None = strawberry.field(default=None, description="The e-mail address.")
    created_at: DateTimeFilter | None = strawberry.field(default=None, description="Since when known.")


@strawberry.type
class CustomerQueries:
    """Fields of Query about customers."""

    @strawberry.field(
        graphql_type=Customer | None,
        description="A customer by id; null where hidden from you.",
        metadata={ITEM: True},
    )
    async def customer(self, info: Info, id: strawberry.ID) -> model.Customer | None:
        return await look_up(info, id, "Customer")

    @strawberry.field(graphql_type=Connection[Customer], description="The customers you may see.")
    async def customers(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: CustomerFilter | None = None,
        order_by: CustomerOrder | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = sort_of(order_by, Sort("CREATED_AT"))
        reader = info.context.readers.customers
        return await connect(info, reader, filters_of(filter), sort, page)
