"""What is in the repository: no machine's own paths, no registry's address; and the cheap commands of the README."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.documents import ROOT

pytestmark = pytest.mark.check

MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|home|root|Users|mnt)/\w")
REGISTRY = re.compile(r"py[p]i\.org|python[h]osted|registry\.np[m]|np[m]js\.org")
LOCKS = (
    "requirements/run.lock",
    "requirements/dev.lock",
    "playground/package-lock.json",
    "bench/peers/package-lock.json",
)


def tracked() -> list[Path]:
    """The files that git keeps or would add; all of them must be fit for strangers."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git repository")
    listing = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            assert path.suffix == ".png", path
    return found


def test_no_file_names_a_path_of_one_machine_or_a_registry() -> None:
    hits = [
        (str(path), match[0])
        for path, text in texts()
        for pattern in (MACHINE_PATH, REGISTRY)
        for match in pattern.finditer(text)
    ]
    assert hits == []


def test_the_patterns_would_find_something() -> None:
    # Written with a gap, or this file would be found.
    assert MACHINE_PATH.search("see /ho~me/somebody".replace("~", ""))
    assert REGISTRY.search("from registry.np~mjs.org".replace("~", ""))
    assert not MACHINE_PATH.search("app/graphql/http.py and /app and /data")


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert ("sha256:" if lock.endswith(".lock") else '"integrity": "sha512-') in text


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_every_command() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    shown = re.findall(r"^  make (\S+) +\S", run("make", "--no-print-directory", "help"), re.MULTILINE)
    assert sorted([*shown, "help"] if "help" not in shown else shown) == sorted(phony[1].split())


def test_orderwire_schema_prints_the_contract() -> None:
    program = str(Path(sys.executable).with_name("orderwire"))
    assert run(program, "schema") == (ROOT / "schema.graphql").read_text()


def test_orderwire_help_lists_the_commands() -> None:
    program = str(Path(sys.executable).with_name("orderwire"))
    shown = run(program, "--help")
    for command in ("serve", "migrate", "seed", "create-admin", "schema", "doctor", "import"):
        assert command in shown
