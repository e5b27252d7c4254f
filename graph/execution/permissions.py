"""Permissions: of each object it is asked first whether the field may be resolved, by Strawberry's own rules.

Strawberry's extension itself decides, with a mark behind it in place of the resolver. The objects of which the mark
comes back are resolved all at once, as where nothing is asked. Of the others, what came back is the value: the error,
or the null or empty list of those that fail silently.
"""

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

from strawberry.permission import PermissionExtension
from strawberry.types.field import StrawberryField

from graph.execution.arguments import Arguments, InfoOf, parameters_of
from graph.execution.complete import called
from graph.execution.plan import Field, Row
from graph.execution.run import Run, outcome_of

GRANTED = object()
"""What comes back of the extension where it would have called the resolver."""


def extension_of(declared: StrawberryField) -> PermissionExtension | None:
    """What asks the permissions of a field, where nothing else stands around its resolver."""
    match declared.extensions:
        # One that is derived from it may do anything.
        case [PermissionExtension() as only] if type(only) is PermissionExtension:
            return only
        case _:
            return None


class Permission:
    """What is asked before a field is resolved."""

    def __init__(self, extension: PermissionExtension, declared: Any, info: InfoOf, arguments: Arguments) -> None:
        """`info` and `arguments` are those of the resolver."""
        self._extension, self._info, self._arguments = extension, info, arguments
        # Where Strawberry asks at once, a permission that has to be awaited is refused.
        self._is_awaited = declared.is_async or not extension.supports_sync
        self._parents, self._info_name = parameters_of(declared.base_resolver)

    def start(self, field: Field, objects: Sequence[Any], rows: Sequence[Row], run: Run) -> None:
        """Resolve the field for the objects of which it is granted, now or later; the others have their values."""
        try:
            ask = self._question(run)
        except Exception as error:
            # The arguments do not fit: nobody is asked.
            field.complete([error] * len(objects), rows, run)
            return
        if not self._is_awaited:
            _decided(called(ask, objects), field, objects, rows, run)
            return
        verdicts: list[Any] = [None] * len(objects)
        undecided = len(objects)

        async def decide(index: int) -> None:
            nonlocal undecided
            verdicts[index] = await outcome_of(ask(objects[index]))
            undecided -= 1
            if not undecided:
                # In this turn of the event loop: a loader reads what is granted with what it is asked for beside it.
                _decided(verdicts, field, objects, rows, run)

        for index in range(len(objects)):
            run.later(decide(index), _done)

    def _question(self, run: Run) -> Callable[[Any], Any]:
        """What makes GRANTED of an object, or the value that it has instead."""
        arguments, info = dict(run.once(self._arguments)), run.once(self._info)
        if self._info_name is not None and self._info_name != "info":
            arguments[self._info_name] = info

        def given(each: Any) -> dict[str, Any]:
            return {**arguments, **dict.fromkeys(self._parents, each)}

        def ask(each: Any) -> Any:
            return self._extension.resolve(_granted, each, info, **given(each))

        async def ask_awaiting(each: Any) -> Any:
            return await self._extension.resolve_async(_granted_later, each, info, **given(each))

        return ask_awaiting if self._is_awaited else ask


def _decided(verdicts: Sequence[Any], field: Field, objects: Sequence[Any], rows: Sequence[Row], run: Run) -> None:
    is_granted = [verdict is GRANTED for verdict in verdicts]
    is_refused = [not each for each in is_granted]
    if any(is_refused):
        field.complete(list(compress(verdicts, is_refused)), list(compress(rows, is_refused)), run)
    if any(is_granted):
        field.resolve(list(compress(objects, is_granted)), list(compress(rows, is_granted)), run)


def _granted(*_: Any, **__: Any) -> Any:
    return GRANTED


async def _granted_later(*_: Any, **__: Any) -> Any:
    return GRANTED


def _done(outcome: Any) -> None:
    if isinstance(outcome, BaseException):
        # A fault of the execution: what permissions raise is a verdict.
        raise outcome
