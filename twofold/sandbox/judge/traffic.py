"""Diagnostics that need many events: coverage and overlap of keys, hot values, odd money, funnels, lead stages, stores.

Owns the survey (the newest copies with the few fields that are compared) and one test per identifier; each gives the
copies that are affected. The identifiers and their catalogue are in `diagnostics`. **All thresholds but the 75 % of
event coverage are ours**: Meta publishes none.
"""

from __future__ import annotations

import ipaddress
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from twofold.event.click_ids import parse_fbc, strip_appendix
from twofold.sandbox.judge.diagnostics import CATALOGUE_EVENTS
from twofold.sandbox.wire.dedup import DAY_MS, HOUR_MS, MINUTE_MS, Reason, Source, State
from twofold.sandbox.wire.received import Inbox, Received
from twofold.sandbox.wire.rules import is_hash

SURVEYED = 20_000  # newest copies: bounds time and memory of one look
WINDOW_MS = 7 * DAY_MS
MIN_EVENTS = 10  # on each side, before a share says anything
MIN_VALUES = 20
GOAL = 0.75  # documented goal of event coverage
KEY_COVERAGE = 0.75
KEY_OVERLAP = 0.5
HOT_VISITORS, HOT_SHARE = 10, 0.2
CLICK_GAP = 0.2
OUTLIER = 100
MANY_STAGES = 10
LEAD_ID_COVERAGE = 0.5
SESSION_MS = 30 * MINUTE_MS
AGAIN_MS = 10_000


class Sighting(Struct, gc=False):
    """One copy with what the tests compare, in comparable form."""

    copy: Received
    ip: str | None
    em: str | None
    ph: str | None
    click: str | None  # payload of fbc
    lead: bool
    crm: bool
    content: bool
    host: str

    @property
    def event_id(self) -> str | None:
        return self.copy.arrival.event_id

    @property
    def at(self) -> int:
        return self.copy.received_at

    @property
    def order(self) -> str | None:
        return self.copy.arrival.order_id

    @property
    def counted(self) -> bool:
        return self.copy.state is State.PROCESSED

    @property
    def visitor(self) -> str | None:
        """Who it was, as far as the browser or the shop says so."""
        arrival = self.copy.arrival
        return arrival.fbp or (arrival.external_ids[0] if arrival.external_ids else None)


class Group(Struct):
    """All surveyed copies of one dataset and event name, oldest first."""

    name: str
    web: list[Sighting] = []  # server events of a website
    browser: list[Sighting] = []
    store: list[Sighting] = []
    other: list[Sighting] = []

    @property
    def site(self) -> list[Sighting]:
        return [*self.browser, *self.web]

    @property
    def all(self) -> list[Sighting]:
        return [*self.browser, *self.web, *self.store, *self.other]

    def pairs(self) -> list[tuple[Sighting, Sighting]]:
        """(browser, server) copies that carry one event id."""
        browser = {s.event_id: s for s in self.browser if s.event_id}
        return [(browser[s.event_id], s) for s in self.web if s.event_id in browser]


Dataset = dict[str, Group]  # by event name
GroupTest = Callable[[Group], list[Sighting]]
DatasetTest = Callable[[Dataset, int], list[Sighting]]


def survey(inbox: Inbox, now_ms: int) -> dict[str, Dataset]:
    """The newest copies of the last 7 days, by dataset and event name."""
    datasets: dict[str, Dataset] = defaultdict(dict)
    newest = [c for c in islice(inbox.newest(), SURVEYED) if now_ms - c.received_at <= WINDOW_MS]
    for copy in reversed(newest):
        arrival = copy.arrival
        group = datasets[arrival.dataset].setdefault(arrival.event_name, Group(arrival.event_name))
        _list_for(group, copy).append(_sight(copy))
    return datasets


def _list_for(group: Group, copy: Received) -> list[Sighting]:
    if copy.arrival.source is Source.BROWSER:
        return group.browser
    if copy.arrival.source is Source.APP:
        return group.other
    return {"website": group.web, "physical_store": group.store}.get(copy.arrival.action_source, group.other)


def _sight(copy: Received) -> Sighting:
    event = msgspec.json.decode(copy.arrival.event)
    user, custom = _object(event.get("user_data")), _object(event.get("custom_data"))
    click = parse_fbc(user["fbc"]) if isinstance(user.get("fbc"), str) else None
    return Sighting(
        copy=copy,
        ip=_address(user.get("client_ip_address")),
        em=_hash(user.get("em")),
        ph=_hash(user.get("ph")),
        click=click.payload if click else None,
        lead="lead_id" in user,
        crm=custom.get("event_source") == "crm",
        content=bool(custom.get("content_ids") or custom.get("contents")),
        host=_host(copy.arrival.event_source_url),
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _hash(value: Any) -> str | None:
    first = value[0] if isinstance(value, list) and value else value
    return strip_appendix(first).lower() if is_hash(first) else None


def _address(value: Any) -> str | None:
    try:
        return str(ipaddress.ip_address(strip_appendix(value))) if isinstance(value, str) else None
    except ValueError:
        return None


def _host(url: str | None) -> str:
    """The site: the last two labels of the host, three where the second is short (co.uk)."""
    try:
        labels = (urlsplit(url or "").hostname or "").split(".")
    except ValueError:
        return ""
    return ".".join(labels[-3 if len(labels) > 2 and len(labels[-2]) <= 3 else -2 :])


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


# ------------------------------------------------------------------ of one event name


def _both_sides(group: Group) -> bool:
    return len(group.web) >= MIN_EVENTS and len(group.browser) >= MIN_EVENTS


def _key_coverage(group: Group) -> list[Sighting]:
    if not _both_sides(group):
        return []
    without = {s.copy.number: s for side in (group.web, group.browser) for s in side if not s.event_id}
    low = any(
        share(sum(1 for s in side if s.event_id), len(side)) < KEY_COVERAGE for side in (group.web, group.browser)
    )
    return list(without.values()) if low else []


def _key_overlap(group: Group) -> list[Sighting]:
    sides = [[s for s in side if s.event_id] for side in (group.web, group.browser)]
    smaller, larger = sorted(sides, key=len)
    if len(smaller) < MIN_EVENTS:
        return []
    known = {s.event_id for s in larger}
    alone = [s for s in smaller if s.event_id not in known]
    return alone if 1 - share(len(alone), len(smaller)) < KEY_OVERLAP else []


def uncovered(wanted: list[Sighting], by: list[Sighting]) -> list[Sighting]:
    """The copies whose event id no copy of the other side carries."""
    ids = {s.event_id for s in by if s.event_id}
    return [s for s in wanted if s.event_id not in ids]


def _low_coverage(wanted: list[Sighting], by: list[Sighting]) -> list[Sighting]:
    if len(wanted) < MIN_EVENTS or not by:
        return []
    alone = uncovered(wanted, by)
    return alone if 1 - share(len(alone), len(wanted)) < GOAL else []


def _redundant(group: Group) -> list[Sighting]:
    if group.name != "Purchase":
        return []
    orders: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sorted(group.site, key=lambda s: s.copy.number):
        if sighting.counted and sighting.order:
            orders[sighting.order].append(sighting)
    return [s for copies in orders.values() for s in copies[1:] if s.at - copies[0].at <= 2 * DAY_MS]


def _fires_again(group: Group) -> list[Sighting]:
    if group.name == "Purchase":
        return []
    last: dict[tuple[str | None, str | None], int] = {}
    again = []
    for s in group.browser:
        key = (s.copy.arrival.fbp, s.copy.arrival.event_source_url)
        if s.copy.arrival.fbp and s.counted and s.at - last.get(key, -AGAIN_MS - 1) <= AGAIN_MS:
            again.append(s)
        last[key] = s.at
    return again


def _purchases_again(group: Group) -> list[Sighting]:
    if group.name != "Purchase":
        return []
    last: dict[str, Sighting] = {}
    again = []
    for s in group.browser:
        fbp = s.copy.arrival.fbp
        if not fbp or not s.counted:
            continue
        before = last.get(fbp)
        if before and s.at - before.at <= SESSION_MS and (not s.order or not before.order or s.order == before.order):
            again.append(s)
        last[fbp] = s
    return again


def _money_differs(group: Group) -> list[Sighting]:
    def money(s: Sighting) -> tuple[Decimal | None, str | None]:
        return s.copy.arrival.value, s.copy.arrival.currency

    return [v for b, v in group.pairs() if None not in (*money(b), *money(v)) and money(b) != money(v)]


def _two_currencies(group: Group) -> list[Sighting]:
    first: dict[str, str] = {}
    rows = [s for s in group.all if s.order and s.copy.arrival.currency]
    return [
        s for s in rows if first.setdefault(s.order or "", s.copy.arrival.currency or "") != s.copy.arrival.currency
    ]


def _address_differs(group: Group) -> list[Sighting]:
    """Only public addresses of one kind: a browser on this machine shows none."""
    found = []
    for browser, server in group.pairs():
        if not browser.ip or not server.ip or browser.ip == server.ip:
            continue
        ours, theirs = ipaddress.ip_address(browser.ip), ipaddress.ip_address(server.ip)
        if ours.is_global and ours.version == theirs.version:
            found.append(server)
    return found


def _clicks_differ(group: Group) -> list[Sighting]:
    return [v for b, v in group.pairs() if b.click and v.click and b.click != v.click]


def _clicks_missing(group: Group) -> list[Sighting]:
    if not _both_sides(group):
        return []
    shares = [share(sum(1 for s in side if s.click), len(side)) for side in (group.browser, group.web)]
    return [s for s in group.web if not s.click] if shares[0] - shares[1] > CLICK_GAP else []


def _never_associated(group: Group) -> list[Sighting]:
    sent = [s for s in group.web if s.copy.arrival.external_ids]
    if len(sent) < MIN_EVENTS or len(group.browser) < MIN_EVENTS or any(s.copy.arrival.fbp for s in sent):
        return []
    known = {value for s in group.browser for value in s.copy.arrival.external_ids}
    return sent if all(known.isdisjoint(s.copy.arrival.external_ids) for s in sent) else []


def _hot(get: Callable[[Sighting], str | None], who: Callable[[Sighting], str | None]) -> GroupTest:
    """Values that stand for many visitors and for a large share of the events."""

    def affected(group: Group) -> list[Sighting]:
        visitors: dict[str, set[str]] = defaultdict(set)
        for s in group.web:
            value, visitor = get(s), who(s)
            if value and visitor:
                visitors[value].add(visitor)
        crowds = {value for value, seen in visitors.items() if len(seen) >= HOT_VISITORS}
        rows = [s for s in group.web if get(s) in crowds]
        counts = Counter(get(s) for s in rows)
        return [s for s in rows if share(counts[get(s)], len(group.web)) >= HOT_SHARE]

    return affected


def _outliers(group: Group) -> list[Sighting]:
    rows = [s for s in group.all if s.copy.arrival.value]
    if len(rows) < MIN_VALUES:
        return []
    usual = statistics.median(s.copy.arrival.value for s in rows if s.copy.arrival.value)
    return [s for s in rows if s.copy.arrival.value and s.copy.arrival.value > OUTLIER * usual]


def _one_value(group: Group) -> list[Sighting]:
    if group.name != "Purchase":
        return []
    rows = [s for s in group.all if s.counted and s.copy.arrival.value]
    return rows if len(rows) >= MIN_VALUES and len({s.copy.arrival.value for s in rows}) == 1 else []


def _item(s: Sighting) -> tuple[str, str] | None:
    arrival = s.copy.arrival
    return (arrival.order_id, arrival.item_number) if arrival.order_id and arrival.item_number else None


def _items_again(group: Group) -> list[Sighting]:
    seen: set[tuple[str, str]] = set()
    again = []
    for s in group.store:
        item = _item(s)
        if item in seen:
            again.append(s)
        if item:
            seen.add(item)
    return again


def _items_at_two_times(group: Group) -> list[Sighting]:
    first: dict[tuple[str, str], int] = {}
    rows = [(item, s) for s in group.store if (item := _item(s))]
    return [s for item, s in rows if first.setdefault(item, s.copy.arrival.event_time) != s.copy.arrival.event_time]


def _orders_of_two_people(group: Group) -> list[Sighting]:
    first: dict[str, str] = {}
    return [
        s for s in group.store if s.order and first.setdefault(s.order, s.copy.arrival.person) != s.copy.arrival.person
    ]


def _uploaded_again(group: Group) -> list[Sighting]:
    return [s for s in group.store if s.copy.reason is Reason.OFFLINE_REPEAT]


# identifier -> the affected copies of one event name
GROUP_TESTS: tuple[tuple[str, GroupTest], ...] = (
    ("s2s_dedupe_key_low_coverage", _key_coverage),
    ("s2s_dedupe_key_low_overlap", _key_overlap),
    ("s2s_low_event_coverage", lambda g: _low_coverage(g.browser, g.web)),
    ("pixel_low_event_coverage", lambda g: _low_coverage(g.web, g.browser)),
    ("s2s_redundant_events_not_deduped", _redundant),
    ("website_event_session_multiple_events_fire", _fires_again),
    ("website_event_session_multiple_purchase_events_fire", _purchases_again),
    ("pixel_mismatched_value_currency_single_event", _money_differs),
    ("s2s_inconsistent_currency", _two_currencies),
    ("capi_ip_address_ip_value_mismatch", _address_differs),
    ("capi_fbc_matchability_issue", _clicks_differ),
    ("capi_fbc_coverage_issue", _clicks_missing),
    ("s2s_extern_id_associations_never_made", _never_associated),
    ("capi_ip_address_hot_ip", _hot(lambda s: s.ip, lambda s: s.visitor or s.em)),
    ("capi_pii_email_hot_email", _hot(lambda s: s.em, lambda s: s.visitor or s.ip)),
    ("capi_pii_phone_hot_phone", _hot(lambda s: s.ph, lambda s: s.visitor or s.ip)),
    ("pixel_outlier_value_parameter", _outliers),
    ("pixel_placeholder_value_single_event", _one_value),
    ("offline_dup_orderid_itemnum", _items_again),
    ("offline_orderid_itemnum_diff_event_times", _items_at_two_times),
    ("offline_orderid_diff_matched_users", _orders_of_two_people),
    ("offline_duplicate_events", _uploaded_again),
)


# ------------------------------------------------------------------ of one dataset


def _no_content(dataset: Dataset, _: int) -> list[Sighting]:
    known = {name: [s for s in group.site if s.content] for name, group in dataset.items() if name in CATALOGUE_EVENTS}
    if sum(map(len, known.values())) < MIN_EVENTS:
        return []
    return [s for name, rows in known.items() if not rows for s in dataset[name].site]


def _missing_steps(dataset: Dataset, _: int) -> list[Sighting]:
    purchases = dataset["Purchase"].site if "Purchase" in dataset else []
    steps = ("ViewContent", "AddToCart", "InitiateCheckout")
    return purchases if len(purchases) >= MIN_EVENTS and not any(step in dataset for step in steps) else []


def _stopped(dataset: Dataset, now_ms: int) -> list[Sighting]:
    last = {name: max(group.all, key=lambda s: s.at) for name, group in dataset.items()}
    if not any(now_ms - s.at <= DAY_MS for s in last.values()):
        return []
    return [s for name, s in last.items() if now_ms - s.at > DAY_MS and len(dataset[name].all) >= MIN_EVENTS]


def _new_sites(dataset: Dataset, _: int) -> list[Sighting]:
    rows = sorted((s for group in dataset.values() for s in group.site if s.host), key=lambda s: s.copy.number)
    if not rows:
        return []
    known = {s.host for s in rows if s.at - rows[0].at <= DAY_MS}
    return [s for s in rows if s.host not in known]


def _leads(dataset: Dataset) -> list[Sighting]:
    return [s for group in dataset.values() for s in group.all if s.crm]


def _one_stage(dataset: Dataset, _: int) -> list[Sighting]:
    leads = _leads(dataset)
    return leads if len(leads) >= MIN_EVENTS and len({s.copy.arrival.event_name for s in leads}) == 1 else []


def _many_stages(dataset: Dataset, _: int) -> list[Sighting]:
    leads = _leads(dataset)
    return leads if len({s.copy.arrival.event_name for s in leads}) > MANY_STAGES else []


def _stale_leads(dataset: Dataset, _: int) -> list[Sighting]:
    leads = _leads(dataset)
    late = [s for s in leads if s.at - s.copy.arrival.event_time * 1000 > 24 * HOUR_MS]
    return late if len(leads) >= MIN_EVENTS and share(len(late), len(leads)) > 0.5 else []


def _few_lead_ids(dataset: Dataset, _: int) -> list[Sighting]:
    leads = _leads(dataset)
    without = [s for s in leads if not s.lead]
    return without if len(leads) >= MIN_EVENTS and 1 - share(len(without), len(leads)) < LEAD_ID_COVERAGE else []


# identifier -> the affected copies of a whole dataset; also gets the time (ms)
DATASET_TESTS: tuple[tuple[str, DatasetTest], ...] = (
    ("pixel_catalog_no_content_id", _no_content),
    ("add_missing_events", _missing_steps),
    ("pixel_event_not_received", _stopped),
    ("pixel_new_domains_detected", _new_sites),
    ("crm_integration_one_stage_only", _one_stage),
    ("crm_integration_too_many_stages", _many_stages),
    ("crm_integration_data_freshness", _stale_leads),
    ("low_lead_id_coverage", _few_lead_ids),
)


def affected_copies(datasets: dict[str, Dataset], now_ms: int) -> Iterable[tuple[str, Received]]:
    """(identifier, copy) for everything the tests over many events find."""
    for dataset in datasets.values():
        for name, of_group in GROUP_TESTS:
            for group in dataset.values():
                yield from ((name, s.copy) for s in of_group(group))
        for name, of_dataset in DATASET_TESTS:
            yield from ((name, s.copy) for s in of_dataset(dataset, now_ms))
