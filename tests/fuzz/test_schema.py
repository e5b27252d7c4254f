"""Whatever the schema allows, and much that it does not, has an answer that is no fault. Schemathesis asks."""

import asyncio
import json
from typing import Any

import schemathesis
from factories.whole_shop import WholeShop
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from support.fuzzing import bounded
from support.server import Server
from support.waiting import PATIENCE

from graph.node import global_id

KNOWN = {"Order": "orders", "Customer": "customers", "Variant": "variants"}


def scalars(whole: WholeShop) -> None:
    """How values of our scalars are made up: some of them mean something to the shop, and some nothing."""
    ids = [global_id(name, getattr(whole, field)[0]) for name, field in KNOWN.items()]
    days = st.dates().map(str) | st.sampled_from(["2026-02-30", "", "0001-01-01", "9999-12-31"])
    moments = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | days
    amounts = st.decimals().map(str) | st.sampled_from(["1e400", "-0", "0.001", "1,5", "٣"])
    for name, values in {
        "UUID": st.uuids().map(str) | st.text(),
        "Date": days,
        "DateTime": moments,
        "Decimal": amounts,
        "BigInt": st.integers().map(str),
        "ID": st.sampled_from(ids) | st.text(),
    }.items():
        schemathesis.graphql.scalar(name, values.map(nodes.String))


Headers = dict[str, str]


def ask(url: str, viewers: dict[str, Headers], answers: dict[str, list[Any]]) -> None:
    """Put each question to a server in everybody's name, one by one: to make one up takes longer than to answer it."""
    schema = schemathesis.graphql.from_url(f"{url}/graphql")
    for found in schema.get_all_operations():
        operation = found.ok()

        @bounded(4)
        @given(case=operation.as_strategy())
        def answer(case: Any) -> None:
            for role, headers in viewers.items():
                response = case.call(headers=headers, timeout=PATIENCE)
                content = json.loads(response.content)
                codes = {error["extensions"]["code"] for error in content.get("errors", [])}
                assert response.status_code in {200, 400}, (role, response.content)
                assert "INTERNAL_SERVER_ERROR" not in codes, (role, case.body, content)
                answers[role].append(content)

        answer()


async def test_no_operation_of_the_schema_is_answered_with_a_fault(server: Server, whole: WholeShop):
    viewers = {"admin": server.headers(whole.admin), "nobody": server.headers(None)}
    scalars(whole)
    answers: dict[str, list[Any]] = {role: [] for role in viewers}

    await asyncio.to_thread(ask, server.url, viewers, answers)

    # Not all of it may have been refused before anything was done.
    for answered in answers.values():
        assert any(answer.get("data") for answer in answered)
        assert any(answer.get("errors") for answer in answered)
    healthy = await server.post("{ me { username } }", whole.admin)
    assert healthy["data"] == {"me": {"username": whole.admin.username}}
