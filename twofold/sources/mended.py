"""A body whose texts a strict reader refuses, read once more with its texts mended: for webhooks and for files of them.

Owns when that is tried and what is said of it. The signature was checked over the bytes as they came; what a text becomes is
`event.mending`'s, what the body means its source's.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from twofold.event.json import read_json
from twofold.event.mending import Mender
from twofold.event.refusal import DropReason, Refusal
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions

_OF_TEXTS = frozenset({DropReason.SYNTAX, DropReason.TOO_LARGE})
_EVENTS = 100  # times the keys of one event: the sources have limits of their own
_encode_exact = msgspec.json.Encoder(decimal_format="number").encode


def read_mended(
    source: Source, body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int
) -> tuple[Reading | Refusal | Ignored, list[str]]:
    """What the source reads, and one sentence for each text that was mended for it."""
    found = source.read(body, headers, options, now_ms)
    if not isinstance(found, Refusal) or found.reason not in _OF_TEXTS:
        return found, []
    mender = Mender()
    tree = read_json(body, events=_EVENTS, mender=mender)
    if isinstance(tree, Refusal) or not (mender.notes or mender.reread):
        return found, []
    return source.read(_encode_exact(tree), headers, options, now_ms), mender.sentences()
