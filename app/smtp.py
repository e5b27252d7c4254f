"""Mail, handed in by SMTP."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

from domain.passwords.ports import Mail

log = structlog.get_logger("orderwire.mail")

PATIENCE = 10.0
"""Seconds that each step of a conversation with the mail server may take."""

PAUSES = (0.0, 2.0, 10.0)
"""Seconds before each try. A mail that is late by minutes is of no use: whoever waits for it asks again."""

PERMANENT = 500
"""From here on a reply of SMTP says that trying again is of no use (RFC 5321, section 4.2.1)."""

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in (RFC 6409), and as whom."""

    host: str
    port: int
    is_encrypted: bool
    starts_tls: bool
    username: str | None
    password: str | None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`smtp://user:password@host:587`, which must offer STARTTLS unless `?starttls=no`; or `smtps://…`."""
        parts = urlsplit(url)
        is_encrypted = parts.scheme == "smtps"
        starts_tls = not is_encrypted and parse_qs(parts.query).get("starttls") != ["no"]
        username, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        port = parts.port or PORTS[parts.scheme]
        return cls(parts.hostname or "", port, is_encrypted, starts_tls, username, password)

    def deliver(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand a message in; blocks.

        Raises:
            smtplib.SMTPException: the server does not take it.
            OSError: the server is not there.
        """
        tls = ssl.create_default_context()
        if self.is_encrypted:
            client = smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=tls)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
        with client:
            if self.starts_tls:
                client.starttls(context=tls)
            if self.username is not None:
                client.login(self.username, self.password or "")
            client.send_message(message, sender, [recipient])


class SmtpMailer:
    """Hands mail to a server, and tries again where that may help."""

    def __init__(self, server: MailServer, sender: str, pauses: tuple[float, ...] = PAUSES) -> None:
        """`sender` is what stands in From: an address, or a name with an address in angle brackets."""
        self._server, self._sender, self._pauses = server, sender, pauses

    async def send(self, mail: Mail) -> None:
        # Only what kind of fault it was: the text of one may repeat what was said, the recipient first of all.
        fault = ""
        try:
            recipient = Address(addr_spec=mail.to).addr_spec
            message = self._message(mail)
            for pause in self._pauses:
                await asyncio.sleep(pause)
                try:
                    await asyncio.to_thread(self._server.deliver, message, parseaddr(self._sender)[1], recipient)
                except (smtplib.SMTPException, OSError) as error:
                    fault = _kind(error)
                    if _is_permanent(error):
                        break
                else:
                    return
        except (ValueError, MessageError) as error:
            # An address that is none for the rules of mail: those of a registration are looser.
            fault = _kind(error)
        log.warning("mail_not_sent", subject=mail.subject, error=fault)

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=parseaddr(self._sender)[1].rpartition("@")[2] or None)
        # Out-of-office replies to a program are of no use (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def _kind(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _is_permanent(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        refusals: dict[str, tuple[int, bytes]] = error.recipients
        return all(code >= PERMANENT for code, _ in refusals.values())
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        return True
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= PERMANENT
