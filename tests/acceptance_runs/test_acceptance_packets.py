"""Packets: what is in one, that no byte of one can be another, who made it, what changed, and when a go is over."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from acceptance_scene import Scene
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playing_shop import DATASET

from tests.acceptance.gateway_process import run_twofold
from tests.command_line import invoke
from twofold.acceptance.goes import FORGOTTEN_S, SOON_S, goes_of
from twofold.acceptance.packet.body import (
    build_packet,
    differences,
    digest_of,
    evidence_chain,
    last_packet,
    over,
    packet_bytes,
    packet_of_digest,
)
from twofold.acceptance.packet.finish import Finished, finish, in_log, still_good, verify
from twofold.acceptance.packet.page import page_of
from twofold.acceptance.packet.seal import KEY_FILE, NotSealed, opened, public_key, sealed
from twofold.acceptance.packet.standing import standing, stated
from twofold.acceptance.run import Status, place_of
from twofold.acceptance.seen.assets import assets, pages_of
from twofold.acceptance.task import GoTask
from twofold.alerts.weekly import decode_goes
from twofold.config import load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def passed(scene: Scene) -> Status:
    """A run that passed."""
    facts = {"dataset": DATASET, "event": "Purchase", "sender": "shopify", "person": "Giorgi", "by": "tester"}
    on_store(scene.settings, Note(kind="event_owner", facts=facts))
    run = scene.begin()
    found = scene.pass_through(run)
    assert found.is_go
    return found


@pytest.fixture(scope="module")
def made(scene: Scene, passed: Status) -> Finished:
    """Its packet."""
    owned = assets(scene.settings, passed.run, pages_of(passed.gathered), offline=True)
    return finish(
        scene.settings, passed, owned, "tester", int(time.time()), good_days=30, into=scene.folder.parent / "out"
    )


@pytest.fixture(scope="module")
def files(made: Finished) -> dict[str, bytes]:
    return {kind: path.read_bytes() for kind, path in made.files.items()}


def holds(file: bytes, key: str = "", folder: Path | None = None) -> dict[str, bool | None]:
    return {p.name: p.holds for p in verify(file, key, folder)[0]}


def said(*arguments: str) -> tuple[int, str]:
    """Exit code and output of `twofold accept …`, in this process."""
    done = invoke(["accept", *arguments])
    return done.exit_code, done.output


def test_the_page_alone_answers_the_four_questions(made: Finished, files: dict[str, bytes]) -> None:
    """What happened, which channel sent it, did it merge, does the money match; and it holds nobody's data."""
    text = files["html"].decode()
    page = re.sub(r"<[^>]+>", " ", text.partition("<details>")[0])
    order = made.packet["order"]["number"]
    for words in ("GO", f"Order {order} is paid, 148.00 EUR", "Purchase: the browser by image; the server by shopify",
                  "both sides say purchase.", "the order 148.00 EUR", "trace ", "Giorgi", "scale"):  # fmt: skip
        assert words in page, words
    hashed = sha256(b"nino.beridze@example.com").hexdigest()
    for needle in (
        "nino.beridze",
        "basket-of-nino",
        "Beridze",
        "555123456",
        "127.0.0.1:",
        hashed,
        "fb.1.",
        "EAAB-the-token",
    ):
        for kind in ("html", "json"):
            assert needle.encode() not in files[kind], (needle, kind)
    assert "<script" not in text.replace('<script type="application/json" id="packet">', "")
    assert not re.search(r'(?:src|href)="(?!data:)', text)


def test_the_key_is_private_and_stays(scene: Scene, made: Finished) -> None:
    """Made at first use, for this user alone; what is printed is the public part."""
    path = scene.folder / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    private = path.read_text().strip()
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)).public_key().public_bytes_raw().hex()
    told = said("key", "--config", str(scene.gateway.config), "--data", str(scene.folder))
    assert told == (0, public + "\n")
    assert public == made.packet["key"]
    assert all(private.encode() not in p.read_bytes() for p in made.files.values())


def test_a_packet_is_proved_by_the_key_and_the_log(scene: Scene, files: dict[str, bytes]) -> None:
    """All kinds; without the key only inner agreement, which is said."""
    key = public_key(scene.folder)
    for kind, file in files.items():
        found = holds(file, key, scene.folder)
        assert set(found.values()) == {True}, (kind, found)
        assert holds(file)["maker"] is None
    said = next(p.said for p in verify(files["json"])[0] if p.name == "maker")
    assert "only inner agreement" in said


@pytest.mark.parametrize("kind", ["json", "html"])
def test_every_changed_byte_is_refused(files: dict[str, bytes], kind: str) -> None:
    """In the packet, in the page around it, in the seal, at the end; one byte more, one less."""
    file = files[kind]
    places = {*range(0, len(file), max(1, len(file) // 150)), *range(len(file) - 340, len(file))}
    for place in places:
        bent = file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :]
        assert False in holds(bent).values(), place
    for bent in (file + b"\n", file[:-1], file + file, b" " + file, file.replace(b"148.00", b"149.00")):
        assert False in holds(bent).values()


def test_a_packet_whose_digests_were_made_anew_is_refused(
    scene: Scene, made: Finished, files: dict[str, bytes]
) -> None:
    """By a forger without the key: with the old signature, and with a key of the forger's own."""
    key = public_key(scene.folder)
    forged = {**made.packet, "decision": {**made.packet["decision"], "owner": "Mallory"}}
    content = packet_bytes(forged)
    seal, _ = opened(files["json"])
    again = msgspec.structs.replace(seal, sha256=digest_of(b'{"packet":' + content), packet=digest_of(content))
    with_old_signature = b'{"packet":' + content + b',"seal":' + msgspec.json.encode(again) + b"}\n"
    with pytest.raises(NotSealed, match="made anew"):
        opened(with_old_signature)
    theirs = b"\x07" * 32
    own = sealed("json", b'{"packet":' + content, digest_of(content), theirs)
    assert holds(own)["key in it"] is False  # the packet still names ours
    public = Ed25519PrivateKey.from_private_bytes(theirs).public_key().public_bytes_raw().hex()
    content = packet_bytes({**forged, "key": public})
    own = sealed("json", b'{"packet":' + content, digest_of(content), theirs)
    assert False not in holds(own).values()  # inwardly whole: that is all that can be said without the key
    assert holds(own, key)["maker"] is False
    assert holds(own, "", scene.folder)["log"] is False


def test_evidence_that_was_exchanged_does_not_follow(made: Finished) -> None:
    """Also by whoever has the key: the pieces are chained."""
    items = [dict(i) for i in made.packet["evidence"]["items"]]
    items[0]["value"] = []
    bent = {**made.packet, "evidence": {**made.packet["evidence"], "items": items}}
    content = packet_bytes(bent)
    file = sealed("json", b'{"packet":' + content, digest_of(content), b"\x07" * 32)
    assert holds(file)["evidence"] is False
    for evidence in (
        {"head": "0" * 64},
        {"items": made.packet["evidence"]["items"][:-1]},
    ):  # another head; a piece taken off
        assert holds(forged({**made.packet, "evidence": {**made.packet["evidence"], **evidence}}))["evidence"] is False


def forged(packet: dict[str, Any], kind: str = "json", page: bytes = b"") -> bytes:
    """Sealed anew by whoever has a key: what is left to find is what cannot be true."""
    private = b"\x07" * 32
    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw().hex()
    content = packet_bytes({**packet, "key": public})
    whole = (
        b'{"packet":' + content if kind == "json" else page or page_of({**packet, "key": public}, digest_of(content))
    )
    return sealed(kind, whole, digest_of(content), private)


def test_times_that_cannot_be_are_refused(made: Finished) -> None:
    """A run by a clock that was set, evidence of another run, a packet of a day that has not come, a go whose days are over."""
    packet, run, word = made.packet, made.packet["run"], made.packet["decision"]
    now = packet["made_at"] + 60

    def found(other: dict[str, Any], at: int = now) -> dict[str, bool | None]:
        return {p.name: p.holds for p in verify(forged({**packet, **other}), now=at)[0]}

    assert (found({})["times"], found({})["still good"]) == (True, None)
    for other in (
        {"run": {**run, "begun_at": packet["made_at"] + 1}}, {"decision": {**word, "expires": packet["made_at"] - 1}},
        {"run": {**run, "begun_at": packet["made_at"]}, "made_at": packet["made_at"] + 9_000, "evidence": aged(packet, -500)},
        {"evidence": aged(packet, 500)}, {"made_at": now + 500},
    ):  # fmt: skip
        assert found(other)["times"] is False, other
    assert found({}, word["expires"])["still good"] is False
    assert found({}, word["expires"] - 1)["still good"] is None
    assert "still good" not in found({"decision": {**word, "word": "stop"}})


def aged(packet: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The same evidence, its copies so much later, chained anew."""
    items = msgspec.json.decode(msgspec.json.encode(packet["evidence"]["items"]))
    for item in items:
        for one in item["value"] if item["what"].startswith("event ") else ():
            for copy in one["copies"]:
                copy["received_at"] += seconds * 1000
    chained = list(evidence_chain([(i["what"], i["value"]) for i in items]))
    return {"items": chained, "head": chained[-1]["link"]}


def test_a_page_that_shows_something_else_is_refused(made: Finished) -> None:
    """Sealed whole, its packet untouched: a stop that reads as a go. One of another version cannot be held against it here."""
    stop = {**made.packet, "decision": {**made.packet["decision"], "word": "stop"}}
    true = forged(stop, "html")
    assert holds(true)["page"] is True
    _, page = opened(true)
    assert holds(forged(stop, "html", page.replace(b">STOP<", b">GO<")))["page"] is False
    assert holds(forged({**made.packet, "twofold": "0.0.1"}, "html"))["page"] is None


def test_what_others_wrote_stays_text_in_the_page(made: Finished) -> None:
    """A name that is a script neither runs nor ends the packet's own bytes; pictures stand in a frame that may do nothing."""
    word = "</script><script>alert(1)</script>"
    packet = {**made.packet, "made_by": word, "decision": {**made.packet["decision"], "owner": word}}
    page = page_of(packet, "d" * 64)
    assert b"<script>alert" not in page
    assert page.count(b"</script") == 1
    assert page.count(b'<iframe sandbox="" ') == page.count(b"<iframe") == 1


def test_a_kept_packet_that_was_changed_is_none(
    made: Finished, scene: Scene, files: dict[str, bytes], tmp_path: Path
) -> None:
    """What changed since is not told from it; nor is another dataset's packet this one's last."""
    code = made.packet["run"]["code"]
    assert packet_of_digest(scene.folder, code, made.digest) == made.packet
    place = place_of(tmp_path, code)
    place.mkdir(parents=True)
    (place / f"packet-{made.digest[:16]}.json").write_bytes(files["json"].replace(b'"go"', b'"GO"', 1))
    assert packet_of_digest(tmp_path, code, made.digest) is None
    assert last_packet(scene.folder, DATASET) is not None
    assert last_packet(scene.folder, "another") is None


def test_only_the_datasets_own_tokens_end_its_go(scene: Scene, tmp_path: Path) -> None:
    """A token of another dataset is renewed: nothing of this one's has changed."""
    text = scene.gateway.config.read_text() + '\n[[dataset]]\nid = "1002"\nkey = "another-key-of-sixteen"\n'
    text += f'[[destination]]\nplatform = "meta"\ndataset = "1002"\nendpoint = "{scene.graph.url}"\ntoken = "EAAB-of-another"\n'

    def found(told: str) -> tuple[str, str]:
        path = tmp_path / "twofold.toml"
        path.write_text(told, encoding="utf-8")
        one = standing(load_settings(path), DATASET, [], 1)
        return one.config, one.token

    before = found(text)
    assert found(text.replace("EAAB-of-another", "EAAC-of-another")) == before
    renewed = found(text.replace("EAAB-the-token", "EAAC-the-token"))
    assert (renewed[0], renewed[1] == before[1]) == (before[0], False)


def test_what_is_sealed_and_is_no_packet_is_refused(made: Finished) -> None:
    for packet in ({}, {**made.packet, "run": None}, {**made.packet, "evidence": []}):
        assert holds(forged(packet)).get("form") is False
    assert holds(forged({"a": 1}, "html", b"<!doctype html>"))["seal"] is False


def test_a_clock_that_was_set_back_stands_in_the_log(entry: Any, made: Finished) -> None:
    """An entry before it has a later time: a go that was signed on an older clock is none."""
    before = msgspec.structs.replace(entry, number=entry.number - 1, at=entry.at + 121, facts={"digest": "another"})
    assert in_log(made.digest, [entry]).holds is True
    assert in_log(made.digest, [before, entry]).holds is False
    assert in_log(made.digest, [msgspec.structs.replace(before, at=entry.at + 120), entry]).holds is True
    assert in_log(made.digest, [entry, msgspec.structs.replace(before, number=entry.number + 1)]).holds is True


def test_the_newest_packet_of_a_decision_is_the_one_that_holds(made: Finished, entry: Any) -> None:
    """An older go that is shown again does not, once the same dataset's next one for the same decision is signed."""
    later = msgspec.structs.replace(
        entry, number=entry.number + 1, facts={**entry.facts, "digest": "later", "word": "stop"}
    )
    other = msgspec.structs.replace(later, facts={**later.facts, "for": "launch"})
    for signed, holds_ in (
        ([entry], True),
        ([entry, other], True),
        ([entry, later], False),
        ([entry, later, other], False),
    ):
        assert still_good(made.packet, made.digest, signed, made.packet["made_at"]).holds is holds_, signed


def test_the_command_verifies_without_a_folder(
    tmp_path: Path, scene: Scene, made: Finished, files: dict[str, bytes]
) -> None:
    """Exit code and words; a changed one, one of another installation, and none at all."""
    key = public_key(scene.folder)
    good = run_twofold("accept", "verify", str(made.files["html"]), "--key", key)
    assert (good.returncode, "GO for scale" in good.stdout) == (0, True), good.stdout + good.stderr
    bent = tmp_path / "bent.json"
    bent.write_bytes(files["json"].replace(b'"go"', b'"GO"', 1))
    status, text = said("verify", str(bent), "--key", key, "--json")
    assert (status, json.loads(text.splitlines()[0])["holds"]) == (1, False)
    status, text = said("verify", str(made.files["json"]), "--key", "ab" * 32)
    assert (status, "expected the installation" in text) == (1, True)
    bent.write_bytes(b"no packet")
    assert "expected a packet" in said("verify", str(bent))[1]
    assert said("verify", str(bent), "--key", "short")[0] == 2


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (("decision", "word"), "decision word"),
        (("decision", "owner"), "decision owner"),
        (("decision", "next_review"), "decision next_review"),
        (("key",), "made by the installation"),
        (("run", "dataset"), "dataset"),
        (("run", "plan", "name"), "plan"),
        (("criteria", 0, "state"), "criterion path"),
        (("events", 0, "merged"), "ViewContent: merged"),
        (("events", 0, "browser"), "ViewContent: sent by"),
        (("owners", 0, "person"), "ViewContent: owner"),
        (("standing", "config"), "fingerprint of the config"),
        (("standing", "token"), "fingerprint of the token"),
        (("standing", "tag"), "fingerprint of the tag"),
        (("assets", 0, "state"), "asset dataset"),
    ],
)
def test_each_part_that_is_another_is_named_alone(made: Finished, path: tuple[Any, ...], what: str) -> None:
    """What a reader compares, one part at a time; the same packet twice differs in nothing."""
    other = msgspec.json.decode(msgspec.json.encode(made.packet))
    assert list(differences(made.packet, other)) == []
    part = other
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = "another"
    assert [d.what for d in differences(made.packet, other)] == [what]


def test_goes_are_told_for_the_week_and_by_the_gateways_child(scene: Scene, entry: Any) -> None:
    """The newest packet of a purpose counts; the child, which is handed the settings, judges them as a command does."""
    expires, now = entry.facts["expires"], int(time.time())
    (go,) = goes_of(scene.settings, now)
    assert (go.purpose, go.state, go.why, go.expires) == ("scale", "stands", (), expires)
    assert goes_of(scene.settings, now, "another") == []
    assert [g.state for g in goes_of(scene.settings, expires - SOON_S)] == ["ending"]
    assert [(g.state, g.why) for g in goes_of(scene.settings, expires)] == [("over", ("its 30 days are over",))]
    assert goes_of(scene.settings, expires + FORGOTTEN_S + 1) == []
    task = msgspec.json.encode(GoTask(settings=scene.settings, now=now, weekly=False))
    answer = subprocess.run([sys.executable, "-m", "twofold.acceptance"], input=task, capture_output=True, check=True)
    assert decode_goes(answer.stdout) == [go]


def test_what_changed_is_told(scene: Scene, made: Finished, tmp_path: Path) -> None:
    """Between two packets: by the command, and in the later one itself."""
    run = scene.begin()
    found = scene.pass_through(run, price="150.00")
    later = finish(scene.settings, found, [], "tester", int(time.time()), good_days=30)
    since = later.packet["since_last"]
    assert (since["digest"], since["word"]) == (made.digest, "go")
    changed = {d["what"]: (d["before"], d["after"]) for d in since["changes"]}
    assert changed["decision word"] == ("go", "stop")
    assert goes_of(scene.settings, int(time.time())) == []  # the stop took the go's place
    assert changed["criterion money"] == ("passed", "failed")
    assert said("status", "--config", str(scene.gateway.config), "--data", str(scene.folder))[0] == 1
    status, text = said("diff", str(made.files["json"]), str(later.files["html"]), "--json")
    rows = {r["what"]: (r["before"], r["after"]) for r in map(json.loads, text.splitlines())}
    assert (status, rows) == (1, {k: v for k, v in changed.items() if k in rows})
    assert set(changed) - set(rows) <= {w for w in changed if w.startswith("asset")}
    assert said("diff", str(made.files["json"]), str(made.files["json"]))[0] == 0


@pytest.fixture
def entry(scene: Scene, made: Finished) -> Any:
    return next(p for r in scene_runs(scene) for p in r.packets if p.facts["digest"] == made.digest)


def scene_runs(scene: Scene) -> Iterator[Any]:
    from twofold.acceptance.run import runs

    yield from runs(scene.folder)


def test_a_go_is_good_for_the_days_that_were_said(scene: Scene, passed: Status) -> None:
    for days in (1, 7, 366):
        assert (
            build_packet(scene.settings, passed, [], "tester", 1_000, days)["decision"]["expires"]
            == 1_000 + days * 86_400
        )


def test_a_go_ends(scene: Scene, entry: Any, tmp_path: Path) -> None:
    """After its days, and at once when configuration, token or a sender is another; a changed port is no change."""
    now = int(time.time())
    assert over(scene.settings, entry, now) == ()
    assert over(scene.settings, entry, entry.facts["expires"]) == ("its 30 days are over",)
    text = scene.gateway.config.read_text()
    for change, words in (
        (("EAAB-the-token", "EAAC-the-token"), "a token changed"),
        (("hold_s = { Purchase = 0.1 }", "hold_s = { Purchase = 0.2 }"), "the configuration changed"),
        (("port = 0", "port = 7"), ""),
    ):
        assert change[0] in text
        path = tmp_path / "other.toml"
        path.write_text(text.replace(*change), encoding="utf-8")
        assert over(load_settings(path), entry, now) == ((words,) if words else ()), change
    senders = tuple(s for s in entry.facts["standing"]["senders"] if not s.endswith("/shopify"))
    before = msgspec.structs.replace(
        entry, facts={**entry.facts, "standing": {**entry.facts["standing"], "senders": senders}}
    )
    assert over(scene.settings, before, now) == ("a new sender: Purchase by shopify",)
    tagged = msgspec.structs.replace(
        entry, facts={**entry.facts, "standing": {**entry.facts["standing"], "tag": "0" * 64}}
    )
    assert over(scene.settings, tagged, now) == ("the tag changed",)


def test_a_setting_that_a_later_version_brings_ends_no_go(scene: Scene) -> None:
    """A go rests on what somebody set: what stands at its default is no part of it."""
    told = stated(load_settings(scene.gateway.config))
    of_the_platform = {"version", "purposes"}
    said_here = {"name", "platform", "dataset", "remote_dataset", "token", "endpoint", "hold_s"}
    assert told["destination"][0].keys() <= said_here | of_the_platform
    assert told["server"].keys() <= {"data", "port", "host"}


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium")
def test_it_is_printed_where_a_chromium_is(files: dict[str, bytes]) -> None:
    """A PDF that a reader opens, the seal behind its end."""
    import io

    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(files["pdf"]))
    text = "".join(page.extract_text() for page in reader.pages)
    assert "Acceptance packet" in text
    assert "Does the money match?" in text
    bent = files["pdf"].replace(b"twofold-seal/1", b"twofold-seal/2")
    assert False in holds(bent).values()
