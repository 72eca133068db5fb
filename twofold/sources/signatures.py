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

import msgspec

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


def fits_jws(given: str, body: bytes, keys: Sequence[str]) -> bool:
    """Is ``given`` a JSON Web Signature of the body that does not hold it itself (RFC 7515 appendix F), RS256, under one of the keys?

    The body is signed as it is where the header says ``"b64": false`` (RFC 7797), else as base64url. A key is a PEM, or the text of a JWK or
    a set of them. Whatever else a header calls critical is not understood here, and fits nothing.
    """
    head, _, rest = given.partition(".")
    empty, _, signature = rest.partition(".")
    header, raw = _json_of(head), _base64url(signature)
    if empty or header is None or raw is None or header.get("alg") != "RS256":
        return False
    critical = header.get("crit", [])
    if not isinstance(critical, list) or any(name != "b64" for name in critical):
        return False
    payload = body if header.get("b64") is False else base64.urlsafe_b64encode(body).rstrip(b"=")
    message, fits = head.encode() + b"." + payload, False
    for key in keys:
        for one in _keys_in(key):
            fits |= _verified(raw, message, one)
    return fits


def _json_of(part: str) -> dict[str, Any] | None:
    raw = _base64url(part)
    try:
        found = None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _base64url(text: str) -> bytes | None:
    """The bytes of base64url without padding, in its one spelling; None for anything else."""
    if not text.isascii():
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


@lru_cache(maxsize=16)
def _keys_in(text: str) -> tuple[str, ...]:
    """The PEMs of a key's text: itself, or of each RSA key of a JWK set."""
    if not text.lstrip().startswith("{"):
        return (text,)
    try:
        tree = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return ()
    listed = tree.get("keys", [tree]) if isinstance(tree, dict) else []
    made = [_pem_of(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return tuple(pem for pem in made if pem)


def _pem_of(jwk: dict[str, Any]) -> str:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    parts = [_base64url(value) if isinstance(value := jwk.get(name), str) else None for name in ("n", "e")]
    n, e = (int.from_bytes(part, "big") if part else 0 for part in parts)
    if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or not n or not e:
        return ""
    try:
        key = RSAPublicNumbers(e, n).public_key()
    except ValueError:
        return ""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


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
