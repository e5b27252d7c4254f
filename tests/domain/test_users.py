"""The rules of a username, an e-mail address and a password."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actor import Actor, Scope
from domain.refusals import ErrorCode
from domain.users.model import check_registration

GOOD = ("hedwig", "h@example.com", "correct horse")


def broken(username: str, email: str | None, password: str) -> list[str]:
    """The fields whose rules are broken."""
    refusals = check_registration(username, email, password)
    assert {refusal.code for refusal in refusals} <= {ErrorCode.BAD_INPUT}
    return [(refusal.field or ())[-1] for refusal in refusals]


@given(st.text(string.ascii_letters + string.digits, min_size=4, max_size=20))
def test_four_to_twenty_letters_or_digits_are_a_username(name: str):
    assert broken(name, *GOOD[1:]) == []


@given(st.text(max_size=30).filter(lambda name: not (name.isascii() and name.isalnum() and 4 <= len(name) <= 20)))
def test_anything_else_is_none(name: str):
    assert broken(name, *GOOD[1:]) == ["username"]


@pytest.mark.parametrize("email", [None, "a@b.co", "first.last+tag@sub.example.museum", "ö@exämple.de", "'@b.co"])
def test_what_may_be_an_address_is_taken(email: str | None):
    assert broken("hedwig", email, GOOD[2]) == []


@pytest.mark.parametrize(
    "email",
    ["", "a", "@b.co", "a@", "a@b", "a@b.", "a@.co", "a@b..co", "a@b@c.de", "a b@c.de", "a@b.co\n", "a" * 65 + "@b.co"],
)
def test_what_cannot_be_an_address_is_refused(email: str):
    assert broken("hedwig", email, GOOD[2]) == ["email"]


@given(st.text(max_size=300))
def test_a_password_has_eight_to_256_characters_of_any_kind(password: str):
    assert broken(*GOOD[:2], password) == ([] if 8 <= len(password) <= 256 else ["password"])


def test_every_broken_rule_is_named_at_once():
    assert broken("no", "no", "no") == ["username", "email", "password"]


def test_an_admin_holds_every_scope_and_others_those_they_were_given():
    clerk = Actor(scopes=frozenset({Scope.ORDERS_READ}))

    assert all(Actor.system().has(scope) for scope in Scope)
    assert [scope for scope in Scope if clerk.has(scope)] == [Scope.ORDERS_READ]
    assert not any(Actor.anonymous().has(scope) for scope in Scope)
