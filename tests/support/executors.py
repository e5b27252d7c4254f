"""The same schema behind both executors, which must answer the same."""

from dataclasses import dataclass
from typing import Any

from strawberry.schema.config import StrawberryConfig
from support.constructs import Context, Schema, World
from support.differences import difference

from graph.context import Info
from graph.execution.executor import CompiledExecutor
from graph.execution.operations import Operations
from graph.scalars import SCALARS


@dataclass
class Thing:
    """What is asked of."""

    n: int
    name: str = "thing"


def both(query: type, **given: Any) -> list[Schema]:
    """The same schema, executed by graphql-core and compiled."""
    config = StrawberryConfig(scalar_map=SCALARS, info_class=Info)
    schemas = [
        Schema(query=query, config=config, execution_context_class=executor, **given)
        for executor in (None, CompiledExecutor)
    ]
    schemas[1].operations = Operations(schemas[1])
    return schemas


async def answers(schemas: list[Schema], text: str, told: list[Any] | None = None, root: Any = None) -> list[Any]:
    """What both answer, which must be the same; with `told`, what each has told there meanwhile too."""
    results: list[Any] = []
    for schema in schemas:
        result = await schema.execute(text, root_value=root, context_value=Context(World(1, 0)))
        results.append((result, None if told is None else [*told]))
        if told is not None:
            told.clear()
    (reference, before), (compiled, after) = results
    assert difference(reference, compiled) is None
    assert before == after
    assert schemas[1].operations is not None
    assert not schemas[1].operations.tally.fallbacks
    return [compiled, after]
