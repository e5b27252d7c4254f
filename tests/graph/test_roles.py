"""Granting and taking roles, through the schema: who may, what it changes, and what comes of races."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin, make_user
from sqlalchemy import insert, text, update
from support.locks import WAITING
from support.log import logged
from support.shop import Shop
from support.waiting import until

from db.roles import roles, user_roles
from db.users import users
from domain.actor import Actor, Origin, Scope
from domain.clients.commands import register_client
from domain.identities.commands import trade_code
from domain.refusals import Refused
from domain.secret import digest_of
from domain.users.commands import ensure_admin
from graph.node import global_id

CHANGE = """
mutation ($input: Role%(act)sInput!) {
  role%(act)s(input: $input) {
    user { username roles scopes isAdmin }
    userErrors { __typename code message field ... on RoleExceeds { role missing } }
  }
}
"""
SIGN_IN = "mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { accessToken refreshToken } }"
REFRESH = "mutation ($token: String!) { tokenRefresh(input: {refreshToken: $token}) { userErrors { code } } }"
WATCH = "subscription { orderStatusChanged { to } }"


async def change(shop: Shop, act: str, actor: Actor | None, subject: Actor, role: str, **given: Any) -> Any:
    """The whole payload of `roleGrant` or `roleRevoke`."""
    wanted = {"userId": global_id("User", subject.user_id or uuid4()), "role": role, **given}
    return (await shop.get(CHANGE % {"act": act}, actor, input=wanted))[f"role{act}"]


async def codes(shop: Shop, act: str, actor: Actor | None, subject: Actor, role: str) -> list[str]:
    return [error["code"] for error in (await change(shop, act, actor, subject, role))["userErrors"]]


async def make_holder(shop: Shop, username: str, *names: str) -> Actor:
    """A user who holds roles, as the actor that their token would name."""
    user = await make_user(shop.database, username)
    for name in names:
        await shop.database.execute(insert(user_roles).values(user_id=user.user_id, role=name))
    return await now(shop, user)


async def now(shop: Shop, user: Actor) -> Actor:
    """A user with the rights they hold now, as after a refresh."""
    found = await shop.process.services.readers.users.by_ids(Actor.system(), [user.user_id or uuid4()])
    return found[user.user_id].as_actor()


async def is_waiting(shop: Shop) -> bool:
    """Whether somebody waits for the lock of another."""
    return await shop.scalar(f"SELECT count(*) {WAITING}") > 0


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    return await make_admin(shop.database)


async def test_a_role_is_granted_and_taken_and_both_are_on_record(shop: Shop, admin: Actor):
    hedwig = await make_user(shop.database, "hedwig")

    granted = await change(shop, "Grant", admin, hedwig, "support")
    revoked = await change(shop, "Revoke", admin, hedwig, "customer")

    scopes = ["orders:read", "inventory:read", "reports:read", "users:read"]
    user = {"username": "hedwig", "scopes": scopes, "isAdmin": False}
    assert granted == {"user": {**user, "roles": ["customer", "support"]}, "userErrors": []}
    assert revoked == {"user": {**user, "roles": ["support"]}, "userErrors": []}
    query = "SELECT role, granted_by FROM user_roles WHERE user_id = :key"
    assert await shop.database.read(text(query), {"key": hedwig.user_id}) == [("support", admin.user_id)]
    columns = "kind, aggregate_id, sequence, payload, actor_id, request_id, host(address)"
    who = (admin.user_id, "test-request", "192.0.2.1")
    first = {"role": "support", "before": ["customer"], "after": ["customer", "support"]}
    second = {"role": "customer", "before": ["customer", "support"], "after": ["support"], "sessions": 0}
    assert await logged(shop.database, columns) == [
        ("ROLE_GRANTED", hedwig.user_id, 2, first, *who),
        ("ROLE_REVOKED", hedwig.user_id, 3, second, *who),
    ]


async def test_what_a_user_holds_is_the_sum_of_their_roles(shop: Shop):
    both = await make_holder(shop, "hedwig", "support", "warehouse")
    machine = await make_user(shop.database, "scanner", Scope.INVENTORY_WRITE)

    assert both.scopes == {
        "orders:read", "orders:write", "inventory:read", "inventory:write", "reports:read", "users:read"
    }  # fmt: skip
    # What was granted directly counts beside the roles.
    assert (await now(shop, machine)).scopes == {"inventory:write"}
    told = await shop.get("{ me { roles scopes isAdmin } }", machine)
    assert told["me"] == {"roles": ["customer"], "scopes": ["inventory:write"], "isAdmin": False}


async def test_a_grant_of_what_is_held_and_a_revocation_of_what_is_not_change_nothing(shop: Shop, admin: Actor):
    hedwig = await make_user(shop.database, "hedwig")

    again = await change(shop, "Grant", admin, hedwig, "customer")
    never = await change(shop, "Revoke", admin, hedwig, "manager")

    assert [again["user"]["roles"], never["user"]["roles"]] == [["customer"]] * 2
    assert await logged(shop.database, "kind") == []


async def test_a_second_request_with_the_same_key_does_nothing_more(shop: Shop, admin: Actor):
    hedwig, key = await make_user(shop.database, "hedwig"), str(uuid4())

    answers = await asyncio.gather(
        *(change(shop, "Grant", admin, hedwig, "support", idempotencyKey=key) for _ in range(3))
    )
    other = await change(shop, "Grant", admin, hedwig, "manager", idempotencyKey=key)

    assert answers == [answers[0]] * 3
    assert answers[0]["userErrors"] == []
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]
    assert await logged(shop.database, "kind") == [("ROLE_GRANTED",)]


async def test_who_may_grant_and_take_what(shop: Shop, admin: Actor):
    names = ("customer", "support", "warehouse", "manager", "admin")
    subjects = {name: await make_holder(shop, f"some{name}", name) for name in names[1:]}
    await shop.database.execute(
        insert(roles).values(name="people", description="-", scopes=["users:read", "users:write"])
    )
    people = await make_holder(shop, "people", "people", "support")
    writer = await make_user(shop.database, "writer", Scope.USERS_WRITE)
    refusals = {
        None: "UNAUTHENTICATED",
        subjects["support"]: "FORBIDDEN",
        subjects["warehouse"]: "FORBIDDEN",
        subjects["manager"]: "FORBIDDEN",
        # To write users is not to see them.
        writer: "NOT_FOUND",
    }
    before = await shop.contents()

    for actor, code in refusals.items():
        for act in ("Grant", "Revoke"):
            assert await codes(shop, act, actor, subjects["support"], "customer") == [code]
    told = {role: await codes(shop, "Grant", people, subjects["support"], role) for role in names[2:]}
    of_admin = [await codes(shop, act, people, subjects["admin"], "support") for act in ("Grant", "Revoke")]
    oneself = [await codes(shop, "Grant", each, each, "support") for each in (people, admin)]
    unknown = await change(shop, "Grant", admin, subjects["support"], "queen")
    nobody = await change(shop, "Grant", admin, Actor(uuid4(), "nobody"), "support")

    assert told == {"warehouse": ["ROLE_EXCEEDS"], "manager": ["ROLE_EXCEEDS"], "admin": ["FORBIDDEN"]}
    assert of_admin == [["FORBIDDEN"]] * 2
    assert oneself == [["FORBIDDEN"]] * 2
    assert [(each["code"], each["field"]) for each in (*unknown["userErrors"], *nobody["userErrors"])] == [
        ("NOT_FOUND", ["input", "role"]),
        ("NOT_FOUND", ["input", "userId"]),
    ]
    assert await shop.contents() == before
    assert await codes(shop, "Grant", people, subjects["manager"], "support") == []
    assert await codes(shop, "Grant", admin, subjects["manager"], "admin") == []


async def test_a_role_that_exceeds_names_what_is_missing(shop: Shop, admin: Actor):
    keeper = await make_user(shop.database, "keeper", Scope.USERS_WRITE, Scope.USERS_READ, Scope.INVENTORY_READ)
    hedwig = await make_user(shop.database, "hedwig")

    [error] = (await change(shop, "Grant", keeper, hedwig, "warehouse"))["userErrors"]

    assert error == {
        "__typename": "RoleExceeds",
        "code": "ROLE_EXCEEDS",
        "message": "The role warehouse has scopes that you lack: orders:read, orders:write, inventory:write.",
        "field": ["input", "role"],
        "role": "warehouse",
        "missing": ["orders:read", "orders:write", "inventory:write"],
    }


async def test_a_machine_holds_no_role_and_so_is_not_the_last_admin(shop: Shop, admin: Actor):
    unit_of_work = shop.process.services.begin(Actor.system(), Origin("test"))
    client_id, _ = await register_client(unit_of_work, "The till", [Scope.ORDERS_READ])
    machine = Actor(await shop.scalar("SELECT user_id FROM clients"), client_id)

    granted = [await change(shop, "Grant", admin, machine, role) for role in ("admin", "support")]

    assert [[(each["code"], each["field"]) for each in payload["userErrors"]] for payload in granted] == [
        [("BAD_INPUT", ["input", "userId"])]
    ] * 2
    assert await codes(shop, "Revoke", admin, admin, "admin") == ["LAST_ADMIN"]
    assert (await now(shop, machine)).scopes == {"orders:read"}


async def test_a_sign_in_that_waits_for_the_end_of_a_role_tells_of_it_no_more(shop: Shop, admin: Actor):
    clerk = await make_holder(shop, "clerk", "manager")
    user_id, services = clerk.user_id or uuid4(), shop.process.services
    code = "a code that a provider's word was traded for"
    in_a_minute = datetime.now(UTC) + timedelta(minutes=1)
    async with services.begin(clerk, Origin("test")) as ready:
        await ready.logins.add_code(digest_of(code), user_id, "provider", in_a_minute)

    async with services.begin(admin, Origin("test")) as revoking:
        await revoking.users.lock(user_id)
        await revoking.roles.revoke(user_id, "manager")
        stranger = services.begin(Actor.anonymous(), Origin("test"))
        signing_in = asyncio.create_task(trade_code(stranger, services.issuer, code))
        await until(lambda: is_waiting(shop))

    tokens = await signing_in
    assert (tokens.user.roles, tokens.user.scopes) == (("customer",), ())
    assert services.issuer.actor(tokens.access_token).scopes == frozenset()


async def test_the_last_admin_stays(shop: Shop, admin: Actor):
    refused = await change(shop, "Revoke", admin, admin, "admin")

    assert refused["userErrors"] == [
        {
            "__typename": "PlainError",
            "code": "LAST_ADMIN",
            "message": "boss is the last admin. Make another one first.",
            "field": ["input", "userId"],
        }
    ]
    deputy = await make_admin(shop.database, "deputy")
    assert await codes(shop, "Revoke", admin, admin, "admin") == []
    assert await codes(shop, "Revoke", deputy, deputy, "admin") == ["LAST_ADMIN"]


async def test_a_shop_starts_although_its_first_admin_has_handed_the_role_on(shop: Shop):
    first, second = [await make_admin(shop.database, name) for name in ("first", "second")]
    assert await codes(shop, "Revoke", second, first, "admin") == []

    async def start() -> bool:
        unit_of_work = shop.process.services.begin(Actor.system(), Origin("test"))
        return await ensure_admin(unit_of_work, shop.process.services.hasher, "first", "correct horse")

    assert await start() is False
    await shop.database.execute(text("DELETE FROM user_roles"))
    with pytest.raises(Refused) as refused:
        await start()
    assert [refusal.code for refusal in refused.value.refusals] == ["USERNAME_TAKEN"]


async def test_of_two_admins_who_take_the_role_from_each_other_one_is_refused(shop: Shop):
    for number in range(5):
        await shop.database.execute(text("DELETE FROM user_roles"))
        first, second = [await make_admin(shop.database, f"{name}{number}") for name in ("first", "second")]

        told = await asyncio.gather(
            codes(shop, "Revoke", first, second, "admin"), codes(shop, "Revoke", second, first, "admin")
        )

        # Whoever comes second is an admin no longer, whatever their token says.
        assert sorted(told) == [[], ["UNAUTHENTICATED"]]
        assert await shop.scalar("SELECT count(*) FROM user_roles WHERE role = 'admin'") == 1


async def test_of_two_admins_who_lay_down_at_once_one_stays(shop: Shop):
    for number in range(5):
        await shop.database.execute(text("DELETE FROM user_roles"))
        both = [await make_admin(shop.database, f"{name}{number}") for name in ("first", "second")]

        told = await asyncio.gather(*(codes(shop, "Revoke", each, each, "admin") for each in both))

        assert sorted(told) == [[], ["LAST_ADMIN"]]
        assert await shop.scalar("SELECT count(*) FROM user_roles WHERE role = 'admin'") == 1


async def test_of_ten_who_grant_the_same_role_at_once_one_does(shop: Shop, admin: Actor):
    hedwig = await make_user(shop.database, "hedwig")

    payloads = await asyncio.gather(*(change(shop, "Grant", admin, hedwig, "manager") for _ in range(10)))

    assert payloads == [payloads[0]] * 10
    assert await logged(shop.database, "kind, sequence") == [("ROLE_GRANTED", 2)]


async def test_an_admin_of_yesterday_grants_nothing_by_an_old_token(shop: Shop, admin: Actor):
    deputy, hedwig = await make_admin(shop.database, "deputy"), await make_user(shop.database, "hedwig")
    await change(shop, "Revoke", admin, deputy, "admin")

    payload = await change(shop, "Grant", deputy, hedwig, "admin")

    message = "Your rights have changed. Refresh your access token."
    assert [(error["code"], error["message"]) for error in payload["userErrors"]] == [("UNAUTHENTICATED", message)]


async def test_the_sessions_of_whoever_loses_rights_end(shop: Shop, admin: Actor):
    issuer = shop.process.services.issuer
    hedwig = await make_holder(shop, "hedwig", "support")
    keys = {"username": "hedwig", "password": "correct horse"}
    password_hash = await shop.process.services.hasher.hash(keys["password"])
    await shop.database.execute(update(users).values(password_hash=password_hash))

    async def sign_in() -> Any:
        return (await shop.get(SIGN_IN, input=keys))["tokenCreate"]

    async def is_refreshed(tokens: Any) -> bool:
        return (await shop.get(REFRESH, token=tokens["refreshToken"]))["tokenRefresh"]["userErrors"] == []

    tokens = [await sign_in(), await sign_in()]
    await change(shop, "Revoke", admin, hedwig, "customer")
    # A role without scopes takes no rights away.
    assert issuer.actor(tokens[0]["accessToken"]).scopes == hedwig.scopes
    await change(shop, "Revoke", admin, hedwig, "support")

    for each in tokens:
        with pytest.raises(Refused) as refused:
            issuer.actor(each["accessToken"])
        assert [refusal.code for refusal in refused.value.refusals] == ["UNAUTHENTICATED"]
        assert not await is_refreshed(each)
    assert issuer.actor((await sign_in())["accessToken"]).scopes == frozenset()
    assert await logged(shop.database, "payload ->> 'sessions'", "kind = 'ROLE_REVOKED'") == [("0",), ("2",)]


async def test_the_live_stream_of_whoever_loses_a_role_ends_before_the_next_event(shop: Shop, admin: Actor):
    await make_variant(shop.database, "MUG", LON=5)
    clerk = await make_holder(shop, "clerk", "support")
    async with shop.watching(WATCH, clerk) as watch:
        await change(shop, "Grant", admin, clerk, "warehouse")
        await place(shop, admin, ("MUG", 1))
        assert await watch.next() == {"orderStatusChanged": {"to": "PENDING"}}
        await change(shop, "Revoke", admin, clerk, "warehouse")
        await place(shop, admin, ("MUG", 1))
        assert await watch.next() == {"orderStatusChanged": {"to": "PENDING"}}
        await change(shop, "Revoke", admin, clerk, "support")
        await place(shop, admin, ("MUG", 1))

        assert [error.extensions["code"] for error in (await watch.result()).errors] == ["UNAUTHENTICATED"]


async def test_the_roles_there_are_are_listed_for_those_who_see_users(shop: Shop, admin: Actor):
    clerk = await make_user(shop.database, "clerk", Scope.USERS_READ)
    query = "{ roles { name description scopes } }"

    told = [(await shop.get(query, viewer))["roles"] for viewer in (clerk, await make_user(shop.database), None)]

    assert told[1:] == [[], []]
    assert [role["name"] for role in told[0]] == ["admin", "customer", "manager", "support", "warehouse"]
    assert told[0][0]["scopes"] == [scope.value for scope in Scope]
    assert told[0][1] == {
        "name": "customer",
        "description": "Buys: sees themselves and their own orders.",
        "scopes": [],
    }
