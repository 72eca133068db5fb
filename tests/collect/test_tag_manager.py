"""The Tag Manager templates of examples/tag-manager: their own tests, their permissions, and the server one sending to a gateway.

The sandbox is played by tests/examples/tag_manager.js after Google's pages; that a real container runs them was not tried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from running_gateway import CONFIGURATION, DATASET, EMAIL, KEY, NOW_S, Running
from test_webhook_door import deliver, numbered

from tests.examples.templates import play, sections, template
from twofold.event.model import Channel, Consent, Event, Tier
from twofold.sources.streams.ga4 import NAMES
from twofold.store.engines import open_reader

pytestmark = pytest.mark.node
FILES = ("web.tpl", "server.tpl")
GATEWAY = "https://gateway.shop.example"
ORDER = 7_678_901_000_001
PURCHASE: dict[str, Any] = {
    "event_name": "purchase",
    "event_id": "from-the-browser",
    "event_time": NOW_S,
    "transaction_id": str(ORDER),
    "value": 42.5,
    "currency": "EUR",
    "items": [{"item_id": "111", "price": 21.25, "quantity": 2}],
    "client_id": "1418143823.1643992155",
    "ip_override": "203.0.113.9",
    "user_agent": "Mozilla/5.0",
    "page_location": "https://shop.example/thanks",
    "user_data": {"email_address": " John_Smith@gmail.com"},
    "consent_state": {"ad_storage": True, "ad_user_data": True},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("containers") / "data", CONFIGURATION)
    yield running
    running.close()


def forwarded(gateway: Running, *events: dict[str, Any], key: str = KEY) -> list[dict[str, Any]]:
    """What the server template says of each event, sent for real."""
    settings = {"gateway": GATEWAY, "dataset": DATASET, "key": key, "actionSource": "website"}
    runs = [{"settings": settings, "event": event, "port": gateway.port} for event in events]
    (found,) = play(template("server.tpl") | {"scenarios": [], "runs": runs})
    ends: list[dict[str, Any]] = found["runs"]
    return ends


@pytest.mark.parametrize("name", FILES)
def test_the_templates_own_tests_pass(name: str) -> None:
    """Each scenario of ``___TESTS___``, in a sandbox that has no global and refuses what is not declared."""
    (found,) = play(template(name))
    scenarios = found["scenarios"]
    assert len(scenarios) >= 7
    assert [row for row in scenarios if row[1] is not None] == []


@pytest.mark.parametrize("name", FILES)
def test_each_permission_is_needed_and_is_enough(name: str) -> None:
    """Without any one of its permissions a template is refused, so none is asked for in vain."""
    whole = template(name)
    needed = [permission["instance"]["key"]["publicId"] for permission in whole["permissions"]]
    poorer = [
        whole | {"permissions": [p for p in whole["permissions"] if p is not one]} for one in whole["permissions"]
    ]
    for permission, found in zip(needed, play(*poorer), strict=True):
        errors = [error for _, error in found["scenarios"]]
        assert all(error and permission in error for error in errors), (permission, errors)


def test_what_the_sandbox_has_not_is_refused() -> None:
    """The runner is no better than its refusals: a word, a global, an API, a key and an address that a container would refuse."""
    whole = template("web.tpl")
    cases = {
        "new Date();": "new",
        "const t = document.title;": "document",
        "require('sendHttpRequest');": "send_http",
        "require('copyFromDataLayer')('gtm.start');": "read_data_layer",
        "require('injectScript')('https://elsewhere.example/other.js');": "inject_script",
        "require('callInWindow')('eval', '1');": "access_globals",
    }
    played = play(*(whole | {"code": line} for line in cases))
    for (line, word), found in zip(cases.items(), played, strict=True):
        errors = [error for _, error in found["scenarios"]]
        assert all(error and word in error for error in errors), (line, errors)


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_an_import_wants(name: str) -> None:
    """The sections in the order of an export, a context, and a field of the settings for each ``data.`` of the code."""
    found = sections(name)
    where = "WEB" if name == "web.tpl" else "SERVER"
    code_at = "SANDBOXED_JS_FOR_WEB_TEMPLATE" if where == "WEB" else "SANDBOXED_JS_FOR_SERVER"
    assert list(found) == ["INFO", "TEMPLATE_PARAMETERS", code_at, f"{where}_PERMISSIONS", "TESTS", "NOTES"]
    assert json.loads(found["INFO"])["containerContexts"] == [where]
    fields = set(re.findall(r'"name": "(\w+)"', found["TEMPLATE_PARAMETERS"]))
    used = set(re.findall(r"\bdata\.(\w+)", found[code_at])) - {"gtmOnSuccess", "gtmOnFailure"}
    assert used == fields - {"event", "person"}  # two groups of fields


@pytest.mark.parametrize("name", FILES)
def test_names_are_those_of_the_ga4_door(name: str) -> None:
    """One event must not have another name by the container than by the tag itself."""
    (code,) = (text for head, text in sections(name).items() if head.startswith("SANDBOXED_JS"))
    table = re.search(r"const NAMES = \{(.*?)\};", code, re.S)
    assert table is not None
    assert dict(re.findall(r"(\w+): '(\w+)'", table[1])) == NAMES


def test_a_purchase_of_the_container_folds_with_the_shops_webhook(gateway: Running) -> None:
    """A server's copy under the browser's id, whole, and one action with the signed order."""
    gateway.forget()
    (said,) = forwarded(gateway, PURCHASE)
    assert said["success"] is True
    assert said["logs"] == []
    assert deliver(gateway, numbered(ORDER, note_attributes=[])).status == 200
    told, shop = gateway.new_events()
    assert (shop.tier, told.tier, told.channel, told.sender) == (Tier.T3, Tier.T2, Channel.SERVER, "twofold-sgtm")
    check_the_purchase(told)
    db = open_reader(gateway.folder)
    rows = list(db.execute("select action, plain_body(body) from event"))
    db.close()
    assert len({action for action, body in rows if f'"order_id":"{ORDER}"'.encode() in bytes(body)}) == 1


def check_the_purchase(told: Event) -> None:
    data, user = told.custom_data, told.user_data
    assert (told.event_name, told.event_id, told.event_time) == ("Purchase", "from-the-browser", NOW_S)
    assert (data.value, data.currency, data.order_id) == (Decimal("42.5"), "EUR", str(ORDER))
    assert [(c.id, c.quantity, c.item_price) for c in data.contents] == [("111", 2, Decimal("21.25"))]
    assert [h.hex for h in user.em] == [EMAIL]
    assert (user.client_ip_address, told.event_source_url) == ("203.0.113.9", "https://shop.example/thanks")
    assert told.consent is not Consent.DENIED
    assert set(told.granted) >= {"marketing", "ad_user_data"} or told.consent is Consent.GRANTED


def test_a_denial_and_a_refusal_arrive(gateway: Running) -> None:
    """Consent of the container is heard; another key and an event without its currency are failures that the log explains."""
    gateway.forget()
    denied = PURCHASE | {"event_id": "denied-1", "transaction_id": "77", "consent_state": {"ad_storage": False}}
    poor = {k: v for k, v in PURCHASE.items() if k != "currency"} | {"event_id": "poor-1"}
    first, second = forwarded(gateway, denied, poor)
    (stranger,) = forwarded(gateway, PURCHASE, key="another-key-0123456789")
    assert first["success"] is True
    event = gateway.new_event()
    assert event.consent is Consent.DENIED or "marketing" in event.denied
    assert second["success"] is False
    assert "currency" in second["logs"][0]
    assert stranger["success"] is False
    assert "another-key" not in stranger["logs"][0]
