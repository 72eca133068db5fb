"""Mapped webhooks at a running gateway: signatures and tiers, an order beside a server's copy, what the configuration refuses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, EMAIL, NOW_S, Reply, Running, purchase

from twofold.app import Gateway
from twofold.commands.check import run_checks
from twofold.config import settings_from
from twofold.errors import ConfigError, StoreError
from twofold.event.model import Tier
from twofold.store.engines import open_reader

SECRET = "hush-0123456789abcdef"
FIELDS = {
    "type": "=order", "id": "order.no", "placed_at": "order.at", "updated_at": "order.at", "totals.total": "order.cents / 100",
    "totals.currency": "order.currency", "customer.email": "order.buyer", "payment.status": "order.state",
}  # fmt: skip
SIGNED: dict[str, Any] = {
    "type": "mapped", "dataset": DATASET, "shop": "signed.example", "secret": SECRET, "signature": "hmac-sha256-base64",
    "signature_header": "X-Their-Signature", "fields": FIELDS, "stages": {"settled": "paid"}, "only": {"kind": ["order.placed"]},
}  # fmt: skip
UNSIGNED = SIGNED | {"shop": "unsigned.example", "signature": "path", "signature_header": ""}
CONFIGURATION = PLAIN | {"source": [SIGNED, UNSIGNED]}


@pytest.fixture(scope="module")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("mapped") / "data", CONFIGURATION)
    yield running
    running.close()


def body(number: str, kind: str = "order.placed", **order: Any) -> bytes:
    said = {
        "no": number,
        "at": NOW_S,
        "cents": 4250,
        "currency": "EUR",
        "buyer": "John_Smith@gmail.com",
        "state": "settled",
    }
    return json.dumps({"kind": kind, "order": said | order}).encode()


def signed(gateway: Running, raw: bytes, secret: str = SECRET) -> Reply:
    code = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    return gateway.send("POST", "/webhooks/mapped/signed.example", raw, x_their_signature=code)


def test_a_signed_order_is_the_shops_word(gateway: Running) -> None:
    """Of the highest tier, with its money to the cent, and folded with a server's copy of the same order: of the two shops that
    number alike, the one whose page it names."""
    assert (
        gateway.post(
            purchase(
                "of-a-server",
                event_source_url="https://signed.example/thanks",
                custom_data={"value": 42.5, "currency": "EUR", "order_id": "M-1"},
            )
        ).status
        == 200
    )
    reply = signed(gateway, body("M-1"))
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    server, own = gateway.new_events()
    assert (own.tier, own.sender, own.event_name) == (Tier.T3, "mapped", "Purchase")
    assert (own.custom_data.value, own.custom_data.order_id) == (Decimal("42.5"), "M-1")
    assert [h.hex for h in own.user_data.em] == [EMAIL]
    db = open_reader(gateway.folder)
    rows = {
        row[0]
        for row in db.execute("select action from event where event_id in (?, ?)", (own.event_id, server.event_id))
    }
    db.close()
    assert len(rows) == 1


def test_another_signature_is_no_entry(gateway: Running) -> None:
    assert signed(gateway, body("M-2"), "another-secret-of-16").status == 401
    assert gateway.send("POST", "/webhooks/mapped/signed.example", body("M-2")).status == 401
    assert gateway.new_events() == []


def test_a_secret_in_the_address_is_a_servers_word(gateway: Running) -> None:
    """A body that nobody signed may have been altered on its way by whoever knows the address."""
    assert gateway.send("POST", f"/webhooks/mapped/unsigned.example/{SECRET}", body("M-3")).status == 200
    assert gateway.new_event().tier is Tier.T2
    assert gateway.send("POST", "/webhooks/mapped/unsigned.example", body("M-3")).status == 404


def test_what_is_not_asked_for_is_answered_and_kept_with_its_reason(gateway: Running) -> None:
    reply = signed(gateway, body("M-4", kind="order.viewed"))
    assert (reply.status, reply.json["classified"]) == (200, "ignored")
    assert gateway.new_events() == []
    assert [r["reason"] for r in gateway.new_refused()] == ["not_an_order"]


def test_what_cannot_be_read_is_said_and_not_sent_again_for(gateway: Running) -> None:
    """The system cannot change its bodies, and gives up a webhook that is refused often."""
    reply = signed(gateway, body("M-5", cents="lots"))
    assert (reply.status, reply.json["classified"]) == (200, "refused")
    assert "totals.total" in reply.json["messages"][0]
    (row,) = gateway.new_refused()
    assert (row["reason"], row["path"]) == ("invalid_value", "totals.total")
    assert "smith" not in json.dumps(row).lower()


FAULTS = [
    ({"signature": ""}, "signature: expected one of"),
    ({"signature": "md5"}, "signature: expected one of"),
    ({"signature_header": ""}, "signature_header: expected the header's name"),
    ({"signature": "standard"}, "signature_header: expected the header's name"),
    ({"fields": {}}, "fields.type: expected one of =order"),
    ({"fields": {"type": "order"}}, "fields.type: expected one of =order"),
    ({"fields": {"type": "=order", "lines[].id": "sku"}}, 'expected "lines[]", the list'),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_what_a_mapping_needs_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as failed:
        settings_from(PLAIN | {"source": [SIGNED | change]}, environ={})
    assert said in str(failed.value)


def test_the_check_names_it_before_a_start(tmp_path: Path) -> None:
    file = tmp_path / "twofold.toml"
    file.write_text(
        f"""
[server]
data = "{tmp_path}/data"
[[dataset]]
id = "1"
[[source]]
type = "mapped"
dataset = "1"
shop = "signed.example"
secret = "{SECRET}"
signature = "standard"
fields = {{ type = "=order", id = "no", "totals.sum" = "x" }}
"""
    )
    (line,) = [line for line in run_checks(file, None) if line.name.startswith("source")]
    assert line.problem is not None
    assert "totals.sum" in line.problem


def test_a_field_that_no_body_has_is_named(tmp_path: Path) -> None:
    told = PLAIN | {
        "source": [SIGNED | {"fields": FIELDS | {"totals.sum": "x"}}],
        "server": {"data": str(tmp_path / "data")},
    }
    with pytest.raises(ConfigError, match=r"totals\.sum"):
        Gateway(settings_from(told, environ={}))


def test_a_running_gateway_keeps_what_it_has(tmp_path: Path) -> None:
    """Where the configuration that it reads again names a field that no body has, nothing of it is taken over."""
    told = PLAIN | {"source": [SIGNED], "server": {"data": str(tmp_path / "data")}}
    broken = told | {"source": [SIGNED | {"fields": FIELDS | {"totals.sum": "x"}, "secret": "another-secret-of-16"}]}
    gateway = Gateway(settings_from(told, environ={}), reread=lambda: settings_from(broken, environ={}))
    with pytest.raises(StoreError, match=r"totals\.sum"):
        gateway._reload()
    assert gateway.settings == settings_from(told, environ={})
    assert [door.secrets for door in gateway.webhooks.doors.values()] == [(SECRET,)]
