"""The log as queries read it: the audit in pages, and the history of single things."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Integer, Select, Table, exists, false, func, select, true, union_all

from db import orders as order_tables
from db.base import any_of
from db.engine import Database
from db.events import EventLog, event_log, events, pending_events, to_event
from db.orders import orders
from db.reading import Outline, Window, compared, grouped, named, outline, values_of
from db.statements import Row, compiled_once, later, with_keys
from domain.actor import Actor, Scope
from domain.events.model import AggregateType, Event, EventKind, log_cursor
from domain.orders.model import OrderEvent, OrderStatus
from domain.reading import Filters, Page, PageRequest, Sort

FILTERS: Mapping[str, Column[Any]] = {
    "kind": events.c.kind,
    "aggregate_type": events.c.aggregate_type,
    "aggregate": events.c.aggregate_id,
    "actor": events.c.actor_id,
    "occurred_at": events.c.occurred_at,
}

ORDER_EVENTS = (EventKind.ORDER_STATUS_CHANGED, EventKind.ORDER_LINES_RETURNED)

HISTORY = ("aggregate_id", "sequence", "kind", "payload", "actor_id", "occurred_at")

EPOCH = select(event_log.c.epoch).scalar_subquery()


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says who may see the log: whoever may read the audit sees all of it."""
    return true() if viewer.has(Scope.AUDIT_READ) else false()


class EventReader:
    """The events that the viewer may see. Its cursors are those of the live stream."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_ids(self, viewer: Actor, ids: Sequence[UUID]) -> Mapping[UUID, Event]:
        rows = await self._database.fetch(*_by_ids(viewer, {"keys": ids}))
        return {row.id: to_event(row) for row in rows}

    async def page(self, viewer: Actor, filters: Filters, sort: Sort, page: PageRequest) -> Page[Event]:
        values = values_of(filters) | {"size": page.size + 1}
        if page.after is not None or page.before is not None:
            state = await EventLog(self._database).state()
            if page.after is not None:
                values["after"] = state.position_of(page.after, "after")
            if page.before is not None:
                values["before"] = state.position_of(page.before, "before")
        rows = await self._database.fetch(*_page(viewer, values, outline(filters), Window.of(page)))
        more, rows = len(rows) > page.size, list(rows[: page.size])
        if page.backwards:
            rows.reverse()
        return Page(
            items=[to_event(row) for row in rows],
            cursors=[log_cursor(row.epoch, row.position) for row in rows],
            has_next=page.before is not None if page.backwards else more,
            has_previous=more if page.backwards else page.after is not None,
        )

    async def count(self, viewer: Actor, filters: Filters) -> int:
        rows = await self._database.fetch(*_count(viewer, values_of(filters), outline(filters)))
        return cast("int", rows[0][0])

    async def of_orders(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderEvent]]:
        """The history of each order that the viewer may see, with what has no place in the log yet."""
        rows = await self._database.fetch(*_of_orders(viewer, {"keys": order_ids}))
        return grouped(rows, "aggregate_id", _to_order_event)


@compiled_once
def _page(viewer: Actor, given: Outline, window: Window) -> Select[Any]:
    place = events.c.position
    query = _filtered(select(events, EPOCH.label("epoch")), viewer, given)
    if window.after:
        query = query.where(place > later("after", place.type))
    if window.before:
        query = query.where(place < later("before", place.type))
    return query.order_by(place.desc() if window.backwards else place.asc()).limit(later("size", Integer))


@compiled_once
def _count(viewer: Actor, given: Outline) -> Select[Any]:
    return _filtered(select(func.count()).select_from(events), viewer, given)


def _filtered(query: Select[Any], viewer: Actor, given: Outline) -> Select[Any]:
    conditions = (each for name, compare in named(given).items() for each in compared(FILTERS[name], compare))
    return query.where(visible_to(viewer), *conditions)


@compiled_once
def _by_ids(viewer: Actor) -> Select[Any]:
    return select(events).where(visible_to(viewer), with_keys(events.c.id))


@compiled_once
def _of_orders(viewer: Actor) -> Select[Any]:
    both = union_all(*(_history_in(table) for table in (events, pending_events))).subquery()
    is_visible = exists().where(orders.c.id == both.c.aggregate_id, order_tables.visible_to(viewer))
    return select(both).where(is_visible).order_by(both.c.aggregate_id, both.c.sequence)


def _history_in(table: Table) -> Select[Any]:
    columns: list[Column[Any]] = [table.c[name] for name in HISTORY]
    return select(*columns).where(
        with_keys(table.c.aggregate_id),
        table.c.aggregate_type == AggregateType.ORDER,
        any_of(table.c.kind, ORDER_EVENTS),
    )


def _to_order_event(row: Row) -> OrderEvent:
    return OrderEvent(
        EventKind(row.kind),
        row.sequence,
        _status(row.payload.get("from")),
        _status(row.payload.get("to")),
        row.payload.get("reason"),
        row.actor_id,
        row.occurred_at,
    )


def _status(given: str | None) -> OrderStatus | None:
    return None if given is None else OrderStatus(given)
