"""Findings seen in what left, or should have: what was given up or waits, and what a judge of payloads says of the bytes.

Owns which finding of the judge belongs to which finding, and from which share on it is one. The judge is the sandbox's: it
reads the name of each of the platform's own diagnostics as we understand it; when the platform raises one is not published.
At most `LOOKED_AT` payloads are read, the newest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from twofold.report.period import Journal
from twofold.router.finding import Finding, Kind, When, add_money, parts_of, sums_of
from twofold.sandbox.judge.diagnostics import Seen, diagnose
from twofold.sandbox.wire.dedup import Source
from twofold.sandbox.wire.rules import amount
from twofold.store.gates.trust import BOT, KEPT_BACK

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode  # money stays the text that was sent
LOOKED_AT = 5_000
LEAST_EVENTS, LEAST_SHARE = 3, 0.05  # ours: fewer are no finding
ROBOTS_SHARE = 0.1  # ours: some come to every shop
OVERDUE_S = 300
TOKEN_CODES = frozenset({"190", "102", "104"})  # the token itself, or its session: Graph API error codes

JUDGED: dict[str, Kind] = {
    **dict.fromkeys(("s2s_missing_pii_or_external_id", "s2s_missing_match_key"), Kind.PERSON_UNKNOWN),
    **dict.fromkeys(
        ("s2s_missing_ua", "s2s_invalid_user_agent", "s2s_missing_ip", "s2s_invalid_ip_address", "capi_ip_address_empty_ip"),
        Kind.VISIT_MISSING,
    ),
    **dict.fromkeys(("s2s_private_ip_address", "capi_ip_address_fake_ip", "capi_ip_address_nat_ip"), Kind.SERVER_ADDRESS),
    **dict.fromkeys(("s2s_delay_greater_than_two_hours", "s2s_delay_greater_than_twenty_four_hours"), Kind.LATE),
    "s2s_event_time_in_future": Kind.CLOCK,
    **dict.fromkeys(
        ("capi_fbc_invalid_click_id", "capi_fbc_invalid_creation_time", "capi_fbc_invalid_subdomain_index",
         "capi_fbc_expired_click_id", "s2s_invalid_fbp_cookie"),
        Kind.CLICK_BROKEN,
    ),
    **dict.fromkeys(
        ("capi_pii_email_hot_email_empty", "capi_pii_email_hot_email_null", "capi_pii_email_hot_email_fake",
         "capi_pii_email_invalid_email", "capi_pii_phone_hot_phone_empty", "capi_pii_phone_hot_phone_null",
         "capi_pii_phone_hot_phone_fake", "capi_pii_phone_invalid_phone"),
        Kind.FILLER,
    ),
    **dict.fromkeys(
        ("s2s_missing_currency_for_value_or_item_price", "s2s_item_price_without_currency", "s2s_missing_value_for_currency",
         "invalid_currency", "s2s_inconsistent_net_revenue", "pixel_missing_or_invalid_net_revenue"),
        Kind.MONEY_UNCLEAR,
    ),
    **dict.fromkeys(
        ("invalid_content_type", "invalid_content_ids", "s2s_invalid_content_param", "pixel_missing_content_ids",
         "pixel_missing_id_in_contents", "pixel_missing_or_invalid_quantity_in_contents", "pixel_invalid_delivery_category",
         "invalid_customer_segmentation"),
        Kind.GOODS_BROKEN,
    ),
    **dict.fromkeys(("pixel_pii_sensitive_data_detected", "pixel_sensitive_data_event_name"), Kind.IN_THE_CLEAR),
    "s2s_malformed_standard_event_name": Kind.MISSPELT,
    "s2s_missing_event_source_url": Kind.PAGE_MISSING,
    **dict.fromkeys(("pixel_purchase_order_id", "s2s_invalid_order_id_length"), Kind.ORDER_NUMBER),
}  # fmt: skip
ONLY_OF: dict[Kind, frozenset[str]] = {Kind.PERSON_UNKNOWN: frozenset({"Purchase", "Lead", "CompleteRegistration"})}
"""Whoever only looks around is nobody's name: for these kinds the other events say nothing."""
FROM_ONE_ON = frozenset({Kind.IN_THE_CLEAR})
OF_CLICKS = "capi_fbc_"
OF_VISITS = frozenset({Kind.SERVER_ADDRESS})
"""What shoppers' addresses tell; those of a test on one machine tell nothing."""


def findings_of_left(
    journal: Journal, span: tuple[int, int], dataset: str | None, *, tested: bool
) -> Iterator[Finding]:
    """``tested``: every destination is on this machine, so that addresses of shoppers are made up."""
    yield from _given_up(journal, span, dataset)
    yield from _judged(journal, span, dataset, tested=tested)


def findings_of_waiting(waiting: Sequence[dict[str, Any]], now: int) -> Iterator[Finding]:
    """What should have left. ``waiting``: a destination each, with ``destination``, ``count``, ``since`` (Unix s) and
    ``paused``, why it is."""
    for row in waiting:
        if row["paused"] or now - row["since"] > OVERDUE_S:
            yield Finding(
                kind=_stuck(row["paused"]), about=row["destination"], when=When.NOW, events=row["count"], of=row["count"],
                since=row["since"], last=now, link="/deliveries?state=paused" if row["paused"] else "/deliveries?state=waiting",
                marks=(row["paused"],) if row["paused"] else (),
            )  # fmt: skip


def _stuck(paused: str) -> Kind:
    """Why nothing leaves, by the reason of the pause: the platform's own code stands behind the colon."""
    reason, _, code = paused.partition(":")
    if reason == "credentials" and code.partition("/")[0] in TOKEN_CODES:
        return Kind.TOKEN
    return Kind.DATASET_DENIED if reason in ("credentials", "misdirected") else Kind.STUCK


def _given_up(journal: Journal, span: tuple[int, int], dataset: str | None) -> Iterator[Finding]:
    money: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(dict)
    for destination, state, reason, of_dataset, _, value, currency in journal.run("given_up_money", span):
        if dataset in (None, of_dataset):
            add_money(money[destination, state, reason], value, currency)
    groups: dict[tuple[str, str, str], list[tuple[str, int, int, int]]] = defaultdict(list)
    for destination, state, reason, of_dataset, name, count, first, last in journal.run("given_up", span):
        if dataset in (None, of_dataset):
            groups[destination, state, reason].append((name, count, first, last))
    whole = sum(row[2] for row in journal.run("quality_copies", span) if dataset in (None, row[0]))
    for (destination, state, reason), rows in groups.items():
        if state == "suppressed" and reason not in (*KEPT_BACK, "no_order"):
            continue
        counts: Counter[str] = Counter()
        for name, count, *_ in rows:
            counts[name] += count
        if reason == BOT and sum(counts.values()) < ROBOTS_SHARE * whole:
            continue
        yield Finding(
            kind=_given_up_kind(state, reason),
            about=f"{destination}: {reason}" if state == "dead" else reason,
            when=When.NOW,
            events=sum(counts.values()),
            of=whole,
            orders=counts["Purchase"],
            money=sums_of(money[destination, state, reason]),
            parts=parts_of(counts),
            marks=(reason,),
            since=min(first for _, _, first, _ in rows) // 1000,
            last=max(last for *_, last in rows) // 1000,
            link=f"/deliveries?state={state}",
        )


def _given_up_kind(state: str, reason: str) -> Kind:
    if state == "dead":
        return Kind.GIVEN_UP
    return Kind.ROBOTS if reason == BOT else Kind.KEPT_BACK


def _judged(journal: Journal, span: tuple[int, int], dataset: str | None, *, tested: bool) -> Iterator[Finding]:
    counts: dict[Kind, Counter[str]] = defaultdict(Counter)
    marks: dict[Kind, Counter[str]] = defaultdict(Counter)
    times: dict[Kind, list[int]] = defaultdict(list)
    money: dict[Kind, dict[str, Decimal]] = defaultdict(dict)
    newest: dict[Kind, int] = {}
    looked: Counter[str] = Counter()
    clicked = 0
    told: set[int] = set()
    for action, payload, of_dataset, name, created_at, value, currency, left_at in journal.run(
        "newest_payloads", (*span, LOOKED_AT)
    ):
        seen = None if action in told or dataset not in (None, of_dataset) else _seen(payload, created_at, left_at)
        told.add(action)
        if seen is None:
            continue
        looked[name] += 1
        clicked += "fbc" in seen.user_data
        for kind, names in _kinds(seen, tested=tested).items():
            if name in ONLY_OF.get(kind, (name,)):
                counts[kind][name] += 1
                marks[kind].update(names)
                times[kind].append(created_at // 1000)
                newest.setdefault(kind, action)
                if name == "Purchase":
                    add_money(money[kind], value, currency)
    for kind, found in counts.items():
        events = sum(found.values())
        of = sum(n for name, n in looked.items() if name in ONLY_OF.get(kind, (name,)))
        if kind is Kind.CLICK_BROKEN and all(mark.startswith(OF_CLICKS) for mark in marks[kind]):
            of = clicked
        if kind in FROM_ONE_ON or (events >= LEAST_EVENTS and events / of >= LEAST_SHARE):
            yield Finding(
                kind=kind, when=When.NOW if kind in FROM_ONE_ON else When.WEEK, events=events, of=of,
                orders=found["Purchase"], money=sums_of(money[kind]), parts=parts_of(found),
                marks=tuple(sorted(marks[kind])), since=min(times[kind]), last=max(times[kind]),
                link=f"/actions/{newest[kind]}",
            )  # fmt: skip


def _kinds(seen: Seen, *, tested: bool) -> dict[Kind, list[str]]:
    found: dict[Kind, list[str]] = defaultdict(list)
    for name in diagnose(seen):
        kind = JUDGED.get(name)
        if kind is not None and not (tested and kind in OF_VISITS):
            found[kind].append(name)
    return found


def _seen(payload: bytes, created_at: int, left_at: int) -> Seen | None:
    """The bytes of one event as the judge reads it, at the time it was made; None for what is no event of the platform's. What a later
    copy dates is not from the future when it left."""
    try:
        event = _decode(payload)
    except (msgspec.MsgspecError, ValueError):
        return None
    user, custom = event.get("user_data"), event.get("custom_data")
    user, custom = (user if isinstance(user, dict) else {}), (custom if isinstance(custom, dict) else {})
    name, at = event.get("event_name"), event.get("event_time")
    if not isinstance(name, str) or not isinstance(at, int):
        return None
    currency = custom.get("currency")
    return Seen(
        source=Source.SERVER, event_name=name, event_time=at, action_source=str(event.get("action_source", "")),
        user_data={k: v for k, v in user.items() if v not in (None, "", [])}, custom_data=custom,
        value=amount(custom.get("value")),
        currency=currency if isinstance(currency, str) else None, event=event,
        now_s=max(created_at // 1000, min(left_at // 1000, at)),
    )  # fmt: skip
