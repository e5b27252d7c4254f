"""What somebody from a provider is called here, and by which address they are known."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identities.model import TRIES, Profile, is_same_address, may_link, usernames
from domain.users.model import USERNAME, User

MOMENT = datetime(2026, 11, 21, tzinfo=UTC)
USER = User(UUID(int=1), "hedwig", "hedwig@example.com", False, (), MOMENT, None, MOMENT)
PROFILE = Profile("idp", "1", "hedwig@example.com", None)


@given(st.none() | st.text(max_size=60), st.none() | st.text(max_size=60))
def test_whatever_a_provider_says_all_names_keep_the_rules(preferred: str | None, email: str | None):
    names = list(usernames(Profile("idp", "1", email, preferred)))

    assert TRIES - 1 <= len(names) <= TRIES
    assert all(USERNAME.fullmatch(name) for name in names)


@pytest.mark.parametrize(
    ("preferred", "email", "name"),
    [
        ("hedwig", "other@example.com", "hedwig"),
        ("Hedwig Müller", None, "HedwigMuller"),
        ("hedwig@corp.example", None, "hedwig"),
        (None, "first.last+tag@example.com", "firstlasttag"),
        ("", "hedwig@example.com", "hedwig"),
        ("ab", None, "userab"),
        ("x" * 30, None, "x" * 20),
    ],
)
def test_the_first_name_is_what_the_provider_calls_them(preferred: str | None, email: str | None, name: str):
    assert next(usernames(Profile("idp", "1", email, preferred))) == name


@pytest.mark.parametrize("preferred", [None, "", "...", "雪", "user"])
def test_who_is_called_nothing_gets_a_number(preferred: str | None):
    first = next(usernames(Profile("idp", "1", None, preferred)))

    assert first.startswith("user")
    assert len(first) == len("user12345")


def test_only_an_address_that_both_sides_verified_links():
    assert may_link(USER, PROFILE)
    assert may_link(USER, replace(PROFILE, email="HEDWIG@Example.com"))
    assert not may_link(replace(USER, email_verified_at=None), PROFILE)
    assert not may_link(USER, replace(PROFILE, email=None))
    assert not may_link(replace(USER, email=None), PROFILE)
    assert not may_link(USER, replace(PROFILE, email="other@example.com"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("k@example.com", "\N{KELVIN SIGN}@example.com"), ("ß@example.com", "ẞ@example.com"), ("i@a.b", "İ@a.b")],
)
def test_letters_that_fall_together_in_lower_case_make_no_one_mailbox(one: str, other: str):
    assert not is_same_address(one, other)
    assert is_same_address(other, other)
