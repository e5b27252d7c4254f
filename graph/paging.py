"""Relay's connections over keyset pages: arguments in, edges and page info out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from domain.reading import DEFAULT_PAGE, MAX_PAGE, Filters, Page, PageRequest, Reader, Sort
from domain.refusals import Refused, bad_input
from graph.context import Info
from graph.fields import ITEM, computed
from graph.writing import written_page

N = TypeVar("N")

First = Annotated[int | None, strawberry.argument(description="The first so many items (1 to 100, default 20).")]
After = Annotated[str | None, strawberry.argument(description="Only items after the one with this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="The last so many items (1 to 100).")]
Before = Annotated[str | None, strawberry.argument(description="Only items before the one with this cursor.")]


EMPTY: Page[Any] = Page((), (), has_next=False, has_previous=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """A page on its way out. `count` asks for the number of all items only when that is selected."""

    page: Page[Any]
    count: Callable[[], Awaitable[int]]
    is_written: bool = False
    """Whether the database has written what was selected of each item, or of each edge."""


@dataclass(frozen=True, slots=True)
class Linked:
    """An item and the cursor of its place."""

    cursor: str
    node: Any


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="Whether there are items after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are items before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item of this page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item of this page.")


@strawberry.type(description="An item of a list with the cursor of its place.")
class Edge(Generic[N]):
    """Relay's edge."""

    cursor: str = strawberry.field(description="The opaque place of the item, for `after` and `before`.")
    node: N = strawberry.field(description="The item.")


def _edges(root: Any) -> Any:
    if root.is_written:
        return root.page.items
    return [Linked(cursor, node) for cursor, node in zip(root.page.cursors, root.page.items, strict=True)]


def _nodes(root: Any) -> Any:
    return root.page.items


def _page_info(root: Any) -> PageInfo:
    page: Page[Any] = root.page
    first, last = (page.cursors[0], page.cursors[-1]) if page.cursors else (None, None)
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=first,
        end_cursor=last,
    )


async def _total_count(root: Any) -> int:
    return await root.count()


@strawberry.type(description="One page of a list.")
class Connection(Generic[N]):
    """Relay's connection, with `nodes` for those who need no cursors."""

    edges: list[Edge[N]] = computed(list[Edge[N]], _edges, "The items with their cursors.", {ITEM: True})
    nodes: list[N] = computed(list[N], _nodes, "The items without their cursors.", {ITEM: True})
    page_info: PageInfo = computed(PageInfo, _page_info, "Where the page lies in the list.")
    total_count: int = computed(
        int, _total_count, "How many items the whole list has. Counted only when selected: one statement more."
    )


def page_request(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """What the four arguments of Relay ask for; 20 items where neither `first` nor `last` is given.

    Raises:
        Refused: BAD_INPUT for a size outside 1 to 100, and for `first` together with `last`.
    """
    if first is not None and last is not None:
        raise Refused(bad_input("Give `first` or `last`, not both.", "last"))
    for name, size in (("first", first), ("last", last)):
        check_size(size, name)
    size = first if first is not None else last if last is not None else DEFAULT_PAGE
    return PageRequest(size, after, before, backwards=last is not None)


def check_size(size: int | None, name: str) -> None:
    """Refuse a list size outside 1 to 100."""
    if size is not None and not 1 <= size <= MAX_PAGE:
        raise Refused(bad_input(f"`{name}` is from 1 to {MAX_PAGE}.", name))


async def connect(info: Info, reader: Reader[Any], filters: Filters, sort: Sort, page: PageRequest) -> Connected:
    """One page of a reader's list, written by the database where that is possible."""
    context, viewer = info.context, info.context.viewer
    found = await written_page(context, info.target, filters, sort, page) if info.target is not None else None
    is_written = found is not None
    if found is None:
        found = await reader.page(viewer, filters, sort, page)
    return Connected(found, lambda: reader.count(viewer, filters), is_written)
