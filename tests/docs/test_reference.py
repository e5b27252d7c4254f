"""The reference documents are complete, and say what the code says."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le
from graphql import GraphQLEnumType, GraphQLNamedType, GraphQLObjectType, get_named_type
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from support.documents import ROOT, document, table
from support.shop import SCHEMA

from app.choices import Environment, Execution, LogLevel
from app.graphql.limits import limits_of
from app.login.settings import Provider
from app.settings import Settings
from domain.refusals import ErrorCode, Refusal
from graph.limits.documents import Documents
from graph.limits.rules import Introspection, LimitCode
from graph.limits.weights import ASSUMED_ITEMS, COUNT, DESCRIBED, MUTATION, SUBSCRIPTION, WEIGHTS

pytestmark = pytest.mark.check

SECTIONS = ["Context", "Decision", "Consequences", "Alternatives"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SHARED = {"Money", "Variant", "Warehouse", "StockLevel"}
"""Types that reports answer and others do too."""
TYPES = {
    str: "text",
    str | None: "text",
    int: "integer",
    int | None: "integer",
    float: "number",
    bool: "true or false",
    bool | None: "true or false",
    SecretStr | None: "secret text",
    Environment: "`development` or `production`",
    Execution: "`compiled` or `graphql-core`",
    tuple[Provider, ...]: "JSON, a list",
    LogLevel: "`debug`, `info`, `warning` or `error`",
    Introspection | None: "`everyone`, `signed-in` or `nobody`",
}


def setting_type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    text = TYPES.get(kind, "path")
    lowest = highest = ""
    for rule in field.metadata:
        if isinstance(rule, Ge):
            lowest = f", {rule.ge}"
        elif isinstance(rule, Gt):
            lowest = f", above {rule.gt}"
        elif isinstance(rule, Le):
            highest = f" to {rule.le}"
        elif hasattr(rule, "pattern"):
            # The description names the schemes a URL may have; the pattern would break the table.
            highest = ", a URL" if "://" in rule.pattern else f", `{rule.pattern}`"
    return text + lowest + highest


def setting_default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == ():
        return "none"
    if value == "":
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_settings_are_complete_and_equal() -> None:
    written = table(document("docs/settings.md").text)
    expected = [
        [f"`ORDERWIRE_{name.upper()}`", setting_type(field), setting_default(field), field.description]
        for name, field in Settings.model_fields.items()
    ]
    assert written == expected


def top_level_codes() -> set[str]:
    """The codes that are no refusals, as the sources have them."""
    sources = [
        *(ROOT / "app" / "graphql").glob("*.py"),
        ROOT / "app" / "login" / "routes.py",
        ROOT / "graph" / "errors.py",
        ROOT / "graph" / "schema.py",
    ]
    found = {code for source in sources for code in re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', source.read_text())}
    return (found - set(ErrorCode)) | set(LimitCode)


def test_errors_are_complete() -> None:
    assert top_level_codes() >= {"BAD_REQUEST", "INTERNAL_SERVER_ERROR"}
    headings = [heading for heading in document("docs/errors.md").headings if heading.isupper()]
    assert sorted(headings) == sorted({*ErrorCode, *top_level_codes()})


@pytest.mark.parametrize("refusal", Refusal.__subclasses__(), ids=lambda refusal: refusal.__name__)
def test_errors_name_the_facts_that_a_refusal_carries(refusal: type[Refusal]) -> None:
    code = re.sub(r"(?<!^)([A-Z])", r"_\1", refusal.__name__).upper()
    section = document("docs/errors.md").section(ErrorCode(code))
    declared = SCHEMA.graphql_schema.type_map[refusal.__name__]
    assert isinstance(declared, GraphQLObjectType)
    for name in (refusal.__name__, *(declared.fields.keys() - {"code", "message", "field"})):
        assert f"`{name}`" in section, name


@pytest.mark.parametrize("code", [*ErrorCode, *LimitCode])
def test_errors_say_what_a_client_does(code: ErrorCode | LimitCode) -> None:
    assert "\nClient: " in document("docs/errors.md").section(code)


def test_the_costs_that_are_told_are_those_that_are_taken() -> None:
    page = document("docs/limits.md")
    rows = [
        [f"`{place}`", f"{weight.cost} for each of `{'.'.join(weight.per)}`" if weight.per else str(weight.cost)]
        for place, weight in WEIGHTS.items()
    ]
    assert table(page.section("Fields with a price of their own")) == rows
    rules = " ".join(page.section("The rules").split())
    for words in (
        f"costs {COUNT}",
        f"mutation costs {MUTATION}",
        f"subscription {SUBSCRIPTION}",
        f"have {ASSUMED_ITEMS} items",
        f"costs {DESCRIBED}",
    ):
        assert words in rules, words


def test_the_worked_example_adds_up() -> None:
    page = document("docs/limits.md")
    [example] = [block.text for block in page.blocks if block.language == "graphql"]
    told = json.loads(next(block.text for block in page.blocks if block.language == "json"))["extensions"]["cost"]
    known = Documents().get(example, limits_of(Settings()))
    price = known.price(SCHEMA.graphql_schema, "LatestOrders")
    assert known.validate(SCHEMA.graphql_schema) == []
    assert price.requested({"first": 50}) == told["requested"]
    lines = table(page.section("A worked example"))
    assert sum(int(cost) for _, _, cost in lines[:-1]) == int(lines[-1][-1]) == told["requested"]


def report_types() -> dict[str, GraphQLNamedType]:
    """What is reached from `reports` and belongs to the reports alone."""
    reached: dict[str, GraphQLNamedType] = {}
    waiting: list[GraphQLNamedType] = [SCHEMA.graphql_schema.type_map["Reports"]]
    while waiting:
        graphql_type = waiting.pop()
        if graphql_type.name in reached or graphql_type.name in SHARED:
            continue
        reached[graphql_type.name] = graphql_type
        if isinstance(graphql_type, GraphQLObjectType):
            for field in graphql_type.fields.values():
                waiting += [get_named_type(each.type) for each in (field, *field.args.values())]
    return reached


def report_definitions() -> Iterable[tuple[str, str]]:
    """Every report, figure and value with its definition."""
    for name, graphql_type in report_types().items():
        if isinstance(graphql_type, GraphQLEnumType):
            yield name, graphql_type.description or ""
            members = graphql_type.values
        elif isinstance(graphql_type, GraphQLObjectType):
            members = graphql_type.fields
        else:
            continue
        yield from ((f"{name}.{member}", definition.description or "") for member, definition in members.items())


def test_reports_are_defined_in_the_words_of_the_schema() -> None:
    definitions = dict(report_definitions())
    assert {"Reports.sales", "SalesRow.period", "OrderStats.approvalRate", "ReportInterval.WEEK"} <= definitions.keys()
    text = " ".join(document("docs/reports.md").text.split())
    assert [place for place, definition in definitions.items() if definition not in text] == []


def test_every_report_has_its_own_section_with_each_of_its_figures() -> None:
    reports = SCHEMA.graphql_schema.type_map["Reports"]
    assert isinstance(reports, GraphQLObjectType)
    for name, field in reports.fields.items():
        section = document("docs/reports.md").section(name)
        assert field.description is not None
        assert field.description in " ".join(section.split())
        answer = get_named_type(field.type)
        # Stock levels are no type of the reports.
        if isinstance(answer, GraphQLObjectType) and answer.name != "StockLevel":
            for figure, definition in answer.fields.items():
                assert [f"`{figure}`", definition.description] in table(section), f"{name}.{figure}"


def listed(name: str) -> set[str]:
    """The packages that a list of requirements names, without extras and conditions."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {match[0] for line in lines if (match := re.match(r"[a-z][a-z0-9-]*", line))}


def packages(folder: str) -> list[str]:
    """The packages of npm that a folder needs."""
    package = json.loads((ROOT / folder / "package.json").read_text())
    return [*package["dependencies"], *package.get("devDependencies", {})]


def test_every_dependency_has_its_reason() -> None:
    expected = [*(listed("run.in") | listed("dev.in")), *packages("playground"), *packages("bench/peers")]
    rows = table(document("docs/decisions/0001-dependencies.md").text)
    assert sorted(row[0].strip("`") for row in rows) == sorted(expected)
    assert all(len(reason) > 10 for _, reason in rows)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_decisions_have_their_sections(path: Any) -> None:
    decision = document(str(path.relative_to(ROOT)))
    title, *sections = decision.headings
    assert title.startswith(path.stem[:4])
    assert sections == SECTIONS
    assert all(decision.section(section).strip() for section in SECTIONS)


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    assert [int(path.stem[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = document("docs/README.md").links
    assert [link for link in index if link.startswith("decisions/")] == [f"decisions/{path.name}" for path in DECISIONS]


def test_the_changelog_has_a_place_for_what_is_new() -> None:
    assert "Unreleased" in document("CHANGELOG.md").headings
