"""The audits of GraphQL over HTTP that the package `graphql-http` holds, run by Node.js against a real server."""

from support.node import needs_node, program
from support.server import Server

AUDITS = 61
"""How many there are: a package that audits less must not pass unseen."""


@needs_node
async def test_every_audit_of_graphql_over_http_passes(server: Server):
    async with program("audit.cjs", f"{server.url}/graphql") as running:
        results = await running.told()

    assert [result for result in results if result["status"] != "ok"] == []
    assert len({result["id"] for result in results}) == AUDITS
