"""Machines that sign in, and requests to the OAuth 2 endpoints."""

from dataclasses import dataclass
from typing import Any

import httpx
from support.server import Server

from domain.actor import Actor, Origin, Scope
from domain.clients.commands import register_client

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Machine:
    """A machine's id and its secret."""

    client_id: str
    secret: str

    @property
    def basic(self) -> tuple[str, str]:
        return self.client_id, self.secret

    @property
    def body(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.secret}


async def make_machine(server: Server, *scopes: Scope) -> Machine:
    uow = server.process.services.begin(Actor.system(), Origin("test-request"))
    return Machine(*await register_client(uow, "The till", scopes or [Scope.ORDERS_READ]))


async def ask(server: Server, endpoint: str, auth: tuple[str, str] | None = None, **form: str) -> httpx.Response:
    """Post a form to one of the endpoints."""
    more: Any = {"auth": auth} if auth else {}
    return await server.http.post(f"/oauth/{endpoint}", data=form, **more)
