"""GraphQL over HTTP: what is answered to good, broken and hostile requests."""

import gzip

import httpx
import pytest
from factories.people import make_admin
from support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
COST = {"requested", "actual", "limit", "remaining", "resetAt"}
EMPTY = "{ products(first: 1) { nodes { name } } }"
NOTHING = {"products": {"nodes": []}}
REGISTER = 'mutation { userRegister(input: {username: "stranger", email: "s@example.com", password: "password1"}) %s }'


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of a request that was refused as a whole, which must come as JSON."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"errors"}
    [error] = body["errors"]
    return response.status_code, error["extensions"]["code"], error["message"]


async def test_a_query_is_answered_by_post_and_by_get(lasting: Server):
    by_post = await lasting.http.post("/graphql", json={"query": EMPTY})
    by_get = await lasting.http.get("/graphql", params={"query": EMPTY})

    assert by_post.status_code == by_get.status_code == 200
    assert by_post.headers["content-type"] == "application/json"
    answers = [by_post.json(), by_get.json()]
    assert [answer["extensions"].pop("cost").keys() for answer in answers] == [COST] * 2
    assert answers == [{"data": NOTHING, "extensions": {"statements": 1}}] * 2


async def test_variables_and_operation_name_come_by_post_and_by_get(lasting: Server):
    query = (
        "query A { products(first: 1) { nodes { id } } } query B($n: Int!) { warehouses(first: $n) { nodes { id } } }"
    )
    posted = {"query": query, "operationName": "B", "variables": {"n": 3}}

    by_post = await lasting.http.post("/graphql", json=posted)
    by_get = await lasting.http.get("/graphql", params={**posted, "variables": '{"n": 3}'})

    assert by_post.json()["data"] == by_get.json()["data"] == {"warehouses": {"nodes": []}}


async def test_get_never_changes_anything(lasting: Server):
    admin = await make_admin(lasting.process.database)
    mutation = REGISTER % "{ user { username } }"

    response = await lasting.http.get("/graphql", params={"query": mutation})

    assert refusal(response) == (405, "BAD_REQUEST", "mutations are not allowed when using GET")
    assert response.headers["allow"] == "POST"
    found = await lasting.get("{ users(first: 9) { nodes { username } } }", admin)
    assert found == {"users": {"nodes": [{"username": "boss"}]}}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(lasting: Server, method: str):
    response = await lasting.http.request(method, "/graphql")

    assert refusal(response) == (405, "BAD_REQUEST", "GraphQL only supports GET and POST requests.")
    assert response.headers["allow"] == "GET, POST"


TOO_DEEP = "Syntax Error: Document is nested too deeply. Parsing aborted."
NOT_JSON = "Unable to parse request body as JSON"
NOT_A_MAP = "Expected a JSON object."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", NOT_JSON),
        (b"query { me { id } }", NOT_JSON),
        (b'{"query": "{ me { id } }"', NOT_JSON),
        (b'{"query": "\xff\xfe"}', NOT_JSON),
        (b"[" * 100_000, NOT_JSON),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, NOT_JSON),
        (gzip.compress(b'{"query": "{ me { id } }"}', mtime=0), NOT_JSON),
        (b"5", NOT_A_MAP),
        (b'"x"', NOT_A_MAP),
        (b"null", NOT_A_MAP),
        (b"true", NOT_A_MAP),
        (b"[]", "Batching is not enabled"),
        (b'[{"query": "{ me { id } }"}]', "Batching is not enabled"),
        (b"{}", "No GraphQL query found in the request"),
        (b'{"query": null}', "No GraphQL query found in the request"),
        (b'{"query": ""}', "No GraphQL query found in the request"),
        (b'{"query": 5}', "The GraphQL operation's `query` must be a string or null, if provided."),
        (
            b'{"query": "{ me { id } }", "variables": [1]}',
            "The GraphQL operation's `variables` must be an object or null, if provided.",
        ),
        (
            b'{"query": "{ me { id } }", "extensions": "x"}',
            "The GraphQL operation's `extensions` must be an object or null, if provided.",
        ),
        (b'{"query": "{ me { id } }", "operationName": 5}', 'Unknown operation named "5".'),
        (b'{"query": "query A { me { id } }", "operationName": "B"}', 'Unknown operation named "B".'),
    ],
    ids=lambda value: repr(value[:30]),
)
async def test_a_broken_body_is_refused(lasting: Server, body: bytes, message: str):
    response = await lasting.http.post("/graphql", content=body, headers=JSON)

    assert refusal(response) == (400, "BAD_REQUEST", message)


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(lasting: Server):
    most = lasting.process.settings.max_body_bytes
    large = b'{"query": "{ me { id } }"}' + b" " * most

    async def chunks():
        yield large

    declared = await lasting.http.post("/graphql", content=large, headers=JSON)
    in_chunks = await lasting.http.post("/graphql", content=chunks(), headers=JSON)

    message = f"The body has more than {most} bytes."
    assert refusal(declared) == refusal(in_chunks) == (413, "BAD_REQUEST", message)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";", ""]
)
async def test_a_content_type_that_a_foreign_page_could_send_is_refused(lasting: Server, content_type: str):
    body = b'{"query": "{ me { id } }"}'

    response = await lasting.http.post("/graphql", content=body, headers={"Content-Type": content_type})

    assert refusal(response) == (400, "BAD_REQUEST", "Unsupported content type")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "No GraphQL query found in the request"),
        ({"query": "{ me { id } }", "variables": "{"}, NOT_JSON),
        ({"query": "{ me { id } }", "variables": "5"}, NOT_A_MAP),
        ({"query": "{ me { id } }", "extensions": "null"}, NOT_A_MAP),
    ],
)
async def test_broken_parameters_of_get_are_refused(lasting: Server, params: dict[str, str], message: str):
    response = await lasting.http.get("/graphql", params=params)

    assert refusal(response) == (400, "BAD_REQUEST", message)


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
        ("{ qwerty }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'qwerty' on type 'Query'."),
        ("{ a" * 20_000, "GRAPHQL_PARSE_FAILED", TOO_DEEP),
        ("{ me { id(a: " + "[" * 20_000, "GRAPHQL_PARSE_FAILED", TOO_DEEP),
    ],
    ids=["syntax", "validation", "deep selections", "deep values"],
)
async def test_a_broken_document_is_answered_with_a_code(lasting: Server, query: str, code: str, message: str):
    answer = await lasting.post(query)

    [error] = answer["errors"]
    assert (error["extensions"]["code"], error["message"]) == (code, message)


@pytest.mark.parametrize("levels", [50, 100, 150, 200, 250, 300])
async def test_a_document_of_any_depth_is_answered_with_codes(lasting: Server, levels: int):
    query = "query { __schema { types { " + "fields { type { " * levels + "name" + " } }" * levels + " } } }"

    answer = await lasting.post(query)

    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes in ({"GRAPHQL_PARSE_FAILED"}, {"TOO_DEEP"})


async def test_a_subscription_needs_a_stream(lasting: Server):
    query = "subscription { orderStatusChanged { to } }"

    response = await lasting.http.post("/graphql", json={"query": query})

    assert refusal(response) == (400, "BAD_REQUEST", "subscriptions are not allowed when using POST")


async def test_unknown_paths_are_not_found_and_the_root_leads_to_the_endpoint(lasting: Server):
    unknown = await lasting.http.get("/nothing")
    root = await lasting.http.get("/")

    assert unknown.status_code == 404
    assert (root.status_code, root.headers["location"]) == (307, "/graphql")
