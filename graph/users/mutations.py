"""Register."""

from uuid import UUID

import strawberry

from domain.users.commands import register_user
from graph.context import Info
from graph.errors import outcome
from graph.inputs import IDEMPOTENCY_KEY
from graph.users.types import UserRegisterPayload


@strawberry.input(description="What `userRegister` takes.")
class UserRegisterInput:
    """A name, an address and a password."""

    username: str = strawberry.field(description="4 to 20 letters or digits; unique regardless of case.")
    email: str = strawberry.field(description="The e-mail address; unique.")
    password: str = strawberry.field(description="8 to 256 characters.")
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.type
class UserMutations:
    """Fields of Mutation about users."""

    @strawberry.mutation(description="Register a new user. Sign in with `tokenCreate` afterwards.")
    async def user_register(self, info: Info, input: UserRegisterInput) -> UserRegisterPayload:
        services, uow = info.context.services, info.context.unit_of_work()
        given, key = (input.username, input.email, input.password), input.idempotency_key
        work = register_user(uow, services.hasher, *given, throttle=services.throttle, idempotency_key=key)
        return await outcome(info, UserRegisterPayload, "user", work)
