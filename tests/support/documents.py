"""The documents as the tests see them: their text, blocks, links and headings."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    document: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}-{self.number}"


@dataclass(frozen=True)
class Document:
    """A Markdown file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        found = _FENCE.findall(self.text)
        return [Block(str(self), number, language, text) for number, (language, text) in enumerate(found, start=1)]

    @cached_property
    def headings(self) -> list[str]:
        return _HEADING.findall(self.prose)

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name after its #, as GitHub makes it of the headings."""
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.headings}

    @cached_property
    def links(self) -> list[str]:
        return [link for link in _LINK.findall(self.prose) if "://" not in link]

    def section(self, heading: str) -> str:
        """The prose and blocks under a heading, up to the next of any level."""
        match = re.search(rf"^#+ +{re.escape(heading)}$(.*?)(?=^#+ |\Z)", self.text, re.MULTILINE | re.DOTALL)
        assert match is not None, f"{self} has no heading {heading}"
        return match[1]


def documents() -> list[Document]:
    """All of them: at the root and below docs/."""
    folders = (ROOT / "docs").rglob("*.md"), (ROOT / "bench").glob("*.md")
    return [Document(path) for paths in (ROOT.glob("*.md"), *folders) for path in sorted(paths)]


def document(name: str) -> Document:
    return Document(ROOT / name)


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all documents in one of the languages."""
    return [block for each in documents() for block in each.blocks if block.language in languages]


def table(text: str) -> list[list[str]]:
    """The rows of the Markdown tables in a text, without their heads."""
    rows: list[list[str]] = []
    is_body = False
    for line in text.splitlines():
        if not line.startswith("|"):
            is_body = False
        elif set(line) <= set("| -"):
            is_body = True
        elif is_body:
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows
