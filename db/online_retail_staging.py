"""Brings a file of the Online Retail data into temporary tables: opens it, reads it once, and copies it."""

import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, BinaryIO

from sqlalchemy import text

from db.engine import Connection
from domain.online_retail import ImportRefused, Line, OnlineRetailFile
from domain.online_retail_fields import Parsed

_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
_BUFFER = 1 << 16
_LINE_MAX = 1 << 20
_LINES_PER_MESSAGE = 2_000
_NULL = r"\N"
_SPECIAL = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_ESCAPED = Parsed(lambda text: text.translate(_SPECIAL))
# Twenty lines share a moment, and to write it takes as long as all else of a line.
_moment = lru_cache(100_000)(datetime.isoformat)

# Sorting half a million lines takes 90 MB; with less it goes through files. The joins here are of whole tables, on
# several columns that the planner takes for independent: it expects few rows, and would loop where hashing is faster.
_SETTINGS = "SELECT set_config('work_mem', '128MB', true), set_config('enable_nestloop', 'off', true)"

_STAGED_INVOICES = """
CREATE TEMP TABLE staged_invoices (
  ordinal integer PRIMARY KEY,
  number text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  customer text,
  country text NOT NULL,
  line integer NOT NULL,
  at timestamptz NOT NULL,
  id uuid NOT NULL DEFAULT uuidv7(),
  known boolean NOT NULL DEFAULT false,
  stored boolean NOT NULL DEFAULT false,
  customer_id uuid
) ON COMMIT DROP
"""
_INVOICE_COLUMNS = ("ordinal", "number", "kind", "customer", "country", "line", "at")

_STAGED_ARTICLES = """
CREATE TEMP TABLE staged_articles (
  ordinal integer PRIMARY KEY,
  sku text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  price numeric NOT NULL,
  first_seen timestamptz NOT NULL,
  id uuid NOT NULL DEFAULT uuidv7(),
  product_id uuid NOT NULL DEFAULT uuidv7(),
  known boolean NOT NULL DEFAULT false
) ON COMMIT DROP
"""
_ARTICLE_COLUMNS = ("ordinal", "sku", "kind", "name", "price", "first_seen")

_STAGED_LINES = """
CREATE TEMP TABLE staged_lines (
  number integer NOT NULL,
  invoice integer NOT NULL,
  article integer NOT NULL,
  position integer NOT NULL,
  kind text NOT NULL,
  quantity integer NOT NULL,
  unit_price numeric NOT NULL,
  at timestamptz NOT NULL,
  description text
) ON COMMIT DROP
"""
_LINE_COLUMNS = ("number", "invoice", "article", "position", "kind", "quantity", "unit_price", "at", "description")

_ANALYZE = "ANALYZE staged_invoices, staged_articles, staged_lines"


class Content:
    """The lines of a file, decompressed, and the digest of what has been read of them."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.digest = hashlib.sha256()
        self._stream = _decompressed(raw, name)

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        try:
            while line := self._stream.readline(_LINE_MAX):
                number += 1
                if len(line) == _LINE_MAX:
                    raise ImportRefused(number, None, "the line is longer than 1 MiB.")
                self.digest.update(line)
                yield line
        except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
            raise ImportRefused(number + 1, None, f"the file is cut off or damaged: {error}.") from error


class _Unpacked(io.RawIOBase):
    """What a decompressor has, as soon as it has it: so all lines before a damage are read, and counted."""

    def __init__(self, stream: gzip.GzipFile | lzma.LZMAFile) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _decompressed(raw: BinaryIO, name: str) -> BinaryIO:
    """The content of a file that is compressed if its name or its first bytes say so."""
    start = raw.read(len(_XZ))
    raw.seek(0)
    if name.endswith(".xz") or start.startswith(_XZ):
        return io.BufferedReader(_Unpacked(lzma.open(raw)), _BUFFER)
    if name.endswith(".gz") or start.startswith(_GZIP):
        return io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=raw)), _BUFFER)
    return raw


async def stage(connection: Connection, file: OnlineRetailFile, progress: Callable[[], None]) -> None:
    """Copy the file into temporary tables: its lines while they are read, then its invoices and articles."""
    for statement in (_SETTINGS, _STAGED_INVOICES, _STAGED_ARTICLES, _STAGED_LINES):
        await connection.execute(text(statement))
    driver = connection.driver
    await driver.copy_to_table("staged_lines", source=_copied(file, progress), columns=_LINE_COLUMNS)
    invoices = (
        (each.ordinal, each.number, each.kind, each.customer, each.country, each.line, each.at)
        for each in file.invoices.values()
    )
    await driver.copy_records_to_table("staged_invoices", records=invoices, columns=_INVOICE_COLUMNS)
    articles = (
        (each.ordinal, each.sku, each.kind, each.name, each.price, each.first_seen) for each in file.articles.values()
    )
    await driver.copy_records_to_table("staged_articles", records=articles, columns=_ARTICLE_COLUMNS)
    await connection.execute(text(_ANALYZE))


async def _copied(lines: Iterable[Line], progress: Callable[[], None]) -> AsyncIterator[bytes]:
    """The lines in the text format of COPY, some thousand at a time: the server stores them while more are read."""
    rows: list[str] = []
    for line in lines:
        rows.append(_copied_line(line))
        if len(rows) == _LINES_PER_MESSAGE:
            progress()
            yield "".join(rows).encode()
            rows.clear()
    progress()
    yield "".join(rows).encode()


def _copied_line(line: Line) -> str:
    number, invoice, article, position, kind, quantity, unit_price, at, description = line
    return (
        f"{number}\t{invoice}\t{article}\t{position}\t{kind}\t{quantity}\t{unit_price}\t{_moment(at)}\t"
        f"{_NULL if description is None else _ESCAPED[description]}\n"
    )
