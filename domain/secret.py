"""Random secrets that open a door, and what is stored in their place."""

import hashlib
import secrets


def new_secret() -> str:
    """A secret of 256 random bits, 43 characters that need no quoting in URLs and cookies."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is stored of a secret, or looked for. It is random: a plain hash cannot be guessed backwards."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
