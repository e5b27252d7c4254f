"""Secrets in what was logged: looked for behind every test, in all that its servers and processes wrote."""

import re

import pytest

PASSWORDS = ("a-very-secret-password", "correct horse", "orderwire-demo", "password1")
"""What the tests give for a password."""

SECRETS = re.compile(
    # Signed tokens.
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    # Refresh tokens and the secrets of clients: 32 random bytes.
    r"|(?<![\w./=-])[\w-]{43}(?![\w./=-])"
    r"|\$argon2\w*\$|\$2[aby]\$\d\d\$"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    rf"|{'|'.join(map(re.escape, PASSWORDS))}"
)


OTHERS = re.compile(r'"logger": "(httpx|httpcore[.\w]*|websockets\.client|orderwire\.mail)"')
"""The clients of the tests run in the same process, and tell what they ask for; no server uses them. And in development
alone mails are written to the log, which is how a developer reads them."""


def leaks(text: str) -> list[str]:
    """The lines of a server with a secret."""
    return [line for line in text.splitlines() if SECRETS.search(line) and not OTHERS.search(line)]


def fail_on_leaks(report: pytest.TestReport) -> None:
    """Have a test fail that logged a secret, whatever else it found.

    Servers write their log to the standard error of the test, and of processes that it starts it is shown there.
    """
    written = "\n".join(text for title, text in report.sections if title.startswith("Captured stderr"))
    if report.passed and (found := leaks(written)):
        report.outcome = "failed"
        report.longrepr = "A secret was logged:\n" + "\n".join(found)
