"""Bodies that are almost requests: each is refused with a sentence, and none is a fault."""

import asyncio
import json
from typing import Any

import httpx
from factories.whole_shop import WholeShop
from hypothesis import given
from hypothesis import strategies as st
from support.fuzzing import bounded
from support.server import CLIENT, Server

QUERY = "query Q($n: Int) { orders(first: $n) { nodes { id ...F } } } fragment F on Order { number }"

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def documents(draw: Any) -> str:
    """A document of which a piece is cut out, doubled, or replaced."""
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(QUERY))] * 2)))
    piece = draw(
        st.sampled_from(["", QUERY[start:end] * 2, "{", "}", "@skip", "...", "$", '"', "\\u0000"]) | st.text(max_size=5)
    )
    return QUERY[:start] + piece + QUERY[end:]


BODIES = (
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {}, optional={"query": documents() | VALUES, "variables": VALUES, "operationName": VALUES, "extensions": VALUES}
    ).map(lambda body: json.dumps(body).encode())
)


async def test_a_body_that_is_almost_a_request_is_answered(server: Server, whole: WholeShop):
    headers = {**server.headers(whole.admin), "Content-Type": "application/json"}

    def ask() -> None:
        with httpx.Client(base_url=server.url, **CLIENT) as client:

            @bounded(60)
            @given(body=BODIES)
            def answer(body: bytes) -> None:
                response = client.post("/graphql", content=body, headers=headers)
                content = response.json()
                codes = {error["extensions"]["code"] for error in content.get("errors", [])}
                assert response.status_code in {200, 400}, (body, content)
                assert "INTERNAL_SERVER_ERROR" not in codes, (body, content)

            answer()

    await asyncio.to_thread(ask)
