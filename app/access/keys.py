"""The keys of access tokens: one signs, those before it still verify, and the next one is shown before it signs."""

import asyncio
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from app.background import Background
from app.settings import Settings

log = structlog.get_logger("orderwire.keys")

ALGORITHM = "ES256"
CURVE = "P-256"
LEEWAY = 10
"""Seconds by which the clocks of two hosts may differ."""
SHOWN = 60
"""Seconds that a new key is shown before it signs: by then all who verify tokens have heard of it."""
LOOK = 2.0
"""Seconds between two looks into the directory."""

PEM = re.compile(r"-----BEGIN (?:EC )?PRIVATE KEY-----.+?-----END (?:EC )?PRIVATE KEY-----", re.DOTALL)


class SettingError(Exception):
    """A setting cannot be used; the message begins with its name."""


class KeyState(StrEnum):
    """What a key is used for."""

    SHOWN = "shown"
    SIGNS = "signs"
    VERIFIES = "verifies"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, under its thumbprint (RFC 7638); `path` and `made_at` are those of its file, where it has one."""

    kid: str
    key: ECKey
    path: Path | None = None
    made_at: datetime | None = None

    def as_public(self) -> dict[str, Any]:
        """What others need to verify: the key as in a JWK Set (RFC 7517)."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": ALGORITHM}


class KeyRing:
    """The keys of one process, read again every few seconds. From the settings, else from the data directory."""

    def __init__(self, settings: Settings) -> None:
        """Read the keys; the first of a data directory is made now.

        Raises:
            SettingError: the settings hold something else.
        """
        self._settings = settings
        self._is_given = settings.signing_key is not None
        self._keys = _given(settings.signing_key.get_secret_value()) if settings.signing_key else _kept(settings)
        self._background = Background()

    def start(self) -> None:
        if not self._is_given:
            self._background.start(self._watch())

    async def stop(self) -> None:
        await self._background.stop()

    @property
    def signing(self) -> Key:
        """The key that signs now."""
        keys = self._keys
        return keys[_signing(keys, datetime.now(UTC))]

    def get(self, kid: Any) -> ECKey:
        """The key of that id, to verify with.

        Raises:
            KeyError: there is none, or no longer.
        """
        keys = self._keys
        for key in keys:
            # The last one is never retired.
            if key.kid == kid and (key is keys[-1] or self.state(key) is not KeyState.RETIRED):
                return key.key
        raise KeyError(kid)

    def all(self) -> Sequence[Key]:
        """Every key, the retired ones among them: of the settings as they are given, of the directory by age."""
        return self._keys

    def state(self, key: Key) -> KeyState:
        """What a key is used for; one that has been deleted since it was read is retired."""
        # The directory is read in a thread: the keys may be others from one line to the next.
        keys = self._keys
        for index, each in enumerate(keys):
            if each.kid == key.kid:
                return _state(keys, index, datetime.now(UTC), self._settings.access_token_seconds)
        return KeyState.RETIRED

    def as_public(self) -> dict[str, Any]:
        """The JWK Set of all keys that verify, or will."""
        return {"keys": [key.as_public() for key in self._keys if self.state(key) is not KeyState.RETIRED]}

    def look(self) -> None:
        """Read the directory again."""
        self._keys = _read(_directory(self._settings)) or self._keys

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                # Off the event loop: the directory may be on another host.
                await asyncio.to_thread(self.look)
            except Exception as error:
                # The last that was read stands.
                log.warning("keys_unreadable", error=repr(error))


def rotate(settings: Settings) -> Key:
    """Make a new key, which signs a minute from now on; delete the keys that are retired. Servers notice by themselves.

    Raises:
        SettingError: the keys are given by the settings.
    """
    must_be_kept(settings)
    ring = KeyRing(settings)
    for key in ring.all():
        if key.path is not None and ring.state(key) is KeyState.RETIRED:
            key.path.unlink(missing_ok=True)
    directory = _directory(settings)
    number = max(int(path.stem) for path in _files(directory)) + 1
    content = _new()
    while not write_secret(directory / f"{number}.pem", content):
        number += 1
    made = directory / f"{number}.pem"
    return next(key for key in _read(directory) if key.path == made)


def must_be_kept(settings: Settings) -> None:
    """Raise `SettingError` where the keys are given by the settings, and not ours to rotate."""
    if settings.signing_key is not None:
        raise SettingError("ORDERWIRE_SIGNING_KEY: the keys are given, so it is there that they are rotated")


def signs_at(key: Key) -> datetime:
    """When a key of the directory begins to sign."""
    return (key.made_at or datetime.now(UTC)) + timedelta(seconds=SHOWN)


def write_secret(path: Path, content: str) -> bool:
    """Write a file that only its owner may read; whoever writes first wins, and is told True."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hosts may share the directory, and in containers everybody has the same process number.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _signing(keys: Sequence[Key], moment: datetime) -> int:
    """Which key signs: the first that is given; of the directory the newest that was shown long enough."""
    for index in range(len(keys) - 1, 0, -1):
        if keys[index].made_at is not None and signs_at(keys[index]) <= moment:
            return index
    return 0


def _state(keys: Sequence[Key], index: int, moment: datetime, lifetime: int) -> KeyState:
    signing = _signing(keys, moment)
    if index == signing:
        return KeyState.SIGNS
    if index > signing:
        return KeyState.SHOWN if keys[index].made_at else KeyState.VERIFIES
    # It stopped to sign when the next one began; the last of its tokens lives a little longer.
    last_end = signs_at(keys[index + 1]) + timedelta(seconds=lifetime + 2 * LEEWAY)
    return KeyState.VERIFIES if moment < last_end else KeyState.RETIRED


def _given(text: str) -> list[Key]:
    """The keys of the setting: the first signs."""
    keys = [_key(found) for found in PEM.findall(text)]
    if not keys or len(keys) != text.count("PRIVATE KEY-----") / 2:
        raise SettingError("ORDERWIRE_SIGNING_KEY: not a private key (P-256) in PEM form, nor several")
    return list({key.kid: key for key in keys}.values())


def _kept(settings: Settings) -> list[Key]:
    directory = _directory(settings)
    if not _files(directory):
        # There was only this one, at another place, before keys could be rotated.
        former = settings.data_dir / "signing-key.pem"
        try:
            content = former.read_text()
        except FileNotFoundError:
            content = _new()
        write_secret(directory / "1.pem", content)
        former.unlink(missing_ok=True)
    return _read(directory)


def _directory(settings: Settings) -> Path:
    return settings.data_dir / "keys"


def _files(directory: Path) -> list[Path]:
    """The files of keys, by their numbers, which tell their age."""
    return sorted((path for path in directory.glob("*.pem") if path.stem.isdecimal()), key=lambda path: int(path.stem))


def _read(directory: Path) -> list[Key]:
    keys: list[Key] = []
    for path in _files(directory):
        # Another process may just have deleted one that is retired.
        with suppress(FileNotFoundError):
            made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            keys.append(_key(path.read_text(), path, made_at))
    return keys


def _key(pem: str, path: Path | None = None, made_at: datetime | None = None) -> Key:
    name = path or "ORDERWIRE_SIGNING_KEY"
    try:
        key = ECKey.import_key(pem)
    except (JoseError, ValueError):
        raise SettingError(f"{name}: not a private key (P-256) in PEM form") from None
    if not key.is_private or key.curve_name != CURVE:
        raise SettingError(f"{name}: not a private key of the curve P-256")
    return Key(key.thumbprint(), key, path, made_at)


def _new() -> str:
    return ECKey.generate_key(CURVE).as_pem(private=True).decode()
