"""Fields that many inputs share."""

from typing import Any

import strawberry

EXPECTED_VERSION: Any = strawberry.field(
    default=None, description="Refuse with VERSION_CONFLICT unless the order is at this version."
)
DRY_RUN: Any = strawberry.field(
    default=False,
    description="Change nothing and answer with what would change. The idempotency key is left alone.",
)
IDEMPOTENCY_KEY: Any = strawberry.field(
    default=None,
    description="A UUID of your making: a second request with it and the same input does nothing more.",
)
