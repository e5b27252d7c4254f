"""Grant and revoke roles. Both need `users:write`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import strawberry

from domain.roles.commands import grant_role, revoke_role
from domain.users import model
from graph.context import Info
from graph.errors import UserError, outcome
from graph.inputs import IDEMPOTENCY_KEY
from graph.node import key_of
from graph.users.types import User

ROLE: Any = strawberry.field(description="The name of the role.")


@strawberry.input(description="What `roleGrant` takes.")
class RoleGrantInput:
    """A user and what they are given."""

    user_id: strawberry.ID = strawberry.field(description="The user who is given the role; not yourself.")
    role: str = ROLE
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.input(description="What `roleRevoke` takes.")
class RoleRevokeInput:
    """A user and what is taken from them."""

    user_id: strawberry.ID = strawberry.field(description="The user who loses the role.")
    role: str = ROLE
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.type
class RolePayload:
    """The user, or why nothing changed."""

    user: User | None = strawberry.field(default=None, description="The user with the roles they hold now.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `roleGrant` answers.")
class RoleGrantPayload(RolePayload):
    """The user, or why nothing changed."""


@strawberry.type(description="What `roleRevoke` answers.")
class RoleRevokePayload(RolePayload):
    """The user, or why nothing changed."""


@strawberry.type
class RoleMutations:
    """Fields of Mutation about roles."""

    @strawberry.mutation(
        description="Give a role to another user. Needs `users:write` and every scope of the role;"
        " only an admin makes admins."
    )
    async def role_grant(self, info: Info, input: RoleGrantInput) -> RoleGrantPayload:
        return await outcome(info, RoleGrantPayload, "user", _change(info, grant_role, input))

    @strawberry.mutation(
        description="Take a role from a user. Needs `users:write` and every scope of the role; only an admin takes"
        " from admins, and the last admin stays one."
    )
    async def role_revoke(self, info: Info, input: RoleRevokeInput) -> RoleRevokePayload:
        revoke = partial(revoke_role, issuer=info.context.services.issuer)
        return await outcome(info, RoleRevokePayload, "user", _change(info, revoke, input))


async def _change(
    info: Info, command: Callable[..., Awaitable[model.User]], input: RoleGrantInput | RoleRevokeInput
) -> model.User:
    user_id = key_of(input.user_id, "User", "input", "userId")
    uow, viewer = info.context.unit_of_work(), info.context.viewer
    return await command(uow, viewer, user_id, input.role, idempotency_key=input.idempotency_key)
