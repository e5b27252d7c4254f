"""One subscription from its beginning: what was missed is told to it alone, then it joins the others."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self, cast

import orjson
from graphql import FieldNode, GraphQLResolveInfo, VariableNode, Visitor, visit

from domain.events.model import Event
from domain.refusals import Refusal, Refused
from graph.context import Context, Info
from graph.live.group import Key
from graph.live.member import Member
from graph.live.source import Execution, News, Source

TRUSTED = 1.0
"""For how many seconds rights that were asked are not asked again while the past is told: it may be read slowly."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A document, its variables, and the name of what to run in it."""

    query: str | None
    variables: dict[str, Any] | None
    name: str | None


Run = Callable[[Operation, Context], Awaitable[AsyncGenerator[Any]]]
"""Runs an operation, with results that come one by one."""


class Subscriber(Source):
    """Any operation over a transport that streams: an asynchronous iterator of its results.

    A transport that needs no task to wait for news takes the results of `alone`, and then those of `member`, which is
    set once a subscription has caught up.
    """

    def __init__(self, run: Run, operation: Operation, context: Context) -> None:
        super().__init__(context.services.feed, context.services.limits.operation_seconds)
        self.member: Member | None = None
        self._run, self._operation, self._context = run, operation, context
        self._streams = context.services.streams
        self.is_new = True
        self._asked_at = 0.0
        self._all = self._every_result()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._all)

    async def aclose(self) -> None:
        """End the operation."""
        await self._all.aclose()
        if self.member is not None:
            self.member.leave()

    async def _every_result(self) -> AsyncGenerator[Any]:
        async with aclosing(self.alone()) as results:
            async for result in results:
                yield result
        if self.member is not None:
            async with aclosing(self.member.results()) as results:
                async for result in results:
                    yield result

    async def alone(self) -> AsyncGenerator[Any]:
        """The results before the subscription has caught up; all of them, where it is none."""
        async with aclosing(self.results(self._execution(self._context.reading(self)))) as results:
            async for result in results:
                yield result

    async def events(self, info: Info, after: str | None) -> AsyncGenerator[Event]:
        if self.is_new:
            self.done = await self._feed.begin(after)
            self.is_new = False
        await self._must_hold()
        async with aclosing(self._feed.past(self.done)) as past:
            async for batch in past:
                await self._must_hold()
                for event in batch:
                    await self._must_still_hold()
                    for told in self._tell(event):
                        yield told
            self._must(self._streams.rights.ended(self._context.viewer))
            # Nothing was awaited since the last look at the log: what comes from now on, comes to the group.
            news = News(self._feed, self._seconds, self.done)
            shared = self._context.shared(news)
            self.member = self._streams.join(self._key(info), news, self._execution(shared), self._context.viewer)

    def _execution(self, context: Context) -> Execution:
        return lambda: self._run(self._operation, context)

    async def _must_hold(self) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        self._must(await self._streams.rights.refusal(self._context.viewer))

    async def _must_still_hold(self) -> None:
        if asyncio.get_running_loop().time() - self._asked_at < TRUSTED:
            self._must(self._streams.rights.ended(self._context.viewer))
        else:
            await self._must_hold()

    def _must(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            raise Refused(refusal, cursor=self._feed.cursor(self.done))

    def _key(self, info: Info) -> Key:
        """Where somebody begins makes no difference to what is new, nor does what the operation does not ask for."""
        wanted = _variables(info)
        variables = {name: value for name, value in (self._operation.variables or {}).items() if name in wanted}
        given = orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
        return self._operation.query, self._operation.name, given, self._context.viewer.sight


def _variables(info: Info) -> set[str]:
    """The variables of an operation, but for those that tell only where to begin."""
    uses = Uses()
    raw = cast("GraphQLResolveInfo[Context]", info._raw_info)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]  # noqa: SLF001
    for part in (info.operation, *raw.fragments.values()):
        visit(part, uses)
    root = (each for each in info.operation.selection_set.selections if isinstance(each, FieldNode))
    after = (each.value for field in root for each in field.arguments or () if each.name.value == "after")
    uses.names.subtract(value.name.value for value in after if isinstance(value, VariableNode))
    # One place is that of its declaration.
    return {name for name, count in uses.names.items() if count > 1}


class Uses(Visitor):
    """Counts the places at which variables stand in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names[node.name.value] += 1
