"""Finishing touches on the schema: what would otherwise be repeated beside every field."""

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)

ARGUMENTS = {
    "after": "Only what comes after this cursor.",
    "by": "What they are ranked by.",
    "filter": "Which ones; all conditions must hold.",
    "id": "The global id.",
    "ids": "The global ids.",
    "input": "What to do.",
    "interval": "How long a row is.",
    "number": "The number.",
    "orderBy": "Which order they come in.",
    "sku": "The stock keeping unit. Case matters.",
}
"""Arguments that mean the same everywhere."""

SCALARS = {
    "Date": "A day, written as in ISO 8601: `2026-11-21`.",
    "UUID": "A universally unique identifier, written as in RFC 9562.",
}
"""Scalars whose rules are the library's."""


def finish(schema: GraphQLSchema) -> None:
    """Describe common arguments and scalars; drop defaults of null, which only say that a value is optional."""
    for name, description in SCALARS.items():
        schema.type_map[name].description = description
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType):
            for field in graphql_type.fields.values():
                for name, argument in field.args.items():
                    argument.description = argument.description or ARGUMENTS.get(name)
                    _drop_null(argument)
        elif isinstance(graphql_type, GraphQLInputObjectType):
            for field in graphql_type.fields.values():
                _drop_null(field)


def _drop_null(given: GraphQLArgument | GraphQLInputField) -> None:
    if given.default_value is None:
        given.default_value = Undefined
