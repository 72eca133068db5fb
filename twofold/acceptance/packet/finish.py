"""The end of a run: its packet is made, signed, noted in the log and written as JSON, as a page, and as PDF where a Chromium is.

Owns that sequence, the files' names, and reading such a file again: what a reader with or without the key can prove of it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from msgspec import Struct

from twofold import __version__
from twofold.acceptance.packet.body import GO, build_packet, digest_of, is_chained, packet_bytes
from twofold.acceptance.packet.page import EMBEDDED, page_of
from twofold.acceptance.packet.seal import NotSealed, Seal, opened, private_bytes, sealed
from twofold.acceptance.run import Status, note_packet, place_of
from twofold.config import Settings
from twofold.errors import NotHere
from twofold.report.kept import ACCEPTANCE_PACKET, Kept, kept
from twofold.scratch import scratch_folder
from twofold.senders.browser.program import chromium
from twofold.store.beside.durable_file import write_whole

PRINT_S = 60
CLOCKS_S = 120
"""By so much a clock that is set right now and then may go back."""


class Finished(Struct, frozen=True, kw_only=True):
    """What was made. ``files``: by kind; no PDF where there is no Chromium."""

    packet: dict[str, Any]
    digest: str
    files: dict[str, Path]


def finish(
    settings: Settings, status: Status, assets: Sequence[Mapping[str, str]], by: str, now: int, *, good_days: int,
    into: Path | None = None,
) -> Finished:  # fmt: skip
    """Signs what the run came to. The entry of the log is made first: no packet of ours is without one."""
    folder, run = Path(settings.server.data), status.run
    packet = build_packet(settings, status, assets, by, now, good_days)
    content = packet_bytes(packet)
    digest, private = digest_of(content), private_bytes(folder)
    note_packet(
        settings,
        {"run": run.code, "dataset": run.dataset, "digest": digest, "evidence": packet["evidence"]["head"],
         "word": packet["decision"]["word"], "for": run.about.decision, "owner": run.about.owner,
         "review": run.about.review, "expires": packet["decision"]["expires"], "standing": packet["standing"],
         "events": [e.name for e in run.plan.event], "by": by},
    )  # fmt: skip
    place = place_of(folder, run.code)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = b"".join(packet_bytes(item) + b"\n" for item in packet["evidence"]["items"])
    write_whole(place / f"evidence-{digest[:16]}.jsonl", lines)
    page = page_of(packet, digest)
    made = {
        "json": sealed("json", b'{"packet":' + content, digest, private),
        "html": sealed("html", page, digest, private),
    }
    printed = print_page(page)
    if printed is not None:
        made["pdf"] = sealed("pdf", printed, digest, private)
    files = {}
    for kind, file in made.items():
        files[kind] = place / f"packet-{digest[:16]}.{kind}"
        write_whole(files[kind], file)
        if into is not None:
            into.mkdir(parents=True, exist_ok=True)
            files[kind] = into / f"acceptance-{run.code}-{digest[:8]}.{kind}"
            write_whole(files[kind], file)
    return Finished(packet=packet, digest=digest, files=files)


def print_page(page: bytes) -> bytes | None:
    """The page as PDF; None where there is no Chromium, or it did not print."""
    program = chromium()
    if program is None:
        return None
    with scratch_folder("twofold-print-") as scratch:
        source, target = scratch / "packet.html", scratch / "packet.pdf"
        source.write_bytes(page)
        command = [
            program, "--headless=new", *(("--no-sandbox",) if os.geteuid() == 0 else ()), "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--no-pdf-header-footer", f"--user-data-dir={scratch / 'profile'}", f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(
                command, capture_output=True, timeout=PRINT_S, check=False, env=os.environ | {"TMPDIR": str(scratch)}
            )
            return target.read_bytes()
        except (OSError, subprocess.TimeoutExpired):
            return None


# -- reading one again


class Proof(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. ``holds`` None: it could not be."""

    name: str
    holds: bool | None
    said: str


def verify(
    file: bytes, key: str = "", folder: Path | None = None, now: int | None = None
) -> tuple[list[Proof], dict[str, Any] | None]:
    """What can be proved of a file, and the packet in it where it is one of ours. ``key``: of who is said to have made it.

    ``folder``: this installation's, whose log should hold the digest. ``now`` (Unix s): does a go still hold by its days?
    """
    try:
        seal, content = opened(file)
        packet = packet_in(seal, content)
    except NotSealed as err:
        return [Proof(name="seal", holds=False, said=str(err))], None
    proofs = [Proof(name="seal", holds=True, said="no byte is another than those that were sealed")]
    signed = None if folder is None else kept(folder, ACCEPTANCE_PACKET)
    try:
        proofs += _proofs(seal, content, packet, key, signed, now)
    except (LookupError, TypeError, AttributeError, ValueError, jinja2.TemplateError):
        said = "what is sealed has not the form of a packet"
        return [*proofs, Proof(name="form", holds=False, said=said)], None
    return proofs, packet


def _proofs(
    seal: Seal, content: bytes, packet: dict[str, Any] | None, key: str, signed: Sequence[Kept] | None, now: int | None
) -> Iterator[Proof]:
    if packet is not None:
        yield from _inner(seal, packet)
        yield _times(packet, now)
        if seal.kind == "html":
            yield _page(packet, seal, content)
    yield _maker(seal, key)
    if signed is not None:
        yield in_log(seal.packet, signed)
    if packet is not None and packet["decision"]["word"] == GO and now is not None:
        yield still_good(packet, seal.packet, signed, now)


def packet_in(seal: Seal, content: bytes) -> dict[str, Any] | None:
    """The packet that a sealed file carries; None for a PDF, which carries its digest only. Raises `NotSealed`."""
    if seal.kind == "pdf":
        return None
    if seal.kind == "json":
        own = content.removeprefix(b'{"packet":')
    else:
        embedded = re.search(EMBEDDED, content, re.S)
        own = packet_bytes(msgspec.json.decode(embedded[1])) if embedded else b""
    if sha256(own).hexdigest() != seal.packet:
        raise NotSealed("the packet in it is not the one that its seal names")
    found: dict[str, Any] = msgspec.json.decode(own)
    return found


def _inner(seal: Seal, packet: Mapping[str, Any]) -> Iterator[Proof]:
    chained = is_chained(packet)
    said = (
        f"{len(packet['evidence']['items'])} pieces of evidence follow each other"
        if chained
        else "a piece of evidence does not follow the one before"
    )
    yield Proof(name="evidence", holds=chained, said=said)
    same = packet["key"] == seal.key
    yield Proof(
        name="key in it",
        holds=same,
        said="the packet names the key it is sealed with"
        if same
        else "it names another key than the one it is sealed with",
    )


def _page(packet: Mapping[str, Any], seal: Seal, content: bytes) -> Proof:
    """What people read is what the packet says: a page of another's making may show a go over a stop."""
    if packet["twofold"] != __version__:
        said = f"it was written by Twofold {packet['twofold']}, and can be held against its packet by that version only"
        return Proof(name="page", holds=None, said=said)
    same = page_of(packet, seal.packet) == content
    return Proof(
        name="page",
        holds=same,
        said="the page shows its packet" if same else "the page shows something else than its packet",
    )


def _times(packet: Mapping[str, Any], now: int | None) -> Proof:
    """A run, its copies and its packet follow each other, also by the clock that they were written with."""
    begun, made, expires = packet["run"]["begun_at"], packet["made_at"], packet["decision"]["expires"]
    came = [c["received_at"] // 1000 for item in packet["evidence"]["items"] if item["what"].startswith("event ")
            for action in item["value"] for c in action["copies"]]  # fmt: skip
    if made < begun or (expires is not None and expires < made):
        said = "it was made before its run began, or ends before it was made: its clock was set"
    elif came and (max(came) > made + CLOCKS_S or (packet["decision"]["word"] == GO and min(came) < begun - CLOCKS_S)):
        said = (
            "its copies came before its run began, or after it was made: its clock was set, or they are of another run"
        )
    elif now is not None and made > now + CLOCKS_S:
        said = "it was made at a time that has not come yet"
    else:
        return Proof(name="times", holds=True, said="run, copies and packet follow each other")
    return Proof(name="times", holds=False, said=said)


def still_good(packet: Mapping[str, Any], digest: str, signed: Sequence[Kept] | None, now: int) -> Proof:
    """Whether a go holds by its days, and is the newest of its dataset and decision. ``signed``: None where no log is at hand."""
    if now >= packet["decision"]["expires"]:
        return Proof(name="still good", holds=False, said="its days are over")
    if signed is None:
        said = "its days are not over; whether anything changed since, and what was signed later, its installation knows (--config)"
        return Proof(name="still good", holds=None, said=said)
    of = packet["run"]["dataset"], packet["decision"]["for"]
    newest = next((k.facts for k in reversed(signed) if (k.facts["dataset"], k.facts["for"]) == of), None)
    if newest is not None and newest["digest"] != digest:
        said = f"a later packet of the same dataset and decision says {newest['word']}"
        return Proof(name="still good", holds=False, said=said)
    said = "its days are not over, and it is the newest of its dataset and decision"
    return Proof(name="still good", holds=True, said=said)


def _maker(seal: Seal, key: str) -> Proof:
    if not key:
        said = f"without --key only inner agreement is proved: anybody can make a packet with a key of their own. It is sealed by {seal.key}"
        return Proof(name="maker", holds=None, said=said)
    if key != seal.key:
        return Proof(name="maker", holds=False, said=f"expected the installation {key}, got a packet of {seal.key}")
    return Proof(name="maker", holds=True, said="sealed by the installation that was named")


def in_log(digest: str, signed: Sequence[Kept]) -> Proof:
    """Whether the log's entries of signed packets hold this one, in the order of their times."""
    found = next((k for k in signed if k.facts.get("digest") == digest), None)
    if found is None:
        return Proof(name="log", holds=False, said="the log of this installation has no such packet")
    if any(k.number < found.number and k.at > found.at + CLOCKS_S for k in signed):
        said = f"entry {found.number} of the log, and an entry before it has a later time: the clock was set back"
        return Proof(name="log", holds=False, said=said)
    return Proof(name="log", holds=True, said=f"entry {found.number} of the log")


def packet_file(folder: Path, code: str, digest: str, kind: str) -> bytes:
    """A kept file of a signed packet. Raises `NotHere`."""
    path = place_of(folder, code) / f"packet-{digest[:16]}.{kind}"
    try:
        return path.read_bytes()
    except OSError:
        raise NotHere(f"there is no {kind} of packet {digest[:16]}") from None
