"""Writers whose transactions overlap, linger and fail; and the log that a naive reader would read.

They write through the real unit of work. What makes their commits slow is a deferred trigger, which the code under
test does not know of: between the moment an event gets its number and the moment it can be seen, others overtake it.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from factories.goods import make_variant
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from db.engine import Database
from db.inventory import warehouses
from db.unit_of_work import SqlUnitOfWork
from domain.inventory.changes import Cause, LevelChange
from domain.inventory.model import MovementKind

FAILED = "ZZ001"
"""The SQLSTATE of a commit that fails because the trigger wants it to."""

UNRULY = f"""
CREATE TABLE naive_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event uuid NOT NULL);
CREATE FUNCTION into_naive_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO naive_log (event) VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER into_naive_log AFTER INSERT ON pending_events FOR EACH ROW EXECUTE FUNCTION into_naive_log();
CREATE FUNCTION commit_slowly_or_fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.25 THEN PERFORM pg_sleep(0.15 * random()); END IF;
  IF random() < 0.05 THEN RAISE EXCEPTION 'This commit was to fail.' USING ERRCODE = '{FAILED}'; END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER commit_slowly_or_fail AFTER INSERT ON pending_events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION commit_slowly_or_fail();
"""
"""A second log, numbered as events are inserted, in the same transactions; and commits that take their time."""


class _ChangedMindError(Exception):
    """Rolls a transaction back."""


@dataclass(frozen=True, slots=True)
class Written:
    """An event whose commit was seen: its own name, what it speaks of, and its sequence there."""

    name: str
    level: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class Stock:
    """What the writers write to: one variant in several warehouses."""

    variant: UUID
    places: list[UUID]


async def make_unruly(database: Database, places: int = 24) -> Stock:
    """Have commits be slow and fail at random from now on; what there is to write to."""
    async with database.transaction() as connection:
        await connection.driver.execute(UNRULY)
    variant = await make_variant(database, "MUG", **{f"W{number:02}": 0 for number in range(places)})
    return Stock(variant, [row.id for row in await database.read(select(warehouses.c.id))])


class Writer:
    """Receives goods, one transaction after the other; each event carries a name of its own as its reason."""

    def __init__(self, name: str, begin: Callable[[], SqlUnitOfWork], stock: Stock) -> None:
        self.committed: list[Written] = []
        self.undone = 0
        self._name, self._begin, self._stock = name, begin, stock
        self._dice = random.Random(name)
        self._numbers = count(1)

    async def write_for(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self._write_once()
            await asyncio.sleep(self._dice.random() * 0.04)

    async def write_last(self) -> Written:
        """One more event, which is after all others."""
        before = len(self.committed)
        while len(self.committed) == before:
            await self._write_once(is_last=True)
        return self.committed[-1]

    async def _write_once(self, *, is_last: bool = False) -> None:
        fate = 1.0 if is_last else self._dice.random()
        places = self._dice.sample(self._stock.places, 1 if is_last else self._dice.choice((1, 1, 2, 3)))
        written: list[Written] = []
        try:
            async with self._begin() as uow:
                for level in await uow.stock.lock(self._stock.variant, places):
                    name = f"{self._name}.{next(self._numbers)}"
                    change = LevelChange(level, on_hand=1)
                    await uow.stock.change(MovementKind.RECEIPT, [change], Cause(reason=name))
                    written.append(Written(name, level.id, level.version + 1))
                if fate < 0.3:
                    await asyncio.sleep(self._dice.random() * 0.1)
                if fate < 0.05:
                    _change_mind()
                if fate < 0.1:
                    uow.abandon()
                    self.undone += len(written)
                    written.clear()
        except _ChangedMindError:
            self.undone += len(written)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != FAILED:
                raise
            self.undone += len(written)
        else:
            self.committed += written


def _change_mind() -> None:
    raise _ChangedMindError


async def write_together(writers: Sequence[Writer], seconds: float) -> tuple[list[Written], int]:
    """Have several write at once; what they saw commit, and how many events were undone."""
    await asyncio.gather(*(writer.write_for(seconds) for writer in writers))
    committed = [written for writer in writers for written in writer.committed]
    return committed, sum(writer.undone for writer in writers)
