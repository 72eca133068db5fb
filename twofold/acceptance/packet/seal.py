"""The installation's key, and the seal at the end of a packet's file: who made it, and that not one byte of it is another.

Owns the key's file, the seal's form in JSON, HTML and PDF, and what a reader can prove with it. The private part stays in the data
folder (mode 0600); it is made at first use. Ed25519 of `cryptography`. A seal proves which installation made a file; that
a file is inwardly whole proves only that nobody changed it without knowing how it is made.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.errors import StoreError
from twofold.store.beside.durable_file import create_whole

KEY_FILE = "acceptance.key"
FORMAT = "twofold-seal/1"
_SIGNED = b"twofold acceptance seal 1\n"
_MARKS: dict[str, tuple[bytes, bytes]] = {
    "json": (b',"seal":', b"}\n"),
    "html": (b"<!--twofold-seal ", b"-->\n"),
    "pdf": (b"\n%twofold-seal ", b"\n"),
}
"""By kind: what stands before the seal, and what behind it ends the file."""
KINDS = tuple(_MARKS)


class Seal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``sha256``: of everything before it; ``packet``: of the packet's bytes, the same in every kind of file."""

    format: str
    kind: str
    sha256: str
    packet: str
    key: str
    signature: str


class NotSealed(Exception):
    """The file is none that was sealed, or was changed. The message says what was expected and got."""


def public_key(folder: Path) -> str:
    """The key by which this installation's packets are known, as 64 hexadecimal characters."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    raw: bytes = Ed25519PrivateKey.from_private_bytes(private_bytes(folder)).public_key().public_bytes_raw()
    return raw.hex()


def private_bytes(folder: Path) -> bytes:
    """The private part; made where there is none. Raises `StoreError` where it cannot be used."""
    path = folder / KEY_FILE
    if not path.exists():
        create_whole(path, secrets.token_hex(32).encode() + b"\n")
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        found = b""
    if len(found) != 32:
        raise StoreError(f"{path}: expected 64 hexadecimal characters, the private part of the installation's key")
    return found


def sealed(kind: str, content: bytes, packet_digest: str, private: bytes) -> bytes:
    """The file: its content and the seal behind it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(private)
    public: bytes = key.public_key().public_bytes_raw()
    bare = Seal(
        format=FORMAT, kind=kind, sha256=sha256(content).hexdigest(), packet=packet_digest, key=public.hex(), signature=""
    )  # fmt: skip
    signature: bytes = key.sign(_SIGNED + msgspec.json.encode(bare))
    before, behind = _MARKS[kind]
    return content + before + msgspec.json.encode(msgspec.structs.replace(bare, signature=signature.hex())) + behind


def kind_of(file: bytes) -> str:
    """What kind of packet a file is. Raises `NotSealed`."""
    for kind, start in (("json", b'{"packet":'), ("html", b"<!doctype html>"), ("pdf", b"%PDF-")):
        if file.startswith(start):
            return kind
    raise NotSealed("expected a packet of `twofold accept finish` (JSON, HTML or PDF), got something else")


def opened(file: bytes) -> tuple[Seal, bytes]:
    """The seal and what stands before it, when they agree: by digest, form and signature. Raises `NotSealed`."""
    kind = kind_of(file)
    before, behind = _MARKS[kind]
    at = file.rfind(before)
    if at < 0 or not file.endswith(behind):
        raise NotSealed("expected a seal at its end, got none, or something behind it")
    content, text = file[:at], file[at + len(before) : len(file) - len(behind)]
    try:
        seal = msgspec.json.decode(text, type=Seal)
    except (msgspec.MsgspecError, ValueError):
        raise NotSealed("expected a seal that can be read, got another") from None
    if msgspec.json.encode(seal) != text or seal.format != FORMAT or seal.kind != kind:
        raise NotSealed("expected the seal as it is written, got one in another form")
    if sha256(content).hexdigest() != seal.sha256:
        raise NotSealed("its bytes are not those that were sealed: it was changed")
    if not _is_signed(seal):
        raise NotSealed("its signature does not fit: its digests were made anew by somebody who has not the key")
    return seal, content


def _is_signed(seal: Seal) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    bare = msgspec.structs.replace(seal, signature="")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.key))
        key.verify(bytes.fromhex(seal.signature), _SIGNED + msgspec.json.encode(bare))
    except (ValueError, InvalidSignature):
        return False
    return True
