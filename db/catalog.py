"""Products and variants: tables, the store for commands, the readers for queries."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    select,
    true,
)

from db.base import any_of, check_in, id_column, metadata, money_columns, search_index, timestamp
from db.engine import Connection
from db.reading import TableReader, grouped
from db.sheets import Sheet, Sheets, money
from db.statements import Row, compiled_once
from domain.actor import Actor
from domain.catalog.model import Product, Variant, VariantKind
from domain.money import Money

products = Table(
    "products",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    timestamp("created_at"),
    timestamp("updated_at"),
    Index("products_name_idx", "name", "id"),
    Index("products_created_at_idx", "created_at", "id"),
    search_index("products", "name"),
)

variants = Table(
    "variants",
    metadata,
    id_column(),
    Column("product_id", Uuid, ForeignKey("products.id"), nullable=False, index=True),
    # Ordered by code point everywhere, whatever the locale of the server.
    Column("sku", Text(collation="C"), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, check_in("kind", VariantKind), nullable=False, server_default=VariantKind.GOODS),
    *money_columns("price"),
    Column("allow_backorder", Boolean, nullable=False, server_default=false()),
    timestamp("created_at"),
    timestamp("updated_at"),
    CheckConstraint("price >= 0", name="price"),
    # Stock levels refer to both, so that their own CHECK can look at the flag.
    UniqueConstraint("id", "allow_backorder"),
    Index("variants_created_at_idx", "created_at", "id"),
    search_index("variants", "sku", "name"),
)


def visible_to(_viewer: Actor) -> ColumnElement[bool]:
    """The one place that says who may see products and variants: everybody."""
    return true()


def _visible_variants(viewer: Actor) -> Select[Any]:
    return select(variants).where(visible_to(viewer))


PRICE = money("price", variants.c.price, variants.c.currency)

SHEETS: Sheets = {
    "product": Sheet(products.c.id, lambda viewer: select(products).where(visible_to(viewer))),
    "variant": Sheet(variants.c.id, _visible_variants, attributes=PRICE),
    "variants_of_product": Sheet(variants.c.product_id, _visible_variants, order=(variants.c.sku,), attributes=PRICE),
}

KINDS = {each.value: each for each in VariantKind}


def to_variant(row: Row) -> Variant:
    key, product_id, sku, name, kind, price, currency, allow_backorder, created_at, updated_at = row
    kind, price = KINDS[kind], Money(price, currency)
    return Variant(key, product_id, sku, name, kind, price, allow_backorder, created_at, updated_at)


class ProductReader(TableReader[Product]):
    """Products; everybody may see them."""

    table = products
    sorts = {"NAME": products.c.name, "CREATED_AT": products.c.created_at}
    filters = {"name": products.c.name, "created_at": products.c.created_at}

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> Product:
        return Product(*row)


class VariantReader(TableReader[Variant]):
    """Variants; everybody may see them."""

    table = variants
    sorts = {"SKU": variants.c.sku, "CREATED_AT": variants.c.created_at}
    filters = {
        "sku": variants.c.sku,
        "name": variants.c.name,
        "kind": variants.c.kind,
        "price": variants.c.price,
    }

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> Variant:
        return to_variant(row)

    async def by_skus(self, viewer: Actor, skus: Sequence[str]) -> Mapping[str, Variant]:
        return await self.by_key(viewer, variants.c.sku, skus)

    async def of_products(self, viewer: Actor, product_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Variant]]:
        rows = await self._database.fetch(*_of_products(viewer, {"keys": product_ids}))
        return grouped(rows, "product_id", to_variant)


_of_products = compiled_once(SHEETS["variants_of_product"].with_keys)


class SqlCatalogStore:
    """Variants, for commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def variants_by_sku(self, skus: Collection[str]) -> Mapping[str, Variant]:
        query = select(variants).where(any_of(variants.c.sku, sorted(skus)))
        return {row.sku: to_variant(row) for row in (await self._connection.execute(query)).all()}

    async def variants_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Variant]:
        query = select(variants).where(any_of(variants.c.id, sorted(ids)))
        return {row.id: to_variant(row) for row in (await self._connection.execute(query)).all()}
