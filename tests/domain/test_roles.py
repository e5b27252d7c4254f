"""Who may grant and take which roles, without a database."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actor import Actor, Scope
from domain.refusals import ErrorCode, Refused, RoleExceeds
from domain.roles import policy
from domain.roles.model import ADMIN, CUSTOMER, Role, in_order
from domain.users.model import User

ME, YOU = UUID(int=1), UUID(int=2)
ALL = tuple(scope.value for scope in Scope)

SCOPES = st.frozensets(st.sampled_from(list(Scope)))


def user(*roles: str, key: UUID = YOU, scopes: tuple[str, ...] = ()) -> User:
    return User(key, "somebody", None, roles, scopes, datetime(2026, 1, 1, tzinfo=UTC), None)


def keeper(*scopes: str) -> Actor:
    return Actor(ME, "keeper", scopes=frozenset({Scope.USERS_WRITE, *scopes}))


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[ErrorCode]:
    return [refusal.code for refusal in refused.value.refusals]


@given(held=SCOPES, of_role=SCOPES)
def test_a_role_is_passed_on_and_taken_by_those_who_hold_all_of_it(held: frozenset[Scope], of_role: frozenset[Scope]):
    actor, role = Actor(ME, "keeper", scopes=held), Role("some", "", in_order(of_role))

    for rule in (policy.must_grant, policy.must_revoke):
        if of_role <= held:
            rule(actor, role, user(CUSTOMER))
        else:
            with pytest.raises(Refused) as refused:
                rule(actor, role, user(CUSTOMER))
            [refusal] = refused.value.refusals
            assert isinstance(refusal, RoleExceeds)
            assert (refusal.role, set(refusal.missing)) == ("some", of_role - held)


def test_an_admin_lacks_nothing():
    role = Role("everything", "", ALL)

    assert role.beyond(Actor(ME, "boss", is_admin=True)) == []
    assert role.beyond(keeper(*ALL[:3])) == [scope for scope in ALL[3:] if scope != "users:write"]


def test_to_change_roles_takes_the_right_to_write_users():
    policy.must_change_roles(keeper())
    policy.must_change_roles(Actor(ME, "boss", is_admin=True))
    policy.must_change_roles(Actor.system())

    for actor, code in (
        (Actor.anonymous(), ErrorCode.UNAUTHENTICATED),
        (Actor(ME, "clerk", scopes=frozenset(set(Scope) - {Scope.USERS_WRITE})), ErrorCode.FORBIDDEN),
    ):
        with pytest.raises(Refused) as refused:
            policy.must_change_roles(actor)
        assert codes(refused) == [code]


@pytest.mark.parametrize("rule", [policy.must_grant, policy.must_revoke])
def test_whoever_holds_every_scope_and_is_no_admin_has_no_say_about_admins(rule):
    nearly, boss = keeper(*ALL), Actor(ME, "boss", is_admin=True)
    admin, manager = Role(ADMIN, "", ALL), Role("manager", "", ALL[:3])

    for role, subject in ((admin, user(CUSTOMER)), (manager, user(ADMIN)), (Role(CUSTOMER, "", ()), user(ADMIN))):
        rule(boss, role, subject)
        with pytest.raises(Refused) as refused:
            rule(nearly, role, subject)
        assert codes(refused) == [ErrorCode.FORBIDDEN]


def test_nobody_grants_to_themselves_and_anybody_lays_down():
    for actor in (keeper("orders:read"), Actor(ME, "boss", is_admin=True)):
        role = Role("some", "", ("orders:read",))
        with pytest.raises(Refused) as refused:
            policy.must_grant(actor, role, user(CUSTOMER, key=ME))
        assert codes(refused) == [ErrorCode.FORBIDDEN]
        policy.must_revoke(actor, role, user(CUSTOMER, key=ME))


def test_a_token_that_says_more_than_its_user_holds_now_changes_no_roles():
    boss = Actor(ME, "boss", is_admin=True)

    policy.must_still_hold(boss, user(ADMIN, key=ME))
    policy.must_still_hold(Actor.system(), None)
    for now in (None, user("manager", key=ME, scopes=ALL)):
        with pytest.raises(Refused) as refused:
            policy.must_still_hold(boss, now)
        assert codes(refused) == [ErrorCode.UNAUTHENTICATED]


def test_scopes_come_in_one_order_and_once():
    assert in_order(["audit:read", "orders:write", "orders:read", "audit:read", "gone:read"]) == (
        "orders:read",
        "orders:write",
        "audit:read",
    )
