"""One execution of a plan: what is under way, what went wrong, and the end of it."""

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, Any, TypeVar

from graphql import ExecutionResult, GraphQLError
from graphql.pyutils import Path

from graph.execution.errors import Failure, Settlement
from graph.execution.plan import Field, Plan, Row, Selection

if TYPE_CHECKING:
    from graph.execution.executor import CompiledExecutor

T = TypeVar("T")

Outcome = Any
"""A value, or the exception that came in its place."""


class Run:
    """The state of one execution.

    What takes time is a future with a callback, which goes on one level deeper: nothing waits for its siblings, and
    loaders of one depth are asked in the same turn of the event loop.
    """

    __slots__ = ("_alone", "_broken", "_idle", "_infos", "_made", "_pending", "_selections", "executor", "has_failed")

    def __init__(self, executor: "CompiledExecutor") -> None:
        self.executor = executor
        self.has_failed = False
        self._pending: set[Future[Any]] = set()
        self._alone: tuple[Coroutine[Any, Any, Any], Callable[[Outcome], None]] | None = None
        self._idle: Future[None] | None = None
        self._broken: BaseException | None = None
        self._infos: dict[Field, Any] = {}
        self._made: dict[Callable[[Run], Any], Any] = {}
        self._selections: dict[int, Selection] = {}

    async def execute(self, plan: Plan) -> ExecutionResult:
        """The answer. Nothing is left behind: what is under way when this is cancelled is cancelled too."""
        try:
            return await (self._serially(plan) if plan.is_serial else self._at_once(plan))
        except BaseException:
            await self._abandon()
            raise
        finally:
            # The library's executor refers to itself. What was read would stay until the garbage collector comes.
            self.executor.context_value = None

    async def _at_once(self, plan: Plan) -> ExecutionResult:
        [row] = plan.root.enter([self.executor.root_value], self)
        await self._until_idle()
        settlement = Settlement(self)
        try:
            if self.has_failed:
                for field in plan.root.fields:
                    settlement.settle(field, row)
        except GraphQLError as error:
            return ExecutionResult(None, [*settlement.errors, error])
        return ExecutionResult(row, settlement.errors or None)

    async def _serially(self, plan: Plan) -> ExecutionResult:
        objects = [self.executor.root_value]
        rows = plan.root.rows(objects, self)
        settlement = Settlement(self)
        try:
            for field in plan.root.fields:
                field.start(objects, rows, self)
                await self._until_idle()
                if self.has_failed:
                    # Here and now: once the answer is null, the fields that follow must not run.
                    settlement.settle(field, rows[0])
        except GraphQLError as error:
            return ExecutionResult(None, [*settlement.errors, error])
        return ExecutionResult(rows[0], settlement.errors or None)

    def later(self, awaitable: Awaitable[Any], then: Callable[[Outcome], None]) -> None:
        """Go on with the outcome of an awaitable."""
        if self._alone is None and not self._pending and iscoroutine(awaitable):
            # It takes no task if nothing else comes that runs beside it.
            self._alone = awaitable, then
            return
        self._accompany()
        future = awaitable if isinstance(awaitable, Future) else asyncio.ensure_future(awaitable)
        self._pend(future, then)

    def later_if_awaitable(self, value: Any, then: Callable[[Outcome], None]) -> bool:
        """Go on with the outcome of a value that is an awaitable; False where it is none."""
        if not isawaitable(value):
            return False
        self.later(value, then)
        return True

    def fail(self, error: BaseException) -> Failure:
        """What stands in the place of a value that could not be had."""
        self.has_failed = True
        return Failure(error)

    def note(self, row: Row, selection: Selection) -> None:
        """Remember what was selected of an object whose field leads to objects of several types."""
        self._selections[id(row)] = selection

    def selection_of(self, row: Row) -> Selection:
        return self._selections[id(row)]

    def info(self, field: Field) -> Any:
        """What resolvers may know of where they are: one for all parents, so its path has no places in lists."""
        info = self._infos.get(field)
        if info is None:
            path = Path(None, field.key, field.parent.name)
            core: Any = self.executor
            info = core.build_resolve_info(field.definition, field.nodes, field.parent, path)
            self._infos[field] = info
        return info

    def once(self, make: "Callable[[Run], T]") -> T:
        """What a function makes of this run, which is the same however often a field is resolved in it."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    def _accompany(self) -> None:
        """What was alone is no longer."""
        if self._alone is not None:
            (coroutine, then), self._alone = self._alone, None
            self._pend(asyncio.ensure_future(coroutine), then)

    def _pend(self, future: Future[Any], then: Callable[[Outcome], None]) -> None:
        self._pending.add(future)
        future.add_done_callback(partial(self._resume, then))

    def _resume(self, then: Callable[[Outcome], None], future: Future[Any]) -> None:
        self._pending.discard(future)
        if future.cancelled():
            outcome: Outcome = asyncio.CancelledError()
        else:
            error = future.exception()
            outcome = future.result() if error is None else error
        if self._broken is None:
            try:
                then(outcome)
            except BaseException as error:  # (nobody above a callback would hear of it)
                self._broken = error
        if self._idle is not None and not self._idle.done() and (self._broken is not None or not self._pending):
            self._idle.set_result(None)

    async def _until_idle(self) -> None:
        """Wait until nothing is under way."""
        while self._alone is not None or self._pending:
            if self._alone is None:
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
            else:
                (coroutine, then), self._alone = self._alone, None
                then(await outcome_of(coroutine))
            if self._broken is not None:
                break
        if self._broken is not None:
            raise self._broken

    async def _abandon(self) -> None:
        """Cancel what is under way, and wait for it: a transaction has yet to roll back."""
        self._broken = self._broken or asyncio.CancelledError()
        if self._alone is not None:
            self._alone[0].close()
        under_way = tuple(self._pending)
        for future in under_way:
            future.cancel()
        if under_way:
            await asyncio.gather(*under_way, return_exceptions=True)


async def outcome_of(coroutine: Coroutine[Any, Any, Any]) -> Outcome:
    """What comes of a coroutine, as it would of a task."""
    try:
        return await coroutine
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            # It is the execution itself that is given up.
            raise
        return error
