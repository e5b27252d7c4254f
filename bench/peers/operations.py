"""What the servers are asked, and what their answers have in common.

The operations are those of Orderwire's own clients. Mercurius answers them as they are; PostGraphile has the names that
it makes of the tables, and amounts beside their currencies rather than within an object.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

STATUS = "DELIVERED"
PAGE, PRODUCTS = 50, 100
"""How many orders and products are asked for. 100 is the most that Orderwire gives at once."""

ORDERS_PAGE = """
query OrdersPage($first: Int!, $after: String, $status: [OrderStatus!]) {
  orders(first: $first, after: $after, filter: {status: {in: $status}}, orderBy: {field: PLACED_AT, direction: DESC}) {
    edges {
      cursor
      node {
        id number status placedAt
        total { amount currencyCode }
        customer { id name email }
        lines {
          position quantity
          unitPrice { amount }
          variant { id sku name price { amount } stockLevels { onHand reserved available warehouse { code } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
ORDER_POINT = """
query OrderPoint($id: ID!) {
  order(id: $id) { id number status placedAt total { amount currencyCode } customer { id name } }
}
"""
PRODUCTS_FLAT = """
query ProductsFlat($first: Int!) {
  products(first: $first) {
    nodes { id name description createdAt updatedAt variants { id sku price { amount currencyCode } } }
  }
}
"""
ORDER_PLACE = """
mutation OrderPlace($lines: [OrderLineInput!]!) {
  orderPlace(input: {lines: $lines}) {
    order { id number status version total { amount currencyCode } lines { position quantity variant { sku } } }
    userErrors { code message }
  }
}
"""

ORDERS_PAGE_OF_TABLES = """
query OrdersPage($first: Int!, $after: Cursor, $status: String!) {
  orders: allOrders(first: $first, after: $after, condition: {status: $status}, orderBy: [PLACED_AT_DESC]) {
    edges {
      cursor
      node {
        id: rowId number status placedAt total currency
        customer: customerByCustomerId { id: rowId name email }
        lines: orderLinesByOrderIdList(orderBy: [POSITION_ASC]) {
          position quantity unitPrice
          variant: variantByVariantId {
            id: rowId sku name price
            stockLevels: levelsList { onHand reserved available warehouse: warehouseByWarehouseId { code } }
          }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
ORDER_POINT_OF_TABLES = """
query OrderPoint($id: UUID!) {
  order: orderByRowId(rowId: $id) {
    id: rowId number status placedAt total currency customer: customerByCustomerId { id: rowId name }
  }
}
"""
PRODUCTS_FLAT_OF_TABLES = """
query ProductsFlat($first: Int!) {
  products: allProducts(first: $first, orderBy: [NAME_ASC]) {
    nodes {
      id: rowId name description createdAt updatedAt
      variants: variantsByProductIdList(orderBy: [SKU_ASC]) { id: rowId sku price currency }
    }
  }
}
"""
ORDER_PLACE_OF_TABLES = """
mutation OrderPlace($customer: UUID!, $skus: [String!]!, $quantities: [Int!]!) {
  orderPlace: benchOrderPlace(input: {customer: $customer, skus: $skus, quantities: $quantities}) {
    order: result {
      id: rowId number status version total currency
      lines: orderLinesByOrderIdList(orderBy: [POSITION_ASC]) { position quantity variant: variantByVariantId { sku } }
    }
  }
}
"""


@dataclass(frozen=True)
class Operation:
    """The requests for an operation, which are sent in turns, and what each answer has in it."""

    name: str
    bodies: list[str]
    expected: str


def of_orderwire(orders: list[str], pairs: list[tuple[str, str]]) -> list[Operation]:
    """The operations as Orderwire and Mercurius take them; `orders` are ids as the server writes them."""
    places = [{"lines": [{"sku": sku, "quantity": 1} for sku in pair]} for pair in pairs]
    return [
        _operation("OrdersPage", ORDERS_PAGE, [{"first": PAGE, "after": None, "status": [STATUS]}], '"endCursor":"'),
        _operation("OrderPoint", ORDER_POINT, [{"id": order} for order in orders], '"placedAt":"'),
        _operation("ProductsFlat", PRODUCTS_FLAT, [{"first": PRODUCTS}], '"sku":"'),
        _operation("orderPlace", ORDER_PLACE, places, '"userErrors":[]'),
    ]


def of_tables(orders: list[str], customer: str, pairs: list[tuple[str, str]]) -> list[Operation]:
    """The operations as PostGraphile takes them."""
    places = [{"customer": customer, "skus": pair, "quantities": [1, 1]} for pair in pairs]
    page = {"first": PAGE, "after": None, "status": STATUS}
    return [
        _operation("OrdersPage", ORDERS_PAGE_OF_TABLES, [page], '"endCursor":"'),
        _operation("OrderPoint", ORDER_POINT_OF_TABLES, [{"id": order} for order in orders], '"placedAt":"'),
        _operation("ProductsFlat", PRODUCTS_FLAT_OF_TABLES, [{"first": PRODUCTS}], '"sku":"'),
        _operation("orderPlace", ORDER_PLACE_OF_TABLES, places, '"version":1'),
    ]


def _operation(name: str, query: str, variables: list[Mapping[str, Any]], expected: str) -> Operation:
    return Operation(name, [json.dumps({"query": query, "variables": each}) for each in variables], expected)


def alike(data: Any) -> Any:
    """What an answer says, whoever says it.

    Ids become their place of first appearance, cursors and the numbers of new orders only have to be there, moments are
    compared as moments, amounts stand beside their currencies, stock levels are sorted by warehouse.
    """
    seen: dict[str, int] = {}
    told = _alike(data, {"id": lambda value: seen.setdefault(value, len(seen))})
    if "orderPlace" in told:
        told["orderPlace"].pop("userErrors", None)
        told["orderPlace"]["order"].pop("number")
    return told


def _alike(value: Any, rules: Mapping[str, Callable[[Any], Any]]) -> Any:
    if isinstance(value, list):
        return [_alike(each, rules) for each in value]
    if not isinstance(value, dict):
        return value
    told: dict[str, Any] = {}
    for name, each in value.items():
        if name in {"total", "price", "unitPrice"} and isinstance(each, dict):
            told[name] = each["amount"]
            if "currencyCode" in each:
                told["currency"] = each["currencyCode"]
        elif name in rules:
            told[name] = rules[name](each)
        elif name in {"cursor", "endCursor"}:
            told[name] = bool(each)
        elif name.endswith("At"):
            told[name] = datetime.fromisoformat(each)
        else:
            told[name] = _alike(each, rules)
        if name == "stockLevels":
            told[name].sort(key=lambda level: level["warehouse"]["code"])
    return told
