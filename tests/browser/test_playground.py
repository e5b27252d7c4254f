"""The playground in a real browser: it loads from this host alone, runs operations, and shows an event as it comes.

One browser serves all tests, which know nothing of each other: to start it takes longer than most of them.
"""

import os
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from factories.goods import make_variant
from factories.people import make_admin
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright
from support.server import Server, serving
from support.waiting import until

from app.graphql.http import PLAYGROUND
from app.settings import Settings
from graph.limits.rules import Introspection

CHROMIUM = shutil.which("chromium")
IS_BUILT = (PLAYGROUND / "index.html").exists()
IN_CI = os.environ.get("CI") == "true"
PATIENCE = 60_000
"""Milliseconds."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)."),
    pytest.mark.skipif(
        not IS_BUILT and not IN_CI, reason="The playground is not built: install npm and run `make setup`."
    ),
]

QUIET = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SET = "([name, text]) => __MONACO.editor.getModels().find(m => m.uri.path.endsWith(name)).setValue(text)"
GET = "name => __MONACO.editor.getModels().find(m => m.uri.path.endsWith(name))?.getValue() ?? ''"
PLACE = 'mutation { orderPlace(input: {lines: [{sku: "MUG", quantity: 1}]}) { order { id number } } }'
APPROVE = "mutation ($id: ID!) { orderApprove(input: {id: $id}) { userErrors { code } } }"
WATCH = "subscription { orderStatusChanged { from to order { number } } }"


class Playground:
    """The page, and all it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requested: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._note_request)
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note_request(self, request: Request) -> None:
        self.requested.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def open(self, server: Server) -> None:
        await self.page.goto(f"{server.url}/graphql")
        await self.page.wait_for_selector(".graphiql-query-editor .view-line", timeout=PATIENCE)

    async def write(self, name: str, value: str) -> None:
        await self.page.evaluate(SET, [name, value])

    async def sign_in(self, server: Server, headers: dict[str, str]) -> None:
        await self.write("request-headers.json", orjson.dumps(headers).decode())

    async def run(self) -> None:
        await self.page.click(".graphiql-execute-button")

    async def answer(self, marker: str) -> Any:
        """The response pane, once it holds a marker."""
        held = f"name => ({GET})(name).includes({orjson.dumps(marker).decode()})"
        await self.page.wait_for_function(held, arg="response.json", timeout=PATIENCE)
        return orjson.loads(await self.page.evaluate(GET, "response.json"))


@pytest_asyncio.fixture(loop_scope="module")
async def server(fresh_url: str, tmp_path: Path) -> AsyncGenerator[Server]:
    """A server whose shop sells one mug."""
    settings = Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, shutdown_seconds=1)
    async with serving(settings) as server:
        await make_variant(server.process.database, "MUG", LON=5)
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def playground(browser: Browser) -> AsyncGenerator[Playground]:
    """A page of a visitor who was never here: without cookies, cache and storage of others."""
    async with await browser.new_context() as context:
        yield Playground(await context.new_page())


async def test_the_page_loads_from_this_host_and_runs_the_welcome_query(
    server: Server, playground: Playground, tmp_path: Path
):
    await playground.open(server)
    await playground.run()
    answer = await playground.answer("Product MUG")
    await playground.page.screenshot(path=tmp_path / "playground.png")

    variant = {"sku": "MUG", "price": {"amount": "10.00", "currencyCode": "GBP"}}
    assert answer["data"] == {"products": {"nodes": [{"name": "Product MUG", "variants": [variant]}]}}
    foreign = [url for url in playground.requested if not url.startswith((server.url, "data:", f"blob:{server.url}"))]
    assert foreign == []
    assert playground.complaints == []


async def test_the_headers_sign_in(server: Server, playground: Playground):
    admin = await make_admin(server.process.database)
    await playground.open(server)

    await playground.sign_in(server, server.headers(admin))
    await playground.write("operation.graphql", "{ me { username } }")
    await playground.run()

    assert (await playground.answer('"username"'))["data"] == {"me": {"username": "boss"}}
    assert playground.complaints == []


async def test_a_subscription_shows_an_approval_as_it_happens(server: Server, playground: Playground):
    admin = await make_admin(server.process.database)
    order = (await server.get(PLACE, admin))["orderPlace"]["order"]
    await playground.open(server)

    await playground.sign_in(server, server.headers(admin))
    await playground.write("operation.graphql", WATCH)
    await playground.run()
    await until(lambda: server.subscribers)
    await server.get(APPROVE, admin, id=order["id"])
    answer = await playground.answer('"APPROVED"')

    told = {"from": "PENDING", "to": "APPROVED", "order": {"number": order["number"]}}
    assert answer["data"] == {"orderStatusChanged": told}
    assert playground.complaints == []


async def test_leaving_the_page_ends_its_subscription(server: Server, playground: Playground):
    admin = await make_admin(server.process.database)
    await playground.open(server)
    await playground.sign_in(server, server.headers(admin))
    await playground.write("operation.graphql", WATCH)
    await playground.run()
    await until(lambda: server.subscribers == 1)

    await playground.page.close()

    await until(lambda: server.subscribers == 0)


async def test_where_the_schema_is_told_to_those_who_are_signed_in_the_page_says_so_and_then_has_it(
    fresh_url: str, tmp_path: Path, playground: Playground
):
    settings = Settings(
        database_url=fresh_url,
        broadcast_url="memory://",
        data_dir=tmp_path,
        introspection=Introspection.SIGNED_IN,
        shutdown_seconds=1,
    )
    async with serving(settings) as server:
        admin = await make_admin(server.process.database)
        await playground.open(server)
        refused = await playground.answer("INTROSPECTION_REFUSED")
        await playground.write("operation.graphql", "{ me { username } }")
        await playground.run()
        stranger = await playground.answer('"me"')

        await playground.sign_in(server, server.headers(admin))
        await playground.page.click("button[aria-label^='Re-fetch GraphQL schema']")
        await playground.page.click("button[aria-label='Show Documentation Explorer']")
        await playground.page.wait_for_selector("a:text-is('OrderStatusChange')", timeout=PATIENCE)
        complaints = list(playground.complaints)

    assert "only to those who are signed in" in refused["errors"][0]["message"]
    assert stranger["data"] == {"me": None}
    assert complaints == []
