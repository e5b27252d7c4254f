"""Mail: by SMTP where a server is given, else as a line of the log."""

import structlog

from app.settings import Settings
from domain.passwords.ports import Mail, Mailer

log = structlog.get_logger("orderwire.mail")


class ConsoleMailer:
    """Writes mail to the log in development; elsewhere it only tells that mail would have been sent."""

    def __init__(self, *, tells: bool) -> None:
        self._tells = tells

    async def send(self, mail: Mail) -> None:
        if self._tells:
            log.info("mail", to=mail.to, subject=mail.subject, text=mail.text)
        else:
            log.warning("mail_not_sent", subject=mail.subject, error="ORDERWIRE_SMTP_URL is not set")


def mailer(settings: Settings) -> Mailer:
    """What the settings ask for."""
    if settings.smtp_url is None:
        return ConsoleMailer(tells=settings.is_development)
    # Imported here, for it brings the standard library's mail, which is much, and many servers send none.
    from app.smtp import MailServer, SmtpMailer

    return SmtpMailer(MailServer.from_url(settings.smtp_url.get_secret_value()), settings.mail_from)
