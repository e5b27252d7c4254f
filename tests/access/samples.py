"""How each field is asked for: arguments that find something, and where an object of each type is found.

Whoever adds a field that needs arguments, a type or a mutation adds a line here; the tests say which is missing.
`$Order` and the like stand for what `Stage.names` holds.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from access.stage import PASSWORD, Stage

from domain.orders.model import OrderStatus

REPORT = '(from: "$from", to: "$to")'

ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "Query.user": {"": '(id: "$User")'},
    "Query.customer": {"": '(id: "$Customer")'},
    "Query.product": {"": '(id: "$Product")'},
    "Query.variant": {"": '(sku: "MUG")'},
    "Query.warehouse": {"": '(id: "$Warehouse")'},
    "Query.order": {"": '(id: "$Order")', "by number": '(number: "$number")'},
    "Query.orders": {"": "", "of a customer": '(filter: {customer: {eq: "$Customer"}})'},
    "Query.stockMovements": {
        "": "",
        "of an order": '(filter: {order: {eq: "$Order"}})',
        "of a user": '(filter: {actor: {eq: "$User"}})',
    },
    "Query.node": {},
    "Query.nodes": {"": '(ids: ["$Order", "$User", "$Customer", "$OrderReturn", "$Event", "$StockLevel"])'},
    "Reports.sales": {"": '(from: "$from", to: "$to", interval: DAY)'},
    "Reports.topProducts": {"": REPORT},
    "Reports.salesByCountry": {"": REPORT},
    "Reports.lowStock": {"": ""},
    "Reports.orderStats": {"": ""},
    "Subscription.orderStatusChanged": {"": '(after: "$start", filter: {order: {eq: "$Order"}})'},
    "Subscription.stockChanged": {"": '(after: "$start")'},
    "Subscription.stockLow": {"": '(after: "$start")'},
}
"""Arguments of the fields that need some, a row of the matrix for each name; `node` has one for each kind of node."""

HOLE = "HERE"
CHANGES = 'orderStatusChanged(after: "$start", filter: {order: {eq: "$Order"}})'
SALES = 'sales(from: "$from", to: "$to", interval: DAY)'

PLACES: Mapping[str, str] = {
    "Address": '{ customer(id: "$Customer") { addresses { HERE } } }',
    "AllowedAction": '{ order(id: "$Order") { allowedActions { HERE } } }',
    "CountrySales": f"{{ reports {{ salesByCountry{REPORT} {{ HERE }} }} }}",
    "InventorySummary": "{ reports { inventorySummary { HERE } } }",
    "Money": '{ variant(sku: "MUG") { price { HERE } } }',
    "OrderBulkResult": 'mutation { orderBulkApprove(input: {ids: ["$fresh"]}) { results { HERE } } }',
    "OrderEffect": 'mutation { orderReturn(input: {id: "$Order", dryRun: true}) { effect { HERE } } }',
    "OrderEvent": '{ order(id: "$Order") { events { HERE } } }',
    "OrderLine": '{ order(id: "$Order") { lines { HERE } } }',
    "OrderStats": "{ reports { orderStats { HERE } } }",
    "OrderStatusChange": f"subscription {{ {CHANGES} {{ HERE }} }}",
    "Reports": "{ reports { HERE } }",
    "ReturnLine": '{ node(id: "$OrderReturn") { ... on OrderReturn { lines { HERE } } } }',
    "Role": "{ roles { HERE } }",
    "SalesReport": f"{{ reports {{ {SALES} {{ HERE }} }} }}",
    "SalesRow": f"{{ reports {{ {SALES} {{ rows {{ HERE }} }} }} }}",
    "SalesTotal": f"{{ reports {{ {SALES} {{ total {{ HERE }} }} }} }}",
    "StockChange": 'subscription { stockChanged(after: "$start") { HERE } }',
    "StockEffect": 'mutation { orderReturn(input: {id: "$Order", dryRun: true}) { effect { stock { HERE } } } }',
    "StockLow": 'subscription { stockLow(after: "$start") { HERE } }',
    "TopProduct": f"{{ reports {{ topProducts{REPORT} {{ HERE }} }} }}",
    "WarehouseStock": "{ reports { inventorySummary { total { HERE } } } }",
}
"""Where the fields of an object of each type are asked for; a node is found by its id."""

Sample = Callable[[Stage], Awaitable[dict[str, Any]]]
"""Makes the input of a mutation that nobody has sent before, and prepares what it speaks of."""


def _order(status: OrderStatus = OrderStatus.PENDING, **more: Any) -> Sample:
    async def sample(stage: Stage) -> dict[str, Any]:
        return {"id": await stage.order(status), **more}

    return sample


def _orders(**more: Any) -> Sample:
    async def sample(stage: Stage) -> dict[str, Any]:
        return {"ids": [await stage.plain_order()], **more}

    return sample


def _role(role: str, *held: str) -> Sample:
    async def sample(stage: Stage) -> dict[str, Any]:
        return {"userId": await stage.user(*held), "role": role}

    return sample


def _given(**given: Any) -> Sample:
    async def sample(_stage: Stage) -> dict[str, Any]:
        return dict(given)

    return sample


async def _place_for_another(stage: Stage) -> dict[str, Any]:
    return {"lines": [{"sku": "MUG", "quantity": 1}], "customerId": stage.names["Customer"]}


async def _register(_stage: Stage) -> dict[str, Any]:
    name = f"u{uuid4().hex[:12]}"
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


async def _sign_in(stage: Stage) -> dict[str, Any]:
    return {"username": (await stage.sign_in())["username"], "password": PASSWORD}


async def _refresh(stage: Stage) -> dict[str, Any]:
    return {"refreshToken": (await stage.sign_in())["refreshToken"]}


async def _token(stage: Stage) -> dict[str, Any]:
    return {"token": (await stage.sign_in())["refreshToken"]}


async def _login_code(stage: Stage) -> dict[str, Any]:
    return {"code": await stage.login_code()}


async def _reset_request(stage: Stage) -> dict[str, Any]:
    return {"usernameOrEmail": (await stage.sign_in())["username"]}


async def _reset(stage: Stage) -> dict[str, Any]:
    return {"token": await stage.reset_token(), "newPassword": PASSWORD}


async def _sessions(stage: Stage) -> dict[str, Any]:
    return {"userId": await stage.user()}


async def _reorder_point(_stage: Stage) -> dict[str, Any]:
    return {"sku": "MUG", "warehouse": "YRK", "reorderPoint": 1 + uuid4().int % 1_000_000}


MUG: dict[str, Any] = {"sku": "MUG", "warehouse": "LON"}

MUTATIONS: Mapping[str, Mapping[str, Sample]] = {
    "orderApprove": {"": _order()},
    "orderBulkApprove": {"": _orders()},
    "orderBulkReject": {"": _orders(reason="Enough.")},
    "orderCancel": {"": _order(), "once approved": _order(OrderStatus.APPROVED)},
    "orderDeliver": {"": _order(OrderStatus.SHIPPED)},
    "orderPlace": {"": _given(lines=[{"sku": "MUG", "quantity": 1}]), "for another customer": _place_for_another},
    "orderReject": {"": _order()},
    "orderReturn": {"": _order(OrderStatus.DELIVERED)},
    "orderShip": {"": _order(OrderStatus.APPROVED)},
    "passwordChange": {"": _given(currentPassword=PASSWORD, newPassword=PASSWORD)},
    "passwordReset": {"": _reset},
    "passwordResetRequest": {"": _reset_request},
    "roleGrant": {"": _role("support"), "of `admin`": _role("admin")},
    "roleRevoke": {"": _role("manager", "manager"), "of `admin`": _role("admin", "admin")},
    "sessionsRevokeAll": {"": _given(), "of somebody else": _sessions},
    "stockAdjust": {"": _given(**MUG, delta=-1, reason="Count.")},
    "stockReceive": {"": _given(**MUG, quantity=1)},
    "stockReorderPointSet": {"": _reorder_point},
    "stockTransfer": {"": _given(**{"sku": "MUG", "from": "LON", "to": "YRK", "quantity": 1})},
    "tokenCreate": {"": _sign_in},
    "tokenFromLogin": {"": _login_code},
    "tokenRefresh": {"": _refresh},
    "tokenRevoke": {"": _token},
    "tokenVerify": {"": _token},
    "userRegister": {"": _register},
}
"""The input of each mutation, which succeeds for an admin; one row of the matrix for each name."""

BY_NOBODY = frozenset(
    {"passwordReset", "passwordResetRequest", "tokenCreate", "tokenFromLogin", "tokenRefresh", "userRegister"}
)
"""Mutations by which people become known: who did it is nobody yet."""

CHANGES_NOTHING = frozenset({"tokenVerify"})
"""Mutations that only tell something; they are no queries for the sake of the secret that they are given."""
