"""Passwords under test: what is asked for, and what was mailed."""

import re
from collections.abc import MutableMapping
from typing import Any

from support.shop import Shop
from support.waiting import until

from domain.actor import Actor

OLD, NEW = "correct horse", "battery staple"
REGISTER = """
mutation ($username: String!, $email: String!) {
  userRegister(input: {username: $username, email: $email, password: "correct horse"}) {
    userErrors { code ... on TooManyAttempts { retryAfter } }
  }
}
"""
SIGN_IN = """
mutation ($username: String!, $password: String!) {
  tokenCreate(input: {username: $username, password: $password}) {
    accessToken refreshToken userErrors { code field message ... on TooManyAttempts { retryAfter } }
  }
}
"""
REFRESH = "mutation ($token: String!) { tokenRefresh(input: {refreshToken: $token}) { userErrors { code } } }"
CHANGE = """
mutation ($current: String!, $new: String!) {
  passwordChange(input: {currentPassword: $current, newPassword: $new}) {
    user { username } userErrors { code field message ... on TooManyAttempts { retryAfter } }
  }
}
"""
REQUEST = """
mutation ($who: String!) {
  passwordResetRequest(input: {usernameOrEmail: $who}) {
    userErrors { __typename code ... on TooManyAttempts { retryAfter } }
  }
}
"""
RESET = """
mutation ($token: String!, $new: String!) {
  passwordReset(input: {token: $token, newPassword: $new}) { username userErrors { code field message } }
}
"""
NOT_VALID = {
    "username": None,
    "userErrors": [
        {
            "code": "INVALID_TOKEN",
            "field": ["input", "token"],
            "message": "This token is not valid, or no longer. Ask for a new mail.",
        }
    ],
}

Logs = list[MutableMapping[str, Any]]


async def register(shop: Shop, username: str = "hedwig") -> None:
    given = {"username": username, "email": f"{username}@example.com"}
    assert (await shop.get(REGISTER, **given))["userRegister"]["userErrors"] == []


async def sign_in(shop: Shop, password: str = OLD, username: str = "hedwig") -> Any:
    return (await shop.get(SIGN_IN, username=username, password=password))["tokenCreate"]


async def is_refreshed(shop: Shop, tokens: Any) -> bool:
    return (await shop.get(REFRESH, token=tokens["refreshToken"]))["tokenRefresh"]["userErrors"] == []


async def change(shop: Shop, actor: Actor | None, current: str = OLD, new: str = NEW) -> Any:
    return (await shop.get(CHANGE, actor, current=current, new=new))["passwordChange"]


async def request(shop: Shop, who: str = "hedwig") -> Any:
    return (await shop.get(REQUEST, who=who))["passwordResetRequest"]["userErrors"]


async def reset(shop: Shop, token: str, new: str = NEW) -> Any:
    return (await shop.get(RESET, token=token, new=new))["passwordReset"]


def mails(logs: Logs) -> Logs:
    return [line for line in logs if line["event"] == "mail"]


async def mailed_token(shop: Shop, logs: Logs, who: str = "hedwig") -> str:
    """The token of the mail that a request has sent."""
    known = len(mails(logs))
    assert await request(shop, who) == []
    await until(lambda: len(mails(logs)) > known)
    return re.findall(r"^([\w-]{43})$", mails(logs)[-1]["text"], re.MULTILINE)[0]


def actor_of(shop: Shop, tokens: Any) -> Actor:
    return shop.process.services.issuer.actor(tokens["accessToken"])


def codes(payload: Any) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]
