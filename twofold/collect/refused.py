"""Refused copies and bodies as rows to keep: the reason, the field, and the text masked.

Owns what of a refused thing may be kept. Why it was refused is decided elsewhere.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, to_builtins
from msgspec.json import encode as encode_json

from twofold.event.contact import names_somebody
from twofold.event.refusal import Refusal
from twofold.event.scrub import mask_body
from twofold.store.engine import RefusedRow


class RefusedCopy(Struct, frozen=True):
    """A refusal with the element it is about, so that its row shows that element and not its neighbours."""

    refusal: Refusal
    item: Any = None


def refused_row(now: int, entry: str, dataset: str, refusal: Refusal, body: bytes) -> RefusedRow:
    return RefusedRow(
        received_at=now,
        door=entry,
        dataset=dataset,
        event_name="",
        event_id="",
        reason=refusal.reason,
        batch_index=refusal.index,
        path=refusal.path,
        expected=refusal.expected,
        got=refusal.got,
        size=len(body),
        body=mask_body(body),
    )


def copy_row(now: int, entry: str, dataset: str, copy: RefusedCopy, body: bytes) -> RefusedRow:
    """The row of one refused element: its own masked text, and its name and id where they are harmless.

    An element that could not be read at all is shown by the whole body.
    """
    item = copy.item if isinstance(copy.item, dict) else to_builtins(copy.item) if copy.item is not None else {}
    item = item if isinstance(item, dict) else {}
    text = body if copy.item is None else encode_json(copy.item)
    row = refused_row(now, entry, dataset or label(item.get("dataset")), copy.refusal, text)
    return row._replace(event_name=label(item.get("event_name")), event_id=label(item.get("event_id")), size=len(body))


def label(value: Any) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text[:256] if text.isprintable() and not names_somebody(text) else ""
