"""Does a webhook's signature fit? The one comparison that every source with an HMAC over its body uses, and that of the few whose
signature is checked with a public key.

Owns the two spellings of a digest (base64, hex), the constant-time comparison and how a public key is read. Which header holds the signature
and which bytes are signed is each source's own knowledge.

The expected text is written out and compared as bytes, never the given text decoded: decoders are lax about the
alphabet, padding and white space, so that many spellings would fit one signature (and comparing text raises on
non-ASCII). Every secret is tried, whichever fits, so that the time taken does not tell which one it was.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_PEM_LINE = re.compile(r"-----[A-Z ]+-----")


def fits_base64(given: str, body: bytes, secrets: Sequence[str | bytes], digest: str = "sha256") -> bool:
    """Is ``given`` the padded standard base64 of the body's HMAC under one of the secrets?

    ``digest`` is a name hashlib knows. An empty secret never fits. Raises for no input.
    """
    return _fits(given, [base64.b64encode(mac) for mac in _macs(body, secrets, digest)])


def fits_hex(given: str, body: bytes, secrets: Sequence[str], digest: str = "sha256") -> bool:
    """Is ``given`` the lower-case hex of the body's HMAC under one of the secrets? Else as `fits_base64`."""
    return _fits(given, [mac.hex().encode() for mac in _macs(body, secrets, digest)])


def _fits(given: str, expected: Sequence[bytes]) -> bool:
    fits = False
    for text in expected:
        fits |= hmac.compare_digest(_bytes(given), text)
    return fits


def _macs(body: bytes, secrets: Sequence[str | bytes], digest: str) -> list[bytes]:
    return [hmac.digest(_bytes(secret), body, digest) for secret in secrets if secret]


def _bytes(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    return text.encode("utf-8", "surrogatepass")  # a header can hold what is no UTF-8; it then fits nothing


def fits_rsa(given: str, message: bytes, keys: Sequence[str]) -> bool:
    """Is ``given`` the padded standard base64 of the message's signature (RSA, PKCS #1 v1.5, SHA-256) under one of the keys?

    A key is a public key or a certificate as PEM writes it; breaks of lines may be missing, or be the two characters that variables of
    an environment hold for them. One that is neither fits nothing.
    """
    try:
        raw = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    if base64.b64encode(raw).decode() != given:
        return False  # another spelling of the same bytes
    fits = False
    for key in keys:
        fits |= _verified(raw, message, key)
    return fits


def is_public_key(text: str) -> bool:
    """Can it be read as a public key or a certificate?"""
    return _public_key(text) is not None


def _verified(signature: bytes, message: bytes, key: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    public = _public_key(key)
    if public is None:
        return False
    try:
        public.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=16)
def _public_key(text: str) -> Any:
    """An RSA key of 2,048 bits or more; None for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from cryptography.x509 import load_der_x509_certificate

    if "-----BEGIN" not in text:
        return None
    lines = _PEM_LINE.sub("", text.replace("\\n", "\n"))
    try:
        der = base64.b64decode("".join(lines.split()), validate=True)
        found = load_der_x509_certificate(der).public_key() if "CERTIFICATE" in text else load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, RSAPublicKey) and found.key_size >= 2048 else None
