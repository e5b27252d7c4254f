"""docs/rights.md says what the database holds, and what the measured matrix shows."""

import re
from collections.abc import Mapping

import pytest
from sqlalchemy import text
from support.documents import document, table

from db.engine import Database
from domain.actor import Scope
from domain.roles.model import in_order

pytestmark = pytest.mark.check

STAFF = ("support", "warehouse", "manager", "admin")
SCOPE = re.compile(r"`([a-z]+:[a-z]+)`")
TITLE = re.compile(r"`\w+`(?: [^,]+)?")


def roles() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each role with its description and scopes, as the document has them."""
    rows = table(document("docs/rights.md").section("Roles"))
    return {name.strip("`"): (description, tuple(SCOPE.findall(scopes))) for name, description, scopes in rows}


def needs() -> dict[str, str]:
    """What each row of the matrix takes, as the document has it."""
    rows = table(document("docs/rights.md").section("Acts"))
    return {title: scopes for titles, scopes in rows for title in TITLE.findall(titles)}


def cells() -> Mapping[str, Mapping[str, str]]:
    """What the staff gets of each field of the roots, by the name of the role."""
    found: dict[str, dict[str, str]] = {}
    for section in ("Queries", "Mutations", "Subscriptions"):
        told = document("docs/access.md").section(section)
        viewers = [each.strip() for each in next(line for line in told.splitlines() if line).strip("|").split("|")]
        for title, *row in table(told):
            found[title] = {name: cell for name, cell in zip(viewers[1:], row, strict=True) if name in STAFF}
    return found


def suffices(held: frozenset[str], needed: str) -> bool:
    """Whether the scopes of a role are those that a row asks for."""
    if " or " in needed:
        return any(scope in held for scope in SCOPE.findall(needed))
    return set(SCOPE.findall(needed)) <= held


async def test_the_roles_are_those_of_the_database(database: Database):
    rows = await database.read(text("SELECT name, description, scopes FROM roles ORDER BY name"))

    assert roles() == {row.name: (row.description, in_order(row.scopes)) for row in rows}


def test_every_scope_is_explained_in_order() -> None:
    rows = table(document("docs/rights.md").section("Scopes"))

    assert [scope.strip("`") for scope, _ in rows] == [scope.value for scope in Scope]


def test_every_field_of_the_roots_is_listed_once() -> None:
    rows = table(document("docs/rights.md").section("Acts"))
    listed = [title for titles, _ in rows for title in TITLE.findall(titles)]

    assert sorted(listed) == sorted(cells())


def test_whoever_holds_the_scopes_gets_all_and_nobody_else() -> None:
    told = cells()

    for title, needed in needs().items():
        for name in STAFF:
            held = frozenset(roles()[name][1])
            if needed == "as `node`, for each":
                held, expected = frozenset(), name == "admin"
            else:
                expected = name == "admin" if needed == "the role `admin`" else suffices(held, needed)
            assert (told[title][name] == "yes") is expected, (title, name)
