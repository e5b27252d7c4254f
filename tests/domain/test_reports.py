"""Which ranges of days a report takes."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from domain.actor import Actor, Scope
from domain.refusals import ErrorCode, Refused
from domain.reports.model import Period, ReportInterval
from domain.reports.policy import check_period, must_read, optional_period

START = date(2026, 3, 1)


def refusal(period: Period, interval: ReportInterval | None = None) -> tuple[str, ...] | None:
    with pytest.raises(Refused) as caught:
        check_period(period, interval)
    [only] = caught.value.refusals
    assert only.code is ErrorCode.BAD_INPUT
    return only.field


@pytest.mark.parametrize(
    ("interval", "days"),
    [(ReportInterval.DAY, 1100), (ReportInterval.WEEK, 7700), (ReportInterval.MONTH, 30_800), (None, 300_000)],
)
def test_a_range_makes_a_bounded_number_of_rows(interval: ReportInterval | None, days: int):
    check_period(Period(START, START + timedelta(days=days - 1), "UTC"), interval)

    if interval is not None:
        assert refusal(Period(START, START + timedelta(days=days), "UTC"), interval) == ("to",)


@pytest.mark.parametrize(
    ("interval", "end", "first_days"),
    [
        (ReportInterval.DAY, date(2026, 3, 3), [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]),
        # The first of March 2026 is a Sunday.
        (ReportInterval.WEEK, date(2026, 3, 2), [date(2026, 2, 23), date(2026, 3, 2)]),
        (ReportInterval.WEEK, date(2026, 3, 1), [date(2026, 2, 23)]),
        (ReportInterval.MONTH, date(2026, 3, 31), [date(2026, 3, 1)]),
        (ReportInterval.MONTH, date(2027, 1, 1), [*(date(2026, month, 1) for month in range(3, 13)), date(2027, 1, 1)]),
    ],
)
def test_rows_begin_with_the_days_weeks_or_months_of_a_range(
    interval: ReportInterval, end: date, first_days: list[date]
):
    assert Period(START, end, "UTC").first_days(interval) == first_days


def test_one_day_is_a_range_and_none_is_not():
    check_period(Period(START, START, "UTC"))

    assert refusal(Period(START, START - timedelta(days=1), "UTC")) == ("to",)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (date.min, START, "from"),
        (date(1899, 12, 31), START, "from"),
        (START, date(3000, 1, 1), "to"),
        (date.max, date.max, "from"),
    ],
)
def test_days_beyond_reason_are_refused(start: date, end: date, field: str):
    assert refusal(Period(start, end, "UTC")) == (field,)
    check_period(Period(date(1900, 1, 1), date(2999, 12, 31), "UTC"))


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_the_zones_of_the_iana_database_are_known(zone: str):
    check_period(Period(START, START, zone))


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "London",
        "europe/london",
        "Europe",
        "../UTC",
        "/etc/passwd",
        "UTC\0",
        "localtime",
        "Factory",
        "posixrules",
        "right/Europe/London",
        "x" * 1000,
    ],
)
def test_anything_else_is_no_zone(zone: str):
    assert refusal(Period(START, START, zone)) == ("timeZone",)


def test_a_range_is_given_whole_or_not_at_all():
    assert optional_period(None, None, "UTC") is None
    assert optional_period(START, START, "UTC") == Period(START, START, "UTC")

    for start, end, missing in ((START, None, "to"), (None, START, "from")):
        with pytest.raises(Refused) as caught:
            optional_period(start, end, "UTC")
        assert [refusal.field for refusal in caught.value.refusals] == [(missing,)]


def test_reports_take_their_scope():
    key = UUID(int=1)
    must_read(Actor(key, scopes=frozenset({Scope.REPORTS_READ})))
    must_read(Actor(key, is_admin=True))

    for actor, code in (
        (Actor.anonymous(), ErrorCode.UNAUTHENTICATED),
        (Actor(key, scopes=frozenset({Scope.ORDERS_READ})), ErrorCode.FORBIDDEN),
    ):
        with pytest.raises(Refused) as caught:
            must_read(actor)
        assert [refusal.code for refusal in caught.value.refusals] == [code]
