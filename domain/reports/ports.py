"""What the reports need from the outside."""

from collections.abc import Sequence
from typing import Protocol

from domain.inventory.model import StockLevel
from domain.reports.model import (
    CountrySales,
    InventorySummary,
    OrderStats,
    Period,
    ReportInterval,
    SalesReport,
    TopProduct,
    TopProductsBy,
)


class ReportReader(Protocol):
    """Runs the reports. The caller has checked the right to read them and the range."""

    async def sales(self, period: Period, interval: ReportInterval) -> SalesReport: ...

    async def top_products(self, period: Period, by: TopProductsBy, first: int) -> Sequence[TopProduct]: ...

    async def sales_by_country(self, period: Period) -> Sequence[CountrySales]: ...

    async def order_stats(self, period: Period | None) -> OrderStats: ...

    async def inventory_summary(self) -> tuple[InventorySummary, Sequence[InventorySummary]]:
        """All warehouses together, and each by its code."""
        ...

    async def low_stock(self, first: int) -> Sequence[StockLevel]:
        """Levels at or below their reorder point, the shortest of units first."""
        ...
