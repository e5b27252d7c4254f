"""Secrets are hidden from the log by their names and looks; and the look-out of this suite sees those that are not."""

import time
from typing import Any

import orjson
import pytest
from support.leaks import fail_on_leaks, leaks
from support.server import serving

from app.choices import LogLevel
from app.secrecy import masked
from app.settings import Settings

JWT = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJvcmRlcndpcmUifQ.c2lnbmF0dXJl-_x"
REFRESH = "q" * 43


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer ***"),
        (f"seen {JWT}!", "seen ***!"),
        ("bearer opaque-token_1", "bearer ***"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic ***"),
        ("connecting to postgresql://ada:s3cr3t@db:5432/shop", "connecting to postgresql://***@db:5432/shop"),
        ("redis://:s3cr3t@cache:6379", "redis://***@cache:6379"),
        ("hash $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA is old", "hash *** is old"),
        ("$2b$12$" + "x" * 53, "***"),
        ("-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\nbehind", "***\nbehind"),
        ("http://127.0.0.1:8000/graphql", "http://127.0.0.1:8000/graphql"),
        ("nothing of interest", "nothing of interest"),
    ],
)
def test_a_secret_is_known_by_its_looks(told: str, shown: str):
    assert masked(None, "info", {"event": told}) == {"event": shown}
    assert masked(None, "info", {"event": "x", "more": [{"exception": told}]})["more"] == [{"exception": shown}]


@pytest.mark.parametrize(
    "name",
    ["password", "passwd", "new_password", "accessToken", "refresh_token", "Authorization", "cookie", "clientSecret"],
)
def test_a_secret_is_known_by_its_name(name: str):
    assert masked(None, "info", {name: "x"}) == {name: "***"}
    assert masked(None, "info", {"event": {"deep": ({name: ["x"]},)}}) == {"event": {"deep": [{name: "***"}]}}


@pytest.mark.parametrize(
    "beginning", ["eyJ", "eyJabcdefgh.", "bearer ", "basic ", "://x:", "$argon2", "$2b$", "-----BEGIN ", "a"]
)
def test_a_line_full_of_beginnings_is_read_once(beginning: str):
    line = beginning * (64_000 // len(beginning))

    began = time.process_time()
    masked(None, "info", {"path": line})

    assert time.process_time() - began < 0.1


def test_what_is_no_secret_stays():
    line: dict[str, Any] = {"event": "x", "tokens": 3, "ok": True, "none": None, "ratio": 0.5, "list": [1, "a"]}

    assert masked(None, "info", dict(line)) == line


def test_an_object_is_told_without_its_secrets():
    class Request:
        def __repr__(self) -> str:
            return f"<Request with {JWT}>"

    assert masked(None, "info", {"given": Request()}) == {"given": "<Request with ***>"}
    assert masked(None, "info", {"given": [[[[["too deep"]]]]]}) == {"given": [[[["***"]]]]}


@pytest.mark.parametrize("secret", [JWT, REFRESH, "$argon2id$v=19", "orderwire-demo", "-----BEGIN PRIVATE KEY-----"])
def test_a_test_whose_servers_log_a_secret_fails(secret: str):
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, "call")
    report.sections.append(("Captured stderr call", f'{{"event": "{secret}"}}\n{{"event": "fine"}}\n'))

    fail_on_leaks(report)

    assert report.failed
    assert report.longrepr == f'A secret was logged:\n{{"event": "{secret}"}}'


def test_what_is_no_secret_lets_a_test_pass():
    assert leaks("01a1ff84-0091-7324-90da-394959dfe75e /graphql?a=b sha256:" + "0" * 64) == []


async def test_a_query_string_stays_out_of_the_log(settings: Settings, capsys: pytest.CaptureFixture[str]):
    async with serving(settings.model_copy(update={"log_level": LogLevel.DEBUG})) as server:
        await server.http.get("/graphql", params={"query": "{ me { id } }", "access_token": "s3cr3t"})
        await server.http.get("/graphql?access_token=s3cr3t&%zz")

    logged = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    ours = [line for line in logged if not line["logger"].startswith("http")]
    assert [line["path"] for line in ours if line["event"] == "http"] == ["/graphql", "/graphql"]
    assert "s3cr3t" not in orjson.dumps(ours).decode()
