"""When people buy from the demo shop, and who does."""

from bisect import bisect
from datetime import datetime, timedelta
from itertools import accumulate

from domain.customers.model import Customer
from domain.demo.dice import Dice
from domain.demo.people import People

WEEKDAYS = (1.15, 1.1, 1.0, 1.0, 0.95, 0.75, 0.9)
HOURS = (1, 0.5, 0.2, 0.2, 0.2, 0.5, 1, 3, 5, 6, 7, 8, 9, 8, 6, 6, 6, 7, 8, 9, 10, 9, 6, 3)
GROWTH = 0.3
"""How much more is sold at the end of the period than at its start."""


class Buyers:
    """Customers with how often each of them buys."""

    def __init__(self, dice: Dice, people: People) -> None:
        self._dice, self._countries = dice, people.countries
        self._customers = people.customers
        self._since = [customer.created_at for customer in self._customers]
        # Those who can sign in are good customers: they have orders to look at.
        pace = [dice.popularity() + (3 if customer.user_id else 0) for customer in self._customers]
        self._cumulative = list(accumulate(pace))

    def one(self, moment: datetime) -> Customer:
        """Somebody who is a customer by then."""
        known = bisect(self._since, moment)
        return self._dice.one_cumulative(self._customers[:known], self._cumulative[:known])

    def country(self, customer: Customer) -> str:
        return self._countries[customer.id]


def order_moments(dice: Dice, opening: datetime, today: datetime, count: int) -> list[datetime]:
    """Moments to place orders: fewer at weekends and by night, slowly more, none in the future."""
    midnight = opening.replace(hour=0, minute=0, second=0, microsecond=0)
    number = (today - midnight).days + 1
    days = [midnight + timedelta(days=day) for day in range(number)]
    weights = [WEEKDAYS[day.weekday()] * (1 + GROWTH * index / number) for index, day in enumerate(days)]
    day_totals, hour_totals = list(accumulate(weights)), list(accumulate(HOURS))
    moments: list[datetime] = []
    while len(moments) < count:
        hour = dice.one_cumulative(range(24), hour_totals)
        start = dice.one_cumulative(days, day_totals) + timedelta(hours=hour)
        moment = dice.moment(start, start + timedelta(hours=1))
        if opening < moment < today:
            moments.append(moment)
    return moments
