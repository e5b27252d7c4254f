"""Refusals that speak of stock levels."""

import strawberry

from domain import refusals
from graph.errors import UserError
from graph.node import object_type


@object_type(refusals.OnHandConflict, "The stock level changed since you counted.")
class OnHandConflict(UserError):
    """`expectedOnHand` was not what is on hand."""

    current: int = strawberry.field(description="The units on hand now.")
