"""JSON Web Signatures beside the body that they are of: the published vector, one of another library, and what fits nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.sources.signatures import fits_jws

# RFC 7515, appendix A.2: key, payload and signature; detached as its appendix F says.
RFC_KEY = {
    "kty": "RSA", "e": "AQAB",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOW"
         "vG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT"
         "6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
}  # fmt: skip
RFC_PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
RFC_SIGNATURE = (
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAyn"
    "RFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6I"
    "eYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
KEY = generate_private_key(65537, 2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
BODY = b'{"order":{"id":"1"}}'


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, body: bytes = BODY, *, raw: bool = True) -> str:
    head = encoded(json.dumps(header).encode())
    payload = body if raw else encoded(body).encode()
    return f"{head}..{encoded(KEY.sign(head.encode() + b'.' + payload, PKCS1v15(), SHA256()))}"


@pytest.mark.parametrize(
    "key", [json.dumps(RFC_KEY), json.dumps({"keys": [{"kty": "EC"}, RFC_KEY | {"use": "sig", "kid": "1"}]})]
)
def test_the_published_vector(key: str) -> None:
    given = f"eyJhbGciOiJSUzI1NiJ9..{RFC_SIGNATURE}"
    assert fits_jws(given, RFC_PAYLOAD, (key,))
    assert not fits_jws(given, RFC_PAYLOAD[:-1], (key,))
    assert not fits_jws(given, RFC_PAYLOAD, (PEM,))


def test_a_body_signed_as_it_is() -> None:
    """RFC 7797, with and without saying that it is critical, beside an older key."""
    for header in ({"alg": "RS256", "b64": False}, {"alg": "RS256", "b64": False, "crit": ["b64"]}):
        assert fits_jws(signed(header), BODY, (json.dumps(RFC_KEY), PEM))
    assert fits_jws(signed({"alg": "RS256"}, raw=False), BODY, (PEM,))


RIGHT = {"alg": "RS256", "b64": False}
HEAD, _, SIGNATURE = signed(RIGHT).partition("..")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "..",
        "x",
        HEAD,
        f"{HEAD}.{encoded(BODY)}.{SIGNATURE}",  # holds a payload itself
        f"{HEAD}..{SIGNATURE}=",
        f"{HEAD}..{SIGNATURE}.x",
        f"{HEAD}..{SIGNATURE[:-1]}",
        f"{HEAD}..\u00e9",
        f"{encoded(b'[]')}..{SIGNATURE}",
        f"{encoded(b'{')}..{SIGNATURE}",
        signed({"alg": "none", "b64": False}),
        signed({"alg": "HS256", "b64": False}),
        signed({"alg": "RS256", "b64": False, "crit": ["exp"]}),
        signed({"alg": "RS256", "b64": False, "crit": "b64"}),
        signed(RIGHT, raw=False),
        signed({"alg": "RS256"}),
    ],
)
def test_what_fits_nothing(given: str) -> None:
    assert fits_jws(signed(RIGHT), BODY, (PEM,))
    assert not fits_jws(given, BODY, (PEM,))


@pytest.mark.parametrize(
    "key", ["", "{", '{"keys": 1}', '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}', "secret-word-0123456789"]
)
def test_a_key_that_is_none_fits_nothing(key: str) -> None:
    assert not fits_jws(signed(RIGHT), BODY, (key,))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"secret": "secret-word-0123456789"}, "expected a public key"),
        ({"signature_header": ""}, "signature_header: expected the header's name"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, str], said: str) -> None:
    source = {"type": "mapped", "dataset": "1", "shop": "s", "secret": PEM, "signature": "jws-rs256", "signature_header": "X-Signature",
              "fields": {"type": "=order", "id": "id"}}  # fmt: skip
    settings_from({"dataset": [{"id": "1"}], "source": [source]}, environ={})
    with pytest.raises(ConfigError, match=said):
        settings_from({"dataset": [{"id": "1"}], "source": [source | changes]}, environ={})
