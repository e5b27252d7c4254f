"""Every mutation leaves an event: who did it, from where, in which request, and what changed; and no secrets."""

import re
from typing import Any
from uuid import UUID

from access.asking import fields_of
from access.matrix import run
from access.samples import BY_NOBODY, CHANGES_NOTHING, MUTATIONS
from access.stage import Stage
from sqlalchemy import Row
from support.documents import document, table
from support.log import logged
from support.waiting import until

COLUMNS = "kind, payload, actor_id, request_id, host(address) AS address, position"

SECRETS = ("password", "token", "secret", "code")
"""What is in the names of inputs that must not be in the log."""


def told_by_kind() -> dict[str, set[str]]:
    """The facts that docs/events.md lists for each kind; what it says in brackets explains one."""
    rows = table(document("docs/events.md").section("Kinds"))
    return {kind.strip("`"): set(re.sub(r"\(.*?\)", "", payload).split("`")[1::2]) for kind, _, payload in rows}


def secrets_in(given: Any) -> list[str]:
    """The values of an input that nobody else may read."""
    if not isinstance(given, dict):
        return []
    found = [value for name, value in given.items() if any(each in name.lower() for each in SECRETS)]
    return [str(each) for each in found]


async def events_of(stage: Stage, name: str, given: dict[str, Any]) -> list[Row[Any]]:
    """What the log gained by a mutation that an admin did, or nobody where that is how it is done."""
    before = len(await logged(stage.shop.database, COLUMNS))
    told = await run(stage, "anonymous" if name in BY_NOBODY else "admin", name, given, f"audit-{name}")
    assert told.errors == [], (name, told.errors)

    async def news() -> list[Row[Any]]:
        return list(await logged(stage.shop.database, COLUMNS))[before:]

    if name not in CHANGES_NOTHING:
        # A mail is asked for after the answer, so that the answer takes as long for a name that nobody has.
        await until(news)
    return await news()


async def test_every_mutation_leaves_an_event_that_tells_who_did_what_from_where(stage: Stage):
    facts = told_by_kind()

    for name in fields_of("Mutation"):
        given = await MUTATIONS[name][""](stage)
        events = await events_of(stage, name, given)

        assert bool(events) is (name not in CHANGES_NOTHING), name
        for event in events:
            actor: UUID | None = event.actor_id
            assert actor == (None if name in BY_NOBODY else stage.admin.user_id), (name, event.kind)
            assert event.address == "127.0.0.1", (name, event.kind)
            assert event.request_id == f"audit-{name}", (name, event.kind)
            assert set(event.payload) == facts[event.kind], (name, event.kind)
            told = str(event.payload)
            assert [secret for secret in secrets_in(given) if secret in told] == [], (name, event.kind)
