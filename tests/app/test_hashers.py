"""The processes that hash: they step back, keep a short line, are replaced when lost, and end with the server."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from select import select

import psutil
import pytest
from support.processes import hashers_of, is_gone
from support.server import CHEAP_PASSWORDS, Server, complaints, serving
from support.waiting import PATIENCE, until

from app.access import hashing
from app.access.hashers import HashingFailedError
from app.access.passwords import Hasher
from app.settings import Settings
from domain.refusals import ErrorCode, Refused

REGISTER = """
mutation { userRegister(input: {username: "buyer", email: "a@example.com", password: "password1"}) { user { id } } }
"""
SIGN_IN = 'mutation { tokenCreate(input: {username: "buyer", password: "password1"}) { accessToken } }'
PASSWORD = "password1"
SETTINGS = Settings(password_hashers=1, password_queue=1, **CHEAP_PASSWORDS)
ENDLESS = {"password_time_cost": 10_000}
"""So dear that whoever hashes is met at work."""
PAUSES = 1000
"""How often it leaves its core by itself, within a second of work; to start it does so a few times."""


@pytest.fixture
def hasher() -> Generator[Hasher]:
    """One process, behind a line of one."""
    with closing(Hasher(SETTINGS)) as hasher:
        yield hasher


@pytest.fixture
def endless() -> Generator[Hasher]:
    with closing(Hasher(SETTINGS.model_copy(update=ENDLESS))) as hasher:
        yield hasher


async def the_process() -> psutil.Process:
    """The one that hashes, as soon as there is one."""
    await until(hashers_of)
    [process] = hashers_of()
    return process


def autogroup(process: psutil.Process) -> int | None:
    """How far the session of a process steps back behind other sessions, where the system has such a thing."""
    told = Path(f"/proc/{process.pid}/autogroup")
    return int(told.read_text().split()[-1]) if told.exists() else None


def faults(process: psutil.Process) -> int:
    """How many pages a process was given, where the system tells."""
    told = Path(f"/proc/{process.pid}/stat")
    return int(told.read_text().rpartition(")")[2].split()[7]) if told.exists() else 0


async def test_the_loop_goes_on_while_passwords_are_hashed():
    turns, beside = 0, []

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    with closing(Hasher(Settings(password_nice=0))) as hasher:
        turning = asyncio.create_task(turn())
        hashes = []
        for _ in range(4):
            before = turns
            hashes.append(await hasher.hash(PASSWORD))
            beside.append(turns - before)
        turning.cancel()

    assert len(set(hashes)) == 4
    assert all(each.startswith("$argon2id$v=19$m=65536,t=3,p=1$") for each in hashes)
    # Between asking and being answered there are a few turns anyway.
    assert min(beside) > 100


async def test_what_one_has_hashed_another_checks(hasher: Hasher):
    with closing(Hasher(SETTINGS)) as other:
        hashed = await other.hash(PASSWORD)

    assert await hasher.check(PASSWORD, hashed) == (True, None)
    assert await hasher.check(f"{PASSWORD}\n", hashed) == (False, None)
    assert await hasher.check("x" * 1_000_000, None) == (False, None)


async def test_a_process_is_started_when_all_others_are_at_work():
    with closing(Hasher(SETTINGS.model_copy(update={"password_hashers": 2}))) as hasher:
        assert hashers_of() == []
        for _ in range(3):
            await hasher.hash(PASSWORD)
        first = await the_process()
        first.suspend()
        hashing = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(3)]
        await asyncio.wait(hashing, return_when=asyncio.FIRST_COMPLETED)
        assert len(hashers_of()) == 2
        first.resume()
        assert len(set(await asyncio.gather(*hashing))) == 3

    assert hashers_of() == []


async def test_hashing_steps_back_behind_the_server_and_the_database():
    with closing(Hasher(SETTINGS.model_copy(update={"password_nice": Settings().password_nice}))) as hasher:
        await hasher.hash(PASSWORD)
        process = await the_process()

        assert process.nice() == min(19, psutil.Process().nice() + 10)
        assert os.getsid(process.pid) == process.pid
        assert autogroup(process) in {None, 10}


async def test_a_hash_pauses_again_and_again_so_that_others_get_onto_its_core(endless: Hasher):
    asked = asyncio.create_task(endless.hash(PASSWORD))
    process = await the_process()

    await until(lambda: process.num_ctx_switches().voluntary > PAUSES)

    assert not asked.done()
    asked.cancel()


async def test_the_memory_of_one_hash_is_there_for_the_next():
    # So much that the system's library would not keep it by itself.
    with closing(Hasher(SETTINGS.model_copy(update={"password_queue": 4, "password_memory_kib": 40_960}))) as hasher:
        await hasher.hash(PASSWORD)
        process = await the_process()
        before = faults(process)
        await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(4)))

        # Each takes 10,240 pages. Those of one may have been given back before the first, on a slow machine.
        assert faults(process) - before < 2 * 10_240


async def test_memory_is_given_back_when_nobody_signs_in():
    with closing(Hasher(SETTINGS.model_copy(update={"password_memory_kib": 65_536}))) as hasher:
        await hasher.hash(PASSWORD)
        process = await the_process()

        await until(lambda: process.memory_info().rss < 50_000_000)
        assert await hasher.hash(PASSWORD)
        assert hashers_of() == [process]


async def test_secrets_are_neither_arguments_nor_in_the_environment(monkeypatch: pytest.MonkeyPatch, hasher: Hasher):
    monkeypatch.setenv("ORDERWIRE_ADMIN_PASSWORD", "given-password")
    await hasher.hash(PASSWORD)
    process = await the_process()

    assert process.cmdline()[-4:] == ["0", "2", "19456", "1"]
    assert PASSWORD not in " ".join(process.cmdline())
    assert [name for name in process.environ() if name.startswith("ORDERWIRE_")] == []


async def test_past_the_line_a_password_is_refused_at_once(hasher: Hasher):
    await hasher.hash(PASSWORD)
    process = await the_process()
    process.suspend()
    waiting = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(Refused) as refused:
        await hasher.hash(PASSWORD)
    with pytest.raises(Refused):
        hasher.must_have_room()

    [refusal] = refused.value.refusals
    assert (refusal.code, getattr(refusal, "retry_after", None)) == (ErrorCode.BUSY, 1)
    process.resume()
    assert len(set(await asyncio.gather(*waiting))) == 2
    assert await hasher.hash(PASSWORD)


async def test_who_leaves_the_line_makes_room_and_who_leaves_the_process_does_when_it_is_done(hasher: Hasher):
    await hasher.hash(PASSWORD)
    process = await the_process()
    process.suspend()
    first = asyncio.create_task(hasher.hash(PASSWORD))
    await until(lambda: [each.running() for each in hasher._under_way] == [True])
    second = asyncio.create_task(hasher.hash(PASSWORD))
    await asyncio.sleep(0)

    second.cancel()
    await asyncio.wait([second])
    hasher.must_have_room()
    third = asyncio.create_task(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    with pytest.raises(Refused):
        hasher.must_have_room()

    process.resume()
    assert await third
    hasher.must_have_room()
    assert hashers_of() == [process]


async def test_a_sign_in_is_answered_though_the_process_was_killed_and_the_log_tells(
    server: Server, caplog: pytest.LogCaptureFixture
):
    await server.get(REGISTER)
    process = await the_process()
    process.kill()
    await until(lambda: is_gone(process))

    answer = await server.get(SIGN_IN)

    assert answer["tokenCreate"]["accessToken"]
    assert await the_process() != process
    [complaint] = complaints(caplog)
    assert "hasher_lost" in complaint
    assert "'code': -9" in complaint


async def test_one_that_is_killed_at_work_is_replaced_once_and_then_the_request_fails(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    async with serving(settings.model_copy(update=ENDLESS)) as server:
        signing_in = asyncio.create_task(server.post(SIGN_IN))
        killed = set[psutil.Process]()
        while not signing_in.done():
            for process in set(hashers_of()) - killed:
                process.kill()
                killed.add(process)
            await asyncio.sleep(0.002)
        answer = await signing_in
        under_way = server.process.services.hasher._under_way

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL_SERVER_ERROR"]
    assert (len(killed), under_way) == (2, set())
    logged = capsys.readouterr().err
    assert (logged.count('"event": "hasher_lost"'), logged.count('"event": "fault"')) == (2, 1)


async def test_an_error_tells_its_kind_and_nothing_of_the_password(hasher: Hasher):
    with pytest.raises(HashingFailedError) as failed:
        await hasher.hash(f"{PASSWORD}\ud800")
    process = await the_process()

    assert str(failed.value) == "UnicodeEncodeError"
    assert await hasher.hash(PASSWORD)
    assert hashers_of() == [process]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_to_all_of_a_service_leave_them_at_work(hasher: Hasher, number: signal.Signals):
    await hasher.hash(PASSWORD)
    process = await the_process()

    process.send_signal(number)

    assert await hasher.hash(PASSWORD)
    assert hashers_of() == [process]


async def test_the_end_waits_for_nobody(endless: Hasher):
    hashing = [asyncio.create_task(endless.hash(PASSWORD)) for _ in range(2)]
    process = await the_process()

    endless.close()

    assert is_gone(process)
    done = await asyncio.gather(*hashing, return_exceptions=True)
    assert [type(each) for each in done] == [HashingFailedError, asyncio.CancelledError]


def test_what_hashes_passwords_ends_in_silence_though_nobody_read_its_answer():
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", hashing.__file__, "0", "1", "8", "1"],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
        )
    with ours:
        ours.sendall(b'["hash", "correct horse"]\n')
        assert select([ours], [], [], PATIENCE)[0]

    assert process.communicate(timeout=PATIENCE) == (None, b"")
    assert process.returncode == 0
