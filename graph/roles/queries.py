"""Queries about roles."""

from collections.abc import Sequence

import strawberry

from domain.roles import model
from graph.context import Info
from graph.roles.types import Role


@strawberry.type
class RoleQueries:
    """Fields of Query about roles."""

    @strawberry.field(
        graphql_type=list[Role], description="The roles there are, by name. Needs `users:read`, else empty."
    )
    async def roles(self, info: Info) -> Sequence[model.Role]:
        return await info.context.readers.roles.all(info.context.viewer)
