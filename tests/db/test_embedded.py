"""The embedded server, where several processes start it at once."""

import subprocess
import sys
from pathlib import Path

# What makes the user fails as `useradd` does where another process is at it.
STARTING = """
import os, sys
from pathlib import Path
from db import embedded

place = Path(sys.argv[1])

def make(name):
    assert name == "embedded_postgres"
    place.mkdir()
    place.rmdir()

os.geteuid = lambda: 0
embedded.ensure_user_exists = make
print("ready", flush=True)
sys.stdin.readline()
for _ in range(300):
    embedded._make_system_user()
"""


def test_only_one_process_at_a_time_makes_whom_the_server_runs_as(tmp_path: Path):
    command = [sys.executable, "-c", STARTING, str(tmp_path / "place")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"

    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()

    assert [each.communicate() and each.returncode for each in processes] == [0, 0, 0]
