"""What queries and commands need to know of the catalog."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.catalog.model import Product, Variant
from domain.reading import Reader


class CatalogStore(Protocol):
    """Variants, for commands."""

    async def variants_by_sku(self, skus: Collection[str]) -> Mapping[str, Variant]: ...

    async def variants_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Variant]: ...


class VariantReader(Reader[Variant], Protocol):
    """Variants, for queries."""

    async def by_skus(self, viewer: Actor, skus: Sequence[str]) -> Mapping[str, Variant]: ...

    async def of_products(self, viewer: Actor, product_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Variant]]: ...


ProductReader = Reader[Product]
