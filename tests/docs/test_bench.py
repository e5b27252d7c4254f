"""What `make bench` asks the servers is valid, and its comparison of their answers sees what differs."""

import re
import runpy
from copy import deepcopy
from typing import Any

import pytest
from graphql import build_schema, parse, validate
from support.documents import ROOT
from support.shop import SCHEMA

pytestmark = pytest.mark.check

PEERS = ROOT / "bench" / "peers"
OPERATIONS = runpy.run_path(str(PEERS / "operations.py"))
CLIENTS = runpy.run_path(str(ROOT / "bench" / "stream_clients.py"))
ASKED = {name: OPERATIONS[name] for name in ("ORDERS_PAGE", "ORDER_POINT", "PRODUCTS_FLAT", "ORDER_PLACE")}
ASKED["WATCH"] = CLIENTS["WATCH"]

OURS = {
    "orderPlace": {
        "order": {
            "id": "T3JkZXI6MQ",
            "number": "OW-1",
            "total": {"amount": "5.00", "currencyCode": "GBP"},
            "lines": [{"quantity": 1, "variant": {"id": "VmFyaWFudDox", "price": {"amount": "2.50"}}}],
            "placedAt": "2026-11-21T20:00:00.123456Z",
        },
        "userErrors": [],
    }
}
THEIRS = {
    "orderPlace": {
        "order": {
            "id": "1",
            "number": "B-1",
            "total": "5.00",
            "currency": "GBP",
            "lines": [{"quantity": 1, "variant": {"id": "2", "price": "2.50"}}],
            "placedAt": "2026-11-21T20:00:00.123456+00:00",
        }
    }
}


@pytest.mark.parametrize("name", ASKED)
def test_operations_are_valid_for_the_shop_and_for_mercurius(name: str) -> None:
    text = re.search(r"`(.*)`", (PEERS / "mercurius-schema.mjs").read_text(), re.DOTALL)
    assert text is not None
    for schema in (SCHEMA.graphql_schema, build_schema(text[1])):
        assert validate(schema, parse(ASKED[name])) == []


def test_answers_of_other_shapes_that_say_the_same_are_alike() -> None:
    assert OPERATIONS["alike"](OURS) == OPERATIONS["alike"](THEIRS)


@pytest.mark.parametrize(
    ("path", "other"),
    [(("total",), "5.01"), (("lines", 0, "quantity"), 2), (("placedAt",), "2026-11-21T20:00:00.123457Z")],
)
def test_answers_that_differ_are_not_alike(path: tuple[str | int, ...], other: Any) -> None:
    changed = deepcopy(THEIRS)
    place: Any = changed["orderPlace"]["order"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = other
    assert OPERATIONS["alike"](OURS) != OPERATIONS["alike"](changed)


def test_an_id_that_stands_for_two_things_is_not_alike() -> None:
    changed = deepcopy(THEIRS)
    changed["orderPlace"]["order"]["lines"][0]["variant"]["id"] = "1"
    assert OPERATIONS["alike"](OURS) != OPERATIONS["alike"](changed)
