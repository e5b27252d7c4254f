"""User, and what registration answers."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.users import model
from graph.errors import UserError
from graph.fields import relation
from graph.node import Node, node_type

if TYPE_CHECKING:
    from graph.customers.types import Customer

LazyCustomer = Annotated["Customer", strawberry.lazy("graph.customers.types")]


@node_type(model.User, "user", "Somebody who can sign in.")
class User(Node):
    """A user as themselves and those with `users:read` see them."""

    username: str = strawberry.field(description="4 to 20 letters or digits; unique regardless of case.")
    email: str | None = strawberry.field(description="The e-mail address.")
    is_admin: bool = strawberry.field(description="Whether the user may do everything: holds the role `admin`.")
    roles: list[str] = strawberry.field(description="The names of the roles the user holds, in order.")
    scopes: list[str] = strawberry.field(
        description="The rights the user holds, such as `orders:read`: those of all roles, and those granted directly."
    )
    created_at: datetime = strawberry.field(description="When the user registered.")
    last_login_at: datetime | None = strawberry.field(description="When the user last signed in.")
    customer: LazyCustomer | None = relation(
        LazyCustomer | None,
        "customer_of_user",
        "id",
        "The customer this user buys as, once they have ordered.",
    )


@strawberry.type(description="What `userRegister` answers.")
class UserRegisterPayload:
    """The new user, or why there is none."""

    user: User | None = strawberry.field(default=None, description="The new user.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")
