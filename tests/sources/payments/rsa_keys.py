"""Keys that the tests sign with: one for a provider, one of somebody else, each with its certificate."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@cache
def private_key(name: str) -> RSAPrivateKey:
    del name
    return generate_private_key(public_exponent=65537, key_size=2048)


@cache
def public_pem(name: str) -> str:
    return private_key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def certificate_pem(name: str) -> str:
    key, who = private_key(name), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )  # fmt: skip
    return made.public_bytes(Encoding.PEM).decode()


def sign(message: bytes, name: str) -> str:
    return base64.b64encode(private_key(name).sign(message, PKCS1v15(), SHA256())).decode()
