"""Work after the answer: bounded, in its order, and never without a trace."""

import asyncio

import pytest
from structlog.testing import capture_logs

from app.later import MOST, Later
from domain.refusals import Refused


async def test_later_takes_on_no_more_than_it_can_and_ends_what_is_left():
    done: list[int] = []
    gate = asyncio.Event()

    async def work(number: int) -> None:
        await gate.wait()
        done.append(number)

    later = Later()
    for number in range(MOST):
        later(work(number))
    with pytest.raises(Refused):
        later(work(MOST))
    gate.set()
    await later.stop(10)
    assert done == list(range(MOST))

    gate.clear()
    later(work(0))
    with capture_logs() as logs:
        await later.stop(0)
    assert logs == [{"event": "left_undone", "log_level": "warning", "count": 1}]


async def test_a_fault_after_the_answer_is_logged():
    async def fail() -> None:
        raise RuntimeError("lost")

    later = Later()
    with capture_logs() as logs:
        later(fail())
        await later.stop(10)

    assert [(line["event"], line["log_level"]) for line in logs] == [("fault", "error")]
