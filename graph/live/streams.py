"""Every subscription of this process that has caught up, by what it asked for."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from domain.actor import Actor
from domain.events.ports import EventFeed
from domain.tokens.revocations import Revocations
from domain.users.ports import UserReader
from graph.live.group import Group, Key
from graph.live.member import Member
from graph.live.rights import Rights, rights_changed, token_ended
from graph.live.source import Execution, News

K = TypeVar("K")


class Streams:
    """The groups, and who is in them."""

    def __init__(self, feed: EventFeed, users: UserReader, revocations: Revocations, limit: int) -> None:
        """At most `limit` events may wait for one subscriber."""
        self._feed, self.rights = feed, Rights(users, revocations)
        self._limit = limit
        self._groups: dict[Key, Group] = {}
        self._members: dict[Actor, set[Member]] = {}
        self._sessions: dict[UUID, set[Member]] = {}
        self._checked = 0
        self._checking = asyncio.Lock()
        revocations.listen(self._revoked)

    def __len__(self) -> int:
        """How many subscribers there are."""
        return sum(len(members) for members in self._members.values())

    @property
    def executions(self) -> int:
        """How many executions serve them."""
        return len(self._groups)

    async def stop(self) -> None:
        """End them without a word: what they were told so far is what they resume from."""
        await asyncio.gather(*(group.stop() for group in tuple(self._groups.values())))

    def join(self, key: Key, news: News, execute: Execution, viewer: Actor) -> Member:
        """Make somebody who has caught up one of those who asked for the same.

        `news` and `execute` serve them all where nobody was there before.
        """
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self, key, news)
            group.start(execute)
        member = Member(group, viewer, news.done, self._limit)
        group.members.add(member)
        self._members.setdefault(viewer.rights, set()).add(member)
        if viewer.session is not None:
            self._sessions.setdefault(viewer.session, set()).add(member)
        if viewer.expires_at is not None:
            left = (viewer.expires_at - datetime.now(UTC)).total_seconds()
            member.timer = asyncio.get_running_loop().call_later(left, member.refuse, token_ended())
        return member

    def left(self, group: Group, member: Member) -> None:
        """A member has gone; a group goes with its last."""
        _remove(self._members, member.viewer.rights, member)
        if member.viewer.session is not None:
            _remove(self._sessions, member.viewer.session, member)
        if not group.members:
            del self._groups[group.key]

    def cursor(self, position: int) -> str:
        return self._feed.cursor(position)

    def _revoked(self, ids: Collection[UUID]) -> None:
        """End those whose session was revoked, at once: the next event must not reach them."""
        for session in self._sessions.keys() & set(ids):
            for member in tuple(self._sessions[session]):
                member.refuse(token_ended())

    def is_checked(self, position: int) -> bool:
        # Whoever asked after the event had been read, has asked for this one too. Where the log has become another one,
        # what was asked at a position of the first says nothing of the second.
        return position <= self._checked <= self._feed.position

    async def check(self, position: int) -> None:
        """End those whose rights were withdrawn before the event at a position was committed."""
        async with self._checking:
            if self.is_checked(position):
                return
            newest = self._feed.position
            for rights in await self.rights.withdrawn(self._members):
                for member in tuple(self._members.get(rights, ())):
                    member.refuse(rights_changed())
            self._checked = newest


def _remove(index: dict[K, set[Member]], key: K, member: Member) -> None:
    """Take a member out of an index; a key goes with its last."""
    members = index[key]
    members.discard(member)
    if not members:
        del index[key]
