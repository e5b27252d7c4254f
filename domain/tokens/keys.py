"""The keys of access tokens, as far as the shop's record goes; app/access/keys.py keeps them."""

from uuid import NAMESPACE_OID, uuid5

from domain.events.model import AggregateType, EventKind, NewEvent
from domain.tokens.ports import TokensUnitOfWork


async def record_rotation(uow: TokensUnitOfWork, kid: str) -> None:
    """Put on record that a key was made. Events speak of things by a UUID, which follows from its thumbprint."""
    async with uow:
        key_id = uuid5(NAMESPACE_OID, kid)
        uow.record(NewEvent(EventKind.KEY_ROTATED, AggregateType.KEY, key_id, 1, {"kid": kid}))
