"""What ``--json`` promises: the shape of every line, one class a kind of line, and which command prints which.

Owns names and meanings; `docs/json.md` is written from here, and every printed line is one of these. Money and ratios are
decimal text, never floats; times are whole Unix seconds. A field may be added, none renamed or dropped before 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from twofold import __version__

Time = Annotated[int, Meta(description="Unix s")]
Text = str
Amount = Annotated[str, Meta(description="decimal text")]
Ratio = Annotated[str, Meta(description="decimal text")]
_MS_FIELDS = {
    "received_at", "created_at", "due_at", "settled_at", "started_at", "ended_at", "tried_at", "requested_at",
    "cleared_at", "done_at",
}  # fmt: skip
_SURELY_MS = 100_000_000_000  # as seconds this is the year 5138: what is larger is in milliseconds


class Row(Struct, kw_only=True, tag_field="row"):
    """One line. Further fields may come with a later version."""


class About(Row, kw_only=True, tag="about"):
    """The first line of a report: what was asked, of which time, under which view."""

    command: Text
    version: Text = __version__
    dataset: Text | None = None  # None: all of them
    since: Time | None = None
    until: Time | None = None
    timezone: Text = "UTC"
    currency: Text | None = None  # None: each row has its own
    view: Text | None = None
    as_of: Time | None = None
    missing: dict[str, Any] = {}  # share of what the report rests on that is not there


class Version(Row, kw_only=True, tag="version"):
    """The version of the program."""

    version: Text


class Listening(Row, kw_only=True, tag="listening"):
    """A server takes requests at this address from now on."""

    what: Text  # gateway or sandbox
    address: Text


class Measure(Row, kw_only=True, tag="measure"):
    """One way of counting the demo's purchases."""

    measured_by: Text
    purchases: int
    value: Amount
    currency: Text
    expected: bool | None = None  # is it what it had to be? Only for the line that Twofold answers for


class Line(Row, kw_only=True, tag="line"):
    """One thing that was looked at."""

    name: Text
    state: Text  # ok: in order; do: something must be done; look: somebody should look
    text: Text
    command: Text | None = None  # what mends it
    file: Text | None = None
    line: int | None = None


class Check(Row, kw_only=True, tag="check"):
    """Two sums that must be equal."""

    name: Text
    left: int
    right: int
    holds: bool
    note: Text = ""


class Event(Row, kw_only=True, tag="event"):
    """One copy, as it was journalled."""

    position: int
    received_at: Time
    dataset: Text
    event_name: Text
    event_id: Text
    event_time: Time
    channel: Text
    sender: Text
    tier: int
    verdict: Text
    action: int
    late: bool
    match_keys: list[Text]


class Action(Row, kw_only=True, tag="action"):
    """What a shopper did once."""

    id: int
    dataset: Text
    event_name: Text
    event_id: Text
    fold_key: Text
    event_time: Time
    created_at: Time
    due_at: Time
    copies: int
    late: int
    tier: int
    channels: list[Text]
    consent: Text
    value: Amount | None
    currency: Text | None
    order_id: Text | None
    merged_into: int | None
    match_keys: list[Text]
    state: Text


class Delivery(Row, kw_only=True, tag="delivery"):
    """One action for one destination. ``status``, ``code`` and ``took_ms`` are those of the last attempt."""

    id: int
    action: int
    destination: Text
    dataset: Text
    event_name: Text
    event_id: Text
    order_id: Text | None = None
    value: Amount | None = None
    currency: Text | None = None
    created_at: Time | None = None
    state: Text
    reason: Text
    attempts: int
    tried_at: Time | None = None  # the last attempt's beginning
    status: int | None = None  # HTTP
    code: Text | None = None
    took_ms: int | None = None
    due_at: Time  # of a waiting one: when it is tried next
    settled_at: Time | None
    keys: list[Text]
    stitched: list[Text]
    marks: list[Text]


class Sent(Row, kw_only=True, tag="request"):
    """The request of a delivery: the bytes that each of its attempts carries, with the address masked."""

    delivery: int
    endpoint: Text | None  # None: the destination is not in the configuration that was read
    bytes: int | None  # None: nothing was frozen yet, or retention has emptied it
    emptied: bool
    payload: Any = None


class Attempt(Row, kw_only=True, tag="attempt"):
    """One request and what came back."""

    delivery: int
    started_at: Time
    took_ms: int
    outcome: Text
    status: int | None
    code: Text
    decision: Text
    answer: Text  # the platform's words as they were kept, at most 300 characters


class Refused(Row, kw_only=True, tag="refused"):
    """A copy or body that was not taken, with its reason."""

    id: int
    received_at: Time
    entry: Text
    dataset: Text
    event_name: Text
    event_id: Text
    reason: Text
    index: int | None
    path: Text
    expected: Text
    got: Text
    size: int
    body: Text


class Restored(Row, kw_only=True, tag="restored"):
    """What a restore put back; the checks of `verify` follow."""

    position: int  # the last one that is there
    missing_from: int | None
    missing_to: int | None
    erased_again: int


class AcceptedLoss(Row, kw_only=True, tag="accepted"):
    """The loss that was accepted; nothing was when ``what`` is empty."""

    what: Text
    missing_from: int | None
    missing_to: int | None


class Watermark(Row, kw_only=True, tag="watermark"):
    """Up to which position events were acknowledged, as kept outside the database, and what is missing of them."""

    position: int | None = None  # None: there is no mark, or none that can be read
    run: int | None = None  # how often the folder had been opened
    closed: bool | None = None  # whether it was closed in order
    problem: Text = ""  # with the file
    missing: Text = ""  # in words; empty when nothing is
    missing_from: int | None = None
    missing_to: int | None = None


class Revived(Row, kw_only=True, tag="revived"):
    """How many dead deliveries wait again."""

    revived: int


class QuarantineDone(Row, kw_only=True, tag="quarantine"):
    """What was done with deliveries that were kept back."""

    act: Text  # release or drop
    deliveries: int


class Order(Row, kw_only=True, tag="order"):
    """One order and what became of its Purchase."""

    dataset: Text
    order_id: Text
    placed_at: Time
    state: Text
    since: Time | None
    value: Amount | None
    currency: Text | None
    method: Text
    purchase: Text
    reason: Text
    sources: list[Text]


class OrderShown(Row, kw_only=True, tag="order"):
    """One order with all that is known of it."""

    dataset: Text
    order_id: Text
    placed_at: Time
    state: Text
    standing: Text
    reason: Text
    since: Time | None
    method: Text
    counts_when: Text
    value: Any
    known: Any
    action: int | None
    outcomes_told: list[Text]


class Step(Row, kw_only=True, tag="step"):
    """What was reported about an order, when it happened and when it came in."""

    at: Time
    link: Text | None = None
    what: Text
    evidence: Text
    reference: Text
    received_at: Time
    said: Any
    amount: Amount | None = None


class Copy(Row, kw_only=True, tag="copy"):
    """A copy of the action that an order stands for."""

    position: int
    received_at: Time
    channel: Text
    sender: Text
    tier: Text
    verdict: Text
    event_name: Text
    event_id: Text
    late: bool


class OrderDelivery(Row, kw_only=True, tag="delivery"):
    """A delivery of the action that an order stands for."""

    delivery: int
    destination: Text
    state: Text
    reason: Text
    attempts: int
    due_at: Time
    settled_at: Time | None
    event_id: Text
    marks: list[Text]
    event_name: Text


class CheckedOrder(Row, kw_only=True, tag="order"):
    """A Purchase held against its order."""

    dataset: Text
    order_id: Text
    destination: Text
    verdict: Text
    reason: Text
    sent: Amount | None
    sent_currency: Text | None
    due: Amount | None
    currency: Text | None
    difference: Amount | None
    parts: dict[str, Any]
    irrevocable: bool
    event_id: Text


class CheckedSum(Row, kw_only=True, tag="sum"):
    """All orders of one verdict and reason."""

    dataset: Text
    destination: Text
    verdict: Text
    reason: Text
    currency: Text
    orders: int
    sent: Amount
    due: Amount
    difference: Amount


class Quality(Row, kw_only=True, tag="quality"):
    """Match quality of one event name, in the words of Meta's Dataset Quality API where it has them."""

    dataset: Text
    event_name: Text
    events: int
    estimated_score: Ratio | None
    estimated_score_before: Ratio | None
    match_key_feedback: list[Any]
    dedupe_key_feedback: dict[str, Any]
    event_coverage: dict[str, Any]
    browser_events: int
    server_events: int
    data_freshness: dict[str, Any]
    sampled: int
    drops: list[Text]
    note: Text


class Stitching(Row, kw_only=True, tag="stitching"):
    """How often orders without a browser found their visit."""

    dataset: Text
    event_name: Text
    events: int
    stitched: int
    rate: Ratio
    keys_before: Ratio
    keys_after: Ratio
    by: dict[str, int]
    taken: dict[str, int]
    reasons: dict[str, int]


class MatchKey(Row, kw_only=True, tag="match_key"):
    """One value under every rule, and what is sent of it."""

    line: int | None = None
    key: Text
    given: Any
    rules: dict[str, Any]
    agree: list[list[Text]]
    sent: list[Text]
    reason: Text


class Column(Row, kw_only=True, tag="column"):
    """One column of a file that was hashed."""

    field: Text
    column: Text
    given: int
    hashed: int
    already: int
    unusable: int
    broken: int
    apart: int


class Sender(Row, kw_only=True, tag="sender"):
    """Another sender that a page shows."""

    who: Text
    platform: Text
    channel: Text
    ids: Text
    certain: bool
    evidence: Text
    means: Text
    do: Text
    accounts: list[Text]
    ends: Text


class Consent(Row, kw_only=True, tag="consent"):
    """What was done with a person's consent in one dataset, or how one of its marks stands."""

    dataset: Text
    act: Text
    marks: int | None = None
    kind: Text | None = None
    state: Text | None = None
    at: Time | None = None


class ClockState(Row, kw_only=True, tag="clock"):
    """How far the machine's clock is believed: `ok` or `doubted`."""

    state: Text
    off_by_s: int | None = None
    against: Text | None = None
    believed_in_s: int | None = None
    time: Time | None = None  # what the gateway goes by


class Imported(Row, kw_only=True, tag="file"):
    """The file, and how it was read."""

    file: Text
    kind: Text  # orders or sales
    format: Text
    title: Text
    sha256: Text
    dry_run: bool
    recognised: dict[str, Text]
    notes: list[Text]
    resumed_after: int


class ImportSum(Row, kw_only=True, tag="sum"):
    """What the file came to, in orders; ``rows``, ``refused`` and ``skipped`` count rows of the file."""

    rows: int
    orders: int
    again: int
    events: int
    new: int | None
    known: int | None
    young: int
    refused: dict[str, int]
    skipped: dict[str, int]
    warnings: dict[str, int]
    not_sendable: dict[str, int]


class ImportMoney(Row, kw_only=True, tag="money"):
    """Money of the file in one currency."""

    currency: Text
    orders: int
    total: Amount
    tax: Amount
    shipping: Amount
    discount: Amount
    refunded: Amount
    paid_orders: int
    paid_total: Amount
    cancelled_orders: int
    cancelled_total: Amount
    test_orders: int
    test_total: Amount


class ImportRefused(Row, kw_only=True, tag="refused"):
    """A row, or part of one, that was not understood."""

    kind: Text
    line: int
    column: Text
    reason: Text
    expected: Text
    got: Text


class PrivacyRequest(Row, kw_only=True, tag="request"):
    """A request of a person that is not done."""

    id: Text
    kind: Text
    state: Text
    requested_at: Time
    requested_by: Text
    dataset: Text | None
    named: Text


class Found(Row, kw_only=True, tag="found"):
    """What an erasure would take."""

    events: int
    mentions: int
    actions: int
    orders: int
    refused: int
    shared_identifiers: int


class OpenRow(Row, kw_only=True):
    """A line whose further fields are those of the thing that is held."""

    open: ClassVar[bool] = True
    rest: dict[str, Any] = {}


class Receipt(OpenRow, kw_only=True, tag="receipt"):
    """What an erasure did: counts by place, when, who asked, and where the chains stood."""


class Shared(OpenRow, kw_only=True, tag="shared"):
    """What was shared of one action with one destination: keys, consent, attempts."""


class Held(OpenRow, kw_only=True, tag="event"):
    """What is held of a person: ``row`` is event, action, shared, order or report."""


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "version": (Version,),
    "serve": (Listening,),
    "sandbox": (Listening,),
    "demo": (Measure,),
    "check": (Line,),
    "verify": (Check,),
    "events": (Event,),
    "actions": (Action,),
    "deliveries": (Delivery,),
    "deliveries show": (Delivery, Sent, Attempt),
    "refused": (Refused,),
    "revive": (Revived,),
    "restore": (Restored, Check),
    "watermark show": (Watermark,),
    "watermark accept": (AcceptedLoss,),
    "quarantine list": (Delivery,),
    "quarantine release": (QuarantineDone,),
    "quarantine drop": (QuarantineDone,),
    "orders list": (About, Order),
    "orders show": (About, OrderShown, Step, Copy, OrderDelivery),
    "orders check": (About, CheckedOrder, CheckedSum),
    "quality": (About, Quality),
    "stitching": (About, Stitching),
    "import orders": (Imported, ImportSum, ImportMoney, ImportRefused),
    "import sales": (Imported, ImportSum, ImportMoney, ImportRefused),
    "explain-match": (MatchKey,),
    "hash": (Column,),
    "shopify-senders": (Sender,),
    "consent withdraw": (Consent,),
    "consent grant": (Consent,),
    "consent show": (Consent,),
    "clock show": (ClockState,),
    "clock accept": (ClockState,),
    "erase": (Found, Receipt),
    "export-subject": (Held,),
    "privacy-requests": (PrivacyRequest,),
    "shared": (Shared,),
}
"""Every command with ``--json`` and the lines it prints, in the order in which they come."""


def row_of(kind: type[Row], values: Mapping[str, Any] | Struct) -> Row:
    """A line of this kind; times that the store keeps in milliseconds become seconds. Unknown fields are a bug."""
    given = msgspec.structs.asdict(values) if isinstance(values, Struct) else dict(values)
    plain = {name: _seconds(name, value) for name, value in given.items()}
    if issubclass(kind, OpenRow):
        return kind(rest=plain)
    return kind(**plain)


def encode_rows(rows: Iterable[Row]) -> Iterable[bytes]:
    """One JSON object a row."""
    for row in rows:
        tree: dict[str, Any] = _exact(msgspec.to_builtins(row, builtin_types=(Decimal,)))
        if isinstance(row, OpenRow):
            rest = tree.pop("rest")
            tree = {"row": rest.pop("row", tree["row"])} | rest
        yield msgspec.json.encode(tree)


def _seconds(name: str, value: Any) -> Any:
    """Also in what is nested: the attempts of a delivery."""
    if name in _MS_FIELDS and isinstance(value, int) and value > _SURELY_MS:
        return value // 1000
    if isinstance(value, dict):
        return {key: _seconds(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_seconds(name, inner) for inner in value]
    return value


def _exact(value: Any) -> Any:
    """Floats and decimals as decimal text, at any depth: who reads them can be exact."""
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(inner) for inner in value]
    return value
