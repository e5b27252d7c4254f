"""Input is converted as Strawberry converts it, whatever it is made of."""

from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.relay import GlobalID
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

from graph.execution.inputs import converter


@strawberry.enum
class Shade(Enum):
    """A leaf of our own."""

    LIGHT = "light"


@strawberry.input
class Tree:
    """Every kind of field there is, and itself."""

    name: str
    crown_width: int = 3
    shades: list[Shade | None] | None = None
    left: strawberry.Maybe[str]
    kept: strawberry.Maybe[int | None]
    key: GlobalID | None = None
    keys: list[GlobalID] | None = None
    twigs: list["Tree | None"] | None = None
    rings: list[list[int]] = strawberry.field(default_factory=lambda: [[1]], name="r1ngs")
    other: str | None = strawberry.UNSET


@strawberry.type
class Query:
    """Takes all of it."""

    @strawberry.field
    def planted(self, tree: Tree | None = None, trees: list[Tree] | None = None, of_shade: Shade = Shade.LIGHT) -> int:
        return bool(tree) + len(trees or ()) + bool(of_shade)


SCHEMA = strawberry.Schema(query=Query)
DEFINITION = get_object_definition(Query, strict=True)
FIELD: StrawberryField = DEFINITION.fields[0]

KEY = str(GlobalID("Tree", "7"))
TREES: list[dict[str, Any]] = [
    {"name": "oak"},
    {"name": "oak", "crownWidth": None, "shades": None, "twigs": None, "other": None, "key": None},
    {"name": "oak", "crownWidth": 9, "shades": [Shade.LIGHT, None], "left": "x", "kept": None, "other": "y"},
    {"name": "oak", "key": KEY, "keys": [KEY, KEY], "r1ngs": [[1, 2], []], "kept": 4},
    {"name": "oak", "twigs": [{"name": "twig", "twigs": [{"name": "leaf", "r1ngs": [[3]]}]}, None]},
]


@pytest.mark.parametrize(
    "given",
    [{}, {"tree": None, "trees": None}, {"trees": TREES, "ofShade": Shade.LIGHT}, *({"tree": each} for each in TREES)],
)
def test_input_is_converted_as_by_strawberry(given: dict[str, Any]):
    scalars = SCHEMA.schema_converter.scalar_registry
    theirs = convert_arguments(given, FIELD.arguments, scalar_registry=scalars, config=SCHEMA.config)

    names = SCHEMA.config.name_converter
    known = {names.from_argument(each): each for each in FIELD.arguments}
    ours = {known[name].python_name: converter(SCHEMA, known[name].type)(value) for name, value in given.items()}

    assert ours == theirs


def test_a_list_is_copied_since_its_default_is_the_same_for_all():
    convert = converter(
        SCHEMA, next(each for each in DEFINITION.fields[0].arguments if each.python_name == "tree").type
    )
    rings = [[1, 2]]

    tree = convert({"name": "oak", "r1ngs": rings})
    tree.rings[0].append(3)
    tree.rings.append([])

    assert rings == [[1, 2]]
