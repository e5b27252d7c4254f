"""The users, customers and addresses of the demo shop."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from string import ascii_uppercase, digits
from uuid import UUID

from domain.customers.model import Address, Customer
from domain.demo.dice import Dice
from domain.demo.words import LANDS, SECOND_LINES, USERS, DemoUser, Land
from domain.roles.model import CUSTOMER
from domain.users.model import User

# Most customers knew the shop before the ninety days that the demo shows.
OLD_CUSTOMERS = 0.7
FIRST_CUSTOMER = timedelta(days=500)
_LETTERS = str.maketrans({"ø": "o", "Ø": "O", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class People:
    """Customers in the order in which they came, those of users among them."""

    users: list[User]
    customers: list[Customer]
    addresses: list[Address]
    countries: dict[UUID, str]
    """The country of each customer's first address."""


def make_people(dice: Dice, opening: datetime, today: datetime, taken: Collection[str]) -> People:
    """`taken` are usernames and e-mail addresses, in lower case, that the demo users must not have."""
    people = People([], [], [], {})
    named: dict[str, int] = {}
    for land in LANDS:
        users = [user for user in USERS if user.country == land.country]
        for demo_user in users:
            user = _user(dice, demo_user, opening, taken)
            people.users.append(user)
            _join(people, dice, land, demo_user.name, user, user.email, user.created_at)
        for _ in range(land.share - len(users)):
            name = f"{dice.one(land.firsts)} {dice.one(land.lasts)}"
            start, end = (opening - FIRST_CUSTOMER, opening)
            if not dice.chance(OLD_CUSTOMERS):
                start, end = opening, today
            _join(people, dice, land, name, None, _email(dice, name, named), dice.moment(start, end))
    people.users.sort(key=lambda user: user.created_at)
    people.customers.sort(key=lambda customer: customer.created_at)
    for number, customer in enumerate(people.customers, start=1):
        people.customers[number - 1] = replace(customer, reference=f"C-{number:04}")
    return people


def _user(dice: Dice, demo_user: DemoUser, opening: datetime, taken: Collection[str]) -> User:
    username = next(name for name in _names(demo_user.username) if not {name, _of(name)} & set(taken))
    moment = dice.moment(opening - FIRST_CUSTOMER, opening)
    return User(dice.id(moment), username, _of(username), (CUSTOMER,), (), moment, None)


def _names(username: str) -> Iterator[str]:
    yield username
    number = 2
    while True:
        yield f"{username}{number}"
        number += 1


def _of(username: str) -> str:
    return f"{username}@example.com"


def _join(
    people: People, dice: Dice, land: Land, name: str, user: User | None, email: str | None, moment: datetime
) -> None:
    """Add a customer with one address or two."""
    customer = Customer(dice.id(moment), user.id if user else None, None, name, email, moment)
    people.customers.append(customer)
    people.countries[customer.id] = land.country
    for second in range(1 + dice.chance(0.1)):
        people.addresses.append(_address(dice, land, customer, moment + timedelta(seconds=second)))


def _address(dice: Dice, land: Land, customer: Customer, moment: datetime) -> Address:
    city, pattern = dice.one(land.cities)
    street, number = dice.one(land.streets), dice.number(1, 120)
    line1 = f"{number} {street}" if land.number_first else f"{street} {number}"
    line2 = dice.one(SECOND_LINES) if dice.chance(0.15) else None
    postal_code = re.sub(r"[#?]", lambda sign: _sign(dice, sign[0]), pattern)
    return Address(dice.id(moment), customer.id, line1, line2, city, postal_code, land.country)


def _sign(dice: Dice, kind: str) -> str:
    return dice.one(digits[1:] if kind == "#" else ascii_uppercase)


def _email(dice: Dice, name: str, named: dict[str, int]) -> str | None:
    """An address that nobody else has; a few customers only ever telephone."""
    if dice.chance(0.05):
        return None
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS)).encode("ascii", "ignore").decode()
    local = re.sub(r"[^a-z]+", ".", plain.lower().replace("'", ""))
    named[local] = named.get(local, 0) + 1
    number = named[local] if named[local] > 1 else ""
    return f"{local}{number}@example.{dice.one(('com', 'org'))}"
