"""Why the collector refuses a copy: a closed list of drop reasons and the value that carries one.

Owns the words and Meta's error numbers for them. Says nothing about HTTP and keeps no personal data:
``got`` describes a contact value by kind and length only.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct


class DropReason(StrEnum):
    """Each member's meaning is in `MEANING`; docs/drop-reasons.md is made from it."""

    SYNTAX = "syntax"
    ENVELOPE = "envelope"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    WRONG_TYPE = "wrong_type"
    MISSING_EVENT_NAME = "missing_event_name"
    INVALID_EVENT_NAME = "invalid_event_name"
    MISSING_EVENT_TIME = "missing_event_time"
    INVALID_EVENT_TIME = "invalid_event_time"
    EVENT_TOO_OLD = "event_too_old"
    EVENT_IN_FUTURE = "event_in_future"
    MISSING_ACTION_SOURCE = "missing_action_source"
    INVALID_ACTION_SOURCE = "invalid_action_source"
    INVALID_EVENT_ID = "invalid_event_id"
    MISSING_USER_DATA = "missing_user_data"
    TOO_BROAD = "too_broad"
    NOT_HASHED = "not_hashed"
    MISSING_VALUE = "missing_value"
    INVALID_VALUE = "invalid_value"
    MISSING_CURRENCY = "missing_currency"
    INVALID_CURRENCY = "invalid_currency"
    INVALID_MESSAGING = "invalid_messaging"
    UNKNOWN_DATASET = "unknown_dataset"
    BAD_KEY = "bad_key"
    BAD_ORIGIN = "bad_origin"
    BAD_SIGNATURE = "bad_signature"
    UNDECLARED_EVENT = "undeclared_event"
    NOT_AN_ORDER = "not_an_order"
    NOT_FETCHED = "not_fetched"
    WHOLE_BATCH = "whole_batch"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"


# reason -> (what it means and who acts, Meta's subcode or None). Subcodes from 2804xxx are Meta's own
# where a public source names them; 99xxxxx are ours, because Meta's were not found (they are stable).
MEANING: dict[DropReason, tuple[str, int | None]] = {
    DropReason.SYNTAX: ("The body is not the JSON, form or multipart it says it is. The sender must fix it.", 9900001),
    DropReason.ENVELOPE: ("`data` is missing, empty or not a list of events. The sender must fix it.", None),
    DropReason.TOO_LARGE: ("Body, text, number or header is over the limit. The sender must send less.", 9900002),
    DropReason.TOO_MANY: ("More events or keys than one request may carry. The sender must split it.", 9900003),
    DropReason.TOO_DEEP: ("The JSON is nested deeper than any event is. The sender must fix it.", 9900004),
    DropReason.DUPLICATE_KEY: ("The same JSON key stands twice in one object, so its value is a guess.", 9900005),
    DropReason.WRONG_TYPE: ("A field has another type than documented. The sender must fix it.", 9900006),
    DropReason.MISSING_EVENT_NAME: ("`event_name` is missing. The sender must name the event.", 9900010),
    DropReason.INVALID_EVENT_NAME: ("`event_name` is no text, or empty.", 9900011),
    DropReason.MISSING_EVENT_TIME: ("`event_time` is missing. The sender must say when it happened.", 9900012),
    DropReason.INVALID_EVENT_TIME: ("`event_time` is not a Unix time in seconds (milliseconds are common).", 9900013),
    DropReason.EVENT_TOO_OLD: ("`event_time` is older than Meta accepts (7 days; 62 for physical_store).", 2804003),
    DropReason.EVENT_IN_FUTURE: ("`event_time` is more than a day ahead; the sender's clock is wrong.", 9900014),
    DropReason.MISSING_ACTION_SOURCE: ("`action_source` is missing. The sender must say where it happened.", 9900015),
    DropReason.INVALID_ACTION_SOURCE: ("`action_source` is not one of Meta's values.", 9900016),
    DropReason.INVALID_EVENT_ID: ("`event_id` is neither text nor a whole number.", 9900017),
    DropReason.MISSING_USER_DATA: ("`user_data` is missing or empty, so nobody can be matched.", 2804050),
    DropReason.TOO_BROAD: ("`user_data` holds only keys that fit too many people. Add e-mail, phone or ids.", 2804050),
    DropReason.NOT_HASHED: ("A hash-required key looks like a broken hash; neither plain nor SHA-256.", 2804016),
    DropReason.MISSING_VALUE: ("A Purchase needs `custom_data.value`.", 2804009),
    DropReason.INVALID_VALUE: ("`value` or a price is not a finite, non-negative number.", 9900018),
    DropReason.MISSING_CURRENCY: ("A Purchase needs `custom_data.currency`; there is no default.", 2804010),
    DropReason.INVALID_CURRENCY: ("`currency` is no code of ISO 4217, such as EUR.", 9900019),
    DropReason.INVALID_MESSAGING: ("A business_messaging event lacks its channel or has a name not allowed.", 2804063),
    DropReason.UNKNOWN_DATASET: ("No such dataset is configured here. The operator or the sender must fix the id.", 33),
    DropReason.BAD_KEY: ("The access token is not this dataset's key. The sender must use the right one.", None),
    DropReason.BAD_ORIGIN: ("A browser on a site that is not listed for this dataset sent it.", None),
    DropReason.BAD_SIGNATURE: ("The webhook's signature does not fit. Whoever set the secret must act.", None),
    DropReason.UNDECLARED_EVENT: (
        "The event is no documented one and stands in no [[schema.event]], and `undeclared` is `refuse`. Declare it, or have it sent no more.",
        9900036,
    ),
    DropReason.NOT_AN_ORDER: (
        "The webhook is about nothing that is kept here, such as a product. Nobody must act.",
        None,
    ),
    DropReason.NOT_FETCHED: (
        "A notice named something that its system does not know, or did not give for a week. Nobody must act on a few: whoever knows "
        "the address may send them.",
        None,
    ),
    DropReason.WHOLE_BATCH: ("Another event of the same batch was invalid and `strict` is on.", None),
    DropReason.RATE_LIMITED: (
        "One address, or one event name, sent the pixel more than the dataset's limit. Nobody must act on a flood; for an "
        "office or a proxy the operator raises `trust.events_per_minute` or sets `server.proxies`.",
        None,
    ),
    DropReason.INTERNAL: ("A bug of ours: the copy could not be worked on. Please report it.", None),
}


class Refusal(Struct, frozen=True, kw_only=True):
    """One refused copy. ``index`` is its place in the batch; ``path`` uses dots and [n] from the event."""

    reason: DropReason
    path: str = ""
    expected: str = ""
    got: str = ""
    index: int | None = None

    @property
    def subcode(self) -> int | None:
        return MEANING[self.reason][1]

    def sentence(self) -> str:
        """One sentence: what was expected, what was got, where."""
        where = "" if self.index is None else f"data[{self.index}]"
        if self.path:
            where = f"{where}.{self.path}" if where else self.path
        text = MEANING[self.reason][0]
        if self.expected:
            text = f"expected {self.expected}, got {self.got or 'nothing'}"
        return f"{where}: {text}" if where else text


_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def describe_key(key: str) -> str:
    """A key by its name when it reads like a field's; else hidden, as a key can be contact data too."""
    return key if _FIELD_NAME.fullmatch(key) else "…"


def describe_code(value: object) -> str:
    """What stands where a currency's code was expected; of one that has its form, such as BTC, that no currency has it."""
    looks_like_one = isinstance(value, str) and re.fullmatch(r"\s*[A-Za-z]{3}\s*", value)
    return "three letters that no currency has" if looks_like_one else describe(value)


def describe(value: object) -> str:
    """A value by kind and size, never by content: safe to show for any field."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case str():
            return f"text of {len(value)} characters" if value else "empty text"
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return f"an object of {len(value)} keys"
        case _:
            return "a number"
