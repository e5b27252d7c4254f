"""Change a password, and reset a forgotten one by mail."""

import strawberry

from domain.passwords.commands import change_password, request_reset, reset_password
from graph.context import Info
from graph.errors import outcome
from graph.passwords.types import PasswordChangePayload, PasswordResetPayload, PasswordResetRequestPayload


@strawberry.input(description="What `passwordChange` takes.")
class PasswordChangeInput:
    """The old password and the new one."""

    current_password: str = strawberry.field(description="The password that you sign in by now.")
    new_password: str = strawberry.field(description="8 to 256 characters.")


@strawberry.input(description="What `passwordResetRequest` takes.")
class PasswordResetRequestInput:
    """Who has forgotten their password."""

    username_or_email: str = strawberry.field(description="A username or an e-mail address; case does not matter.")


@strawberry.input(description="What `passwordReset` takes.")
class PasswordResetInput:
    """What the mail said, and the new password."""

    token: str = strawberry.field(description="The token from the mail; it works once.")
    new_password: str = strawberry.field(description="8 to 256 characters.")


@strawberry.type
class PasswordMutations:
    """Fields of Mutation about passwords."""

    @strawberry.mutation(description="Change your password. All your other sessions end.")
    async def password_change(self, info: Info, input: PasswordChangeInput) -> PasswordChangePayload:
        services, uow = info.context.services, info.context.unit_of_work()
        given = info.context.viewer, input.current_password, input.new_password
        work = change_password(uow, services.hasher, services.throttle, services.issuer, *given)
        return await outcome(info, PasswordChangePayload, "user", work)

    @strawberry.mutation(
        description="Have a mail sent with a token for `passwordReset`. The answer does not tell whether there is"
        " such a user; a newer mail ends the token of an older one."
    )
    async def password_reset_request(self, info: Info, input: PasswordResetRequestInput) -> PasswordResetRequestPayload:
        services = info.context.services
        uow = info.context.unit_of_work()
        work = request_reset(uow, services.throttle, services.resetting, input.username_or_email)
        return await outcome(info, PasswordResetRequestPayload, None, work)

    @strawberry.mutation(
        description="Set a new password by the token of a mail. All sessions of that user end; sign in afterwards."
    )
    async def password_reset(self, info: Info, input: PasswordResetInput) -> PasswordResetPayload:
        services = info.context.services
        uow = info.context.unit_of_work()
        work = reset_password(uow, services.hasher, services.throttle, services.issuer, input.token, input.new_password)
        return await outcome(info, PasswordResetPayload, "username", work)
