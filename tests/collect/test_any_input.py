"""Whatever is sent to a door: an answer of ours, never a broken one, and the sums hold afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_gateway import DATASET, EVENTS, KEY, NOW_S, WEBHOOK, Running
from test_webhook_door import ORDER, signature

from tests.strategies import TIMES
from twofold.event.model import RawEvent
from twofold.event.vocabulary import PLAIN_FIELDS
from twofold.report.verify import verify

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from(["", "NaN", "1e999", "-0", "[1]", "{}", "\ud800", "\0", "a@b.example", "2026-13-40", DATASET, "website"])
)  # fmt: skip
TREES = st.recursive(LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.text(max_size=8), t, max_size=3), max_leaves=8)  # fmt: skip
FIELDS = [*RawEvent.__struct_fields__, "dataset"]
INNER = ["em", "ph", "db", "zp", "country", "external_id", *PLAIN_FIELDS[:6], "value", "currency", "contents", "order_id", "content_ids", "num_items"]  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(INNER), TREES, max_size=4)
EVENT = st.fixed_dictionaries(
    {"event_name": st.just("Lead") | TREES, "event_time": st.just(NOW_S) | TREES, "dataset": st.just(DATASET) | TREES},
    optional={name: TREES | OBJECTS for name in FIELDS if name not in ("event_name", "event_time", "dataset")},
)
HITS = st.dictionaries(
    st.sampled_from(["id", "ev", "ts", "eid", "dl", "rl", "fbp", "fbc", "dpo", "dpoco", "a", "v", "cd[value]", "cd[contents]", "cd[]", "cd[", "ud[em]", "udff[ph]"]),
    LEAVES.map(str) | st.just(DATASET), max_size=6,
)  # fmt: skip
ORDERS = st.dictionaries(st.sampled_from([*ORDER, "cancelled_at", "billing_address", "total_price_set", "client_details", "landing_site"]), TREES, max_size=5)  # fmt: skip


def as_json(tree: Any) -> bytes:
    return json.dumps(tree).encode()


DOORS: list[tuple[str, st.SearchStrategy[Any], Any]] = [
    ("events", st.lists(EVENT | TREES, max_size=3), lambda g, t: g.send("POST", f"{EVENTS}?access_token={KEY}", as_json({"data": t}), content_type="application/json")),
    ("envelope", TREES | st.binary(max_size=50), lambda g, t: g.send("POST", EVENTS, t if isinstance(t, bytes) else as_json(t), content_type="application/json")),
    ("tag", st.lists(EVENT | TREES, max_size=3), lambda g, t: g.send("POST", "/t/events", as_json({"events": t}))),
    ("pixel", HITS, lambda g, t: g.send("POST", "/tr/", "&".join(f"{k}={v}" for k, v in t.items()).encode("utf-8", "surrogatepass"), content_type="application/x-www-form-urlencoded")),
    ("webhook", ORDERS, lambda g, t: g.send("POST", WEBHOOK, as_json(ORDER | t), x_shopify_topic="orders/paid", x_shopify_hmac_sha256=signature(as_json(ORDER | t)))),
]  # fmt: skip


@pytest.mark.parametrize(("door", "trees", "send"), DOORS, ids=[d[0] for d in DOORS])
def test_no_input_breaks_a_door(
    door: str, trees: st.SearchStrategy[Any], send: Any, gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Each answer is one of the doors' own, below 500; no step failed and no refusal is our bug."""

    @settings(max_examples=int(150 * TIMES), deadline=None, suppress_health_check=list(HealthCheck))
    @given(trees)
    def try_one(tree: Any) -> None:
        reply = send(gateway, tree)
        assert reply.status < 500
        assert reply.headers["content-type"] in ("application/json", "image/gif")

    try_one()
    assert "internal" not in {row["reason"] for row in gateway.new_refused()}
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []
    assert all(check.holds for check in verify(gateway.folder))
