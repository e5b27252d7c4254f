"""What a socket may carry, and for how long."""

from datetime import UTC, datetime, timedelta

from factories.people import make_admin
from support.server import Server, serving
from support.sockets import connected
from support.waiting import until

from app.settings import Settings

ME = "{ me { username } }"


async def test_a_socket_does_not_outlive_its_token(server: Server):
    admin = await make_admin(server.process.database)
    server.process.services.issuer.lifetime = 2
    ends = datetime.now(UTC) + timedelta(seconds=2)

    async with connected(server) as client:
        await client.sign_in(Authorization=f"Bearer {server.token(admin)}")
        before = await client.run(ME)
        await until(lambda: datetime.now(UTC) > ends)
        await client.start(ME)

        assert await client.closing() == (4403, "The access token has ended")
    assert before["data"] == {"me": {"username": "boss"}}


async def test_a_message_is_bounded_as_a_body_is(settings: Settings):
    bounded = settings.model_copy(update={"max_body_bytes": 2048})
    async with serving(bounded) as server, connected(server) as client:
        await client.sign_in()
        await client.start(f"{{ me {{ id }} }} # {'x' * 4000}")

        code, _ = await client.closing()

    assert code == 1009
