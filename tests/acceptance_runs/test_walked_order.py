"""A browser walks test orders where only a browser sees what goes past the gateway, and at sites that do not let it.

It takes some ten seconds for four walks: only a real browser can say which script called whom, and that it ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.senders.sender_scene import journal
from tests.senders.shop_of_senders import HOST, only_here, serving
from twofold.acceptance import walk as walking
from twofold.acceptance.criteria import Look, State
from twofold.acceptance.packet.body import build_packet, is_chained
from twofold.acceptance.packet.page import page_of
from twofold.acceptance.plan import read_plan
from twofold.acceptance.run import About, Run, Status, run_of, start, status
from twofold.acceptance.seen.walked import Walked, left_refused
from twofold.config import Settings, load_settings
from twofold.senders.kinds import SenderClass
from twofold.senders.observed import BROWSER, kept_looks

pytestmark = pytest.mark.browser

DATASET = "1234567890"
THEME = f"https://{HOST}/products/cup"
PLAN = """
name = "pages that call past the gateway"
decides = "Purchase"
[[event]]
name = "ViewContent"
again = "nothing"
[[event]]
name = "Purchase"
[drive]
test_gateway = true
refuse = "button[name=add]"
[[drive.step]]
open = "/products/cup"
event = "ViewContent"
[[drive.step]]
open = "/products/cup"
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("shop")) as found:
        yield found


def begun(folder: Path, host: str) -> tuple[Settings, Run]:
    """A data folder, and a run in it that nobody has taken a step of."""
    journal(folder / "data")
    config, plan = folder / "twofold.toml", folder / "plan.toml"
    config.touch(mode=0o600)
    config.write_text(
        f'[server]\ndata = "{folder / "data"}"\n[[dataset]]\nid = "{DATASET}"\norigins = ["https://{host}"]\n'
    )
    plan.write_text(PLAN)
    settings = load_settings(config)
    return settings, start(settings, read_plan(plan), DATASET, About(owner="Nino"), "tester", int(time.time()))


def walked(settings: Settings, run: Run, port: int, most_s: float) -> Walked:
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(walking, "ARRIVES_S", 0.0)  # no gateway runs here that anything could come to
        quick.setattr(walking, "QUIET_S", 0.2)
        return walking.walk(settings, run, "tester", None, most_s=most_s, arguments=only_here(port))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, port: int) -> tuple[Settings, Status, Walked]:
    settings, run = begun(tmp_path_factory.mktemp("walked"), HOST)
    seen = walked(settings, run, port, 120)
    return settings, status(settings, run_of(Path(settings.server.data), run.code), int(time.time())), seen


def test_each_call_is_credited_to_its_class_and_script(found: tuple[Settings, Status, Walked]) -> None:
    """In the page, a worker and a sandboxed frame; kept with the run and in the inventory."""
    settings, state, seen = found
    assert seen.ended == "walked", seen
    assert state.run.walked == seen
    calls = {c.event_id.partition(".")[0]: c for c in seen.of("order")}
    assert {k: (c.sender_class, c.place) for k, c in calls.items()} == {
        "theme": (SenderClass.THEME, "page"), "gtm": (SenderClass.TAG_MANAGER, "page"),
        "loyal": (SenderClass.THEME_APP, "page"), "sh-1": (SenderClass.APP_PIXEL, "worker"),
        "custom": (SenderClass.CUSTOM_PIXEL, "frame"), "pin": (SenderClass.SCRIPT_TAG, "worker"),
    }  # fmt: skip
    theme = calls["theme"]
    assert (theme.script, theme.event, theme.value, theme.currency) == (THEME, "ViewContent", Decimal("49.9"), "EUR")
    looks = kept_looks(settings.server.data, 0)
    assert {o.side for o in looks} == {BROWSER}
    assert {o.sender_class for o in looks} >= {c.sender_class for c in calls.values()}


def test_a_second_load_and_a_refusal_are_seen_past_the_gateway(found: tuple[Settings, Status, Walked]) -> None:
    """The theme's own pixel fires again and after a refusal; the gateway never heard of it."""
    _, state, _ = found
    (path,) = (c for c in state.criteria if c.name == "path")
    again = [c.said for c in path.checks if c.name is Look.AGAIN and c.state is State.FAILED]
    assert f"{THEME} told meta of it again, under the same id" in again
    (refused,) = [c.said for c in path.checks if c.name is Look.REFUSAL and c.state is State.FAILED]
    assert f"ViewContent to meta by {THEME}" in refused
    assert "to tiktok by " in refused
    assert path.state is State.FAILED


def test_the_packet_tells_what_the_browser_saw(found: tuple[Settings, Status, Walked]) -> None:
    """In its evidence, and on its page by the words for each kind of sender."""
    settings, state, _ = found
    packet = build_packet(settings, state, [], "tester", int(time.time()))
    assert is_chained(packet)
    assert [i["value"]["ended"] for i in packet["evidence"]["items"] if i["what"] == "walk"] == ["walked"]
    page = page_of(packet, "d" * 64).decode()
    assert "Theme code" in page
    assert "49.9 EUR" in page
    assert "nino" not in page.replace("Nino", "")


@pytest.mark.parametrize(
    ("name", "ended"),
    [("silent", "the time was up (4 s)"), ("refuses", "refuses.bad.example/products/cup answered 403")],
)
def test_a_site_that_does_not_let_it_through_ends_in_time(tmp_path: Path, port: int, name: str, ended: str) -> None:
    """With what was seen until then, no step ticked that was not taken, and a criterion that is not passed."""
    settings, run = begun(tmp_path, f"{name}.bad.example")
    seen = walked(settings, run, port, 4 if name == "silent" else 120)
    assert seen.ended == ended
    assert not any(s.done for s in seen.steps)  # where the browser was late, none was begun
    after = run_of(Path(settings.server.data), run.code)
    assert after.walked == seen
    assert after.ticked == {}
    (path,) = (c for c in status(settings, after, int(time.time())).criteria if c.name == "path")
    assert path.state is not State.PASSED


def test_what_may_be_called_without_consent_is_not_judged(found: tuple[Settings, Status, Walked]) -> None:
    """Google's scripts call without consent too and say so; the tag comes to the gateway, which judges it itself."""
    _, _, seen = found
    (call,) = (c for c in seen.of("refused") if c.event_id == "theme.1")
    only = [
        type(call)(**{f: getattr(call, f) for f in call.__struct_fields__} | {"platform": p})
        for p in ("ga4", "google_ads", "twofold")
    ]
    assert left_refused(Walked(dataset=DATASET, ended="walked", took_s=1, calls=tuple(only))) == []
