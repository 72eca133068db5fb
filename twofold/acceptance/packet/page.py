"""A packet as one page that needs nothing else, reads without scripts and prints on A4.

Owns how a packet looks and the packet's own bytes in the page, from which its digest can be made again. What is in it was
written by others in part: everything is escaped, pictures stand in a frame that may do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import jinja2
import msgspec

from twofold.acceptance.criteria import Card
from twofold.acceptance.packet.body import CARD_NAMES, packet_bytes
from twofold.senders.kinds import RESPONSIBLE

EMBEDDED = rb'<script type="application/json" id="packet">(.*?)</script>'
FOR = {"launch": "launch", "scale": "scale", "structure": "change of structure"}


def page_of(packet: Mapping[str, Any], digest: str) -> bytes:
    """The page's bytes, without a seal."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(time=_time, day=_day, words=lambda text: str(text).replace("_", " "), pretty=_pretty)
    text = resources.files("twofold.acceptance.packet").joinpath("packet.html").read_text(encoding="utf-8")
    cards = [(CARD_NAMES[card], [c for c in packet["criteria"] if c["card"] == card]) for card in Card]
    whole = environment.from_string(text).render(
        p=packet, digest=digest, cards=cards, decision_for=FOR, kinds={k.value: r.title for k, r in RESPONSIBLE.items()}
    )
    embedded = packet_bytes(packet).replace(b"<", b"\\u003c")
    return whole.encode().rstrip(b"\n") + b'\n<script type="application/json" id="packet">' + embedded + b"</script>\n"


def _time(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _day(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _pretty(value: Any) -> str:
    """In one order of names, so that the packet that is read again gives the same page."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1).decode()
