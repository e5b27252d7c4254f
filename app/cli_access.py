"""The commands of the command line about access: machine clients, and the keys of access tokens."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.settings import Settings
from app.terminal import out, with_database

clients = typer.Typer(help="Look after the machines that may sign in.", no_args_is_help=True)
keys = typer.Typer(help="Look after the keys of access tokens.", no_args_is_help=True)


@clients.command("create")
def create_client(
    name: Annotated[str, typer.Argument(help="What it is, for people: 1 to 100 characters.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as `orders:read`; once for each scope.")],
) -> None:
    """Let a machine sign in; prints its secret, which is told this once."""
    from app.wiring import system_unit_of_work
    from domain.clients.commands import register_client

    client_id, secret = with_database(
        lambda database: register_client(system_unit_of_work(database), name, scope),
    )
    out.print(f"client_id      {client_id}\nclient_secret  {secret}\n", markup=False)
    out.print("The secret is stored nowhere: keep it now.")


@clients.command("list")
def list_clients() -> None:
    """List the machines that may sign in, and those that no longer may."""
    from app.wiring import system_unit_of_work

    async def work(database: Any) -> Any:
        async with system_unit_of_work(database) as uow:
            return await uow.clients.all()

    table = Table("client_id", "name", "scopes", "created", "revoked", box=None, pad_edge=False)
    for client in with_database(work):
        revoked = _time(client.revoked_at) if client.revoked_at else ""
        cells = client.client_id, client.name, " ".join(client.scopes), _time(client.created_at), revoked
        table.add_row(*map(Text, cells))
    out.print(table)


@clients.command("revoke")
def revoke_client(client_id: Annotated[str, typer.Argument(help="The client_id.")]) -> None:
    """Let a machine sign in no more; its tokens end within a second."""
    from app.wiring import system_issuer, system_unit_of_work
    from domain.clients.commands import revoke_client as revoke

    issuer = system_issuer(Settings())
    client = with_database(lambda database: revoke(system_unit_of_work(database), issuer, client_id))
    out.print(f"{client.name} may sign in no more.", markup=False)


@keys.command("rotate")
def rotate_keys() -> None:
    """Make a new key, on record; running servers notice by themselves, and show it for a minute before it signs."""
    from app.access.keys import must_be_kept, rotate, signs_at
    from app.wiring import system_unit_of_work
    from domain.tokens.keys import record_rotation

    settings = Settings()
    must_be_kept(settings)

    async def work(database: Any) -> Any:
        # Only once the database is there: what cannot be put on record is not done.
        key = rotate(settings)
        await record_rotation(system_unit_of_work(database), key.kid)
        return key

    key = with_database(work)
    out.print(f"{key.kid} signs from {_time(signs_at(key))} on.", markup=False)


@keys.command("list")
def list_keys() -> None:
    """List the keys, and what each is used for."""
    from app.access.keys import KeyRing

    ring = KeyRing(Settings())
    table = Table("kid", "state", "made", box=None, pad_edge=False)
    for key in ring.all():
        table.add_row(key.kid, ring.state(key), _time(key.made_at) if key.made_at else "given by the settings")
    out.print(table)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
