"""What is refused of changes of stock: to whom, for which input, and that nothing is left behind."""

from typing import Any

import pytest
from factories.goods import make_variant
from factories.people import make_user
from factories.stock import change_stock
from support.shop import Shop

from domain.actor import Actor, Scope
from domain.catalog.model import VariantKind

ACTS: dict[str, dict[str, Any]] = {
    "Receive": {"sku": "MUG", "warehouse": "LON", "quantity": 1},
    "Adjust": {"sku": "MUG", "warehouse": "LON", "delta": 1, "reason": "Count."},
    "Transfer": {"sku": "MUG", "from": "LON", "to": "YRK", "quantity": 1},
    "ReorderPointSet": {"sku": "MUG", "warehouse": "LON", "reorderPoint": 1},
}


@pytest.fixture
async def keeper(shop: Shop) -> Actor:
    """Who may change stock, in a shop with a mug in London, none in York, and a service."""
    await make_variant(shop.database, "MUG", LON=2_147_483_600)
    await make_variant(shop.database, "CUP", YRK=5)
    await make_variant(shop.database, "POST", kind=VariantKind.SERVICE)
    return await make_user(shop.database, "keeper", Scope.INVENTORY_WRITE)


async def refused(shop: Shop, actor: Actor | None, act: str, **given: Any) -> list[tuple[str, str | None]]:
    """Code and field of each refusal of an act that must be refused and leave nothing behind."""
    before = await shop.counts()
    payload = await change_stock(shop, actor, act, **given)
    errors = payload.pop("userErrors")
    assert set(payload.values()) == {None}
    assert await shop.counts() == before
    return [(error["code"], error["field"] and ".".join(error["field"])) for error in errors]


@pytest.mark.parametrize("act", ACTS)
async def test_only_the_right_to_write_the_inventory_allows_it(shop: Shop, keeper: Actor, act: str):
    others = {scope.value for scope in Scope} - {Scope.INVENTORY_WRITE}
    almost = Actor(keeper.user_id, "keeper", False, frozenset(others))
    buyer = await make_user(shop.database, "buyer")

    answers = [await refused(shop, actor, act, **ACTS[act]) for actor in (None, buyer, almost)]
    allowed = await change_stock(shop, keeper, act, **ACTS[act])

    assert answers == [[("UNAUTHENTICATED", None)], [("FORBIDDEN", None)], [("FORBIDDEN", None)]]
    assert allowed["userErrors"] == []


BAD = [
    ("Receive", {"quantity": 0}, [("BAD_INPUT", "input.quantity")]),
    ("Receive", {"quantity": -1}, [("BAD_INPUT", "input.quantity")]),
    ("Receive", {"quantity": 1_000_001}, [("BAD_INPUT", "input.quantity")]),
    ("Receive", {"quantity": 48}, [("BAD_INPUT", "input.quantity")]),
    (
        "Receive",
        {"quantity": 0, "reason": "r" * 1001, "reference": "r" * 101},
        [("BAD_INPUT", "input.quantity"), ("BAD_INPUT", "input.reason"), ("BAD_INPUT", "input.reference")],
    ),
    ("Receive", {"reason": "\0"}, [("BAD_INPUT", None)]),
    ("Receive", {"sku": "mug"}, [("UNKNOWN_SKU", "input.sku")]),
    ("Receive", {"sku": "POST"}, [("BAD_INPUT", "input.sku")]),
    ("Receive", {"warehouse": "lon"}, [("NOT_FOUND", "input.warehouse")]),
    ("Adjust", {"delta": 0}, [("BAD_INPUT", "input.delta")]),
    ("Adjust", {"delta": -1_000_001}, [("BAD_INPUT", "input.delta")]),
    ("Adjust", {"delta": 48}, [("BAD_INPUT", "input.delta")]),
    ("Adjust", {"reason": " \t"}, [("BAD_INPUT", "input.reason")]),
    ("Adjust", {"reason": "r" * 1001}, [("BAD_INPUT", "input.reason")]),
    ("Adjust", {"warehouse": "YRK"}, [("NOT_FOUND", "input.warehouse")]),
    ("Adjust", {"sku": "POST"}, [("BAD_INPUT", "input.sku")]),
    ("Transfer", {"to": "LON"}, [("BAD_INPUT", "input.to")]),
    ("Transfer", {"from": "AAA", "to": "BBB"}, [("NOT_FOUND", "input.from"), ("NOT_FOUND", "input.to")]),
    ("Transfer", {"from": "YRK", "to": "LON"}, [("NOT_FOUND", "input.from")]),
    ("Transfer", {"quantity": 0}, [("BAD_INPUT", "input.quantity")]),
    ("Transfer", {"sku": "CUP", "from": "YRK", "to": "LON", "quantity": 6}, [("INSUFFICIENT_STOCK", "input.quantity")]),
    ("ReorderPointSet", {"reorderPoint": -1}, [("BAD_INPUT", "input.reorderPoint")]),
    ("ReorderPointSet", {"reorderPoint": 1_000_001}, [("BAD_INPUT", "input.reorderPoint")]),
    ("ReorderPointSet", {"warehouse": "YRK"}, [("NOT_FOUND", "input.warehouse")]),
]


async def test_bad_input_is_refused_with_its_place(shop: Shop, keeper: Actor):
    answers = [await refused(shop, keeper, act, **ACTS[act] | given) for act, given, _ in BAD]

    assert answers == [expected for _, _, expected in BAD]
