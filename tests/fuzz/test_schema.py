"""Whatever the schema allows, and much that it does not, has an answer that is no fault. Schemathesis asks."""

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from factories.whole_shop import WholeShop
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from support.fuzzing import bounded
from support.server import Server
from support.waiting import PATIENCE

from domain.actor import Actor
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


def ask(url: str, headers: dict[str, str], answers: list[Any]) -> None:
    """Put the questions to a server, one by one."""
    schema = schemathesis.graphql.from_url(f"{url}/graphql", headers=headers)
    for found in schema.get_all_operations():
        operation = found.ok()

        @bounded(4)
        @given(case=operation.as_strategy())
        def answer(case: Any) -> None:
            response = case.call(headers=headers, timeout=PATIENCE)
            content = json.loads(response.content)
            codes = {error["extensions"]["code"] for error in content.get("errors", [])}
            assert response.status_code in {200, 400}, response.content
            assert "INTERNAL_SERVER_ERROR" not in codes, (case.body, content)
            answers.append(content)

        answer()


@pytest.mark.parametrize("role", ["admin", "nobody"])
async def test_no_operation_of_the_schema_is_answered_with_a_fault(server: Server, whole: WholeShop, role: str):
    viewer: Actor | None = whole.admin if role == "admin" else None
    scalars(whole)
    answers: list[Any] = []

    await asyncio.to_thread(ask, server.url, server.headers(viewer), answers)

    # Not all of it may have been refused before anything was done.
    assert any(answer.get("data") for answer in answers)
    assert any(answer.get("errors") for answer in answers)
    healthy = await server.post("{ me { username } }", whole.admin)
    assert healthy["data"] == {"me": {"username": whole.admin.username}}
