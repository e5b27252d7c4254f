"""Node.js and the packages of the playground, for the tests that run programs of others."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from support.documents import ROOT

MODULES = ROOT / "playground" / "node_modules"
ESBUILD = MODULES / ".bin" / "esbuild"
PATIENCE = 30.0
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
