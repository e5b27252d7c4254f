"""After an outage the database may be another one; who finds out too late would tell wrong events, or none."""

import asyncio
from uuid import UUID, uuid4

import pytest
from support.waiting import PATIENCE, until

from app.live.hub import Hub
from app.live.sequencing import Sequencing
from db.event_sequencer import EventSequencer
from db.events import EventLog
from domain.events.model import Event, LogState
from domain.refusals import ErrorCode, Refused

POLL = 0.02


class Log(EventLog):
    """A log that is away for some questions, and another one afterwards."""

    def __init__(self) -> None:
        self.epoch, self.head = uuid4(), 100
        self.refusals = 0

    async def after(self, position: int, limit: int) -> list[Event]:
        self._answer()
        return []

    async def state(self) -> LogState:
        self._answer()
        return LogState(self.epoch, 0, self.head)

    def replace(self, epoch: UUID, head: int, refusals: int) -> None:
        self.epoch, self.head, self.refusals = epoch, head, refusals

    def _answer(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError


async def settled() -> None:
    """Nothing waits."""


@pytest.mark.parametrize("refusals", [1, 2, 3])
async def test_followers_of_a_log_that_was_replaced_end_whenever_it_answers_again(refusals: int):
    log = Log()
    hub = Hub(log, settled, POLL)
    await hub.start()
    try:
        following = asyncio.ensure_future(anext(hub.follow(hub.position)))
        await asyncio.sleep(0)
        log.replace(uuid4(), 7, refusals)

        with pytest.raises(Refused) as refused:
            await asyncio.wait_for(following, PATIENCE)
    finally:
        await hub.stop()

    assert refused.value.refusals[0].code is ErrorCode.INVALID_CURSOR
    assert hub.position == 7


async def test_a_log_is_compared_after_its_epoch_was_renewed():
    log, renewed = Log(), uuid4()

    async def settle() -> None:
        log.epoch = renewed

    hub = Hub(log, settle, POLL)
    await hub.start()
    try:
        log.refusals = 1
        await until(lambda: hub.cursor(1) == LogState(renewed, 0, 0).cursor(1))
    finally:
        await hub.stop()


class Steps(EventSequencer):
    """A sequencer whose database is away for some steps."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refusals = 0

    async def adopt(self) -> None:
        self._take("adopt")

    async def drain(self) -> int:
        self._take("drain")
        return 0

    def forget(self) -> None:
        """Nothing is kept."""

    def _take(self, step: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError
        self.taken.append(step)


@pytest.mark.parametrize("refusals", [1, 2, 3])
async def test_nothing_gets_a_place_after_an_outage_before_the_log_was_adopted(refusals: int):
    steps = Steps()
    sequencing = Sequencing(steps, POLL)
    await sequencing.start()
    try:
        assert steps.taken == ["adopt", "drain"]
        steps.taken.clear()
        steps.refusals = refusals
        await until(lambda: steps.refusals == 0 and steps.taken)
    finally:
        await sequencing.stop()

    assert steps.taken[0] == "adopt"
