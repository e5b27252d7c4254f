"""Every batch read: one loader per relation, made when first asked for, one set per operation or event."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from aiodataloader import DataLoader, dispatch_queue_batch
from aiodataloader import Loader as Entry

from domain.actor import Actor
from domain.catalog.model import Product, Variant
from domain.customers.model import Address, Customer
from domain.events.model import Event
from domain.inventory.model import StockLevel, StockMovement, Warehouse
from domain.orders.model import Adjustment, Order, OrderEvent, OrderLine, OrderReturn, ReturnLine
from domain.reading import Page, PageRequest
from domain.users.model import User
from graph.readers import Readers

K = TypeVar("K")
V = TypeVar("V")

Read = Callable[[Actor, Sequence[K]], Awaitable[Mapping[K, V]]]


class Level:
    """A whole level of an operation, which waits in the queue of a loader as one: its keys, and the unknown ones."""

    __slots__ = ("keys", "wanted")

    def __init__(self, keys: Sequence[Any], wanted: Sequence[Any]) -> None:
        self.keys, self.wanted = keys, wanted


class Loader(DataLoader[Any, Any], Generic[K, V]):
    """Reads by key: what is asked for in one turn of the event loop by one statement, and nothing twice.

    `load` asks for one thing. `load_all` asks for those of a whole level, with one future in place of one for each.
    """

    def __init__(self, read: Read[K, V], viewer: Actor, missing: V) -> None:
        """`missing` stands for what does not exist or the viewer may not see."""
        super().__init__()
        self._read, self._viewer, self._missing = read, viewer, missing
        self._known: dict[Any, Any] = {None: None}
        self._reading: dict[asyncio.Future[None], list[K]] = {}
        self._batches: set[asyncio.Task[None]] = set()

    def load(self, key: Any) -> asyncio.Future[Any]:
        """What belongs to a key."""
        shared = super().load(key)
        if shared.done():
            return shared
        # A future for each who asks: an executor that gives up one branch of an operation cancels what that branch
        # waits for, and another branch may wait for the same. They may all have gone when the shared one fails.
        shared.add_done_callback(lambda future: future.cancelled() or future.exception())
        return asyncio.shield(shared)

    def load_all(self, keys: Sequence[K | None]) -> asyncio.Future[list[V | None]]:
        """What belongs to each key, in their order; None where there is no key."""
        known = self._known
        # In the order in which they are first asked for, so that the same operation sends the same statement.
        wanted = [key for key in dict.fromkeys(keys) if key not in known]
        # Nobody else waits for the same entry of the queue, so that this is a future of one's own.
        future: asyncio.Future[list[V | None]] = self.loop.create_future()
        if wanted:
            self.do_resolve_reject(Level(keys, wanted), future)
        else:
            future.set_result(list(map(known.__getitem__, keys)))
        return future

    def do_resolve_reject(self, key: Any, future: asyncio.Future[Any]) -> None:
        """Queue what is asked for, to be read after as many turns as the library takes, but without its task."""
        self._queue.append(Entry(key, future))
        if len(self._queue) == 1:
            self.loop.call_soon(self.loop.call_soon, self._dispatch)

    def give_up(self) -> list[asyncio.Task[None]]:
        """Ask for nothing more, and cancel what is being read, which is returned."""
        self._queue = []
        batches = list(self._batches)
        for batch in batches:
            batch.cancel()
        return batches

    def _dispatch(self) -> None:
        queue, self._queue = self._queue, []
        if queue:
            batch = asyncio.ensure_future(dispatch_queue_batch(self, queue))
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        """What belongs to each entry of the queue, as the library asks for it: a key, or those of a level."""
        known, reading = self._known, self._reading
        levels = (entry.wanted if isinstance(entry, Level) else (entry,) for entry in keys)
        wanted: dict[K, None] = dict.fromkeys(chain.from_iterable(levels))
        missing = [key for key in wanted if key not in known]
        under_way = [future for future, asked in reading.items() if not set(asked).isdisjoint(missing)]
        if under_way:
            asked = set(chain.from_iterable(reading[future] for future in under_way))
            missing = [key for key in missing if key not in asked]
        if missing:
            await self._learn(missing)
        if under_way:
            await asyncio.gather(*under_way)
        return [
            list(map(known.__getitem__, entry.keys)) if isinstance(entry, Level) else known[entry] for entry in keys
        ]

    async def _learn(self, keys: list[K]) -> None:
        """Read what belongs to keys; who asks for one of them meanwhile waits for this."""
        learnt: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading[learnt] = keys
        try:
            found = await self._read(self._viewer, keys)
            self._known.update(dict.fromkeys(keys, self._missing))
            self._known.update(found)
            learnt.set_result(None)
        except Exception as error:
            learnt.set_exception(error)
            # Perhaps nobody waits for it.
            learnt.exception()
            raise
        finally:
            # Without effect but where this was cancelled.
            learnt.cancel()
            del self._reading[learnt]


class One(Loader[K, V | None]):
    """A thing by key; None where it does not exist or the viewer may not see it."""

    def __init__(self, read: Read[K, V], viewer: Actor) -> None:
        super().__init__(read, viewer, None)


class Many(Loader[K, Sequence[V]]):
    """The things that belong to a key, in their order; none where the viewer may not see them."""

    def __init__(self, read: Read[K, Sequence[V]], viewer: Actor) -> None:
        super().__init__(read, viewer, ())


class Loaders:
    """The loaders of one viewer."""

    def __init__(self, readers: Readers, viewer: Actor) -> None:
        self._readers, self._viewer = readers, viewer
        self._order_pages: dict[PageRequest, One[UUID, Page[Order]]] = {}

    async def give_up(self) -> None:
        """Stop reading, for nobody waits any longer, and wait until connections are back."""
        found: list[Any] = [*vars(self).values(), *self._order_pages.values()]
        loaders = cast("list[Loader[Any, Any]]", [each for each in found if isinstance(each, Loader)])
        batches = chain.from_iterable(each.give_up() for each in loaders)
        await asyncio.gather(*batches, return_exceptions=True)

    @cached_property
    def user(self) -> One[UUID, User]:
        return One(self._readers.users.by_ids, self._viewer)

    @cached_property
    def customer(self) -> One[UUID, Customer]:
        return One(self._readers.customers.by_ids, self._viewer)

    @cached_property
    def customer_of_user(self) -> One[UUID, Customer]:
        return One(self._readers.customers.by_user_ids, self._viewer)

    @cached_property
    def addresses_of_customer(self) -> Many[UUID, Address]:
        return Many(self._readers.customers.addresses_of, self._viewer)

    @cached_property
    def product(self) -> One[UUID, Product]:
        return One(self._readers.products.by_ids, self._viewer)

    @cached_property
    def variant(self) -> One[UUID, Variant]:
        return One(self._readers.variants.by_ids, self._viewer)

    @cached_property
    def variant_by_sku(self) -> One[str, Variant]:
        return One(self._readers.variants.by_skus, self._viewer)

    @cached_property
    def variants_of_product(self) -> Many[UUID, Variant]:
        return Many(self._readers.variants.of_products, self._viewer)

    @cached_property
    def warehouse(self) -> One[UUID, Warehouse]:
        return One(self._readers.warehouses.by_ids, self._viewer)

    @cached_property
    def stock_level(self) -> One[UUID, StockLevel]:
        return One(self._readers.stock_levels.by_ids, self._viewer)

    @cached_property
    def stock_levels_of_variant(self) -> Many[UUID, StockLevel]:
        return Many(self._readers.stock_levels.of_variants, self._viewer)

    @cached_property
    def stock_movement(self) -> One[UUID, StockMovement]:
        return One(self._readers.stock_movements.by_ids, self._viewer)

    @cached_property
    def order(self) -> One[UUID, Order]:
        return One(self._readers.orders.by_ids, self._viewer)

    @cached_property
    def order_by_number(self) -> One[str, Order]:
        return One(self._readers.orders.by_numbers, self._viewer)

    @cached_property
    def lines_of_order(self) -> Many[UUID, OrderLine]:
        return Many(self._readers.orders.lines_of, self._viewer)

    @cached_property
    def returns_of_order(self) -> Many[UUID, OrderReturn]:
        return Many(self._readers.returns.of_orders, self._viewer)

    @cached_property
    def units_left_of_order(self) -> One[UUID, int]:
        return One(self._readers.returns.units_left, self._viewer)

    @cached_property
    def order_return(self) -> One[UUID, OrderReturn]:
        return One(self._readers.returns.by_ids, self._viewer)

    @cached_property
    def lines_of_return(self) -> Many[UUID, ReturnLine]:
        return Many(self._readers.returns.lines_of, self._viewer)

    @cached_property
    def adjustment(self) -> One[UUID, Adjustment]:
        return One(self._readers.adjustments.by_ids, self._viewer)

    @cached_property
    def event(self) -> One[UUID, Event]:
        return One(self._readers.events.by_ids, self._viewer)

    @cached_property
    def events_of_order(self) -> Many[UUID, OrderEvent]:
        return Many(self._readers.events.of_orders, self._viewer)

    @cached_property
    def order_count_of_customer(self) -> One[UUID, int]:
        return One(self._readers.orders.counts_of_customers, self._viewer)

    def orders_of_customer(self, page: PageRequest) -> One[UUID, Page[Order]]:
        """The same page of the orders of many customers; one loader for each page asked for."""
        if page not in self._order_pages:

            async def read(viewer: Actor, ids: Sequence[UUID]) -> Mapping[UUID, Page[Order]]:
                return await self._readers.orders.pages_of_customers(viewer, ids, page)

            self._order_pages[page] = One(read, self._viewer)
        return self._order_pages[page]
