"""What graphql-core leaves behind, collected where it was left."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect what the test left once it has returned: while it runs, its variables hold some of it."""
    yield
    gc.collect()
