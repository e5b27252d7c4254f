"""What a socket may carry, and for how long."""

from datetime import UTC, datetime

from factories.people import make_admin
from support.server import Server, serving
from support.sockets import connected

from app.settings import Settings

ME = "{ me { username } }"


async def test_a_socket_does_not_outlive_its_token(server: Server):
    admin = await make_admin(server.process.database)

    async with connected(server) as client:
        await client.sign_in(Authorization=f"Bearer {server.token(admin)}")
        assert (await client.run(ME))["data"] == {"me": {"username": "boss"}}
        _end_token_now(server)
        await client.start(ME)

        assert await client.closing() == (4403, "The access token has ended")


def _end_token_now(server: Server) -> None:
    """Let the token of every open socket end, as time would."""
    import gc

    from app.graphql_socket import Conversation

    ended = [each for each in gc.get_objects() if isinstance(each, Conversation)]
    assert len(ended) == 1
    viewer = ended[0].context.viewer
    object.__setattr__(viewer, "expires_at", datetime.now(UTC))


async def test_a_message_is_bounded_as_a_body_is(settings: Settings):
    bounded = settings.model_copy(update={"max_body_bytes": 2048})
    async with serving(bounded) as server, connected(server) as client:
        await client.sign_in()
        await client.start(f"{{ me {{ id }} }} # {'x' * 4000}")

        code, _ = await client.closing()

    assert code == 1009
