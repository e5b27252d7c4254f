"""Who may read reports, and which ranges make sense."""

from datetime import date, timedelta
from functools import cache
from zoneinfo import available_timezones

from domain.actor import Actor, Scope
from domain.refusals import Refused, bad_input, forbidden, unauthenticated
from domain.reports.model import Period, ReportInterval

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
"""A report outside these is a slip of the pen; and to the driver of the database 9999-12-31 means infinity."""
ROWS_MAX = 1100
DAYS_MAX = {
    ReportInterval.DAY: ROWS_MAX,
    ReportInterval.WEEK: ROWS_MAX * 7,
    ReportInterval.MONTH: ROWS_MAX * 28,
}


def must_read(actor: Actor) -> None:
    """Reports tell about the whole shop."""
    if not actor.is_signed_in:
        raise Refused(unauthenticated())
    if not actor.has(Scope.REPORTS_READ):
        raise Refused(forbidden("read reports"))


def must_read_stock(actor: Actor) -> None:
    """Reports on stock tell what the stock levels tell."""
    if not actor.has(Scope.INVENTORY_READ):
        raise Refused(forbidden("read stock"))


def check_period(period: Period, interval: ReportInterval | None = None) -> None:
    """Refuse an empty range, days beyond reason, an unknown time zone, and a range of too many rows."""
    if period.end < period.start:
        raise Refused(bad_input("The range ends before it starts.", "to"))
    for day, name in ((period.start, "from"), (period.end, "to")):
        if not FIRST_DAY <= day <= LAST_DAY:
            raise Refused(bad_input(f"Reports know the days from {FIRST_DAY} to {LAST_DAY}.", name))
    if period.time_zone not in _time_zones():
        message = "Not a time zone of the IANA database, such as Europe/London."
        raise Refused(bad_input(message, "timeZone"))
    if interval is not None and period.end - period.start >= timedelta(days=DAYS_MAX[interval]):
        message = f"The range has more than {ROWS_MAX} rows. Choose a shorter one or a longer interval."
        raise Refused(bad_input(message, "to"))


def optional_period(start: date | None, end: date | None, time_zone: str) -> Period | None:
    """A range from two days that are given together or not at all."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise Refused(bad_input("Give `from` and `to` together, or neither.", "from" if end else "to"))
    period = Period(start, end, time_zone)
    check_period(period)
    return period


@cache
def _time_zones() -> frozenset[str]:
    # These two lie beside the zones on some hosts, and PostgreSQL does not know them.
    return frozenset(available_timezones() - {"Factory", "localtime"})
