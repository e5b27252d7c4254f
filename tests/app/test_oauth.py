"""The OAuth 2 endpoints: the grants, revocation, introspection, and what is well known."""

from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from factories.people import make_user
from structlog.testing import capture_logs
from support.clients import ask, make_machine
from support.log import logged
from support.server import Server, serving
from support.shop import with_quick_passwords

from app.choices import Environment
from app.settings import Settings
from domain.actor import Actor, Origin, Scope
from domain.clients.commands import revoke_client
from domain.users.commands import register_user

PASSWORD = "correct horse"
ME = "{ me { username } }"


@pytest.fixture
async def hedwig(server: Server) -> None:
    server.app.state.process = with_quick_passwords(server.process)
    services = server.app.state.process.services
    uow = services.begin(Actor.anonymous(), Origin("test-request"))
    await register_user(uow, services.hasher, "hedwig", "h@example.com", PASSWORD, throttle=services.throttle)


async def sign_in(server: Server, **more: str) -> Any:
    response = await ask(server, "token", grant_type="password", username="hedwig", password=PASSWORD, **more)
    assert response.status_code == 200, response.text
    return response.json()


async def me(server: Server, token: str) -> Any:
    """Whom a token lets in; the status where it lets nobody in."""
    response = await server.http.post("/graphql", json={"query": ME}, headers={"Authorization": f"Bearer {token}"})
    return response.json()["data"]["me"] if response.status_code == 200 else response.status_code


@pytest.mark.usefixtures("hedwig")
async def test_a_password_then_refresh_tokens_are_traded_for_tokens_that_nobody_may_keep(server: Server):
    response = await ask(server, "token", grant_type="password", username="Hedwig", password=PASSWORD)
    tokens = response.json()
    newer = (await ask(server, "token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])).json()
    again = await ask(server, "token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"
    assert response.headers["content-type"] == "application/json"
    for each in (tokens, newer):
        assert each.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
        assert (each["token_type"], each["expires_in"], each["scope"]) == ("Bearer", 900, "")
    assert again.status_code == 400
    assert again.json() == {
        "error": "invalid_grant",
        "error_description": "This refresh token is not valid, or no longer. Sign in again.",
    }
    # The second use of the first token has ended all that followed from the sign-in.
    assert [await me(server, each["access_token"]) for each in (tokens, newer)] == [401, 401]


@pytest.mark.usefixtures("hedwig")
async def test_both_faces_are_one_shop(server: Server):
    tokens = await sign_in(server, client_id="orderwire", scope="orders:read")
    refresh = "mutation ($t: String!) { tokenRefresh(input: {refreshToken: $t}) { accessToken userErrors { code } } }"

    answer = (await server.get(refresh, t=tokens["refresh_token"]))["tokenRefresh"]

    assert answer["userErrors"] == []
    assert await me(server, answer["accessToken"]) == {"username": "hedwig"}
    recorded = await logged(server.process.database, "kind, payload->>'by', host(address)", "aggregate_type = 'USER'")
    assert recorded == [
        ("USER_REGISTERED", None, None),
        ("USER_SIGNED_IN", "PASSWORD", "127.0.0.1"),
        ("TOKEN_REFRESHED", None, "127.0.0.1"),
    ]


@pytest.mark.usefixtures("hedwig")
async def test_an_unknown_user_a_machine_and_a_wrong_password_look_alike(server: Server):
    machine = await make_machine(server)

    answers = [
        await ask(server, "token", grant_type="password", username=name, password="wrong horse")
        for name in ("hedwig", "nobody", machine.client_id)
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert [answer.json() for answer in answers] == [
        {"error": "invalid_grant", "error_description": "The username or the password is wrong."}
    ] * 3


@pytest.mark.usefixtures("hedwig")
async def test_a_failure_is_told_in_the_log_whichever_way_was_tried(server: Server):
    machine = await make_machine(server)
    form = {"grant_type": "password", "password": "wrong horse"}
    graphql = (
        """mutation { tokenCreate(input: {username: "HEDWIG", password: "wrong horse"}) { userErrors { code } } }"""
    )

    with capture_logs() as logs:
        await ask(server, "token", username="hedwig", **form)
        await ask(server, "token", username="my own secret", **form)
        await server.http.post("/graphql", json={"query": graphql}, headers={"X-Request-ID": "by-graphql"})
        await ask(server, "token", (machine.client_id, "x"), grant_type="client_credentials")
        await ask(server, "revoke", ("my own secret", "x"), token="x")

    failures = [each for each in logs if each["event"] == "sign_in_failed"]
    assert [(each["reason"], each["account"], each["address"]) for each in failures] == [
        ("invalid_credentials", "hedwig", "127.0.0.1"),
        ("invalid_credentials", None, "127.0.0.1"),
        ("invalid_credentials", "hedwig", "127.0.0.1"),
        ("invalid_client", machine.client_id, "127.0.0.1"),
        ("invalid_client", None, "127.0.0.1"),
    ]
    assert failures[2]["request_id"] == "by-graphql"
    assert not any(secret in str(each) for each in logs for secret in ("wrong horse", "my own secret"))


@pytest.mark.parametrize("way", ["basic", "body"])
async def test_a_machine_signs_in_as_a_user_of_its_own_with_the_rights_it_was_given(server: Server, way: str):
    machine = await make_machine(server, Scope.USERS_READ, Scope.ORDERS_READ)
    credentials = {"auth": machine.basic} if way == "basic" else machine.body

    response = await ask(server, "token", grant_type="client_credentials", **credentials)

    tokens = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert tokens["scope"] == "orders:read users:read"
    assert await me(server, tokens["access_token"]) == {"username": machine.client_id}
    recorded = await logged(server.process.database, "kind, sequence, payload - 'session'")
    assert recorded == [
        (
            "CLIENT_REGISTERED",
            1,
            {"client": machine.client_id, "name": "The till", "scopes": ["orders:read", "users:read"]},
        ),
        ("USER_SIGNED_IN", 2, {"by": "CLIENT"}),
    ]


async def test_a_machine_may_ask_for_less_and_not_for_more(server: Server):
    machine = await make_machine(server, Scope.USERS_READ, Scope.ORDERS_READ)

    less = await ask(server, "token", machine.basic, grant_type="client_credentials", scope="orders:read")
    more = await ask(server, "token", machine.basic, grant_type="client_credentials", scope="orders:read users:write")
    unknown = await ask(server, "token", machine.basic, grant_type="client_credentials", scope="everything")

    assert less.json()["scope"] == "orders:read"
    actor = server.process.services.issuer.actor(less.json()["access_token"])
    assert actor.scopes == {"orders:read"}
    assert [(each.status_code, each.json()["error"]) for each in (more, unknown)] == [(400, "invalid_scope")] * 2


async def test_an_unknown_machine_a_wrong_secret_and_a_revoked_machine_look_alike(server: Server):
    machine, revoked = await make_machine(server), await make_machine(server)
    services = server.process.services
    await revoke_client(services.begin(Actor.system(), Origin("test-request")), services.issuer, revoked.client_id)
    await make_user(server.process.database, "hedwig")

    for wrong in (("nobody", "x"), (machine.client_id, "x"), revoked.basic, ("hedwig", "-"), (machine.client_id, "")):
        basic = await ask(server, "token", wrong, grant_type="client_credentials")
        body = {"client_id": wrong[0], "client_secret": wrong[1]}
        post = await ask(server, "token", grant_type="client_credentials", **body)
        assert {basic.status_code, post.status_code} == {401}
        assert basic.json() == post.json()
        assert basic.json()["error"] == "invalid_client"
        assert basic.headers["www-authenticate"].startswith("Basic ")


async def test_a_revoked_machine_is_out_at_once(server: Server):
    machine, services = await make_machine(server), server.process.services
    token = (await ask(server, "token", machine.basic, grant_type="client_credentials")).json()["access_token"]
    before = await me(server, token)

    await revoke_client(services.begin(Actor.system(), Origin("test-request")), services.issuer, machine.client_id)

    assert (before, await me(server, token)) == ({"username": machine.client_id}, 401)


async def test_machines_and_people_keep_to_their_own_grants(server: Server):
    machine = await make_machine(server)
    person = {"grant_type": "password", "username": machine.client_id, "password": machine.secret}

    as_person = await ask(server, "token", machine.basic, **person)
    in_the_body = await ask(server, "token", **person, **machine.body)
    another_client = await ask(server, "token", **person, client_id="elsewhere")
    without_secret = await ask(server, "token", grant_type="client_credentials")

    answers = (as_person, in_the_body, another_client, without_secret)
    assert [(each.status_code, each.json()["error"]) for each in answers] == [
        (400, "unauthorized_client"),
        (400, "unauthorized_client"),
        (401, "invalid_client"),
        (401, "invalid_client"),
    ]


@pytest.mark.usefixtures("hedwig")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_a_token_of_a_person_takes_the_token_alone_and_ends_its_session(server: Server, kind: str):
    tokens = await sign_in(server)

    answers = [
        await ask(server, "revoke", token=tokens[kind], token_type_hint=hint)
        for hint in ("refresh_token", "access_token", "something")
    ]

    assert [(each.status_code, each.json()) for each in answers] == [(200, {})] * 3
    assert {each.headers["cache-control"] for each in answers} == {"no-store"}
    assert await me(server, tokens["access_token"]) == 401
    refreshed = await ask(server, "token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"
    kinds = await logged(server.process.database, "kind", "kind = 'TOKEN_REVOKED'")
    assert len(kinds) == 1


@pytest.mark.usefixtures("hedwig")
async def test_a_machine_ends_its_own_tokens_one_by_one_and_not_those_of_others(server: Server):
    machine, other = await make_machine(server), await make_machine(server)
    own, next_one = [
        (await ask(server, "token", machine.basic, grant_type="client_credentials")).json()["access_token"]
        for _ in range(2)
    ]
    person = (await sign_in(server))["access_token"]

    refused = await ask(server, "revoke", other.basic, token=own)
    person_s = await ask(server, "revoke", other.basic, token=person)
    wrong_secret = await ask(server, "revoke", (machine.client_id, "x"), token=own)
    done = await ask(server, "revoke", machine.basic, token=own)

    assert [(each.status_code, each.json()["error"]) for each in (refused, person_s, wrong_secret)] == [
        (400, "invalid_grant"),
        (400, "invalid_grant"),
        (401, "invalid_client"),
    ]
    assert done.status_code == 200
    assert [await me(server, token) for token in (own, next_one, person)] == [
        401,
        {"username": machine.client_id},
        {"username": "hedwig"},
    ]


@pytest.mark.usefixtures("hedwig")
async def test_machines_and_those_who_may_read_users_are_told_what_a_token_stands_for(server: Server):
    machine, tokens = await make_machine(server), await sign_in(server)
    keeper = await make_user(server.process.database, "keeper", Scope.USERS_READ)
    actor = server.process.services.issuer.actor(tokens["access_token"])
    assert actor.expires_at is not None

    access = await ask(server, "introspect", machine.basic, token=tokens["access_token"])
    form = {"token": tokens["refresh_token"]}
    refresh = await server.http.post("/oauth/introspect", data=form, headers=server.headers(keeper))
    nonsense = await ask(server, "introspect", machine.basic, token="nonsense")
    await ask(server, "revoke", token=tokens["access_token"])
    ended = [await ask(server, "introspect", token=tokens[kind], **machine.body) for kind in list(tokens)[:1]]

    told = {"active": True, "sub": str(actor.user_id), "username": "hedwig", "scope": "", "sid": str(actor.session)}
    assert access.json() == {
        **told,
        "token_type": "Bearer",
        "exp": int(actor.expires_at.timestamp()),
        "jti": str(actor.token_id),
    }
    assert refresh.json() | {"exp": 0, "jti": ""} == {**told, "exp": 0, "jti": ""}
    assert [each.json() for each in (nonsense, *ended)] == [{"active": False}] * 2
    assert access.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("hedwig")
async def test_nobody_else_is_told(server: Server):
    token = (await sign_in(server))["access_token"]
    clerk = await make_user(server.process.database, "clerk", Scope.ORDERS_READ)

    answers = [
        await server.http.post("/oauth/introspect", data={"token": token}, headers=headers)
        for headers in ({}, server.headers(clerk), {"Authorization": f"Bearer {token}"}, {"Authorization": "Bearer x"})
    ]
    answers.append(await ask(server, "introspect", token=token, client_id="orderwire"))

    assert [(each.status_code, each.json()["error"]) for each in answers] == [(401, "invalid_client")] * 5


async def test_the_metadata_is_as_the_standard_wants_it_and_leads_to_what_there_is(settings: Settings):
    public = settings.model_copy(update={"public_url": "https://shop.example"})
    async with serving(public) as server:
        told = (await server.http.get("/.well-known/oauth-authorization-server")).json()
        keys = await server.http.get(told["jwks_uri"].removeprefix("https://shop.example"))
        found = [
            (await ask(server, told[f"{name}_endpoint"].rpartition("/")[2])).status_code
            for name in ("token", "revocation", "introspection")
        ]

    metadata: Any = AuthorizationServerMetadata(told)
    # It must be there (RFC 8414, section 2), and there is nothing to list: no endpoint takes any.
    assert told["response_types_supported"] == []
    for name in told.keys() - {"response_types_supported"}:
        getattr(metadata, f"validate_{name}")()
    assert told["issuer"] == "https://shop.example"
    assert told["grant_types_supported"] == ["password", "refresh_token", "client_credentials"]
    assert told["scopes_supported"] == list(Scope)
    assert [key["alg"] for key in keys.json()["keys"]] == ["ES256"]
    assert 404 not in found


async def test_in_production_the_metadata_names_no_address_that_a_request_names(settings: Settings):
    place, elsewhere = "/.well-known/oauth-authorization-server", {"Host": "evil.example"}
    production = settings.model_copy(update={"environment": Environment.PRODUCTION})

    async with serving(production) as server:
        without = await server.http.get(place, headers=elsewhere)
    async with serving(production.model_copy(update={"public_url": "https://shop.example"})) as server:
        told = await server.http.get(place, headers=elsewhere)

    assert (without.status_code, without.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    assert "evil" not in without.text + told.text
    assert told.json()["issuer"] == "https://shop.example"


async def test_without_a_setting_the_metadata_names_the_address_that_was_asked(server: Server):
    told = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    elsewhere = await server.http.get(
        "/.well-known/oauth-authorization-server", headers={"Host": "shop.example", "X-Forwarded-Proto": "https"}
    )

    assert told["token_endpoint"] == f"{server.url}/oauth/token"
    assert elsewhere.json()["issuer"] == "https://shop.example"
