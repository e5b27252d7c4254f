"""The proof that somebody knows a user's password: the one place where a password is compared."""

from dataclasses import dataclass

from domain.refusals import ErrorCode, Refusal, Refused
from domain.throttle import Throttle
from domain.users.model import User
from domain.users.ports import PasswordHasher, UsersUnitOfWork

WRONG = Refusal(ErrorCode.INVALID_CREDENTIALS, "The username or the password is wrong.", ("input",))
"""It does not tell an unknown name from a wrong password."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody knew the password behind `password_hash`; `renewed` is its hash as it would be made today."""

    user: User
    password_hash: str
    renewed: str | None


async def prove(
    uow: UsersUnitOfWork,
    hasher: PasswordHasher,
    throttle: Throttle,
    username: str,
    password: str,
    wrong: Refusal = WRONG,
) -> Proof:
    """Compare a password. The work is the same whether or not there is such a user, with a password or without.

    Raises:
        Refused: `wrong`; TOO_MANY_ATTEMPTS or BUSY, and then nothing was compared.
    """
    async with throttle.attempt(username, uow.origin) as attempt:
        hasher.must_have_room()
        async with uow:
            credentials = await uow.users.credentials(username)
        hashed = credentials.password_hash if credentials else None
        matches, renewed = await hasher.check(password, hashed)
        if credentials is None or hashed is None or not matches:
            await attempt.failed(credentials.user.username if credentials else None)
            raise Refused(wrong)
        await attempt.succeeded()
    return Proof(credentials.user, hashed, renewed)


async def confirm(uow: UsersUnitOfWork, proof: Proof, wrong: Refusal = WRONG) -> None:
    """Lock the user of a proof, and keep the hash as it would be made today.

    Raises:
        Refused: `wrong`; the password was changed since it was compared, and the change has ended all sessions.
    """
    new = proof.renewed or proof.password_hash
    if not await uow.users.set_password(proof.user.id, new, instead_of=proof.password_hash):
        raise Refused(wrong)
