"""How many statements an operation takes, for a shop with little in it and for one with much more."""

from uuid import uuid4

from factories.goods import make_variant, make_warehouse
from factories.orders import move, place, try_place
from factories.people import make_admin, make_user
from factories.whole_shop import make_whole_shop
from support.shop import Shop, order_id

from graph.node import global_id

PAGE = "orders(first: 60) { nodes { number customer { name user { username customer { name } } } placedBy { username }"

READS = {
    # What is asked, and how many statements answer it, whatever the number of rows: where the database writes what it
    # finds, and where objects are read.
    "{ me { username customer { name } } }": (2, 2),
    "{ orders(first: 60) { nodes { number total { amount } } } }": (1, 1),
    f"{{ {PAGE} }} }} }}": (4, 4),
    "{ orders(first: 60, filter: {status: {eq: PENDING}}) { totalCount nodes { customer { name addresses { city } }"
    " lines { variant { sku product { name } stockLevels { available warehouse { code } } } } } } }": (2, 9),
    "{ orders(first: 60) { nodes { returns { number order { number } lines { variant { sku } } } } } }": (1, 5),
    "{ products(first: 100) { nodes { name variants { sku stockLevels { onHand } } } } }": (1, 3),
    "{ variants(first: 100) { nodes { sku product { name variants { sku } } } } }": (1, 3),
    "{ customers(first: 60) { nodes { name orders(first: 5) { nodes { number lines { quantity } } } } } }": (3, 3),
    "{ stockLevels(first: 100) { nodes { variant { sku } warehouse { code } } } }": (1, 3),
    "{ stockMovements(first: 100) { nodes {"
    " variant { sku } warehouse { code } order { number } actor { username } } } }": (1, 3),
    "{ returns(first: 60) { nodes { customer { name } order { number } lines { quantity } } } }": (1, 4),
    "{ users(first: 60) { nodes { username customer { name orders(first: 1) { nodes { id } } } } } }": (3, 3),
    '{ reports { salesByCountry(from: "2026-03-01", to: "2026-03-31") { country orders } } }': (1, 1),
    "{ reports { inventorySummary { total { value { amount } } warehouses { warehouse { code } } } } }": (2, 2),
    "{ reports { lowStock(first: 100) { available variant { sku } warehouse { code } } } }": (3, 3),
}


async def test_every_read_takes_as_many_statements_for_sixty_orders_as_for_one(shop: Shop):
    admin = (await make_whole_shop(shop.database, 1)).admin

    async def counted() -> dict[str, tuple[int, int]]:
        counts: dict[str, list[int]] = {query: [] for query in READS}
        for shop.takes_json in (True, False):
            for query, taken in counts.items():
                answer = await shop.run(query, admin)
                assert answer.errors == []
                taken.append(answer.statements)
        return {query: (written, read) for query, (written, read) in counts.items()}

    assert await counted() == READS
    await make_whole_shop(shop.database, 59, start=1)
    assert await counted() == READS


async def test_one_thing_asked_for_under_many_names_is_read_once(shop: Shop):
    whole = await make_whole_shop(shop.database, 20)
    fields = " ".join(f'o{index}: order(id: "{order_id(key)}") {{ number }}' for index, key in enumerate(whole.orders))
    again = " ".join(f'a{index}: order(id: "{order_id(whole.orders[0])}") {{ number }}' for index in range(20))
    skus = " ".join(f'v{index}: variant(sku: "SKU{index:03}") {{ sku }}' for index in range(20))

    assert [(await shop.run(f"{{ {each} }}", whole.admin)).statements for each in (fields, again, skus)] == [1, 1, 1]


async def test_what_needs_no_rows_takes_no_statement(shop: Shop):
    admin = await make_admin(shop.database)

    answers = [await shop.run(query, admin) for query in ("{ __typename }", "{ reports { __typename } }")]
    refused = await try_place(shop, admin)

    assert [answer.statements for answer in answers] == [0, 0]
    assert [error["code"] for error in refused["userErrors"]] == ["BAD_INPUT"]


async def test_placing_takes_as_many_statements_for_a_hundred_lines_as_for_one(shop: Shop):
    query = "mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { order { id } userErrors { code } } }"
    buyer = await make_user(shop.database)
    for index in range(20):
        await make_variant(shop.database, f"SKU{index}", LON=2, YRK=100)

    answers = [
        await shop.run(
            query, buyer, input={"lines": [{"sku": f"SKU{index % 20}", "quantity": 1} for index in range(lines)]}
        )
        for lines in (1, 100)
    ]

    assert [answer.data["orderPlace"]["userErrors"] for answer in answers] == [[], []]
    # The offer, with its locks, and all that is written; the first order also takes the user and makes a customer (2).
    assert [answer.statements for answer in answers] == [5, 2]


async def test_moving_takes_as_many_statements_for_a_large_order_as_for_a_small_one(shop: Shop):
    admin = await make_admin(shop.database)
    for index in range(20):
        await make_variant(shop.database, f"SKU{index}", LON=100)
    query = "mutation ($id: ID!) { order%s(input: {id: $id}) { order { id } userErrors { code } } }"

    counts = []
    for lines in (1, 20):
        first, second = [await place(shop, admin, *[(f"SKU{each}", 1) for each in range(lines)]) for _ in range(2)]
        approved = await shop.run(query % "Approve", admin, id=first["id"])
        cancelled = await shop.run(query % "Cancel", admin, id=second["id"])
        counts.append((approved.statements, cancelled.statements))

    # Lock the order, write it with its event; to cancel: save it, take reservations, lock levels, write the rest.
    assert counts == [(2, 5), (2, 5)]


ALL_THE_WAY = {
    # What each statement of a mutation is for; those of stock stand for all lines at once.
    "Approve": 2,  # Lock the order; write it, and its event.
    "Ship": 6,  # Lock and save the order; look at reservations, lock levels, take reservations, write the rest.
    "Deliver": 2,
    # Lock the order; its lines, what is back; return; its lines, open levels, lock them, what was shipped; write the
    # rest.
    "Return": 9,
}


async def test_each_move_takes_as_many_statements_for_twenty_lines_as_for_one_and_its_rehearsal_one_more(shop: Shop):
    admin = await make_admin(shop.database)
    for index in range(20):
        await make_variant(shop.database, f"SKU{index}", LON=100)
    query = "mutation ($id: ID!, $dry: Boolean!) { order%s(input: {id: $id, dryRun: $dry}) { userErrors { code } } }"

    counts = []
    for lines in (1, 20):
        order = await place(shop, admin, *[(f"SKU{each}", 2) for each in range(lines)])
        for name in ALL_THE_WAY:
            answers = [await shop.run(query % name, admin, id=order["id"], dry=dry) for dry in (True, False)]
            assert [each.data[f"order{name}"]["userErrors"] for each in answers] == [[], []]
            counts.append((name, *(each.statements for each in answers)))

    # A rehearsal reads its movements, for which all before them is written.
    assert counts == [(name, count + 1, count) for name, count in ALL_THE_WAY.items()] * 2


async def test_an_idempotency_key_takes_one_statement_and_its_repetition_three(shop: Shop):
    admin, key = await make_admin(shop.database), str(uuid4())
    await make_variant(shop.database, "MUG", LON=5)
    order = await place(shop, admin, ("MUG", 1))
    query = "mutation ($input: OrderApproveInput!) { orderApprove(input: $input) { userErrors { code } } }"

    answers = [await shop.run(query, admin, input={"id": order["id"], "idempotencyKey": key}) for _ in range(2)]

    # The claim more, which is settled with the rest; claim, what was claimed, the order.
    assert [answer.statements for answer in answers] == [3, 3]


async def test_many_orders_take_what_each_takes_alone_since_each_has_its_own_transaction(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=100)
    query = (
        "mutation ($ids: [ID!]!) { orderBulk%s(input: {ids: $ids})"
        " { results { order { number customer { name } } userErrors { code } } userErrors { code } } }"
    )

    counts = []
    for name in ("Approve", "Reject"):
        for orders in (1, 10):
            ids = [(await place(shop, admin, ("MUG", 1)))["id"] for _ in range(orders)]
            counts.append((await shop.run(query % name, admin, ids=ids)).statements)

    # Those of the move, and one for the customers of all.
    assert counts == [2 + 1, 20 + 1, 5 + 1, 50 + 1]


STOCK = {
    # Variant, warehouse, lock the level; its change, movement and events.
    "Receive": ({"sku": "MUG", "warehouse": "LON", "quantity": 5}, 4),
    "Adjust": ({"sku": "MUG", "warehouse": "LON", "delta": -2, "reason": "Count."}, 4),
    # As above, for both warehouses at once; and the other level is made where there is none.
    "Transfer": ({"sku": "MUG", "from": "LON", "to": "YRK", "quantity": 2}, 5),
    # As for a count, without a movement.
    "ReorderPointSet": ({"sku": "MUG", "warehouse": "LON", "reorderPoint": 90}, 4),
}


async def test_changes_of_stock_take_few_statements_and_their_rehearsals_no_fewer(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=50)
    await make_warehouse(shop.database, "YRK")

    for name, (given, count) in STOCK.items():
        query = f"mutation ($input: Stock{name}Input!) {{ stock{name}(input: $input) {{ userErrors {{ code }} }} }}"
        dry = {} if name == "ReorderPointSet" else {"dryRun": True}
        real = await shop.run(query, admin, input=given)
        rehearsed = await shop.run(query, admin, input={**given, **dry})
        assert [each.data[f"stock{name}"]["userErrors"] for each in (real, rehearsed)] == [[], []]
        # What is rehearsed is written, too; a reorder point that is set already is not set again.
        less = 0 if dry else 1
        assert (name, real.statements, rehearsed.statements) == (name, count, count - less)


async def test_goods_that_come_to_a_new_place_take_two_statements_more(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=50)
    await make_warehouse(shop.database, "YRK")
    query = "mutation ($input: StockReceiveInput!) { stockReceive(input: $input) { userErrors { code } } }"

    answers = [await shop.run(query, admin, input={"sku": "MUG", "warehouse": "YRK", "quantity": 5}) for _ in range(2)]

    # The level is made, and locked.
    assert [answer.statements for answer in answers] == [6, 4]


async def test_a_refused_move_stops_at_the_first_statement(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=5)
    order = await place(shop, admin, ("MUG", 1))
    await move(shop, admin, "approve", order["id"])
    query = "mutation ($id: ID!) { orderApprove(input: {id: $id}) { order { id } userErrors { code } } }"

    answers = [await shop.run(query, admin, id=each) for each in (order["id"], global_id("Order", uuid4()))]

    assert [answer.statements for answer in answers] == [1, 1]
