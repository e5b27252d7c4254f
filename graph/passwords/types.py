"""What the mutations about passwords answer."""

import strawberry

from graph.errors import UserError
from graph.users.types import User


@strawberry.type(description="What `passwordChange` answers.")
class PasswordChangePayload:
    """Whose password was changed, or why it was not."""

    user: User | None = strawberry.field(default=None, description="You.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `passwordResetRequest` answers: the same whether or not there is such a user.")
class PasswordResetRequestPayload:
    """Nothing but why it was refused."""

    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was heard.")


@strawberry.type(description="What `passwordReset` answers.")
class PasswordResetPayload:
    """Who may sign in by the new password, or why nobody may."""

    username: str | None = strawberry.field(default=None, description="The name to sign in by.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")
