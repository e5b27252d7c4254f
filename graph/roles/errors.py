"""Refusals that speak of roles."""

import strawberry

from domain import refusals
from graph.errors import UserError
from graph.node import object_type


@object_type(
    refusals.RoleExceeds, "The role has scopes that you lack: nobody passes on or takes what they do not have."
)
class RoleExceeds(UserError):
    """A role that is more than whoever acts."""

    role: str = strawberry.field(description="The role.")
    missing: list[str] = strawberry.field(description="The scopes of the role that you lack.")
