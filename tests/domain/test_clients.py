"""The rules of a machine client: its name, its scopes and its secret."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.actor import Scope
from domain.clients.model import Client, check_client, make_client_id
from domain.secret import digest_of, new_secret
from domain.users.model import USERNAME

ALL = [scope.value for scope in Scope]


@pytest.mark.parametrize(
    ("name", "scopes", "fields"),
    [
        ("The till", ["orders:read"], []),
        ("x" * 100, ALL, []),
        ("", ALL, ["name"]),
        ("x" * 101, ALL, ["name"]),
        ("two\nlines", ALL, ["name"]),
        ("The till", [], ["scopes"]),
        ("The till", ["orders:read", "everything"], ["scopes"]),
        ("", ["everything"], ["name", "scopes"]),
    ],
)
def test_every_broken_rule_of_a_client_is_named(name: str, scopes: list[str], fields: list[str]):
    assert [(refusal.field or ())[-1] for refusal in check_client(name, scopes)] == fields


def test_a_client_accepts_its_secret_only_and_none_once_it_is_revoked():
    secret, moment = new_secret(), datetime.now(UTC)
    client = Client("client1", uuid4(), "The till", ("orders:read",), digest_of(secret), moment, None)
    revoked = Client("client1", uuid4(), "The till", ("orders:read",), digest_of(secret), moment, moment)

    assert client.accepts(secret)
    assert not any(client.accepts(other) for other in ("", secret[:-1], new_secret(), digest_of(secret), "é"))
    assert not revoked.accepts(secret)
    assert digest_of(secret) not in repr(client)


def test_ids_are_valid_usernames_and_neither_they_nor_secrets_come_twice():
    ids, secrets = ({make() for _ in range(1000)} for make in (make_client_id, new_secret))

    assert (len(ids), len(secrets)) == (1000, 1000)
    assert all(USERNAME.fullmatch(each) for each in ids)
    assert {len(each) for each in secrets} == {43}
