"""The schema: every feature's fields under three roots, and what happens around each operation."""

from asyncio import gather
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from domain.refusals import Refused, bad_input
from graph.catalog.queries import CatalogQueries
from graph.context import Context, Info
from graph.customers.queries import CustomerQueries
from graph.errors import IdempotencyConflict, PlainError, PresentErrors, VersionConflict
from graph.finish import finish
from graph.inventory.queries import InventoryQueries
from graph.node import Node, load_node
from graph.orders.errors import IllegalTransition, InsufficientStock, UnknownSku
from graph.orders.mutations import OrderMutations
from graph.orders.queries import OrderQueries
from graph.orders.subscriptions import OrderSubscriptions
from graph.reports.queries import ReportQueries
from graph.scalars import SCALARS
from graph.users.mutations import UserMutations
from graph.users.queries import UserQueries

NODES_MAX = 100

ERRORS = (PlainError, IllegalTransition, VersionConflict, InsufficientStock, UnknownSku, IdempotencyConflict)


@strawberry.type(description="What can be read.")
class Query(UserQueries, CustomerQueries, CatalogQueries, InventoryQueries, OrderQueries, ReportQueries):
    """The root of queries."""

    @strawberry.field(
        graphql_type=Node | None, description="Anything by its global id; null where it is hidden from you."
    )
    async def node(self, info: Info, id: strawberry.ID) -> Any:
        return await load_node(info.context, id, "id")

    @strawberry.field(
        graphql_type=list[Node | None], description="Up to 100 things by their global ids, in that order."
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Any]:
        if len(ids) > NODES_MAX:
            raise Refused(bad_input(f"At most {NODES_MAX} ids.", "ids"))
        loads = [load_node(info.context, each, "ids", str(index)) for index, each in enumerate(ids)]
        return await gather(*loads)


@strawberry.type(description="What can be done. Every payload tells by `userErrors` why it was not.")
class Mutation(UserMutations, OrderMutations):
    """The root of mutations."""


@strawberry.type(description="What can be watched, over WebSocket or server-sent events.")
class Subscription(OrderSubscriptions):
    """The root of subscriptions."""


class FreshLoaders(SchemaExtension):
    """Gives each operation loaders of its own; a WebSocket makes one context for all its operations."""

    def on_operation(self) -> Iterator[None]:
        context: Context = self.execution_context.context
        self.execution_context.context = context.renewed()
        yield


class CountStatements(SchemaExtension):
    """Tells in `extensions.statements` how many statements the operation took, where that is switched on."""

    def on_operation(self) -> Iterator[None]:
        self._count = self.execution_context.context.services.count_statements()
        yield

    def get_results(self) -> dict[str, Any]:
        if not self.execution_context.context.services.expose_statements:
            return {}
        return {"statements": self._count.value}


class ShopSchema(strawberry.Schema):
    """A schema that leaves it to PresentErrors to log what is worth a line in the log."""

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The schema as graphql-core knows it."""
        return self._schema

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: a client's mistake is no event, and a fault is logged with its request id."""


def build_schema(extensions: Iterable[type[SchemaExtension]] = ()) -> ShopSchema:
    """The schema with its extensions; the outermost first."""
    schema = ShopSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=ERRORS,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[
            PresentErrors,
            FreshLoaders,
            CountStatements,
            lambda: ParserCache(maxsize=512),
            lambda: ValidationCache(maxsize=512),
            *extensions,
        ],
    )
    finish(schema.graphql_schema)
    return schema
