"""Browser tokens and untrusted money: what is believed, what is not, and that the examples make what is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold.collect.policy import DatasetPolicy, TrustRules
from twofold.collect.steps.browser_tokens import MAX_LIFE_S, Claims, read_token
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier

NOW_S = 1_790_000_000
SECRET = "a-secret-of-the-shop-and-the-gateway"
OLD = "the-secret-before-that-one"
EXAMPLES = Path(__file__).parents[2] / "examples" / "browser-token"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(secret: str = SECRET, **claims: Any) -> str:
    """Made here by the description, not by the code under test."""
    body = b64(json.dumps({"dataset": "1", "exp": NOW_S + 600, **claims}).encode())
    return f"{body}.{b64(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest())}"


def event(
    given: Any = None,
    trust: TrustRules | None = None,
    *,
    name: str = "Purchase",
    channel: Channel = Channel.BROWSER,
    tier: Tier = Tier.T0,
    **custom: Any,
) -> Event:
    origin = Origin(
        dataset="1",
        channel=channel,
        sender="tag",
        tier=tier,
        received_at=NOW_S * 1000,
        client_ip="2001:db8::1",
        user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0",
        policy=DatasetPolicy(id="1", trust=trust or TrustRules(token_secrets=(SECRET.encode(), OLD.encode()))),
    )
    data = {"value": Decimal("42.50"), "currency": "EUR", "order_id": "1001", **custom}
    raw = RawEvent(
        event_name=name,
        event_time=NOW_S,
        event_id="1",
        action_source="website",
        user_data={"fbp": "fb.1.1790000000000.1"},
        custom_data=data,
        visitor="v-1",
        token=given,
    )
    found = run(raw, origin)
    assert isinstance(found, Event), found
    return found


BELIEVED = [
    {},
    {"names": ["Purchase"]},
    {"order": "1001"},
    {"value": 42.5, "currency": "eur"},
    {"value": "42.50", "currency": "EUR"},
    {"visitor": "v-1"},
    {"names": ["Lead", "Purchase"], "order": "1001", "value": 42.5, "currency": "EUR", "visitor": "v-1"},
    {"exp": NOW_S + MAX_LIFE_S},
    {"exp": NOW_S + 1},
]


@pytest.mark.parametrize("claims", BELIEVED, ids=range(len(BELIEVED)))
def test_a_fitting_token_lifts_the_event(claims):
    found = event(token(**claims))
    assert (found.tier, found.warnings) == (Tier.T1, ())


REFUSED = [
    # claims, what the warning says
    ({"exp": NOW_S}, "has expired"),
    ({"exp": NOW_S + MAX_LIFE_S + 1}, "lives longer than a day"),
    ({"dataset": "2"}, "is for another dataset"),
    ({"names": ["Lead"]}, "another event name"),
    ({"order": "1002"}, "another order"),
    ({"value": 42.51}, "another value"),
    ({"value": 42.5, "currency": "USD"}, "another currency"),
    ({"visitor": "v-2"}, "another visitor"),
    ({"discount": 5}, "says something that is not known here"),
    ({"exp": "soon"}, "says something that is not known here"),
    ({"names": "Purchase"}, "says something that is not known here"),
]


@pytest.mark.parametrize(("claims", "why"), REFUSED, ids=range(len(REFUSED)))
def test_a_token_that_does_not_fit_changes_nothing(claims, why):
    """The event is kept as the plain browser event that it is; the warning names the reason, not the content."""
    found = event(token(**claims))
    assert found.tier is Tier.T0
    assert why in found.warnings[0]
    assert "1002" not in found.warnings[0]


def test_a_stated_order_needs_an_order():
    """A token for an order cannot be used for a purchase that names none."""
    assert event(token(order="1001"), order_id=None).tier is Tier.T0


GOOD = token()
FORGED = [
    token(secret="another-secret-of-somebody-else"), GOOD[:-1], GOOD + "A", GOOD.replace(".", ""), "." + GOOD, GOOD.upper(),
    b64(b"{}") + GOOD[GOOD.index(".") :], GOOD.split(".")[0] + ".", "", "x", ".", 7, ["a"], "é" * 40, "A" * 5000, GOOD + ".x",
    GOOD.split(".")[0] + "=." + GOOD.split(".")[1],
]  # fmt: skip


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))
def test_what_is_not_signed_is_not_believed(forged):
    assert event(forged).tier is Tier.T0


def test_both_secrets_count_while_one_is_rotated():
    assert event(token(secret=OLD)).tier is Tier.T1
    assert event(token(secret=OLD), TrustRules(token_secrets=(SECRET.encode(),))).tier is Tier.T0


def test_without_a_secret_no_token_is_believed():
    """An empty secret would make every token that is signed with nothing genuine."""
    assert event(token(secret=""), TrustRules()).tier is Tier.T0


def test_a_server_needs_no_token_and_gains_nothing_by_one():
    assert event(token(), channel=Channel.SERVER, tier=Tier.T2).tier is Tier.T2


MAKERS = [
    ([sys.executable, str(EXAMPLES / "browser_token.py")], None),
    (["node", str(EXAMPLES / "browser-token.js")], "node"),
]


@pytest.mark.node
@pytest.mark.parametrize("command", [m[0] for m in MAKERS], ids=["python", "node"])
def test_the_examples_make_genuine_tokens(command):
    """Run as a shop's server would; read with the gateway's own code at the real time."""
    assert command[0] == sys.executable or shutil.which(command[0])
    bound = {"dataset": "1", "order": "Ä-1", "value": 42.5, "currency": "EUR", "names": ["Purchase"]}
    made = subprocess.run([*command, SECRET, json.dumps(bound)], capture_output=True, text=True, check=True, timeout=60)
    claims = read_token(made.stdout.strip(), [SECRET.encode()], "1", int(time.time()))
    assert isinstance(claims, Claims), claims
    assert (claims.order, claims.value, claims.currency, claims.names) == ("Ä-1", Decimal("42.5"), "EUR", ("Purchase",))


# -- untrusted money

LIMITS = TrustRules(
    token_secrets=(SECRET.encode(),),
    value_caps={"EUR": Decimal("500"), "USD": Decimal("0.5")},
    currencies=frozenset({"EUR", "USD", "GBP"}),
)
MONEY = [
    (Decimal("500"), "EUR", None),
    (Decimal("500.01"), "EUR", "value_over_cap"),
    (Decimal("1"), "USD", "value_over_cap"),
    (Decimal("99999"), "GBP", None),  # listed, no cap
    (Decimal("1"), "JPY", "currency_not_listed"),
    (Decimal("1"), "eur", None),
]


@pytest.mark.parametrize(("value", "currency", "reason"), MONEY)
def test_untrusted_money_has_limits(value, currency, reason):
    """Over the cap or in another currency: kept and marked. With a token, or from a server, no limit holds."""
    assert event(None, LIMITS, value=value, currency=currency).held_back == reason
    assert event(token(), LIMITS, value=value, currency=currency).held_back is None
    server = event(None, LIMITS, value=value, currency=currency, channel=Channel.SERVER, tier=Tier.T2)
    assert server.held_back is None


def test_an_event_without_money_has_no_limit():
    assert event(None, LIMITS, name="PageView", value=None, currency=None).held_back is None
