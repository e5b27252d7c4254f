"""Queries about products and variants."""

from enum import StrEnum

import strawberry

from domain.catalog import model
from domain.catalog.model import VariantKind
from domain.reading import Sort
from graph.catalog.types import Product, Variant
from graph.context import Info
from graph.enums import register
from graph.fields import ITEM
from graph.filters import DateTimeFilter, DecimalFilter, EnumFilter, StringFilter, filters_of
from graph.node import look_up
from graph.ordering import OrderDirection, sort_of
from graph.paging import After, Before, Connected, Connection, First, Last, connect, page_request


class ProductOrderField(StrEnum):
    """What products can be ordered by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


register(
    ProductOrderField,
    "What products can be ordered by.",
    {ProductOrderField.NAME: "Their name.", ProductOrderField.CREATED_AT: "When they came into the catalog."},
)


@strawberry.input(description="Which order products come in.")
class ProductOrder:
    """The `orderBy` of `products`."""

    field: ProductOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


@strawberry.input(description="Which products; all conditions must hold.")
class ProductFilter:
    """The `filter` of `products`."""

    name: StringFilter | None = strawberry.field(default=None, description="The name.")
    created_at: DateTimeFilter | None = strawberry.field(default=None, description="When it was added.")


class VariantOrderField(StrEnum):
    """What variants can be ordered by."""

    SKU = "SKU"
    CREATED_AT = "CREATED_AT"


register(
    VariantOrderField,
    "What variants can be ordered by.",
    {
        VariantOrderField.SKU: "Their SKU, by code point.",
        VariantOrderField.CREATED_AT: "When they came into the catalog.",
    },
)


@strawberry.input(description="Which order variants come in.")
class VariantOrder:
    """The `orderBy` of `variants`."""

    field: VariantOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


@strawberry.input(description="Which variants; all conditions must hold.")
class VariantFilter:
    """The `filter` of `variants`."""

    sku: StringFilter | None = strawberry.field(default=None, description="The SKU.")
    name: StringFilter | None = strawberry.field(default=None, description="The name.")
    kind: EnumFilter[VariantKind] | None = strawberry.field(default=None, description="Whether kept in stock.")
    price: DecimalFilter | None = strawberry.field(default=None, description="The amount of the list price.")


@strawberry.type
class CatalogQueries:
    """Fields of Query about the catalog."""

    @strawberry.field(graphql_type=Product | None, description="A product by id.", metadata={ITEM: True})
    async def product(self, info: Info, id: strawberry.ID) -> model.Product | None:
        return await look_up(info, id, "Product")

    @strawberry.field(graphql_type=Connection[Product], description="The products, by name unless told otherwise.")
    async def products(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: ProductFilter | None = None,
        order_by: ProductOrder | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = sort_of(order_by, Sort("NAME"))
        reader = info.context.readers.products
        return await connect(info, reader, filters_of(filter), sort, page)

    @strawberry.field(graphql_type=Variant | None, description="A variant by SKU. Case matters.")
    async def variant(self, info: Info, sku: str) -> model.Variant | None:
        return await info.context.loaders.variant_by_sku.load(sku)

    @strawberry.field(graphql_type=Connection[Variant], description="The variants, by SKU unless told otherwise.")
    async def variants(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: VariantFilter | None = None,
        order_by: VariantOrder | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = sort_of(order_by, Sort("SKU"))
        reader = info.context.readers.variants
        return await connect(info, reader, filters_of(filter), sort, page)
