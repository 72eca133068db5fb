"""The pytest plugin, as a shop's CI runs it: another pytest, in another folder, on the example."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci"


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    # Our own run chooses its plugins; a shop's takes those that are installed.
    env = {name: value for name, value in os.environ.items() if "PLUGIN" not in name}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the example that a test may break."""
    folder = tmp_path / "ci"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_example_passes(shop: Path) -> None:
    """Both tests of the example pass in a pytest of their own, with no configuration."""
    done = run_pytest(shop)

    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout + done.stderr


# name, text of shop.py, what it is broken to, what the failure says
BREAKS = [
    (
        "two ids for one order",
        "server_purchase(event_id,",
        'server_purchase(event_id + "-server",',
        "expected 1 counted Purchase for order 1001, got 2",
    ),
    (
        "no server copy",
        "server_purchase(event_id, order, total, currency, meta.events_url, meta.token)",
        "pass",
        "expected a Server Purchase, got none",
    ),
    (
        "cents for euros on the server",
        '"value": total,',
        '"value": str(int(float(total) * 100)),',
        "order 1001, Server copy: expected 42.50 EUR, got 4250 EUR",
    ),
    (
        "a forgotten key",
        '"em": [email], ',
        "",
        "expected the keys em, fbp, client_ip_address, missing em",
    ),
    (
        "contact data in the clear",
        'hashlib.sha256(b"nino@shop.example").hexdigest()',
        '"nino@shop.example"',
        "HTTP Error 400",
    ),
]


@pytest.mark.parametrize(("text", "broken", "says"), [r[1:] for r in BREAKS], ids=[r[0] for r in BREAKS])
def test_a_broken_shop_fails(shop: Path, text: str, broken: str, says: str) -> None:
    """Each defect of the shop turns its CI red, and the failure says what was expected and what came."""
    file = shop / "shop.py"
    source = file.read_text()
    assert text in source
    file.write_text(source.replace(text, broken))

    done = run_pytest(shop)
    assert done.returncode == 1, done.stdout
    assert says in done.stdout


def test_assertions(twofold_sandbox) -> None:
    """Each assertion passes on what it promises and fails, in words, on its opposite."""
    box = twofold_sandbox
    email = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"

    def send(**changes: object) -> None:
        event = {
            "event_name": "Purchase",
            "event_time": box_now(),
            "action_source": "website",
            "event_id": "a",
            "event_source_url": "https://shop.example/",
            "user_data": {"em": email, "client_ip_address": "2a02:8109::7", "client_user_agent": "Mozilla/5.0"},
            "custom_data": {"value": "19.90", "currency": "eur", "order_id": "7"},
        } | changes
        box._call("POST", f"/v25.0/{box.dataset}/events?access_token={box.token}", {"data": [event]})

    def box_now() -> int:
        return int(time.time())

    with pytest.raises(AssertionError, match="expected 1 counted Purchase for order 7, got 0"):
        box.assert_one_purchase("7", 19.9, "EUR", within_s=0)
    box.assert_no_diagnostics()
    send()
    box.assert_nothing_refused()
    assert box.assert_one_purchase("7", 19.9, "EUR")["copies"] == 1
    assert box.wait_for(1, event_name="Purchase")[0]["event_id"] == "a"
    box.assert_no_duplicates()
    box.assert_match_keys("em", "client_ip_address")
    box.assert_no_diagnostics()
    with pytest.raises(AssertionError, match=r"expected 20\.00 EUR, got 19\.9 EUR"):
        box.assert_one_purchase("7", "20.00", "EUR")
    with pytest.raises(AssertionError, match=r"expected 19\.9 USD, got 19\.9 EUR"):
        box.assert_one_purchase("7", 19.9, "USD")
    with pytest.raises(AssertionError, match="missing fbp"):
        box.assert_match_keys("em", "fbp")
    send(event_id="b")
    with pytest.raises(AssertionError, match="Purchase of order 7 counts 2 times"):
        box.assert_no_duplicates()
    with pytest.raises(AssertionError, match="s2s_redundant_events_not_deduped"):
        box.assert_no_diagnostics()
    with pytest.raises(AssertionError, match="expected 3 events with event_id=b within 0 s, got 1"):
        box.wait_for(3, within_s=0, event_id="b")
    box.move_clock(48 * 3600 + 1)
    send(event_time=box_now() + 48 * 3600)
    assert len(box.actions()) == 3


def test_faults_and_refusals_through_the_fixture(twofold_sandbox) -> None:
    """A scripted fault is answered, and a refusal is named by the assertion."""
    twofold_sandbox.fault(status=500, code=1)
    for status in (500, 401):
        with pytest.raises(HTTPError) as caught:
            twofold_sandbox._call("POST", f"/{twofold_sandbox.dataset}/events", {"data": []})
        assert caught.value.code == status
        caught.value.close()
    with pytest.raises(AssertionError, match="Invalid OAuth access token"):
        twofold_sandbox.assert_nothing_refused()
