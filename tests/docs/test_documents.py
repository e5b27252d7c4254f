"""What the documents show must be right: operations, links, commands, variables, paths and snippets."""

import json
import re
import subprocess

import pytest
import typer
from graphql import GraphQLSyntaxError, parse, validate
from support.documents import ROOT, Block, Document, blocks, document, documents
from support.shop import SCHEMA

from app.cli import app
from app.settings import Settings

pytestmark = pytest.mark.check

QUOTED = re.compile(r"'([^']*)'|`([^`]*)`|\"([^\"\n]*)\"")
OPERATION = re.compile(r"\s*(query|mutation|subscription)\b[^{]*\{")
PATH = re.compile(
    r"`((?:app|db|docs|docker|domain|graph|playground|requirements|tests)/[\w./-]*|[\w-]+\.(?:md|toml|yml))`"
)

for_documents = pytest.mark.parametrize("document", documents(), ids=str)


def check_operation(text: str) -> None:
    assert [error.message for error in validate(SCHEMA.graphql_schema, parse(text))] == []


def operations_within(block: Block) -> list[str]:
    """The operations that a shell, Python or TypeScript block carries in its strings."""
    found: list[str] = []
    for match in QUOTED.finditer(block.text):
        text = next(group for group in match.groups() if group is not None)
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if isinstance(body, dict) and "query" in body:
            found.append(body["query"])
        elif OPERATION.match(text):
            found.append(text)
    return found


@pytest.mark.parametrize("block", blocks("graphql"), ids=str)
def test_graphql_blocks_fit_the_schema(block: Block) -> None:
    check_operation(block.text)


@pytest.mark.parametrize(
    "block", [block for block in blocks("sh", "python", "typescript") if operations_within(block)], ids=str
)
def test_operations_within_other_blocks_fit_the_schema(block: Block) -> None:
    for operation in operations_within(block):
        check_operation(operation)


def test_operations_are_found_in_every_kind_of_block() -> None:
    found = {block.language for block in blocks("sh", "python", "typescript") if operations_within(block)}
    assert found == {"sh", "python", "typescript"}


def test_the_welcome_query_of_the_playground_fits_the_schema() -> None:
    welcome = (ROOT / "playground" / "src" / "welcome.graphql").read_text()
    check_operation(welcome)
    # What it says in its comments to run, runs as well.
    commented = "\n".join(line.removeprefix("#") for line in welcome.splitlines() if line.startswith("#   "))
    mutation = commented[: commented.rindex("{")].strip()
    try:
        check_operation(mutation)
    except GraphQLSyntaxError as error:
        pytest.fail(f"The commented mutation does not parse: {error}")


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_blocks_compile(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_blocks_parse(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_shell_blocks_parse(block: Block) -> None:
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True, timeout=60)


def test_blocks_name_a_language_we_check_or_plain_text() -> None:
    known = {"", "graphql", "sh", "python", "typescript", "json", "text"}
    assert {block.language for each in documents() for block in each.blocks} <= known


@for_documents
def test_links_lead_somewhere(document: Document) -> None:
    for link in document.links:
        path, _, anchor = link.partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        assert target.exists(), link
        if anchor:
            assert anchor in Document(target).anchors, link


@for_documents
def test_paths_that_are_named_exist(document: Document) -> None:
    for path in PATH.findall(document.prose):
        made_later = path.startswith(("playground/node_modules", "playground/dist"))
        assert made_later or (ROOT / path).exists() or (document.path.parent / path).exists(), path


@for_documents
def test_make_targets_exist(document: Document) -> None:
    makefile = (ROOT / "Makefile").read_text()
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", document.text))
    for block in document.blocks:
        if block.language == "sh":
            named |= set(re.findall(r"(?:^|\s)make ([a-z-]+)", block.text))
    assert named <= known


@for_documents
def test_variables_exist(document: Document) -> None:
    known = {f"ORDERWIRE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"ORDERWIRE_[A-Z_]*[A-Z]", document.text)) <= known


@for_documents
def test_commands_of_the_command_line_exist(document: Document) -> None:
    code = "\n".join((*re.findall(r"`([^`\n]+)`", document.prose), *(block.text for block in document.blocks)))
    for command in re.findall(r"(?:^|/| )orderwire ([a-z]+(?:[ -][a-z-]+)*)", code, re.MULTILINE):
        assert is_command(command.split()), command


def is_command(words: list[str]) -> bool:
    """Whether the words begin with a command, or a group and one of its commands."""
    root = typer.main.get_command(app)
    known = getattr(root, "commands", {})
    first = known.get(words[0])
    if first is None:
        return False
    return not hasattr(first, "commands") or (len(words) > 1 and words[1] in first.commands)


def test_wrong_commands_would_be_noticed() -> None:
    assert is_command(["serve"])
    assert is_command(["import", "online-retail"])
    assert not is_command(["import", "everything"])
    assert not is_command(["fly"])


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[str](), [document("README.md")]
    while waiting:
        page = waiting.pop()
        reached.add(str(page))
        targets = {(page.path.parent / link.partition("#")[0]).resolve() for link in page.links}
        pages = [Document(target) for target in targets if target.suffix == ".md"]
        waiting += [each for each in pages if str(each) not in reached]
    assert reached == {str(each) for each in documents()}


def test_the_picture_stays_small() -> None:
    assert (ROOT / "docs" / "playground.png").stat().st_size < 150_000
