"""The audits of GraphQL over HTTP that the package `graphql-http` holds, run by Node.js against a real server."""

import pytest
from support.node import needs_node, program
from support.server import serving

from app.choices import Execution
from app.settings import Settings

AUDITS = 61
"""How many there are: a package that audits less must not pass unseen."""


@needs_node
@pytest.mark.parametrize("execution", Execution)
async def test_every_audit_of_graphql_over_http_passes(settings: Settings, execution: Execution):
    async with (
        serving(settings.model_copy(update={"execution": execution})) as server,
        program("audit.cjs", f"{server.url}/graphql") as running,
    ):
        results = await running.told()

    assert [result for result in results if result["status"] != "ok"] == []
    assert len({result["id"] for result in results}) == AUDITS
