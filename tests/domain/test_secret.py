"""Random secrets, and what is stored in their place."""

from domain.secret import digest_of, new_secret


def test_secrets_differ_and_are_stored_as_something_else():
    one, other = new_secret(), new_secret()

    assert one != other
    assert len(one) == 43
    assert digest_of(one) != one
    assert digest_of("\ud800") != digest_of("")
