"""Fields that many inputs share."""

from typing import Any

import strawberry

EXPECTED_VERSION: Any = strawberry.field(
    default=None, description="Refuse with VERSION_CONFLICT unless the order is at this version."
)
IDEMPOTENCY_KEY: Any = strawberry.field(
    default=None,
    description="A UUID of your making: a second request with it and the same input does nothing more.",
)
