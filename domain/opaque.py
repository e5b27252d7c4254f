"""Opaque strings for clients: ids and cursors they hand back without looking inside."""

import base64
from binascii import b2a_base64

URL_SAFE = bytes.maketrans(b"+/", b"-_")


def seal(content: str) -> str:
    """The content in URL-safe base64 without padding (RFC 4648, section 5)."""
    return b2a_base64(content.encode(), newline=False).translate(URL_SAFE, b"=").decode()


def unseal(opaque: str) -> str:
    """The content of a sealed string.

    Raises:
        ValueError: it was not sealed here.
    """
    padded = opaque + "=" * (-len(opaque) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
