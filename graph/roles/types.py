"""Role."""

import strawberry

from domain.roles import model
from graph.node import object_type


@object_type(model.Role, "A named set of scopes, which is granted and taken as a whole.")
class Role:
    """A role as those with `users:read` see it."""

    name: str = strawberry.field(description="The name, which is its key.")
    description: str = strawberry.field(description="Whom it is for.")
    scopes: list[str] = strawberry.field(description="The rights that come with it, such as `orders:read`.")
