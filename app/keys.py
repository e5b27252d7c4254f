"""The key that signs access tokens."""

import os
import secrets
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from app.settings import Settings


class SettingError(Exception):
    """A setting cannot be used; the message begins with its name."""


def signing_key(settings: Settings) -> ECKey:
    """The key from the settings, else the one in the data directory, made at the first start.

    Raises:
        SettingError: the settings hold something else.
    """
    if settings.signing_key is not None:
        try:
            return ECKey.import_key(settings.signing_key.get_secret_value())
        except (JoseError, ValueError):
            raise SettingError("ORDERWIRE_SIGNING_KEY: not a private key (P-256) in PEM form") from None
    path = settings.data_dir / "signing-key.pem"
    if not path.exists():
        write_secret(path, ECKey.generate_key("P-256").as_pem(private=True).decode())
    return ECKey.import_key(path.read_text())


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner may read; whoever writes first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hosts may share the directory, and in containers everybody has the same process number.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
