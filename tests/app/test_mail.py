"""Mail: to a real mail server, with and without TLS and a password; and what the log tells where none is given."""

import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError
from structlog.testing import capture_logs
from support.server import serving
from support.waiting import until

from app.choices import Environment
from app.mail import ConsoleMailer, mailer
from app.settings import Settings
from app.smtp import MailServer, SmtpMailer
from domain.passwords.ports import Mail

MAIL = Mail("hedwig@example.com", "A new password", "Hello,\n\nthe secret is 5ecret-tøken.\n")
SENDER = "Orderwire <shop@orderwire.example>"


class Postbox:
    """A handler of aiosmtpd that keeps what it is given; `replies` come first."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.mails: list[tuple[str, list[str], EmailMessage]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.replies:
            return self.replies.pop(0)
        message: Any = message_from_bytes(envelope.content, policy=default)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"


@contextmanager
def mail_server(postbox: Postbox, **options: Any) -> Generator[int]:
    """The port of a mail server, which runs in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    controller = Controller(postbox, "127.0.0.1", port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def sending(port: int, query: str = "?starttls=no", user: str = "") -> SmtpMailer:
    return SmtpMailer(MailServer.from_url(f"smtp://{user}127.0.0.1:{port}{query}"), SENDER, (0.0, 0.0, 0.0))


async def test_a_mail_arrives_as_it_was_written():
    postbox = Postbox()
    with mail_server(postbox) as port:
        await sending(port).send(MAIL)

    [(sender, recipients, message)] = postbox.mails
    assert (sender, recipients) == ("shop@orderwire.example", ["hedwig@example.com"])
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@orderwire.example>")
    assert message["Date"]
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


@pytest.mark.parametrize(
    ("replies", "arrived", "told"),
    [
        (["451 Later"], 1, []),
        (["451 Later"] * 2, 1, []),
        (["451 Later"] * 3, 0, ["SMTPDataError 451"]),
        (["550 Never"], 0, ["SMTPDataError 550"]),
    ],
)
async def test_what_may_pass_is_tried_three_times_and_what_stays_once(
    replies: list[str], arrived: int, told: list[str]
):
    postbox = Postbox(*replies)
    with mail_server(postbox) as port, capture_logs() as logs:
        await sending(port).send(MAIL)

    assert len(postbox.mails) == arrived
    assert [(line["event"], line["error"]) for line in logs] == [("mail_not_sent", each) for each in told]


async def test_a_mail_server_that_is_away_is_a_line_of_the_log_without_the_mail():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with capture_logs() as logs:
        await sending(port, user="user:pass-word@").send(MAIL)

    assert logs == [
        {
            "event": "mail_not_sent",
            "log_level": "warning",
            "subject": "A new password",
            "error": "ConnectionRefusedError",
        }
    ]


@pytest.mark.parametrize(
    "to",
    [
        "a,victim@example.com",
        "a\r\nBcc:victim@example.com",
        "<victim@example.com",
        "victim@example.com>",
        "a;b@example.com",
        "a b@example.com",
        '"@example.com',
    ],
)
async def test_an_address_that_says_more_than_one_place_is_sent_nothing(to: str):
    postbox = Postbox()
    with mail_server(postbox) as port, capture_logs() as logs:
        await sending(port).send(Mail(to, "A new password", "secret"))

    assert postbox.mails == []
    assert [line["event"] for line in logs] == ["mail_not_sent"]
    assert "secret" not in str(logs)


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, auth_data: Any) -> AuthResult:
    is_known = isinstance(auth_data, LoginPassword) and auth_data.password == b"p@ss/word"
    # Not handled: the server is to answer by itself.
    return AuthResult(success=is_known, handled=False)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the mail server's word on how it is set up here
@pytest.mark.parametrize(("password", "arrived"), [("p%40ss%2Fword", 1), ("wrong", 0)])
async def test_the_mail_server_is_told_who_sends(password: str, arrived: int):
    postbox = Postbox()
    options = {"auth_required": True, "auth_require_tls": False, "authenticator": authenticate}
    with mail_server(postbox, **options) as port, capture_logs() as logs:
        await sending(port, user=f"shop:{password}@").send(MAIL)

    assert len(postbox.mails) == arrived
    assert password not in str(logs)
    assert [line["error"] for line in logs] == [] if arrived else ["SMTPAuthenticationError 535"]


async def test_nothing_is_said_to_a_server_that_does_not_encrypt():
    postbox = Postbox()
    with mail_server(postbox) as port, capture_logs() as logs:
        await sending(port, query="", user="shop:secret@").send(MAIL)

    assert postbox.mails == []
    assert [line["error"] for line in logs] == ["SMTPNotSupportedError"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    moment = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(moment + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_mail_is_encrypted_for_a_server_whose_certificate_is_good(
    certificate: Path, is_trusted: bool, monkeypatch: pytest.MonkeyPatch
):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    postbox = Postbox()
    with mail_server(postbox, tls_context=tls, require_starttls=True) as port, capture_logs() as logs:
        await sending(port, query="").send(MAIL)

    assert len(postbox.mails) == is_trusted
    assert [line["error"] for line in logs] == ([] if is_trusted else ["SSLCertVerificationError"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587, False, True, None, None)),
        ("smtp://mail.example:25?starttls=no", MailServer("mail.example", 25, False, False, None, None)),
        ("smtps://a%40b:c%3Ad@mail.example", MailServer("mail.example", 465, True, False, "a@b", "c:d")),
    ],
)
def test_the_url_says_how_to_reach_the_server(url: str, expected: MailServer):
    assert MailServer.from_url(url) == expected
    assert isinstance(mailer(Settings(smtp_url=url)), SmtpMailer)


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp:secret-word"])
def test_what_is_no_mail_server_is_refused_without_being_repeated(url: str):
    with pytest.raises(ValidationError) as refused:
        Settings(smtp_url=url)

    [error] = refused.value.errors(include_input=False)
    assert error["loc"] == ("smtp_url",)
    assert "secret" not in error["msg"]


@pytest.mark.parametrize("environment", Environment)
async def test_without_a_server_the_log_has_the_mail_in_development_only(environment: Environment):
    found = mailer(Settings(environment=environment))
    assert isinstance(found, ConsoleMailer)
    with capture_logs() as logs:
        await found.send(MAIL)

    [line] = logs
    is_told = environment is Environment.DEVELOPMENT
    assert line["event"] == ("mail" if is_told else "mail_not_sent")
    assert ("5ecret" in str(line)) == is_told
    assert (MAIL.to in str(line)) == is_told


async def test_a_reset_is_mailed_with_a_link(settings: Settings):
    postbox = Postbox()
    with mail_server(postbox) as port:
        given = {"smtp_url": f"smtp://127.0.0.1:{port}?starttls=no", "password_reset_url": "https://a.example/{token}"}
        async with serving(Settings.model_validate({**settings.model_dump(), **given})) as server:
            await server.get("""mutation {
              userRegister(input: {username: "hedwig", email: "h@example.com", password: "password1"}) { user { id } }
              passwordResetRequest(input: {usernameOrEmail: "hedwig"}) { userErrors { code } }
            }""")
            await until(lambda: postbox.mails)
            [(_, recipients, message)] = postbox.mails
            [link] = [line for line in message.get_content().splitlines() if line.startswith("https://a.example/")]
            reset = await server.get(
                'mutation ($t: String!) { passwordReset(input: {token: $t, newPassword: "password2"}) { username } }',
                t=link.removeprefix("https://a.example/"),
            )

    assert recipients == ["h@example.com"]
    assert reset == {"passwordReset": {"username": "hedwig"}}
