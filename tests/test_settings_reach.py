"""Every setting reaches what it is for: one row a setting, looked for in a gateway that was made with it.

The parts are right, each with tests of its own; what is tried here is that they are connected, with the right unit. A row says
where the value has to arrive, written from the setting's description and not from the wiring.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from twofold.app import Gateway
from twofold.config import describe_settings, settings_from
from twofold.policies import open_store, tokens_of
from twofold.store.gates.trust import TrustGates

SECRET = "a-secret-of-16-or-more"
SHOP = "/shop.example"
DAY_MS = 86_400_000


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def policy(g: Gateway) -> Any:
    """As the doors hold it, not as it was handed to anybody."""
    return g.collector.doors._capi._datasets["1"]


def segment(g: Gateway) -> Any:
    return g.collector.doors._doors["/v1/batch"]


def gated(g: Gateway) -> Any:
    """As the gates of trust hold it."""
    (gates,) = {gate.__self__ for gate in g.store.gates.first if isinstance(gate.__self__, TrustGates)}  # type: ignore[attr-defined]
    return gates._policies["1"]


def hold_ms(g: Gateway) -> dict[str, int]:
    return dict(g.store._folding._routes["1"][1])


def orders(g: Gateway) -> Any:
    """The rules as the ledger asks them."""
    return g.store.orders.policy_of("1")


def route(g: Gateway) -> Any:
    return g.store._outbox._candidates._routes["1"]


def worker(g: Gateway) -> Any:
    (one,) = g.workers
    return one


def door(g: Gateway) -> Any:
    (one,) = next(d for path, d in g.collector.doors._doors.items() if path.endswith(SHOP)).doors.values()  # type: ignore[attr-defined]
    return one


class Row(NamedTuple):
    section: str
    name: str
    given: Any
    found: Callable[[Gateway], Any]
    expected: Any


ROWS = [
    Row("server", "data", "elsewhere", lambda g: g.store.folder.name, "elsewhere"),
    Row("server", "tag_path", "/x", lambda g: sorted(p for p in g.collector._pages if "tag" in p or "/x/" in p)[0][:3], "/x/"),
    Row("server", "tag_path", "/x", lambda g: "/x/events" in g.collector.doors._doors, True),
    Row("server", "status_token", SECRET, lambda g: g.health._token, sha256(SECRET)),
    Row("server", "strict", True, lambda g: g.collector.doors._capi._strict, True),
    Row("server", "proxies", 2, lambda g: g.collector.doors._doors["/tr"]._browsers._proxies, 2),
    Row("server", "window_days", 63, lambda g: g.store._folding._keys._window, 63),
    Row("server", "max_body_bytes", 5_000, lambda g: g.collector.doors.max_body, 5_000),
    Row("server", "max_queue", 64, lambda g: g.store._max_queue, 64),
    Row("server", "refused_keep", 100, lambda g: g.store._folding._journal._refused_keep, 100),
    Row("dataset", "id", "1", lambda g: list(g.policies), ["1"]),
    Row("dataset", "key", SECRET, lambda g: policy(g).key, sha256(SECRET)),
    Row("dataset", "origins", ["https://shop.example"], lambda g: policy(g).origins, {"https://shop.example"}),
    Row("dataset", "hold_s", {"Lead": 1.5}, hold_ms, {"Lead": 1_500}),
    Row("dataset", "country", "DE", lambda g: policy(g).country, "de"),
    Row("dataset", "hash_variants", ["fn"], lambda g: policy(g).variants, {"fn"}),
    Row("dataset", "bots", "send", lambda g: gated(g).suppress_bots, False),
    Row("orders", "counts_when", "placed", lambda g: orders(g).counts_when, "placed"),
    Row("orders", "when", {"card": "placed"}, lambda g: orders(g).when, {"card": "placed"}),
    Row("orders", "cod_gateways", ["x"], lambda g: orders(g).cod_gateways, ("x",)),
    Row("orders", "confirmed_tags", ["Yes"], lambda g: orders(g).confirmed_tags, {"yes"}),
    Row("orders", "value_parts", ["goods"], lambda g: orders(g).value_parts, {"goods"}),
    Row("orders", "refunds", "ignore", lambda g: orders(g).deduct_refunds, False),
    Row("orders", "currency", "shop", lambda g: orders(g).presentment, False),
    Row("orders", "renewals", "none", lambda g: orders(g).renewals, "none"),
    Row("orders", "wait_s", 2.5, lambda g: orders(g).wait_ms, 2_500),
    Row("orders", "unmatched", "drop", lambda g: orders(g).unmatched, "drop"),
    Row("orders", "expire_days", 3, lambda g: orders(g).expire_s, 3 * 24 * 60 * 60),
    Row("orders", "recreated_hours", 1.5, lambda g: orders(g).recreated_s, 90 * 60),
    Row("orders", "outcomes", True, lambda g: orders(g).outcomes, True),
    Row("consent", "require", True, lambda g: (policy(g).consent.require, route(g).require_consent), (True, True)),
    Row("consent", "require_in", ["DE"], lambda g: policy(g).consent.require_in, {"DE"}),
    Row("consent", "limited_in", ["US-CA"], lambda g: policy(g).consent.limited_in, {"US-CA"}),
    Row("consent", "limited_when", "unconsented", lambda g: policy(g).consent.limited_always, False),
    Row("consent", "opt_out_when_denied", ["marketing"], lambda g: route(g).purposes, {"meta-1": ("ad_user_data", "platform:meta")}),
    Row("trust", "token_secret", [SECRET, SECRET[::-1]], lambda g: policy(g).trust.token_secrets, (SECRET.encode(), SECRET[::-1].encode())),
    Row("trust", "confirm_s", {"Lead": 1.5}, lambda g: gated(g).trust.confirm_ms, {"Lead": 1_500}),
    Row("trust", "unconfirmed", "drop", lambda g: gated(g).trust.drop_unconfirmed, True),
    Row("trust", "value_caps", {"EUR": 99.5}, lambda g: policy(g).trust.value_caps, {"EUR": Decimal("99.5")}),
    Row("trust", "currencies", ["EUR"], lambda g: policy(g).trust.currencies, {"EUR"}),
    Row("trust", "events_per_minute", 7, lambda g: policy(g).trust.rate, 7),
    Row("trust", "name_events_per_minute", 7, lambda g: policy(g).trust.rate_name, 7),
    Row("trust", "shift_factor", 7, lambda g: policy(g).trust.shift_factor, 7),
    Row("ways_in", "segment_key", [SECRET, SECRET[::-1]], lambda g: [k for k, s in segment(g)._keys if s.tier == 2], [sha256(SECRET), sha256(SECRET[::-1])]),
    Row("ways_in", "segment_page_key", "in-pages", lambda g: [k for k, s in segment(g)._keys if s.tier == 0], [sha256("in-pages")]),
    Row("ways_in", "measurement_ids", ["G-ABC1234567"], lambda g: list(g.collector.doors._doors["/g/collect"]._datasets), ["G-ABC1234567"]),  # type: ignore[attr-defined]
    Row("ways_in", "consent_categories", {"C0004": "marketing"}, lambda g: policy(g).ways_in.categories, {"C0004": "marketing"}),
    Row("ways_in", "integrations", {"Ads of the outlet": "meta-1"}, lambda g: policy(g).addressees.own, {"adsoftheoutlet": "meta-1", "meta1": "meta-1"}),
    Row("privacy", "core_setup", True, lambda g: policy(g).privacy.core_setup, True),
    Row("privacy", "sensitive", ["health"], lambda g: policy(g).privacy.sensitive, {"health"}),
    Row("privacy", "allow_custom", ["dose"], lambda g: policy(g).privacy.allow_custom, {"dose"}),
    Row("destination", "endpoint", "http://h.example/x/", lambda g: worker(g)._access.target.endpoint, "http://h.example/x"),
    Row("destination", "token", SECRET, lambda g: worker(g)._access.target.token, SECRET),
    Row("destination", "name", "mine", lambda g: (worker(g)._name, route(g).destinations), ("mine", ("mine",))),
    Row("destination", "remote_dataset", "9", lambda g: worker(g)._access.target.remote_dataset, "9"),
    Row("destination", "token_ends", "2027-03-31", lambda g: tokens_of(g.settings)[0].ends, 1_806_451_200),
    Row("destination", "version", "v24.0", lambda g: worker(g)._access.target.version, "v24.0"),
    Row("destination", "app_secret", SECRET, lambda g: worker(g)._access.target.app_secret, SECRET),
    Row("destination", "test_event_code", "TEST1", lambda g: worker(g)._access.target.test_event_code, "TEST1"),
    Row("destination", "batch", 7, lambda g: worker(g)._health.batch, 7),
    Row("destination", "timeout_s", 1.5, lambda g: worker(g)._sender._timeout_s, 1.5),
    Row("destination", "purposes", ["analytics"], lambda g: route(g).purposes, {"meta-1": ("analytics", "platform:meta")}),
    Row("destination", "only", ["Lead"], lambda g: worker(g)._terms.only, {"Lead"}),
    Row("destination", "events", {"Lead": ""}, lambda g: worker(g)._terms.events, {"Lead": ""}),
    Row("destination", "share", 0.5, lambda g: worker(g)._terms.share, 0.5),
    Row("destination", "hold_s", {"Lead": 1.5}, lambda g: (route(g).holds, g.store._folding._holds), ({"meta-1": {"Lead": 1_500}}, {("1", 1): {"Lead": 1_500}})),
    Row("destination", "value", "margin", lambda g: (list(route(g).values), g.margins is None), (["meta-1"], False)),
    Row("destination", "margin_unknown", "wait", lambda g: [v.margin_unknown for v in g.settings.destination], ["wait"]),
    Row("orders", "told_value", "margin", lambda g: [(rule.unknown, rule.below_zero) for rule in route(g).values.values()], [("revenue", False)]),
    Row("destination", "counts_when", "confirmed", lambda g: (g.store.orders.policy_of("1", "meta-1").counts_when, orders(g).counts_when), ("confirmed", "paid")),
    Row("schema", "undeclared", "refuse", lambda g: policy(g).schema.declared.refuse, True),
    Row("source", "shop", "shop.example", lambda g: door(g).options.shop, "shop.example"),
    Row("source", "secret", [SECRET, SECRET[::-1]], lambda g: door(g).secrets, (SECRET, SECRET[::-1])),
    Row("source", "path", "/hook", lambda g: "/hook" in g.collector.doors._doors, True),
    Row("source", "event_id", "native", lambda g: door(g).options.event_id, "native"),
    Row("source", "fields", {"fbc": "x"}, lambda g: door(g).options.fields, {"fbc": "x"}),
    Row("source", "stages", {"won": "Lead"}, lambda g: door(g).options.stages, {"won": "Lead"}),
    Row("source", "currency", "EUR", lambda g: door(g).options.currency, "EUR"),
    Row("source", "verify_token", "word", lambda g: door(g).verify_token, "word"),
    Row("retention", "address_days", 1, lambda g: g.retention._days.address, 1),
    Row("retention", "click_ids_days", 2, lambda g: g.retention._days.click_ids, 2),
    Row("retention", "contact_days", 3, lambda g: g.retention._days.contact, 3),
    Row("retention", "people_days", 4, lambda g: g.store.people.keep_ms, 4 * DAY_MS),
    Row("retention", "touch_days", 7, lambda g: g.store.signs.keep_s, 7 * DAY_MS // 1000),
    Row("retention", "buyer_days", 8, lambda g: g.retention._days.buyer, 8),
    Row("retention", "payload_days", 5, lambda g: g.retention._days.payload, 5),
    Row("retention", "refused_days", 6, lambda g: g.retention._days.refused, 6),
    Row("money", "text_days", 8, lambda g: g.retention._days.line_text, 8),
    Row("analytics", "engine", "spark", lambda g: g.tables.analytics.engine, "spark"),
    Row("analytics", "folder", "/mnt/tables", lambda g: str(g.tables.analytics.files), "/mnt/tables"),
    Row("analytics", "memory_mb", 512, lambda g: g.tables.analytics.memory_mb, 512),
    Row("analytics", "deadline_s", 7.5, lambda g: g.tables.analytics.deadline_s, 7.5),
    Row("analytics", "every_minutes", 3, lambda g: g.tables_every_s, 180),
    Row("retention", "audit_days", 31, lambda g: g.retention._days.audit, 31),
]  # fmt: skip
# Read where they are used: the socket, the platform's name, what a table belongs to, and the tables of imports, of
# accounts that are asked (tests/pulling) and of reports (tests/reconcile).
ELSEWHERE = {
    ("[server]", "store"),  # tests/store/test_gateway_on_postgres.py
    ("[server]", "host"), ("[server]", "port"), ("[server]", "address"), ("[[destination]]", "platform"), ("[[destination]]", "dataset"),
    ("[[source]]", "type"), ("[[source]]", "dataset"), ("[money]", "text"), ("[money]", "order_prefixes"),
    ("[[destination]]", "options"),  # Meta has none: tests/destinations/test_platform_fixtures.py
    ("[server]", "log"), ("[[dataset]]", "name"),  # the log of a running gateway; what the console calls a dataset
    ("[[source]]", "only"), ("[[source]]", "signature"), ("[[source]]", "signature_header"),  # of mapped ones: tests/collect/test_mapped_door.py
    *(("[[source]]", name) for name in ("endpoint", "token", "client_id", "client_secret", "timezone", "every_minutes", "asks_per_minute")),  # tests/fetching
    ("[dataset.ways_in]", "mp_secret"),  # beside measurement_ids only: tests/collect/test_ga4_doors.py
    ("[[schema.event]]", "name"), ("[[schema.event]]", "owner"), ("[[schema.event]]", "purpose"),  # tests/schema/test_declared.py
    ("[[schema.event]]", "properties"), ("[schema]", "event"),
    *(("[schema.event.properties.NAME]", name) for name in ("type", "owner", "purpose", "sensitivity")),
}  # fmt: skip


SOURCES = {"fields": "hubspot", "stages": "hubspot", "currency": "hubspot", "verify_token": "chat"}
"""Whose a setting of a source is, where a shop's own does not read it."""


def made_with(folder: Path, row: Row) -> Gateway:
    tree: dict[str, Any] = {
        "server": {"data": str(folder / "data")},
        "dataset": [{"id": "1"}],
        "destination": [{"platform": "meta", "dataset": "1", "token": "a-token"}],
        "source": [{"type": SOURCES.get(row.name, "own"), "dataset": "1", "shop": "shop.example", "secret": SECRET}],
    }
    given = str(folder / row.given) if row.name == "data" else row.given
    if row.section in ("server", "retention", "money", "analytics", "schema"):
        tree.setdefault(row.section, {})[row.name] = given
    elif row.section in ("dataset", "destination", "source"):
        tree[row.section][0][row.name] = given
    else:
        tree["dataset"][0][row.section] = {row.name: given}
    return Gateway(settings_from(tree, environ={}))


@pytest.mark.parametrize("row", ROWS, ids=[f"{r.section}.{r.name}" for r in ROWS])
def test_a_setting_reaches_what_it_is_for(tmp_path: Path, row: Row) -> None:
    gateway = made_with(tmp_path, row)
    try:
        assert row.found(gateway) == row.expected
    finally:
        gateway.store._engine.close()


def test_every_setting_has_its_row() -> None:
    """A new one is entered above, with the place where it has to arrive."""
    rows = {(r.section, r.name) for r in ROWS}
    missing = [
        (section, name)
        for section, name, *_ in describe_settings()
        if (section, name) not in ELSEWHERE
        and section not in ("[[import]]", "[[account]]", "[[alert]]", "[[audience]]", "[chain]", "[console]")
        and (section.strip("[]").rpartition(".")[2], name) not in rows
    ]
    assert missing == []


def test_browsers_are_remembered_no_longer_than_the_contact_data_that_an_erasure_finds_them_by(tmp_path):
    tree = {
        "server": {"data": str(tmp_path)},
        "dataset": [{"id": "1", "key": "k" * 16}],
        "retention": {"contact_days": 9},
    }
    store = open_store(settings_from(tree, environ={}), 1_790_000_000_000)
    try:
        assert store.people.keep_ms == 9 * DAY_MS
    finally:
        store._engine.close()
