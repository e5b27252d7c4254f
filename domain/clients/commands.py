"""Register a machine, let it sign in, and put an end to that."""

from collections.abc import Collection

from domain.clients.model import Client, check_client, make_client_id
from domain.clients.ports import ClientsUnitOfWork
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.refusals import ErrorCode, Refusal, Refused, not_found
from domain.secret import digest_of, new_secret
from domain.tokens.commands import open_machine_session
from domain.tokens.model import Tokens
from domain.tokens.ports import TokenIssuer
from domain.tokens.revoking import end_sessions
from domain.users.events import record


async def register_client(uow: ClientsUnitOfWork, name: str, scopes: Collection[str]) -> tuple[str, str]:
    """Make a machine client; returns its id, and its secret, which is stored nowhere and so told once.

    Raises:
        Refused: BAD_INPUT for each broken rule.
    """
    if refusals := check_client(name, scopes):
        raise Refused(*refusals)
    client_id, secret = make_client_id(), new_secret()
    granted = sorted(set(scopes))
    async with uow:
        user = await uow.users.add(client_id, None, None, scopes=granted)
        await uow.clients.add(user.id, name, digest_of(secret))
        payload = {"client": client_id, "name": name, "scopes": granted}
        uow.record(NewEvent(EventKind.CLIENT_REGISTERED, AggregateType.USER, user.id, 1, payload))
    return client_id, secret


async def find_client(uow: ClientsUnitOfWork, client_id: str) -> Client | None:
    """The client of that id, be it revoked."""
    async with uow:
        return await uow.clients.find(client_id)


async def create_client_tokens(
    uow: ClientsUnitOfWork, issuer: TokenIssuer, client: Client, scopes: Collection[str] | None = None
) -> Tokens:
    """Sign in a client that has proved who it is; with some of its scopes only, where some are named.

    Raises:
        Refused: INVALID_CREDENTIALS, it was revoked meanwhile; FORBIDDEN, a scope is named that it does not hold.
    """
    async with uow:
        user = await uow.users.lock(client.user_id)
        current = await uow.clients.find(client.client_id)
        if user is None or current is None or current.revoked_at is not None:
            raise Refused(Refusal(ErrorCode.INVALID_CREDENTIALS, "The client was revoked."))
        if scopes is not None and not set(scopes) <= set(user.scopes):
            raise Refused(Refusal(ErrorCode.FORBIDDEN, "The client does not hold all of these scopes."))
        granted = user.scopes if scopes is None else tuple(scopes)
        return await open_machine_session(uow, issuer, user, granted)


async def revoke_client(uow: ClientsUnitOfWork, issuer: TokenIssuer, client_id: str) -> Client:
    """Let a client sign in no more, and end its sessions; returns it. Revoking it again changes nothing.

    Raises:
        Refused: NOT_FOUND.
    """
    async with uow:
        client = await uow.clients.find(client_id)
        if client is None or await uow.users.lock(client.user_id) is None:
            raise Refused(not_found("client"))
        if client.revoked_at is None:
            await uow.clients.revoke(client.user_id)
            await end_sessions(uow, issuer, client.user_id)
            await record(uow, client.user_id, EventKind.CLIENT_REVOKED, client=client_id)
    return client
