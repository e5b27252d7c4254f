"""What fields cost that do more than to look at their parent, or to follow a relation from it.

One table, because it is compared with the schema and printed in docs/limits.md. What stands in no row follows the rules
of graph/limits/pricing.py.
"""

from dataclasses import dataclass

OBJECT = 1
"""What a thing that is loaded costs: a row of a page, or what a relation or a look-up finds."""

ASSUMED_ITEMS = 5
"""How many items a list is taken to have that no argument bounds, until the answer tells."""

COUNT = 10
"""What `totalCount` costs: one statement more, over the whole list."""

MUTATION = 10
"""What a mutation costs that has no row below."""

SUBSCRIPTION = 10
"""What it costs to subscribe; what is told afterwards is free, for those who watch the same share the work."""

DESCRIBED = 0.05
"""What an object of introspection costs: it is at hand, but whoever asks for the whole schema asks for thousands."""


@dataclass(frozen=True, slots=True)
class Weight:
    """The cost of one field.

    `per` is the path to an argument, such as `("input", "ids")`: the cost is that of each of its items.
    """

    cost: int
    per: tuple[str, ...] = ()


WEIGHTS = {
    "Query.eventCursor": Weight(1),
    "Order.allowedActions": Weight(1),
    "Reports.sales": Weight(50),
    "Reports.topProducts": Weight(50),
    "Reports.salesByCountry": Weight(50),
    "Reports.orderStats": Weight(50),
    "Reports.inventorySummary": Weight(50),
    "Reports.lowStock": Weight(50),
    # A password is hashed.
    "Mutation.tokenCreate": Weight(50),
    "Mutation.userRegister": Weight(50),
    "Mutation.passwordChange": Weight(50),
    "Mutation.passwordReset": Weight(50),
    # Each order has a transaction of its own.
    "Mutation.orderBulkApprove": Weight(10, per=("input", "ids")),
    "Mutation.orderBulkReject": Weight(10, per=("input", "ids")),
}
