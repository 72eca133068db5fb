"""One finding: what is wrong, how much it touches, since when, and what somebody said of it.

Owns the value, its order, and when it comes back: what was called mended is open again as soon as it is seen again; what
was accepted is asked about again after `ACCEPTED_S`. Pure. Times are Unix s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from twofold.report.kept import Kept

ACCEPTED_S = 28 * 86_400


class Kind(StrEnum):
    """What sort of thing is wrong; its words are `words.WORDS`."""

    GIVEN_UP = "given_up"  # deliveries that the platform refused, or that were tried for too long
    STUCK = "stuck"  # deliveries that should have left
    NO_PURCHASE = "no_purchase"  # orders of which no Purchase was made
    KEPT_BACK = "kept_back"  # Purchases for which nobody vouches, robots, limits
    WRONG_VALUE = "wrong_value"  # Purchases told with money that nothing explains
    NOT_MEETING = "not_meeting"  # browser and server copies under different ids
    TWO_OWNERS = "two_owners"  # two senders tell the same event on one channel
    OTHER_CONTENT = "other_content"  # same id, other money or goods
    NO_BROWSER = "no_browser"  # Purchases that no browser told
    NO_SERVER = "no_server"  # Purchases that no server told
    STOPPED = "stopped"  # an event that came and comes no more
    NEW_SENDER = "new_sender"
    WEBHOOK_SECRET = "webhook_secret"
    NOT_LET_IN = "not_let_in"  # wrong key or dataset
    FOREIGN_SITE = "foreign_site"  # browsers on a site that is not listed
    MALFORMED = "malformed"  # bodies that cannot be taken as they are
    KEY_LOST = "key_lost"
    SCORE_FELL = "score_fell"
    PERSON_UNKNOWN = "person_unknown"
    VISIT_MISSING = "visit_missing"  # address or browser of the shopper
    SERVER_ADDRESS = "server_address"
    LATE = "late"
    CLOCK = "clock"
    CLICK_BROKEN = "click_broken"
    FILLER = "filler"  # contact values that stand for nobody
    MONEY_UNCLEAR = "money_unclear"
    GOODS_BROKEN = "goods_broken"
    IN_THE_CLEAR = "in_the_clear"
    MISSPELT = "misspelt"
    PAGE_MISSING = "page_missing"
    ORDER_NUMBER = "order_number"
    BLOCKED = "blocked"  # fewer browsers tell anything at all
    CONSENT = "consent"  # many more orders come without consent than before
    BUTTON = "button"  # a Purchase is told on pages before the checkout
    ORDER_UNKNOWN = "order_unknown"  # pages tell order numbers that the shop does not know
    RELOADED = "reloaded"  # pages tell one Purchase again and again
    FUNNEL = "funnel"  # a later step is told more often than the one before it
    FEWER = "fewer"  # one event of the way to an order comes much less often beside the others
    PAGE_MONEY = "page_money"  # other senders say another value or currency than the order's
    LATE_SENDER = "late_sender"  # a sender's copies come hours later
    ZONE = "zone"  # a sender's times are off by whole hours
    TOKEN = "token"  # the platform takes the token no more
    TOKEN_ENDS = "token_ends"  # the day of its end is known, and near
    DATASET_DENIED = "dataset_denied"  # the token may not write to the dataset, or there is none of this number
    TEST_CODE = "test_code"  # what leaves carries a test code
    TEST_ORDERS = "test_orders"  # the shop's own tests are told like orders
    TOPIC_SILENT = "topic_silent"  # a webhook topic comes no more
    CLICK_STRIPPED = "click_stripped"  # paid visits come without a click id
    ROBOTS = "robots"  # robots go through the whole shop
    RESTATED = "restated"  # a platform says something else of days that were over
    IDS_ANEW = "ids_anew"  # a server tells what the browser told, under ids of its own
    PROPERTY_TYPE = "property_type"  # a property comes as another type than before, or than declared
    PROPERTY_LOST = "property_lost"  # a property comes no more
    UNDECLARED = "undeclared"  # an event comes that nobody declared


class When(StrEnum):
    """How soon somebody should look."""

    NOW = "now"  # events, orders or money are lost
    WEEK = "week"  # worth less than it could be
    ACCEPTED = "accepted"  # known, and meant so


class Finding(Struct, frozen=True, kw_only=True):
    """``about``: what tells two of one kind apart, such as a reason. ``events`` of ``of`` that were looked at."""

    kind: Kind
    about: str = ""
    when: When
    events: int
    of: int
    orders: int = 0
    money: tuple[tuple[str, Decimal], ...] = ()
    parts: tuple[tuple[str, int], ...] = ()  # event names, the most touched first
    marks: tuple[str, ...] = ()  # the platform's own names for it
    since: int
    last: int
    link: str  # the page with the rows
    state: str = "open"  # open, again, accepted, mended
    said_by: str = ""
    said_at: int = 0
    why: str = ""
    because: str = ""  # the key of the finding that it follows from
    evidence: tuple[tuple[str, str], ...] = ()  # a name of `words.EVIDENCE`, and what was seen

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.about}" if self.about else self.kind.value


def with_states(findings: Sequence[Finding], said: Sequence[Kept], now: int) -> list[Finding]:
    """The findings as people left them, the most pressing first."""
    last = {str(entry.facts.get("cause")): entry for entry in said}
    found = []
    for finding in findings:
        entry = last.get(finding.key)
        if entry is None:
            found.append(finding)
            continue
        facts = entry.facts
        state = state_of(str(facts.get("act", "")), entry.at, finding.last, now)
        when = When.ACCEPTED if state == "accepted" else finding.when
        found.append(
            replace(finding, state=state, when=when, said_by=str(facts.get("by", "")), said_at=entry.at, why=str(facts.get("why", "")))
        )  # fmt: skip
    return sorted(found, key=_pressing)


def state_of(act: str, at: int, last: int, now: int) -> str:
    """What an entry of the log means for a finding that was seen last at ``last``."""
    if act == "mended":
        return "again" if last > at else "mended"
    if act == "accepted":
        return "accepted" if now - at < ACCEPTED_S else "again"
    return "open"


def _pressing(finding: Finding) -> tuple[bool, int, int, float, str]:
    order = (When.NOW, When.WEEK, When.ACCEPTED).index(finding.when)
    return bool(finding.because), order, -finding.orders, -finding.events / max(1, finding.of), finding.key


def parts_of(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def sums_of(money: Mapping[str, Decimal]) -> tuple[tuple[str, Decimal], ...]:
    return tuple(sorted(money.items()))


def add_money(sums: dict[str, Decimal], value: str | None, currency: str | None) -> None:
    """Money as the action keeps it; what has no currency is no money."""
    if value and currency:
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(value)
