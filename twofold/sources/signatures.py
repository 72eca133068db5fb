"""Does a webhook's signature fit? The one comparison that every source with an HMAC over its body uses.

Owns the two spellings of a digest (base64, hex) and the constant-time comparison. Which header holds the signature
and which bytes are signed is each source's own knowledge.

The expected text is written out and compared as bytes, never the given text decoded: decoders are lax about the
alphabet, padding and white space, so that many spellings would fit one signature (and comparing text raises on
non-ASCII). Every secret is tried, whichever fits, so that the time taken does not tell which one it was.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence


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
