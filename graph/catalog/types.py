"""Product and variant."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.catalog import model
from domain.catalog.model import VariantKind
from graph.enums import register
from graph.fields import relation
from graph.node import Node, node_type
from graph.types import Money

if TYPE_CHECKING:
    from graph.inventory.types import StockLevel

LazyStockLevel = Annotated["StockLevel", strawberry.lazy("graph.inventory.types")]
LazyVariant = Annotated["Variant", strawberry.lazy("graph.catalog.types")]

register(
    VariantKind,
    "Whether a variant is kept in stock.",
    {
        VariantKind.GOODS: "Kept in stock: orders reserve it.",
        VariantKind.SERVICE: "Not kept in stock: postage, gift wrapping, a discount.",
    },
)


@node_type(model.Product, "product", "Something the shop sells, in one or more variants.")
class Product(Node):
    """A product."""

    name: str = strawberry.field(description="The name.")
    description: str | None = strawberry.field(description="What it is, in a few sentences.")
    created_at: datetime = strawberry.field(description="When it came into the catalog.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    variants: list[LazyVariant] = relation(
        list[LazyVariant], "variants_of_product", "id", "What can be ordered, by SKU."
    )


@node_type(model.Variant, "variant", "What is ordered: one kind of a product, with its SKU and price.")
class Variant(Node):
    """A variant."""

    sku: str = strawberry.field(description="The stock keeping unit. Case matters.")
    name: str = strawberry.field(description="The name.")
    kind: VariantKind = strawberry.field(description="Whether it is kept in stock.")
    price: Money = strawberry.field(description="The list price of one unit.")
    allow_backorder: bool = strawberry.field(description="Whether it may be ordered beyond what is in stock.")
    created_at: datetime = strawberry.field(description="When it came into the catalog.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    product: Product | None = relation(Product | None, "product", "product_id", "The product it is a kind of.")
    stock_levels: list[LazyStockLevel] = relation(
        list[LazyStockLevel],
        "stock_levels_of_variant",
        "id",
        "Stock by warehouse, the warehouse that is asked first coming first. Needs `inventory:read`, else empty.",
    )
