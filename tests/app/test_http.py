"""GraphQL over HTTP: what is answered to good, broken and hostile requests."""

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
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body = response.json()
    assert body.keys() == {"errors"}
    [error] = body["errors"]
    return response.status_code, error["extensions"]["code"], error["message"]


async def test_a_query_is_answered_by_post_and_by_get(lasting: Server):
    # A document that is not known yet costs more.
    for _ in range(2):
        await lasting.http.post("/graphql", json={"query": EMPTY})

    by_post = await lasting.http.post("/graphql", json={"query": EMPTY})
    by_get = await lasting.http.get("/graphql", params={"query": EMPTY})

    assert by_post.status_code == by_get.status_code == 200
    assert by_post.headers["content-type"] == "application/json; charset=utf-8"
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

    assert refusal(response) == (405, "BAD_REQUEST", "GET changes nothing: send a mutation by POST.")
    assert response.headers["allow"] == "POST"
    found = await lasting.get("{ users(first: 9) { nodes { username } } }", admin)
    assert found == {"users": {"nodes": [{"username": "boss"}]}}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(lasting: Server, method: str):
    response = await lasting.http.request(method, "/graphql")

    assert refusal(response) == (405, "BAD_REQUEST", "GraphQL takes GET and POST requests only.")
    assert response.headers["allow"] == "GET, POST"


async def test_head_is_not_offered(lasting: Server):
    response = await lasting.http.head("/graphql", params={"query": EMPTY})

    assert (response.status_code, response.headers["allow"], response.content) == (405, "GET, POST", b"")


TOO_DEEP = "Syntax Error: Document is nested too deeply. Parsing aborted."


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

    assert refusal(response) == (406, "BAD_REQUEST", "A subscription is told as a stream: accept text/event-stream.")


BOTH = "application/graphql-response+json, application/json;q=0.9"


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/json", "application/json"),
        ("application/graphql-response+json", "application/graphql-response+json"),
        (BOTH, "application/graphql-response+json"),
        ("application/json;q=0.5, application/graphql-response+json;q=0.6", "application/graphql-response+json"),
        ("application/json, application/graphql-response+json", "application/json"),
        ("application/graphql-response+json; charset=utf-8, application/json", "application/graphql-response+json"),
        ("application/graphql-response+json; charset=latin1, application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("", "application/json"),
    ],
)
async def test_the_answer_has_the_type_that_is_wanted_most(lasting: Server, accept: str, answered: str):
    response = await lasting.http.post("/graphql", json={"query": EMPTY}, headers={"Accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, f"{answered}; charset=utf-8")
    assert response.json()["data"] == NOTHING


async def test_what_is_accepted_is_read_within_bounds(lasting: Server):
    types = [f"{',' * count}application/graphql-response+json" for count in (4_000, 60_000)]
    found = [await lasting.http.post("/graphql", json={"query": EMPTY}, headers={"Accept": each}) for each in types]

    assert [each.status_code for each in found] == [200, 406]


async def test_what_is_accepted_may_stand_in_several_lines(lasting: Server):
    lines = [("Accept", "application/graphql-response+json"), ("Accept", "text/html")]
    response = await lasting.http.post("/graphql", json={"query": EMPTY}, headers=lines)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "application/json;q=x", ";", "a"])
async def test_who_takes_none_of_our_types_is_told_so(lasting: Server, accept: str):
    response = await lasting.http.post("/graphql", json={"query": EMPTY}, headers={"Accept": accept})

    types = "application/json, application/graphql-response+json, text/event-stream"
    assert refusal(response) == (406, "BAD_REQUEST", f"Answers are {types}; Accept allows none of them.")


@pytest.mark.parametrize(
    ("posted", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ qwerty }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query ($n: Int!) { products(first: $n) { nodes { id } } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { me { id } }", "operationName": "B"}, "BAD_REQUEST"),
        ({"query": "query A { me { id } } query B { me { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"documentId": "sha256:" + "0" * 64}, "PERSISTED_DOCUMENT_NOT_FOUND"),
    ],
    ids=["syntax", "validation", "variables", "unknown operation", "several operations", "unknown document"],
)
async def test_what_was_not_executed_is_400_where_the_type_tells_that_it_comes_from_here(
    lasting: Server, posted: dict[str, str], code: str
):
    ours = await lasting.http.post("/graphql", json=posted, headers={"Accept": BOTH})
    anybodys = await lasting.http.post("/graphql", json=posted)

    assert (ours.status_code, anybodys.status_code) == (400, 200)
    assert ours.json()["errors"] == anybodys.json()["errors"]
    assert "data" not in ours.json()
    assert [error["extensions"]["code"] for error in ours.json()["errors"]] == [code]


async def test_what_failed_in_part_is_200(lasting: Server):
    query = '{ me { id } node(id: "x") { id } }'

    response = await lasting.http.post("/graphql", json={"query": query}, headers={"Accept": BOTH})

    assert response.status_code == 200
    assert response.json()["data"] == {"me": None, "node": None}
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_a_bad_token_is_401_in_every_type(lasting: Server):
    headers = {"Authorization": "Bearer nonsense"}

    for accept in ("application/json", BOTH, "text/event-stream"):
        response = await lasting.http.post("/graphql", json={"query": EMPTY}, headers={**headers, "Accept": accept})

        assert response.status_code == 401
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_unknown_paths_are_not_found_and_the_root_leads_to_the_endpoint(lasting: Server):
    unknown = await lasting.http.get("/nothing")
    root = await lasting.http.get("/")

    assert refusal(unknown) == (404, "NOT_FOUND", "Not Found.")
    assert (root.status_code, root.headers["location"]) == (307, "/graphql")
