"""A shop that was prepared for looking at it through everybody's eyes: who looks, and what there is to see."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from factories.goods import make_variant, put_stock
from factories.orders import make_adjustment, make_order, move, place
from factories.people import make_admin, make_user
from sqlalchemy import insert, text, update
from support.log import settle
from support.server import Server
from support.shop import Shop, with_quick_passwords

from db.customers import addresses
from db.events import EventLog
from db.roles import user_roles
from db.users import users
from domain.actor import Actor, Origin
from domain.orders.model import OrderStatus
from domain.secret import digest_of
from domain.tokens.revoking import revoke_token
from graph.node import global_id, parse_id

PASSWORD = "correct horse"
STAFF = ("support", "warehouse", "manager")

RELATED = """
SELECT o.customer_id, (SELECT product_id FROM variants WHERE id = l.variant_id) AS product_id, l.variant_id,
  m.id AS movement_id, s.id AS level_id, m.warehouse_id, r.id AS return_id, e.id AS event_id
FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN stock_movements m ON m.order_id = o.id
JOIN stock_levels s ON s.variant_id = l.variant_id JOIN returns r ON r.order_id = o.id
JOIN events e ON e.aggregate_id = o.id WHERE o.id = :order LIMIT 1
"""


@dataclass(frozen=True)
class Stage:
    """A server with a prepared shop. What `ids` and `names` hold belongs to the customer of that name."""

    server: Server
    shop: Shop
    actors: Mapping[str, Actor]
    tokens: Mapping[str, str | None]
    """The access token of each viewer, by the name of their column; None for nobody."""
    names: Mapping[str, str]
    """What samples may name: the global id of one thing of each type, and more."""

    @property
    def customer(self) -> Actor:
        return self.actors["customer"]

    @property
    def admin(self) -> Actor:
        return self.actors["admin"]

    async def order(self, status: OrderStatus = OrderStatus.PENDING) -> str:
        """The global id of a new order of the customer in one of the states on the way to the customer."""
        order = await place(self.shop, self.customer, ("MUG", 2))
        for action, reached in (
            ("approve", OrderStatus.APPROVED),
            ("ship", OrderStatus.SHIPPED),
            ("deliver", OrderStatus.DELIVERED),
        ):
            if status is OrderStatus.PENDING:
                break
            assert (await move(self.shop, self.admin, action, order["id"]))["userErrors"] == []
            if reached is status:
                break
        return order["id"]

    async def plain_order(self) -> str:
        """The global id of a new order for which nothing is reserved."""
        owner = parse_id(self.names["Customer"])[1]
        return global_id("Order", await make_order(self.shop.database, f"P{uuid4().hex}", customer=owner))

    async def user(self, *roles: str) -> str:
        """The global id of a new user who holds roles."""
        user = await make_user(self.shop.database, f"u{uuid4().hex[:12]}")
        await grant(self.shop, user, *roles)
        return global_id("User", user.user_id or uuid4())

    async def sign_in(self) -> dict[str, Any]:
        """The tokens of a new user."""
        name = f"u{uuid4().hex[:12]}"
        await self.shop.get(REGISTER, input={"username": name, "email": f"{name}@example.com", "password": PASSWORD})
        made = await self.shop.get(SIGN_IN, input={"username": name, "password": PASSWORD})
        return {**made["tokenCreate"], "username": name}

    async def login_code(self) -> str:
        """The code with which a provider's sign-in ends."""
        key, code, soon = parse_id(await self.user())[1], uuid4().hex, datetime.now(UTC) + timedelta(minutes=1)
        async with self.shop.process.services.begin(Actor.system(), Origin("stage")) as uow:
            await uow.logins.add_code(digest_of(code), key, "provider", soon)
        return code

    async def reset_token(self) -> str:
        """The token of a mail by which a new user may choose a password."""
        services = self.shop.process.services
        token, stored, expires_at = services.resetting.tokens.make()
        async with services.begin(Actor.system(), Origin("stage")) as uow:
            await uow.password_resets.put(parse_id(await self.user())[1], stored, expires_at)
        return token


REGISTER = "mutation ($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { message } } }"
SIGN_IN = "mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { accessToken refreshToken } }"


async def grant(shop: Shop, user: Actor, *roles: str) -> None:
    for role in roles:
        await shop.database.execute(insert(user_roles).values(user_id=user.user_id, role=role))


async def make_stage(server: Server) -> Stage:
    """Prepare the empty shop of a server."""
    process = with_quick_passwords(server.process)
    server.app.state.process = process
    shop = Shop(process)
    actors = await _people(shop)
    customer, admin = actors["customer"], actors["admin"]
    await make_variant(shop.database, "MUG", LON=100_000, YRK=100)
    lamp = await make_variant(shop.database, "LAMP")
    await put_stock(shop.database, lamp, "LON", 51, reorder_point=50)
    await make_adjustment(shop.database)
    order = await place(shop, customer, ("MUG", 2), ("LAMP", 1), notes="By noon.", country="Norway")
    await place(shop, actors["another customer"], ("MUG", 1))
    for action in ("approve", "ship", "deliver"):
        await move(shop, admin, action, order["id"])
    line = [{"position": 1, "quantity": 1}]
    await move(shop, admin, "return", order["id"], lines=line, reason="Cracked.")
    await settle(shop.database)
    names = await _names(shop, order, customer)
    return Stage(server, shop, actors, await _tokens(server, actors), names)


async def _people(shop: Shop) -> dict[str, Actor]:
    database = shop.database
    actors = {"customer": await make_user(database, "adalove"), "another customer": await make_user(database, "other")}
    for name in STAFF:
        user = await make_user(database, name)
        await grant(shop, user, name)
        actors[name] = user
    actors["admin"] = await make_admin(database)
    password_hash = await shop.process.services.hasher.hash(PASSWORD)
    await database.execute(update(users).values(password_hash=password_hash))
    # With what follows from their roles: what their tokens will tell of.
    keys = [actor.user_id or uuid4() for actor in actors.values()]
    found = await shop.process.services.readers.users.by_ids(Actor.system(), keys)
    return {name: found[key].as_actor() for name, key in zip(actors, keys, strict=True)}


async def _tokens(server: Server, actors: Mapping[str, Actor]) -> dict[str, str | None]:
    tokens: dict[str, str | None] = {"anonymous": None}
    tokens |= {name: server.token(actor) for name, actor in actors.items()}
    services = server.process.services
    revoked = server.token(actors["admin"])
    assert await revoke_token(services.begin(Actor.system(), Origin("stage")), services.issuer, revoked)
    return tokens | {"expired": _expired(server, actors["admin"]), "revoked": revoked}


def _expired(server: Server, actor: Actor) -> str:
    """A token of an admin that ended a minute ago."""
    issuer = server.process.services.issuer
    lifetime, issuer.lifetime = issuer.lifetime, -60
    try:
        return server.token(actor)
    finally:
        issuer.lifetime = lifetime


async def _names(shop: Shop, order: dict[str, Any], customer: Actor) -> dict[str, str]:
    key = parse_id(order["id"])[1]
    [row] = await shop.database.read(text(RELATED), {"order": key})
    await shop.database.execute(insert(addresses).values(customer_id=row.customer_id, country="Norway", city="Bergen"))
    keys: dict[str, UUID] = {
        "User": customer.user_id or uuid4(),
        "Customer": row.customer_id,
        "Product": row.product_id,
        "Variant": row.variant_id,
        "Warehouse": row.warehouse_id,
        "StockLevel": row.level_id,
        "StockMovement": row.movement_id,
        "Order": key,
        "OrderReturn": row.return_id,
        "Adjustment": await shop.scalar("SELECT id FROM adjustments"),
        "Event": row.event_id,
    }
    today = datetime.now(UTC).date()
    dates = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}
    state = await EventLog(shop.database).state()
    ids = {name: global_id(name, each) for name, each in keys.items()}
    return {**ids, **dates, "number": order["number"], "start": state.cursor(0)}
