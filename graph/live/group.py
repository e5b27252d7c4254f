"""Those who asked for the same: one execution, whose results go to all of them."""

import asyncio
from contextvars import copy_context
from typing import Protocol

import structlog

from domain.refusals import ErrorCode, Refusal, Refused
from graph.live.member import Member, Told
from graph.live.results import encode, refusing
from graph.live.source import Execution, News

log = structlog.get_logger("orderwire.live")

PATIENCE = 1.0
"""Seconds that an execution may take to come to its end."""

AT_ONCE = 256
"""How many members are given a result before other work has its turn."""


Key = tuple[object, ...]
"""What decides the results of a subscription: the operation, its variables, and what the viewer may see."""


class Registry(Protocol):
    """What groups need of whoever keeps them."""

    async def check(self, position: int) -> None:
        """End members who have lost the right to the event at a position."""
        ...

    def is_checked(self, position: int) -> bool:
        """Whether that was done already."""
        ...

    def left(self, group: "Group", member: Member) -> None:
        """A member has gone."""
        ...

    def cursor(self, position: int) -> str: ...


class Group:
    """The members of one execution, which runs for as long as there are any."""

    def __init__(self, registry: Registry, key: Key, news: News) -> None:
        self.key = key
        self.members: set[Member] = set()
        self._registry, self._news = registry, news
        self._task: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None
        self._context = copy_context()
        news.on_telling = self._check_meanwhile

    @property
    def done(self) -> int:
        return self._news.done

    def start(self, execute: Execution) -> None:
        self._task = asyncio.create_task(self._run(execute))

    async def stop(self) -> None:
        """End the execution, in the middle only if it takes too long."""
        self._give_up()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=PATIENCE)
            self._task.cancel()
            await asyncio.wait([self._task])

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.discard(member)
            self._registry.left(self, member)
            if not self.members:
                self._give_up()

    def _give_up(self) -> None:
        self._news.is_wanted = False
        # What is being executed comes to its end: cut off, it would leave resolvers behind that nobody awaits.
        if self._news.telling is None and self._task is not None:
            self._task.cancel()

    def last_word(self, refusal: Refusal, position: int) -> Told:
        cursor = self._registry.cursor(position)
        result = refusing(Refused(refusal, cursor=cursor))
        return Told(position, encode(result), result, cursor if refusal.code is ErrorCode.RESYNC else None)

    async def _run(self, execute: Execution) -> None:
        last: Told | None = None
        try:
            async for result in self._news.results(execute):
                position = self._news.telling
                if position is None:
                    last = Told(self.done, encode(result), result)
                else:
                    await self._check(position)
                    await self._give(Told(position, encode(result), result))
        except Exception:
            log.exception("stream_failed")
        finally:
            if self._checking is not None:
                self._checking.cancel()
        for member in tuple(self.members):
            member.end(last)

    def _check_meanwhile(self, position: int) -> None:
        """Begin to ask who may still be told, while what they are told is made."""
        if self._checking is None and not self._registry.is_checked(position):
            # The event counts its own statements.
            self._checking = asyncio.create_task(self._registry.check(position), context=self._context)

    async def _check(self, position: int) -> None:
        checking, self._checking = self._checking, None
        if checking is not None:
            await checking
        # What was begun for an event that was not told at all may say nothing of a later one.
        if not self._registry.is_checked(position):
            await self._registry.check(position)

    async def _give(self, whole: Told) -> None:
        told = Told(whole.position, whole.payload)
        for number, member in enumerate(tuple(self.members), 1):
            member.give(whole if member.keeps_results else told)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
