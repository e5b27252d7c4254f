"""What a client may say over a WebSocket: every message of graphql-transport-ws, and what is none of it."""

import pytest

from app.graphql.messages import Complete, Init, MalformedError, Message, Ping, Pong, Subscribe, read

QUERY = '"payload": {"query": "{ me { id } }"'
TYPE = '"type": "subscribe"'
DEEP = 300
"""Levels that can be read, and not be written."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "connection_init"}', Init({})),
        ('{"type": "connection_init", "payload": null}', Init({})),
        ('{"type": "connection_init", "payload": {"a": [1]}, "id": 5, "more": {}}', Init({"a": [1]})),
        ('{"type": "ping"}', Ping(b'{"type":"pong"}')),
        ('{"type": "ping", "payload": {"at": 1.5}}', Ping(b'{"type":"pong","payload":{"at":1.5}}')),
        ('{"type": "pong", "payload": null}', Pong()),
        ('{"type": "complete", "id": "1", "payload": 5}', Complete("1")),
        (
            '{"type": "subscribe", "id": "1", "payload": {"documentId": "me", "variables": {"a": 1}}}',
            Subscribe("1", None, {"a": 1}, None, None, "me"),
        ),
        (
            '{"type": "subscribe", "id": "1", "payload": {"extensions": {"persistedQuery": {}}}}',
            Subscribe("1", None, None, None, {"persistedQuery": {}}),
        ),
        (f'{{"type": "subscribe", "id": "é", {QUERY}}}}}', Subscribe("é", "{ me { id } }", None, None, None)),
        (
            f'{{"id": "1", {QUERY}, "variables": {{"a": 1}}, "operationName": "A", "extensions": {{}}}}, {TYPE}}}',
            Subscribe("1", "{ me { id } }", {"a": 1}, "A", {}),
        ),
        (
            f'{{"type": "subscribe", "id": "1", {QUERY}, "variables": null, "operationName": null, "other": 5}}}}',
            Subscribe("1", "{ me { id } }", None, None, None),
        ),
        ('{"type": "ping", "type": "pong"}', Pong()),
    ],
)
def test_a_message_is_understood(text: str, message: Message):
    assert read(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[" * 100_000,
        "5",
        "1" * 5000,
        "1e999999",
        "NaN",
        "null",
        "[]",
        '"ping"',
        "{}",
        '\ufeff{"type": "ping"}',
        '{"type": "ping"} {"type": "ping"}',
        '{"type": "\\ud800"}',
        '{"type": null}',
        '{"type": 5}',
        '{"type": ["ping"]}',
        '{"type": "PING"}',
        '{"type": "start"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "error", "id": "1", "payload": []}',
        '{"type": "connection_ack"}',
        '{"type": "connection_init", "payload": 5}',
        '{"type": "connection_init", "payload": []}',
        '{"type": "ping", "payload": "x"}',
        '{"type": "pong", "payload": [1]}',
        f'{{"type": "ping", "payload": {{"a": {"[" * DEEP}{"]" * DEEP}}}}}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": 5}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"documentId": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"documentId": "me", "query": "{ me { id } }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"extensions": {}}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        f'{{"type": "subscribe", {QUERY}}}}}',
        f'{{"type": "subscribe", "id": "", {QUERY}}}}}',
        f'{{"type": "subscribe", "id": null, {QUERY}}}}}',
        f'{{"type": "subscribe", "id": 1, {QUERY}}}}}',
        f'{{"type": "subscribe", "id": ["1"], {QUERY}}}}}',
        f'{{"type": "subscribe", "id": "{"x" * 257}", {QUERY}}}}}',
        f'{{"type": "subscribe", "id": "1", {QUERY}, "variables": [1]}}}}',
        f'{{"type": "subscribe", "id": "1", {QUERY}, "variables": "{{}}"}}}}',
        f'{{"type": "subscribe", "id": "1", {QUERY}, "operationName": 5}}}}',
        f'{{"type": "subscribe", "id": "1", {QUERY}, "extensions": 5}}}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": ""}',
        '{"type": "complete", "id": {}}',
        b'{"type": "ping"}',
    ],
)
def test_a_message_of_another_shape_is_none(text: str | bytes):
    with pytest.raises(MalformedError):
        read(text)
