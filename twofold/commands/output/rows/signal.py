"""Lines about how good the signal is: match quality, stitching, values under each rule, who sends what."""

from __future__ import annotations

from typing import Any

from msgspec import field

from twofold.commands.output.rows.row import About, Ratio, Row, Text, Time


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


class DestinationRow(Row, kw_only=True, tag="destination"):
    """One platform as it is configured, or as it would be."""

    destination: Text
    platform: Text
    title: Text
    dataset: Text
    endpoint: Text
    version: Text
    version_ends: Text | None = None
    only: list[Text]
    purposes: list[Text]
    configured: bool
    hold_s: dict[str, Text] = field(default_factory=dict)
    counts_when: Text = ""
    value: Text = "revenue"


class DestinationTold(Row, kw_only=True, tag="destination_told"):
    """What one platform would get of an event: its bytes as a tree, or why nothing leaves."""

    destination: Text
    platform: Text
    event_name: Text
    name: Text
    reason: Text
    meaning: Text
    payload: Any
    hold_ms: int
    counts_when: Text
    worth: Text  # why it is told another value than the order's revenue


class Undeclared(Row, kw_only=True, tag="undeclared"):
    """An event, or a property of one, that came and is neither documented nor declared. ``of_strangers``: told by browsers for whom
    nobody vouches. ``types``: of the last four weeks."""

    dataset: Text
    event_name: Text
    property: Text
    events: int
    of_strangers: int
    types: dict[str, int]
    first_at: Time
    last_at: Time


class DestinationPart(Row, kw_only=True, tag="destination_part"):
    """One part of that event at one platform: whether it leaves, and why not."""

    destination: Text
    platform: Text
    part: Text
    leaves: bool
    why: Text


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


class Sending(Row, kw_only=True, tag="sender"):
    """One event of one sender; ``event`` is empty where no side says which. ``primary``: whether it is meant to send it, null
    while nobody can say; ``expected``: null while nobody said what is. ``sides``: pages, browser, journal."""

    event: Text
    sender: Text
    sender_class: Text = field(name="class")
    script: Text
    owner: Text
    primary: bool | None
    expected: bool | None
    events: int
    id_given: bool | None
    merges_with: list[Text]
    first_seen: Time
    last_seen: Time
    platform: Text
    account: Text
    sides: list[Text]
    channel: Text
    responsible: Text
    risk: Text
    certain: bool
    apart_from: list[Text]
    chain: list[Text]
    place: Text
    evidence: Text
    means: Text
    do: Text
    ends: Text
    new: bool


class Walked(Row, kw_only=True, tag="walk"):
    """How a browser's walk went. ``whole`` is false where it ended before its end, and ``ended`` says why; ``libraries``: by which
    script the platforms' own were asked for."""

    whole: bool
    ended: Text
    took_s: float
    notes: list[Text]
    steps: list[dict[str, Any]]
    calls: int
    libraries: list[dict[str, Any]]


class InventoryFinding(Row, kw_only=True, tag="finding"):
    """What is wrong with who sends what. ``fault`` not_looked: a side that was not asked, and no fault."""

    id: Text
    fault: Text
    account: Text
    event: Text
    senders: list[Text]
    since: Time | None
    text: Text
    do: Text
    who: Text


class Expected(Row, kw_only=True, tag="expected"):
    """What was said of one event of one sender."""

    account: Text
    event: Text
    sender: Text
    expected: bool
    primary: bool
    person: Text


class WhyFinding(Row, kw_only=True, tag="finding"):
    """One finding of the router. ``checked``: what the first check found by itself. ``because``: the finding it follows from."""

    id: Text
    symptom: Text
    rank: int
    title: Text
    when: Text
    state: Text
    since: int
    last: int
    share: Ratio | None
    events: int
    of: int
    orders: int
    amount: dict[str, Text]
    evidence: dict[str, Text]
    first_check: Text
    command: Text
    checked: dict[str, Text]
    do_not_yet: Text
    who: Text
    because: Text
    docs: Text


class StatusLine(Row, kw_only=True, tag="line"):
    """The freeze flag (``name`` freeze, ``state`` standing or clear), then a finding each for whose sake something must wait."""

    name: Text
    state: Text
    since: int | None
    do_not_yet: Text


class PlantedFault(Row, kw_only=True, tag="planted"):
    """A fault of a signal world and the finding that names it (``rank`` 0: none). Without ``fault``: a finding of nothing planted."""

    fault: Text
    rank: int
    first: bool
    finding: Text


class ReviewFigure(Row, kw_only=True, tag="figure"):
    """One figure of the last seven days beside the seven before. ``unit``: share (of 1), score (of 10) or count; ``state``:
    better, worse, same, new (nothing before) or none."""

    name: Text
    now: Ratio | None
    before: Ratio | None
    unit: Text
    state: Text
    role: Text


class ReviewGo(Row, kw_only=True, tag="go", rename={"purpose": "for"}):
    """The newest signed go for a purpose. ``state``: stands, ending (within a week) or over; ``why``: what ended it."""

    dataset: Text
    purpose: Text
    run: Text
    state: Text
    signed: Time
    expires: Time
    why: list[Text]


class AlertSent(Row, kw_only=True, tag="alert"):
    """A test message to one address. ``problem``: empty when it was taken."""

    name: Text
    type: Text
    sent: bool
    problem: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "quality": (
        About,
        Quality,
    ),
    "stitching": (
        About,
        Stitching,
    ),
    "destinations": (DestinationRow, DestinationTold, DestinationPart),
    "schema": (Undeclared,),
    "why": (About, WhyFinding),
    "status": (About, StatusLine),
    "review": (About, ReviewFigure, WhyFinding, ReviewGo),
    "alert test": (AlertSent,),
    "explain-match": (MatchKey,),
    "hash": (Column,),
    "senders": (About, Sending, InventoryFinding, Walked),
    "senders expect": (Expected,),
    "shopify-senders": (Sender,),
}
