"""Programs for Node.js, which are the clients and audits that others wrote for the protocols that we speak."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "playground" / "node_modules"
NODE = shutil.which("node")
PATIENCE = 30.0
"""Seconds: an interpreter starts slowly where others are busy too."""

needs_node = pytest.mark.skipif(
    NODE is None or not (MODULES / "graphql-http").exists(),
    reason="The packages are not there: install npm and run `make setup`.",
)


class Program:
    """A running program, which prints JSON, a value a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self.process, self._out = process, process.stdout

    async def told(self) -> Any:
        """The next value."""
        async with asyncio.timeout(PATIENCE):
            return orjson.loads(await self._out.readline())


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncGenerator[Program]:
    """A program of tests/node, which is killed at the end should it still run."""
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        ROOT / "tests" / "node" / name,
        *arguments,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES)},
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
