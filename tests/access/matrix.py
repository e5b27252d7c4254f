"""The access matrix: who is told what, measured field by field, and written as tables that a person can read."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from access.asking import UNAUTHENTICATED, Told, ask, asked, fields_of, place_of, places, rows
from access.samples import HOLE, MUTATIONS, Sample
from access.stage import Stage

T = TypeVar("T")

Cells = list[str]
"""What each viewer gets, in the order of the columns."""

HEAD = """# Who is told what

Every field, as each kind of viewer gets it: measured on a prepared shop over HTTP with real tokens, and compared by
`tests/access/test_matrix.py` with this page. What the roles are, and why, says [rights](rights.md).

`customer` placed the order and is the user that is asked for; `another customer` has ordered something else.
`expired` and `revoked` carry tokens of an admin that have ended, by themselves and before their time.

| Cell | Meaning |
| --- | --- |
| yes | All that an admin gets |
| own | Less than an admin gets: what belongs to the viewer |
| none | An empty list: nothing is visible |
| null | Hidden, as if it did not exist |
| a code | Refused with that code of [errors](errors.md): as data by a mutation, else as an error |
| 401 | The whole request is refused with HTTP status 401, and nothing was run |
| · | The thing itself is hidden or refused, so there is no field to ask for |

What is new is added here by `.venv/bin/python -m pytest tests/access --write-access`, and reviewed with the code.
"""


def marked(data: Any) -> dict[str, Any] | None:
    """The object whose fields were asked for: the first that carries the mark."""
    while data is not None:
        if isinstance(data, list):
            data = data[0] if data else None
        elif "it" in data:
            return data
        else:
            [data] = data.values()
    return None


def amount(value: Any) -> int:
    """How much a value holds: the items of a list or page; anything else is one."""
    items = value["nodes"] if isinstance(value, dict) and "nodes" in value else value
    return sum(each is not None for each in items) if isinstance(items, list) else 1


def cell(value: Any, of_admin: Any) -> str:
    if value is None:
        return "yes" if of_admin is None else "null"
    if amount(value) < amount(of_admin):
        return "own" if amount(value) else "none"
    return "yes"


async def by_all(stage: Stage, act: Callable[[Stage, str], Awaitable[T]]) -> dict[str, T]:
    """What comes of an act of each viewer; none waits for another."""
    viewers = list(stage.tokens)
    return dict(zip(viewers, await gather(*(act(stage, viewer) for viewer in viewers)), strict=True))


async def of_root(stage: Stage, type_name: str) -> dict[str, Cells]:
    """The cells of queries or of subscriptions."""
    kind = type_name.lower()
    table: dict[str, Cells] = {}
    for title, field in rows(type_name):
        told = await by_all(stage, partial(ask, document=f"{kind} {{ {field} }}"))
        values = {viewer: next(iter(each.data.values())) for viewer, each in told.items() if each.data}
        must_show(f"{type_name}: {title}", values.get("admin"))
        table[title] = [refusal(each) or cell(values[viewer], values["admin"]) for viewer, each in told.items()]
    return table


async def of_mutations(stage: Stage) -> dict[str, Cells]:
    """The cells of mutations, each of which is really run by everybody, on things of its own."""
    table: dict[str, Cells] = {}
    for name in fields_of("Mutation"):
        for label, sample in MUTATIONS[name].items():
            told = await by_all(stage, partial(run_anew, name=name, sample=sample))
            table[f"`{name}` {label}".strip()] = [refusal(each) or "yes" for each in told.values()]
    return table


async def run_anew(stage: Stage, viewer: str, name: str, sample: Sample) -> Told:
    """A mutation as one of the viewers, on things that were made for it."""
    return await run(stage, viewer, name, await sample(stage))


async def run(stage: Stage, viewer: str, name: str, given: Mapping[str, Any], request_id: str = "") -> Told:
    """A mutation as one of the viewers; a refusal that it answers as data is told as an error."""
    payload = f"{name[0].upper()}{name[1:]}Payload"
    results = "results { userErrors { code } }" if "results" in fields_of(payload) else ""
    given_type = f"{payload.removesuffix('Payload')}Input!"
    selected = f"userErrors {{ code }} {results}"
    document = f"mutation ($input: {given_type}) {{ {name}(input: $input) {{ {selected} }} }}"
    told = await ask(stage, viewer, document, request_id, input=given)
    if told.errors:
        return told
    answer = told.data[name]
    refused = [*answer["userErrors"], *(error for each in answer.get("results") or () for error in each["userErrors"])]
    return Told(told.status, told.data, [{"extensions": error} for error in refused])


async def of_object(stage: Stage, type_name: str) -> dict[str, Cells]:
    """The cells of an object's fields."""
    found = await by_all(stage, partial(object_as, type_name=type_name))
    admin = found["admin"]
    assert isinstance(admin, dict), f"The place of {type_name} in tests/access/samples.py shows nothing to an admin."
    table: dict[str, Cells] = {}
    for name in fields_of(type_name):
        told = {viewer: each if isinstance(each, str) else each[name] for viewer, each in found.items()}
        table[f"`{name}`"] = [
            each if isinstance(found[viewer], str) or each in CODES else cell(each, admin[name])
            for viewer, each in told.items()
        ]
    return table


CODES = ("FORBIDDEN", "UNAUTHENTICATED")


async def object_as(stage: Stage, viewer: str, type_name: str) -> dict[str, Any] | str:
    """An object with all its fields as one viewer gets it, or why there is none."""
    fields = {name: asked(type_name, name) for name in fields_of(type_name)}
    told = await ask(stage, viewer, place_of(type_name).replace(HOLE, " ".join(("it: __typename", *fields.values()))))
    if told.status != 200:
        return UNAUTHENTICATED
    if not told.errors:
        return marked(told.data) or "·"
    if marked((await ask(stage, viewer, place_of(type_name).replace(HOLE, "it: __typename"))).data) is None:
        return "·"
    # A field that is refused may take the others with it: each for itself.
    each: dict[str, Any] = {}
    for name, field in fields.items():
        alone = await ask(stage, viewer, place_of(type_name).replace(HOLE, f"it: __typename {field}"))
        it = marked(alone.data)
        each[name] = alone.code or (it and it[name])
    return each


def refusal(told: Told) -> str | None:
    return UNAUTHENTICATED if told.status == 401 else told.code


def must_show(what: str, value: Any) -> None:
    assert value is not None, f"{what}: the sample in tests/access/samples.py shows nothing to an admin."
    assert amount(value), f"{what}: the sample in tests/access/samples.py finds nothing for an admin."


async def measured(stage: Stage) -> str:
    """The whole page."""
    viewers = list(stage.tokens)
    parts = [HEAD]
    for title, type_name in (("Queries", "Query"), ("Subscriptions", "Subscription")):
        parts.append(section(title, viewers, await of_root(stage, type_name)))
    parts.insert(2, section("Mutations", viewers, await of_mutations(stage)))
    parts += [object_section(name, viewers, await of_object(stage, name)) for name in places()]
    return "\n".join(parts)


def section(title: str, viewers: Sequence[str], table: Mapping[str, Cells]) -> str:
    return f"## {title}\n\n{markdown(viewers, table)}"


def object_section(type_name: str, viewers: Sequence[str], table: Mapping[str, Cells]) -> str:
    """The fields that are hidden from somebody who sees the object, and the names of those that never are."""
    plain = [all(value in {"yes", "·", UNAUTHENTICATED} for value in cells) for cells in table.values()]
    open_fields = [name for name, is_open in zip(table, plain, strict=True) if is_open]
    guarded = {name: cells for name, cells in table.items() if name not in open_fields}
    lines = [f"## {type_name}\n"]
    if open_fields:
        lines.append(f"Told with the thing itself: {', '.join(open_fields)}.\n")
    if guarded:
        lines.append(markdown(viewers, guarded))
    return "\n".join(lines)


def markdown(viewers: Iterable[str], table: Mapping[str, Cells]) -> str:
    head = ["| | " + " | ".join(viewers) + " |", "| --- " * (len(list(viewers)) + 1) + "|"]
    return "\n".join([*head, *(f"| {title} | {' | '.join(cells)} |" for title, cells in table.items())]) + "\n"
