"""Whatever is hostile meets a server of each kind."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from support.server import Server, serving

from app.choices import Execution
from app.settings import Settings


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=Execution)
async def lasting(lasting_settings: Settings, request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """A server for all tests of a module, and then another where everything takes the library's way."""
    async with serving(lasting_settings.model_copy(update={"execution": request.param})) as server:
        yield server
