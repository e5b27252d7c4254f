"""Whether subscribers still hold the rights that their tokens tell of; a token is older than the event."""

import asyncio
from collections.abc import Collection, Mapping
from uuid import UUID

import structlog

from domain.actor import Actor
from domain.refusals import ErrorCode, Refusal
from domain.tokens.revocations import Revocations
from domain.users.model import User
from domain.users.ports import UserReader
from graph.live.together import Together

log = structlog.get_logger("orderwire.live")

RETRY = 0.5


class Rights:
    """Compares tokens with their users as they are now."""

    def __init__(self, users: UserReader, revocations: Revocations) -> None:
        self._users, self._revocations = users, revocations
        self._asking = Together(self.withdrawn)

    async def refusal(self, viewer: Actor) -> Refusal | None:
        """Why a viewer may be told nothing more, if so."""
        if viewer.rights in await self._asking.ask(viewer.rights):
            return rights_changed()
        return self.ended(viewer)

    def ended(self, viewer: Actor) -> Refusal | None:
        """The refusal of a viewer whose token has expired or was revoked."""
        return token_ended() if self._revocations.has_ended(viewer) else None

    async def withdrawn(self, viewers: Collection[Actor]) -> list[Actor]:
        """Those who lack a right that their token tells of. While the database is away nobody can say: this waits."""
        # Whoever joins while this is asked was not asked for, and was looked at when it joined.
        asked = tuple(viewers)
        keys = list({viewer.user_id for viewer in asked if viewer.user_id is not None})
        while True:
            try:
                users = await self._users.by_ids(Actor.system(), keys)
            except Exception as error:
                log.warning("rights_unreadable", error=repr(error))
                await asyncio.sleep(RETRY)
            else:
                return [each for each in asked if not _is_backed(each, users)]


def _is_backed(viewer: Actor, users: Mapping[UUID, User]) -> bool:
    user = users.get(viewer.user_id) if viewer.user_id is not None else None
    return user is not None and user.backs(viewer)


def token_ended() -> Refusal:
    message = "Your access token has ended. Subscribe again with a new one, and `after` the cursor in `extensions`."
    return Refusal(ErrorCode.UNAUTHENTICATED, message)


def rights_changed() -> Refusal:
    message = "Your rights have changed. Subscribe again with a new token, and `after` the cursor in `extensions`."
    return Refusal(ErrorCode.UNAUTHENTICATED, message)


def resync() -> Refusal:
    message = "You fell too far behind. Subscribe again with `after` the cursor in `extensions`."
    return Refusal(ErrorCode.RESYNC, message)
