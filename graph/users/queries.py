"""Queries about users."""

from enum import StrEnum

import strawberry

from domain.reading import Sort
from domain.users import model
from graph.context import Info
from graph.enums import register
from graph.fields import ITEM
from graph.filters import BooleanFilter, DateTimeFilter, StringFilter, filters_of
from graph.node import look_up
from graph.ordering import OrderDirection, sort_of
from graph.paging import After, Before, Connected, Connection, First, Last, connect, page_request
from graph.users.types import User


class UserOrderField(StrEnum):
    """What users can be ordered by."""

    CREATED_AT = "CREATED_AT"
    USERNAME = "USERNAME"


register(
    UserOrderField,
    "What users can be ordered by.",
    {UserOrderField.CREATED_AT: "When they registered.", UserOrderField.USERNAME: "Their username."},
)


@strawberry.input(description="Which order users come in.")
class UserOrder:
    """The `orderBy` of `users`."""

    field: UserOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


@strawberry.input(description="Which users; all conditions must hold.")
class UserFilter:
    """The `filter` of `users`."""

    username: StringFilter | None = strawberry.field(default=None, description="The username.")
    is_admin: BooleanFilter | None = strawberry.field(default=None, description="Whether they are admins.")
    role: StringFilter | None = strawberry.field(default=None, description="The name of a role they hold.")
    created_at: DateTimeFilter | None = strawberry.field(default=None, description="When they registered.")


@strawberry.type
class UserQueries:
    """Fields of Query about users."""

    @strawberry.field(graphql_type=User | None, description="Who you are; null while nobody is signed in.")
    async def me(self, info: Info) -> model.User | None:
        viewer = info.context.viewer
        return await info.context.loaders.user.load(viewer.user_id) if viewer.user_id else None

    @strawberry.field(
        graphql_type=User | None, description="A user by id; null where you may not see them.", metadata={ITEM: True}
    )
    async def user(self, info: Info, id: strawberry.ID) -> model.User | None:
        return await look_up(info, id, "User")

    @strawberry.field(graphql_type=Connection[User], description="The users you may see, yourself at least.")
    async def users(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: UserFilter | None = None,
        order_by: UserOrder | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        sort = sort_of(order_by, Sort("CREATED_AT"))
        return await connect(info, info.context.readers.users, filters_of(filter), sort, page)
