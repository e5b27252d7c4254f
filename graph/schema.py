"""The schema: every feature's fields under three roots."""

from asyncio import gather
from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from domain.refusals import Refused, bad_input
from graph.catalog.queries import CatalogQueries
from graph.context import Info
from graph.customers.queries import CustomerQueries
from graph.direct import Direct
from graph.errors import Busy, IdempotencyConflict, PlainError, PresentErrors, TooManyAttempts, VersionConflict
from graph.events.queries import EventQueries
from graph.execution.executor import CompiledExecutor
from graph.execution.operations import Operations
from graph.finish import finish
from graph.identities.mutations import IdentityMutations
from graph.inventory.errors import OnHandConflict
from graph.inventory.mutations import InventoryMutations
from graph.inventory.queries import InventoryQueries
from graph.inventory.subscriptions import InventorySubscriptions
from graph.limits.documents import Documents
from graph.limits.operation import Limited
from graph.node import Node, load_node, parse_id
from graph.operation import CountStatements, FreshLoaders, ShopSchema
from graph.orders.errors import IllegalTransition, InsufficientStock, ReturnExceeds, UnknownSku
from graph.orders.mutations import OrderMutations
from graph.orders.queries import OrderQueries
from graph.orders.subscriptions import OrderSubscriptions
from graph.passwords.mutations import PasswordMutations
from graph.reports.queries import ReportQueries
from graph.roles.errors import RoleExceeds
from graph.roles.mutations import RoleMutations
from graph.roles.queries import RoleQueries
from graph.scalars import SCALARS
from graph.tokens.mutations import TokenMutations
from graph.users.mutations import UserMutations
from graph.users.queries import UserQueries

NODES_MAX = 100

ERRORS = (
    PlainError,
    IllegalTransition,
    VersionConflict,
    InsufficientStock,
    OnHandConflict,
    ReturnExceeds,
    RoleExceeds,
    UnknownSku,
    IdempotencyConflict,
    TooManyAttempts,
    Busy,
)


@strawberry.type(description="What can be read.")
class Query(
    UserQueries,
    RoleQueries,
    CustomerQueries,
    CatalogQueries,
    InventoryQueries,
    OrderQueries,
    ReportQueries,
    EventQueries,
):
    """The root of queries."""

    @strawberry.field(
        graphql_type=Node | None, description="Anything by its global id; null where it is hidden from you."
    )
    async def node(self, info: Info, id: strawberry.ID) -> Any:
        return await load_node(info.context, *parse_id(id, "id"))

    @strawberry.field(
        graphql_type=list[Node | None], description="Up to 100 things by their global ids, in that order."
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Any]:
        if len(ids) > NODES_MAX:
            raise Refused(bad_input(f"At most {NODES_MAX} ids.", "ids"))
        # All are parsed before any is read: a refusal must not leave reads behind that nobody waits for.
        keys = [parse_id(each, "ids", str(index)) for index, each in enumerate(ids)]
        # So that none is left behind where another fails, each fails in its own place.
        return await gather(*(load_node(info.context, *key) for key in keys), return_exceptions=True)


@strawberry.type(description="What can be done. Every payload tells by `userErrors` why it was not.")
class Mutation(
    UserMutations,
    RoleMutations,
    TokenMutations,
    PasswordMutations,
    IdentityMutations,
    OrderMutations,
    InventoryMutations,
):
    """The root of mutations."""


@strawberry.type(description="What can be watched, over WebSocket or server-sent events.")
class Subscription(OrderSubscriptions, InventorySubscriptions):
    """The root of subscriptions."""


def build_schema(extensions: Iterable[type[SchemaExtension]] = (), *, is_compiled: bool = True) -> ShopSchema:
    """The schema with its extensions, the outermost first; `is_compiled` says whether operations are."""
    documents, further = Documents(), tuple(extensions)
    schema = ShopSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=ERRORS,
        execution_context_class=CompiledExecutor if is_compiled else None,
        config=StrawberryConfig(scalar_map=SCALARS, info_class=Info),
        extensions=[
            PresentErrors,
            FreshLoaders,
            CountStatements,
            lambda: Limited(documents),
            *further,
        ],
    )
    finish(schema.graphql_schema)
    if is_compiled:
        schema.operations = Operations(schema)
        # Further extensions have hooks that only the library calls.
        schema.direct = None if further else Direct(schema.graphql_schema, documents, schema.operations)
    return schema
