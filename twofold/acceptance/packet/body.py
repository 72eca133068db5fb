"""The packet: what a run came to, as one value that can be read without this installation, and what it says of the one before.

Owns its body, the chain over its evidence, the expiry of a go, and the comparison of two packets. Amounts are decimal text,
times Unix s. How it looks as a page is `page`'s; who made it is `seal`'s.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from twofold import __version__
from twofold.acceptance.criteria import Card, State
from twofold.acceptance.duties import duties, named
from twofold.acceptance.packet.seal import public_key
from twofold.acceptance.packet.standing import Standing, standing, why_over
from twofold.acceptance.run import Run, Status, place_of
from twofold.acceptance.seen.evidence import BROWSER, SERVER, ActionSeen
from twofold.acceptance.seen.upload import kept_upload
from twofold.config import Settings
from twofold.report.kept import ACCEPTANCE_PACKET, Kept, kept

FORMAT = "twofold-acceptance/1"
GOOD_DAYS = 30
GENESIS = "0" * 64
GO, STOP = "go", "stop"
QUESTIONS = ("What happened?", "Which channel sent it?", "Did it merge?", "Does the money match?")
CARD_NAMES = {
    Card.TEST_EVENTS: "Test Events", Card.ORDER: "Order admin", Card.SENDERS: "Trigger-source inventory",
    Card.RECONCILIATION: "Reconciliation",
}  # fmt: skip


def packet_bytes(packet: Mapping[str, Any]) -> bytes:
    """The packet as it is signed: the same bytes for the same packet."""
    return msgspec.json.encode(packet, order="sorted", enc_hook=str)


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def build_packet(
    settings: Settings, status: Status, assets: Sequence[Mapping[str, str]], by: str, now: int, good_days: int = GOOD_DAYS
) -> dict[str, Any]:  # fmt: skip
    """The packet of a run as it stands."""
    folder, run = Path(settings.server.data), status.run
    word = GO if status.is_go else STOP
    stands = standing(settings, run.dataset, [e.name for e in run.plan.event], now)
    items = list(evidence_chain(_evidence(status)))
    name = next((d.name for d in settings.dataset if d.id == run.dataset and d.name), "")
    body: dict[str, Any] = {
        "format": FORMAT,
        "twofold": __version__,
        "key": public_key(folder),
        "made_at": now,
        "made_by": by,
        "run": {
            "code": run.code, "dataset": run.dataset, "dataset_name": name, "begun_at": run.at, "begun_by": run.by,
            "plan": msgspec.to_builtins(run.plan),
        },
        "decision": {
            "word": word, "for": run.about.decision, "owner": run.about.owner, "next_review": run.about.review,
            "expires": now + good_days * 86_400 if word == GO else None,
        },
        "answers": [{"question": q, "answer": a} for q, a in zip(QUESTIONS, _answers(status), strict=True)],
        "criteria": [_criterion(c) for c in status.criteria],
        "to_do": [{**msgspec.to_builtins(d), "what": named(d.what, d, run.code)} for d in duties(status.criteria)],
        "events": _events(status),
        "order": msgspec.to_builtins(status.gathered.order),
        "walk": msgspec.to_builtins(run.walked) if run.walked is not None else None,
        "owners": [msgspec.to_builtins(o) for o in status.owned],
        "day": {"day": status.day, "dataset": status.day_dataset, "witnesses": [msgspec.to_builtins(w) for w in status.witnesses]},
        "assets": [dict(a) for a in assets],
        "uploads": _uploads(folder, run),
        "evidence": {"items": items, "head": items[-1]["link"] if items else GENESIS},
        "standing": msgspec.to_builtins(stands),
    }  # fmt: skip
    body["since_last"] = _since_last(folder, run.dataset, body)
    found: dict[str, Any] = plain(body)
    return found


def plain(value: Any) -> Any:
    """The value as JSON gives it back, so that what is kept and what is read again are one."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))


# -- evidence


def evidence_chain(found: Sequence[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each piece with a link over the piece before and this one."""
    before = GENESIS
    for what, value in found:
        value = plain(value)
        before = link_of(before, what, value)
        yield {"what": what, "value": value, "link": before}


def link_of(before: str, what: str, value: Any) -> str:
    return digest_of(before.encode() + packet_bytes({"what": what, "value": value}))


def is_chained(packet: Mapping[str, Any]) -> bool:
    """Whether the pieces follow each other unaltered, to the head."""
    before = GENESIS
    for item in packet["evidence"]["items"]:
        before = link_of(before, item["what"], item["value"])
        if before != item["link"]:
            return False
    return bool(before == packet["evidence"]["head"])


def _evidence(status: Status) -> list[tuple[str, Any]]:
    gathered = status.gathered
    found: list[tuple[str, Any]] = [
        (f"event {name}", msgspec.to_builtins(actions)) for name, actions in gathered.events.items()
    ]
    found += [
        ("order", msgspec.to_builtins(gathered.order)), ("second load", msgspec.to_builtins(gathered.again)),
        ("refusal", msgspec.to_builtins(gathered.refusal)), ("owners", msgspec.to_builtins(list(status.owned))),
        (f"witnesses {status.day}".strip(), msgspec.to_builtins(list(status.witnesses))),
    ]  # fmt: skip
    if status.run.walked is not None:
        found.append(("walk", msgspec.to_builtins(status.run.walked)))
    found += [(f"step {step}", msgspec.to_builtins(t)) for step, t in sorted(status.run.ticked.items())]
    return found


def _uploads(folder: Path, run: Run) -> list[dict[str, Any]]:
    """What persons showed. Pictures come along, so that the page is whole; of a PDF its digest."""
    found = []
    for step, ticked in sorted(run.ticked.items()):
        if not ticked.file:
            continue
        kind, content = kept_upload(place_of(folder, run.code), ticked.file) or ("missing", b"")
        found.append({
            "step": step, "by": ticked.by, "at": ticked.at, "note": ticked.note, "kind": kind, "sha256": ticked.file,
            "bytes": len(content), "picture": base64.b64encode(content).decode() if kind == "png" else None,
        })  # fmt: skip
    return found


# -- what people read


def _answers(status: Status) -> tuple[str, str, str, str]:
    plan, gathered = status.run.plan, status.gathered
    order = gathered.order
    actions = gathered.events.get(plan.decides, ())
    happened = (
        ", then ".join(e.name for e in plan.event if gathered.events.get(e.name)) or "nothing of the plan was seen"
    )
    if order is not None:
        happened += f". Order {order.number or order.order_id} is {order.paid or order.state.replace('_', ' ')}"
        happened += f", {order.value} {order.currency}" if order.value else ""
    senders = sorted({(c.channel, c.sender) for a in actions for c in a.copies})
    told = "; ".join(f"the {channel} by {sender}" for channel, sender in senders) or "nobody told of it"
    by_name = {c.name: c for c in status.criteria}
    merged, money = by_name["merged"], by_name["money"]
    return (
        f"{happened}.",
        f"{plan.decides}: {told}.",
        f"{_word(merged.state)} {'; '.join(c.said for c in merged.checks)}.",
        f"{_word(money.state)} {'; '.join(c.said for c in money.checks)}.",
    )


def _word(state: State) -> str:
    return {State.PASSED: "Yes:", State.FAILED: "No:", State.UNCHECKED: "Not known:", State.OVERRULED: "Overruled:"}[
        state
    ]


def _criterion(found: Any) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(found)
    return row


def _events(status: Status) -> list[dict[str, Any]]:
    """The event-chain table: real action, both sources, id, what left, and how the event stands."""
    checks = [c for criterion in status.criteria for c in criterion.checks]
    rows = []
    for event in status.run.plan.event:
        actions = status.gathered.events.get(event.name, ())
        own = [c for c in checks if c.event == event.name]
        state = State.FAILED if any(c.state is State.FAILED for c in own) else (
            State.UNCHECKED if any(c.state is State.UNCHECKED for c in own) or not own else State.PASSED
        )  # fmt: skip
        rows.append({
            "name": event.name, "action": event.action, "evidence": event.evidence, "state": state,
            "browser": _sources(actions, BROWSER), "server": _sources(actions, SERVER),
            "ids": sorted({a.event_id for a in actions}), "actions": len(actions),
            "merged": bool(actions) and len(actions) == 1 and all(a.of(BROWSER) and a.of(SERVER) for a in actions),
            "left": [_left(d) for a in actions for d in a.deliveries],
            "said": [f"{c.said}" for c in own],
        })  # fmt: skip
    return rows


def _sources(actions: Sequence[ActionSeen], channel: str) -> list[str]:
    return sorted({c.sender for a in actions for c in a.of(channel)})


def _left(delivery: Any) -> dict[str, Any]:
    last = delivery.tries[-1] if delivery.tries else None
    return {
        "destination": delivery.destination, "state": delivery.state, "reason": delivery.reason,
        "status": last.status if last else None, "trace": last.trace if last else "", "sha256": delivery.digest,
    }  # fmt: skip


# -- the one before


def last_packet(folder: Path, dataset: str, before: str = "") -> tuple[Kept, dict[str, Any] | None] | None:
    """The newest signed packet of a dataset, with its body where its file is still there."""
    found = [
        k for k in kept(folder, ACCEPTANCE_PACKET) if k.facts.get("dataset") == dataset and k.facts["digest"] != before
    ]
    if not found:
        return None
    last = found[-1]
    return last, packet_of_digest(folder, str(last.facts["run"]), str(last.facts["digest"]))


def packet_of_digest(folder: Path, code: str, digest: str) -> dict[str, Any] | None:
    """A kept packet's body; None where its file is gone or is another."""
    try:
        file = (place_of(folder, code) / f"packet-{digest[:16]}.json").read_bytes()
    except OSError:
        return None
    content = file.removeprefix(b'{"packet":').rpartition(b',"seal":')[0]
    if digest_of(content) != digest:
        return None
    found: dict[str, Any] = msgspec.json.decode(content)
    return found


def _since_last(folder: Path, dataset: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    last = last_packet(folder, dataset)
    if last is None:
        return None
    entry, before = last
    changes = [] if before is None else [msgspec.to_builtins(d) for d in differences(before, plain(body))]
    return {"digest": entry.facts["digest"], "at": entry.at, "word": entry.facts["word"], "changes": changes,
            "readable": before is not None}  # fmt: skip


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is another in the second packet. None: it is not in it."""

    what: str
    before: Any
    after: Any


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    """What a reader of two packets wants to know, in the packet's order: not times, numbers of rows and traces."""
    before, after = dict(_told(one)), dict(_told(other))
    for what in dict.fromkeys([*before, *after]):
        if before.get(what) != after.get(what):
            yield Difference(what=what, before=before.get(what), after=after.get(what))


def _told(packet: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("word", "for", "owner", "next_review"):
        yield f"decision {name}", packet["decision"].get(name)
    yield "made by the installation", packet["key"]
    yield "dataset", packet["run"]["dataset"]
    yield "plan", packet["run"]["plan"]["name"]
    for criterion in packet["criteria"]:
        yield f"criterion {criterion['name']}", criterion["state"]
        if criterion["note"]:
            yield f"criterion {criterion['name']}: overruled", f"{criterion['by']}: {criterion['note']}"
        for check in criterion["checks"]:
            if check["state"] != State.PASSED:
                yield (
                    f"{criterion['name']}: {check['name']} {check['event']}".rstrip(),
                    f"{check['state']}: {check['said']}",
                )
    for event in packet["events"]:
        yield f"{event['name']}: sent by", {"browser": event["browser"], "server": event["server"]}
        yield f"{event['name']}: merged", event["merged"]
    for owner in packet["owners"]:
        yield f"{owner['event']}: owner", {"sender": owner["primary"], "person": owner["person"]}
    for part in ("config", "token", "tag"):
        yield f"fingerprint of the {part}", packet["standing"][part]
    for asset in packet["assets"]:
        yield f"asset {asset['what']}", {"name": asset["name"], "state": asset["state"]}


# -- whether a go still holds


def over(settings: Settings, entry: Kept, now: int) -> tuple[str, ...]:
    """Why a signed go holds no more; nothing while it does. Of a stop: nothing."""
    facts = entry.facts
    if facts["word"] != GO:
        return ()
    events = facts["events"]
    now_stands = standing(settings, str(facts["dataset"]), events, now)
    found = why_over(msgspec.convert(facts["standing"], Standing), now_stands)
    said = f"its {(facts['expires'] - entry.at + 43_200) // 86_400} days are over"
    return (*((said,) if now >= facts["expires"] else ()), *found)


def yesterday(zone: Any, now: int) -> str:
    """The last whole day in the shop's zone: the one whose witnesses have spoken, if any have."""
    day: date = datetime.fromtimestamp(now, zone).date() - timedelta(days=1)
    return day.isoformat()
