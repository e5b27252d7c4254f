"""Reports. All of them need `reports:read`."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import strawberry

from domain.inventory.model import StockLevel as StockLevelModel
from domain.reports import model, policy
from domain.reports.model import Period, ReportInterval, TopProductsBy
from graph.context import Info
from graph.inventory.types import StockLevel
from graph.paging import check_size
from graph.reports.types import CountrySales, InventorySummary, OrderStats, SalesReport, StockSummary, TopProduct

From = Annotated[date, strawberry.argument(name="from", description="The first day.")]
To = Annotated[date, strawberry.argument(name="to", description="The last day; it counts whole.")]
TimeZone = Annotated[
    str,
    strawberry.argument(description="The time zone whose midnights part the days, such as Europe/London."),
]
Size = Annotated[int, strawberry.argument(description="At most so many (1 to 100).")]


@strawberry.type(description="Figures about the whole shop, each defined in docs/reports.md.")
class Reports:
    """The reports, reached through one field that checks the right to read them."""

    @strawberry.field(graphql_type=SalesReport, description="Sales by day, week or month.")
    async def sales(
        self, info: Info, since: From, until: To, interval: ReportInterval, time_zone: TimeZone = "UTC"
    ) -> model.SalesReport:
        period = Period(since, until, time_zone)
        policy.check_period(period, interval)
        return await info.context.readers.reports.sales(period, interval)

    @strawberry.field(
        graphql_type=list[TopProduct], description="The goods sold most; ties by SKU. Services do not count."
    )
    async def top_products(
        self,
        info: Info,
        since: From,
        until: To,
        by: TopProductsBy = TopProductsBy.REVENUE,
        first: Size = 10,
        time_zone: TimeZone = "UTC",
    ) -> Sequence[model.TopProduct]:
        period = Period(since, until, time_zone)
        policy.check_period(period)
        check_size(first, "first")
        return await info.context.readers.reports.top_products(period, by, first)

    @strawberry.field(graphql_type=list[CountrySales], description="Sales by country, the highest gross first.")
    async def sales_by_country(
        self, info: Info, since: From, until: To, time_zone: TimeZone = "UTC"
    ) -> Sequence[model.CountrySales]:
        period = Period(since, until, time_zone)
        policy.check_period(period)
        return await info.context.readers.reports.sales_by_country(period)

    @strawberry.field(
        graphql_type=OrderStats, description="Orders by outcome: all of them, or those placed in a range."
    )
    async def order_stats(
        self,
        info: Info,
        since: Annotated[date | None, strawberry.argument(name="from", description="The first day.")] = None,
        until: Annotated[date | None, strawberry.argument(name="to", description="The last day.")] = None,
        time_zone: TimeZone = "UTC",
    ) -> model.OrderStats:
        period = policy.optional_period(since, until, time_zone)
        return await info.context.readers.reports.order_stats(period)

    @strawberry.field(
        graphql_type=InventorySummary, description="Units and value in the warehouses. Needs `inventory:read` too."
    )
    async def inventory_summary(self, info: Info) -> StockSummary:
        policy.must_read_stock(info.context.viewer)
        total, warehouses = await info.context.readers.reports.inventory_summary()
        return StockSummary(total, warehouses)

    @strawberry.field(
        graphql_type=list[StockLevel],
        description="Stock levels that have a reorder point and not more available than that, the shortest first."
        " Needs `inventory:read` too.",
    )
    async def low_stock(self, info: Info, first: Size = 20) -> Sequence[StockLevelModel]:
        policy.must_read_stock(info.context.viewer)
        check_size(first, "first")
        return await info.context.readers.reports.low_stock(first)


@strawberry.type
class ReportQueries:
    """The field of Query that leads to the reports."""

    @strawberry.field(description="Figures about the whole shop. Needs `reports:read`.")
    def reports(self, info: Info) -> Reports | None:
        policy.must_read(info.context.viewer)
        return Reports()
