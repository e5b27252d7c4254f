"""Node.js and the packages of the playground, for the tests that run programs of others."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.documents import ROOT

MODULES = ROOT / "playground" / "node_modules"
ESBUILD = MODULES / ".bin" / "esbuild"
PATIENCE = 60.0
"""Seconds: an interpreter starts slowly where others are busy too."""

_NODE = shutil.which("node")

needs_node = pytest.mark.skipif(
    _NODE is None or not ESBUILD.exists(), reason="The packages are not there: install npm and run `make setup`."
)


@cache
def node() -> list[str]:
    """How to run a program that speaks WebSocket."""
    assert _NODE is not None
    version = subprocess.check_output([_NODE, "--version"], text=True, timeout=PATIENCE)
    # Node.js 20 has sockets, but behind a flag.
    is_old = int(version.removeprefix("v").partition(".")[0]) < 22
    return [_NODE, *(["--experimental-websocket"] if is_old else [])]


def bundle(program: Path, place: Path) -> Path:
    """A program in one file with its packages."""
    bundled = place / f"{program.stem}.mjs"
    options = ("--bundle", "--platform=node", "--format=esm", "--log-level=error", f"--outfile={bundled}")
    where = {**os.environ, "NODE_PATH": str(MODULES)}
    subprocess.run([ESBUILD, program, *options], env=where, check=True, timeout=PATIENCE)
    return bundled


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
    process = await asyncio.create_subprocess_exec(
        *node(),
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
