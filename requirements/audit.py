"""Looks for known vulnerabilities in what the locks pin, where the database of them can be reached."""

import socket
import subprocess
import sys
from pathlib import Path

DATABASE = "api.osv.dev"
PATIENCE = 5
LOCKS = Path(__file__).parent


def is_reachable() -> bool:
    """Whether the database answers at all."""
    try:
        socket.create_connection((DATABASE, 443), PATIENCE).close()
    except OSError:
        return False
    return True


def main() -> int:
    """The exit code of the audit; 0 where there is nothing to ask, which is said."""
    if not is_reachable():
        print(f"Known vulnerabilities: NOT looked for, {DATABASE} cannot be reached.")
        return 0
    arguments = ["--vulnerability-service", "osv", "--disable-pip", "--no-deps", "--progress-spinner", "off"]
    for name in ("run", "dev"):
        arguments += ["--requirement", str(LOCKS / f"{name}.lock")]
    return subprocess.run([sys.executable, "-m", "pip_audit", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
