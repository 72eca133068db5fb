"""Bytes sealed to a public key in the format of age, so that what holds them cannot read them.

Owns the calls to the library and the words for what is wrong with a key. Only the public half is used to seal; the other is
read when something is put back, from a file that the operator brings, and kept nowhere.
"""

from __future__ import annotations

from pathlib import Path

import pyrage
from pyrage import x25519

from twofold.errors import ConfigError, StoreError

SECRET_KEY = "AGE-SECRET-KEY-"
"""How a secret key of age begins."""


def recipient_of(key: str) -> x25519.Recipient:
    """The public key of that text (`age1…`). Raises `ConfigError`, also for a secret one, which it never shows."""
    if key.strip().upper().startswith(SECRET_KEY):
        raise ConfigError("--recipient: expected a public key (age1…), got a secret one; it belongs on neither place")
    try:
        return x25519.Recipient.from_str(key.strip())
    except pyrage.RecipientError:
        raise ConfigError("--recipient: expected a public key of age (age1…), as `age-keygen -y` prints it") from None


def seal(content: bytes, recipient: x25519.Recipient) -> bytes:
    """Only who has the secret key reads it."""
    return bytes(pyrage.encrypt(content, [recipient]))


def unseal(content: bytes, identity: Path) -> bytes:
    """What was sealed, by the secret keys in a file as `age-keygen` writes it. Raises `StoreError`."""
    try:
        lines = identity.read_text(encoding="utf-8").splitlines()
        keys = [x25519.Identity.from_str(line.strip()) for line in lines if line.strip().startswith(SECRET_KEY)]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError):
        raise StoreError(f"{identity}: expected a file with a secret key of age, as `age-keygen` writes it") from None
    if not keys:
        raise StoreError(f"{identity}: expected a line with a secret key of age ({SECRET_KEY}…), there is none")
    try:
        return bytes(pyrage.decrypt(content, keys))
    except pyrage.DecryptError:
        raise StoreError(
            f"{identity}: none of its keys opens this copy of the erasures, or the copy was altered"
        ) from None
