"""The schema as a whole: printed, described, and of one shape."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
    is_specified_scalar_type,
)
from support.shop import SCHEMA

pytestmark = pytest.mark.check

TYPES = [
    each
    for each in SCHEMA.graphql_schema.type_map.values()
    if not is_introspection_type(each) and not is_specified_scalar_type(each)
]
OBJECTS = [each for each in TYPES if isinstance(each, GraphQLObjectType | GraphQLInterfaceType)]

BOUNDED = {
    "AdjustmentConnection": "a page",
    "CustomerConnection": "a page",
    "EventConnection": "a page",
    "OrderConnection": "a page",
    "OrderReturnConnection": "a page",
    "ProductConnection": "a page",
    "StockLevelConnection": "a page",
    "StockMovementConnection": "a page",
    "UserConnection": "a page",
    "VariantConnection": "a page",
    "WarehouseConnection": "a page",
    "Customer.addresses": "a customer has a few",
    "Order.lines": "an order has at most 100 lines; imported invoices have about a thousand",
    "Order.returns": "an order comes back once or twice",
    "Order.allowedActions": "one for each action",
    "Order.events": "one for each change of one order",
    "OrderEffect.stock": "one for each stock level that the order touches",
    "OrderBulkApprovePayload.results": "one for each id, at most 100",
    "OrderBulkRejectPayload.results": "one for each id, at most 100",
    "OrderBulkResult.userErrors": "one for each place in the input",
    "OrderReturn.lines": "as many as the order has",
    "Product.variants": "a product has a few dozen",
    "Variant.stockLevels": "one for each warehouse",
    "InventorySummary.warehouses": "one for each warehouse",
    "IllegalTransition.allowed": "one for each state",
    "Query.nodes": "one for each id, at most 100",
    "Reports.topProducts": "`first` of them, at most 100",
    "Reports.lowStock": "`first` of them, at most 100",
    "Reports.salesByCountry": "one for each country",
    "SalesReport.rows": "at most 1100: a longer range is refused",
    "Query.roles": "a shop has a handful",
    "Role.scopes": "one for each scope",
    "RoleExceeds.missing": "one for each scope",
    "User.roles": "one for each role",
    "TokenVerifyPayload.scopes": "one for each scope",
    "User.scopes": "one for each scope",
    "UserError.field": "as deep as the input",
    **{
        f"{name}.field": "as deep as the input"
        for name in (
            "Busy",
            "IdempotencyConflict",
            "IllegalTransition",
            "InsufficientStock",
            "OnHandConflict",
            "PlainError",
            "ReturnExceeds",
            "RoleExceeds",
            "TooManyAttempts",
            "UnknownSku",
            "VersionConflict",
        )
    },
    **{
        f"{name}Payload.userErrors": "one for each place in the input"
        for name in (
            "OrderApprove",
            "OrderBulkApprove",
            "OrderBulkReject",
            "OrderCancel",
            "OrderDeliver",
            "OrderPlace",
            "OrderReject",
            "OrderReturn",
            "OrderShip",
            "RoleGrant",
            "RoleRevoke",
            "StockAdjust",
            "StockReceive",
            "StockReorderPointSet",
            "StockTransfer",
            "PasswordChange",
            "PasswordReset",
            "PasswordResetRequest",
            "SessionsRevokeAll",
            "TokenCreate",
            "TokenFromLogin",
            "TokenRefresh",
            "TokenRevoke",
            "TokenVerify",
            "UserRegister",
        )
    },
}
"""Why each list that is not paged stays short."""


def members() -> Iterator[tuple[str, str | None]]:
    """Everything that needs a description, with the one it has."""
    for each in TYPES:
        yield each.name, each.description
        if isinstance(each, GraphQLEnumType):
            yield from ((f"{each.name}.{name}", value.description) for name, value in each.values.items())
        elif isinstance(each, GraphQLInputObjectType | GraphQLObjectType | GraphQLInterfaceType):
            for name, field in each.fields.items():
                yield f"{each.name}.{name}", field.description
                for argument, given in getattr(field, "args", {}).items():
                    yield f"{each.name}.{name}({argument})", given.description


def has_list(given: GraphQLOutputType) -> bool:
    return is_list_type(get_nullable_type(given))


def test_the_committed_schema_is_the_printed_one():
    committed = Path(__file__).parents[2] / "schema.graphql"

    assert committed.read_text() == f"{SCHEMA.as_str()}\n"


def test_everything_has_a_description_that_ends_like_a_sentence():
    undescribed = [name for name, description in members() if not (description or "").strip()]
    unfinished = [name for name, description in members() if (description or "").rstrip()[-1:] not in {".", ")"}]

    assert undescribed == []
    assert unfinished == []


def test_every_mutation_takes_one_input_and_tells_user_errors():
    for name, field in SCHEMA.graphql_schema.mutation_type.fields.items():
        kind = name[0].upper() + name[1:]
        assert {argument: str(given.type) for argument, given in field.args.items()} == {"input": f"{kind}Input!"}
        payload = get_named_type(field.type)
        assert str(field.type) == f"{kind}Payload!"
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"
        others = [each for other, each in payload.fields.items() if other != "userErrors"]
        assert not any(is_non_null_type(each.type) for each in others), name


def test_every_mutation_is_named_object_first():
    names = list(SCHEMA.graphql_schema.mutation_type.fields)

    nouns = ("order", "password", "role", "sessions", "stock", "token", "user")
    assert [name for name in names if not name.startswith(nouns)] == []


def test_every_list_is_paged_or_bounded_for_a_reason():
    lists = {
        each.name if each.name.endswith("Connection") else f"{each.name}.{name}"
        for each in OBJECTS
        for name, field in each.fields.items()
        if has_list(field.type)
    }

    assert lists == set(BOUNDED)


def test_every_page_is_reached_with_the_four_arguments():
    for each in OBJECTS:
        for name, field in each.fields.items():
            if get_named_type(field.type).name.endswith("Connection"):
                assert {"first", "after", "last", "before"} <= set(field.args), f"{each.name}.{name}"


def test_no_list_holds_null_but_that_of_nodes():
    holes = {
        f"{each.name}.{name}"
        for each in OBJECTS
        for name, field in each.fields.items()
        if has_list(field.type) and not is_non_null_type(get_nullable_type(field.type).of_type)
    }

    assert holes == {"Query.nodes"}


def test_every_refusal_is_a_user_error_and_every_one_has_its_type():
    from domain import refusals

    interface = SCHEMA.graphql_schema.get_type("UserError")
    names = {each.name for each in SCHEMA.graphql_schema.get_possible_types(interface)}

    assert names == {"PlainError"} | {each.__name__ for each in refusals.Refusal.__subclasses__()}
