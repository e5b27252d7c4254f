"""Opaque strings for clients: ids and cursors they hand back without looking inside."""

import base64


def seal(content: str) -> str:
    """The content in URL-safe base64 without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def unseal(opaque: str) -> str:
    """The content of a sealed string.

    Raises:
        ValueError: it was not sealed here.
    """
    padded = opaque + "=" * (-len(opaque) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
