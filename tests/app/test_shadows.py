"""Shadow mode: what is executed once more, and what is told of a difference."""

import re
from typing import Any

import pytest
from factories.goods import make_variant
from factories.people import make_admin
from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from support.server import Server, complaints, serving
from support.shop import SCHEMA, Shop
from support.waiting import until

from app.graphql.http import GraphQLEndpoint
from app.settings import Settings
from app.shadows import AT_ONCE, Shadows
from graph.execution.shadow import Difference, difference
from graph.schema import build_schema

SKU = 'query Sku { variant(sku: "MUG") { sku } }'
BROKEN = '{ variant(sku: "MUG") { sku } orders(first: 1000) { totalCount } }'
REGISTER = 'mutation { userRegister(input: {username: "alpha", email: "a@x.org", password: "long enough"}) { %s } }'
MUG = {"variant": {"sku": "MUG"}}


def shadows_of(server: Server) -> Shadows:
    endpoints: list[Any] = [getattr(route, "app", None) for route in server.app.routes]
    [shadows] = [each.shadows for each in endpoints if isinstance(each, GraphQLEndpoint)]
    return shadows


async def test_queries_are_compared_and_mutations_are_not_run_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    async with serving(settings.model_copy(update={"shadow_share": 1.0})) as server:
        await make_variant(server.process.database, "MUG", LON=10)
        admin, shadows = await make_admin(server.process.database), shadows_of(server)

        for query in (SKU, BROKEN, REGISTER % "userErrors { code }", "{ nothing }"):
            await server.post(query, admin)
            await until(lambda: not shadows._tasks)

        assert (shadows.compared, shadows.differences) == (2, 0)
        # A second registration would be refused, but it would be told.
        assert await server.get("{ users(first: 9) { totalCount } }", admin) == {"users": {"totalCount": 2}}
        assert complaints(caplog) == []


async def test_a_difference_is_counted_and_logged_without_what_was_asked_and_answered(
    shop: Shop, caplog: pytest.LogCaptureFixture
):
    await make_variant(shop.database, "MUG", LON=10)
    context, other = shop.context(await make_admin(shop.database)), SKU.replace("{ sku }", "{ sku: name }")
    schema = build_schema()
    assert schema.operations is not None
    kept: Any = schema.operations._kept
    for query in (SKU, SKU, other, other):
        await schema.execute(query, context_value=context)
    # As if one operation were compiled to what another asks for.
    kept.put((SKU, "Sku"), kept.get((other, "Sku")), 1)
    answered = await schema.execute(SKU, context_value=context)
    shadows = Shadows(schema, 1)

    await shadows._compare(SKU, None, None, context, answered)

    assert answered.data != MUG
    assert (shadows.compared, shadows.differences) == (1, 1)
    [line] = complaints(caplog)
    assert {"shadow_differs", "Sku", "data"} <= set(re.findall(r"\w+", line))
    assert "MUG" not in line


async def test_what_changed_meanwhile_is_no_difference(shop: Shop, caplog: pytest.LogCaptureFixture):
    await make_variant(shop.database, "MUG", LON=10)
    admin, shadows = await make_admin(shop.database), Shadows(SCHEMA, 1)

    for data, errors in ((None, None), (MUG, [GraphQLError("Once.", path=["variant"])])):
        await shadows._compare(SKU, None, None, shop.context(admin), ExecutionResult(data, errors))

    assert (shadows.compared, shadows.differences) == (2, 0)
    assert complaints(caplog) == []


@pytest.mark.parametrize(
    ("path", "found"),
    [(["variant"], None), (["other"], Difference.ERRORS), (["variant", "sku"], Difference.ERRORS)],
)
def test_errors_differ_but_for_those_below_a_null(path: list[str], found: Difference | None):
    data = {"variant": None, "other": None, "third": None}
    answers = [ExecutionResult(data, [GraphQLError("No.", path=each)]) for each in (["variant"], path)]

    assert difference(*answers) is found


def test_which_error_is_told_below_a_null_is_open():
    data = {"variant": None}
    answers = [ExecutionResult(data, [GraphQLError("No.", path=["variant", each])]) for each in ("sku", "name")]

    assert difference(*answers) is None


async def test_so_many_are_compared_at_once_and_what_failed_before_is_not():
    shadows, answered = Shadows(SCHEMA, 1), ExecutionResult(MUG, None)

    assert shadows.choose(answered)
    assert not shadows.choose(PreExecutionError(None, []))
    assert not Shadows(SCHEMA, 0).choose(answered)
    assert not Shadows(build_schema(is_compiled=False), 1).choose(answered)
    shadows._tasks = set(range(AT_ONCE))  # pyright: ignore[reportAttributeAccessIssue]
    assert not shadows.choose(answered)
