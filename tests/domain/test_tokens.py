"""What a process knows of revoked tokens, and what a refresh token is worth."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.actor import Actor, Scope
from domain.refusals import ErrorCode, Refused
from domain.tokens.model import RefreshToken
from domain.tokens.policy import must_end_sessions
from domain.tokens.revocations import Revocations

NOW = datetime.now(UTC)
LATER = NOW + timedelta(minutes=15)


def signed_in(**more: object) -> Actor:
    return replace(Actor(uuid4(), "hedwig", expires_at=LATER, token_id=uuid4(), session=uuid4()), **more)


def test_a_token_holds_until_it_expires_or_it_or_its_session_is_revoked():
    actor, elsewhere, later = signed_in(), signed_in(), signed_in()
    same_session = signed_in(session=actor.session)
    revocations = Revocations()

    revocations.add({actor.token_id or uuid4(): LATER, later.session or uuid4(): LATER})

    everybody = (actor, same_session, elsewhere, later)
    assert [revocations.has_ended(each) for each in everybody] == [True, False, False, True]
    assert revocations.has_ended(replace(elsewhere, expires_at=NOW))
    assert not revocations.has_ended(Actor.anonymous())
    assert not revocations.has_ended(Actor.system())


def test_who_listens_is_told_of_each_id_once():
    revocations, told = Revocations(), list[Collection[UUID]]()
    revocations.add({uuid4(): LATER})
    revocations.listen(told.append)
    first, second = uuid4(), uuid4()

    revocations.add({first: LATER})
    revocations.add({first: LATER})
    revocations.add({first: LATER, second: LATER})

    assert told == [{first}, {second}]


def test_an_id_is_forgotten_when_the_last_token_with_it_has_ended():
    revocations, early, late = Revocations(), signed_in(), signed_in()
    revocations.add({early.session or uuid4(): NOW, late.session or uuid4(): LATER})

    revocations.forget(NOW)

    assert (len(revocations), revocations.is_revoked(early), revocations.is_revoked(late)) == (1, False, True)


def test_a_refresh_token_is_active_until_it_is_used_ended_or_expired_and_used_again_tells_of_a_copy():
    token = RefreshToken(uuid4(), uuid4(), uuid4(), LATER, None, None)
    used, ended = replace(token, used_at=NOW), replace(token, ended_at=NOW)

    assert token.is_active(NOW)
    assert not any(each.is_active(NOW) for each in (used, ended, replace(token, expires_at=NOW)))
    assert [each.is_reused for each in (token, used, ended, replace(used, ended_at=NOW))] == [False, True, False, False]


def test_one_s_own_sessions_are_one_s_own_to_end_and_those_of_others_take_a_right():
    actor, keeper, other = signed_in(), signed_in(scopes=frozenset({Scope.USERS_WRITE})), uuid4()

    assert must_end_sessions(actor, None) == must_end_sessions(actor, actor.user_id) == actor.user_id
    assert must_end_sessions(keeper, other) == other
    for who, whose, code in (
        (actor, other, ErrorCode.FORBIDDEN),
        (Actor.anonymous(), None, ErrorCode.UNAUTHENTICATED),
        (Actor.anonymous(), other, ErrorCode.UNAUTHENTICATED),
    ):
        with pytest.raises(Refused) as caught:
            must_end_sessions(who, whose)
        assert caught.value.refusals[0].code is code


def test_two_tokens_of_the_same_rights_see_the_same():
    one = signed_in()
    two = replace(one, token_id=uuid4(), session=uuid4(), expires_at=NOW)

    assert one != two
    assert (one.rights, one.sight) == (two.rights, two.sight)
