"""A gateway with events, and lists at three platforms that follow them: who is erased, withdraws, or says no to one platform is gone there.

Processes and sockets are real; what may be on a list is worked out here with hashlib.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.gateway_process import gateway
from tests.audiences.shoppers import HOUR, did, kept
from tests.fakes.graph import in_thread
from tests.fakes.platforms.lists import GoogleLists, MetaLists, TikTokLists
from tests.store.copies import NOW, opened
from twofold.audiences.run import sync
from twofold.audiences.schedule import ScheduledAudiences, Turns
from twofold.audiences.showing import lists_shown
from twofold.clock import now_ms
from twofold.config import AudienceSettings, load_settings, settings_from
from twofold.consent.marks import Mark

pytestmark = pytest.mark.process

TOKEN, ADVERTISER, KEY = "token-of-the-lists-Rw8", "7100000000000000001", "key-Gq7pZr2mXw9"
TOML = """
[[dataset]]
id = "1"
key = "{key}"
country = "GE"
[[account]]
platform = "meta"
id = "act_1"
name = "meta-1"
token = "env:LISTS_TOKEN"
endpoint = "{meta}"
[[account]]
platform = "tiktok"
id = "{advertiser}"
name = "tiktok-1"
token = "env:LISTS_TOKEN"
endpoint = "{tiktok}"
[[audience]]
name = "viewers"
dataset = "1"
rule = "viewed_not_bought"
smallest = 1
lists = {{ meta-1 = "100", tiktok-1 = "a1" }}
"""
GRANT = "refresh-token-Hn5"
AT_GOOGLE = """
[[account]]
platform = "google_ads"
id = "123-456-7890"
name = "google-1"
token = "env:GOOGLE_TOKEN"
client_id = "app"
client_secret = "secret-of-the-app"
endpoint = "{google}"
"""
LATER_MS = 700_000
"""After which Google is asked what came of a request."""
PATIENCE_S = 120


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Shopper:
    def __init__(self, name: str, digit: int) -> None:
        self.email, self.phone = f"{name}.qzv@{name}-mail.example", f"+9955550000{digit}{digit}"
        self.visitor = f"visitor-of-{name}-0123456789"

    @property
    def at_meta(self) -> tuple[str, str]:
        return sha(self.email), sha(self.phone[1:])

    @property
    def at_tiktok(self) -> tuple[str, str]:
        return sha(self.email), sha(self.phone)

    def event(self, consent: Any, name: str = "ViewContent") -> dict[str, Any]:
        return {
            "event_name": name, "event_time": int(time.time()), "event_id": f"{self.email}-{time.monotonic_ns()}",
            "action_source": "website", "event_source_url": "https://shop.example/", "consent": consent,
            "user_data": {"em": self.email, "ph": self.phone, "client_user_agent": "Mozilla/5.0"},
        }  # fmt: skip


def test_lists_follow_what_people_say(tmp_path: Path) -> None:
    """One is erased, one takes consent back, three each say no to one platform, in the words that banners have for it, and one is kept
    from its lists alone."""
    mary, anna, lia, gia, dato, nika, nino = all_of_them = [
        Shopper(name, n) for n, name in enumerate(("mary", "anna", "lia", "gia", "dato", "nika", "nino"), 1)
    ]
    meta, tiktok = MetaLists(token=TOKEN, lists={"100": {}}), TikTokLists(ADVERTISER, TOKEN, {"a1": set()})
    google = GoogleLists("1234567890", set(), GRANT, int(time.time()), processing=0, lists={"555": set()})
    yes = {"marketing": "granted"}
    with in_thread(meta) as one, in_thread(tiktok) as two, in_thread(google) as three:
        toml = TOML.format(key=KEY, meta=one.url, tiktok=two.url, advertiser=ADVERTISER)
        toml = toml.replace("[[audience]]", AT_GOOGLE.format(google=three.url) + "[[audience]]\nterms_accepted = true")
        toml = toml.replace('tiktok-1 = "a1"', 'tiktok-1 = "a1", google-1 = "555"')
        env = {"LISTS_TOKEN": TOKEN, "GOOGLE_TOKEN": GRANT}
        with gateway(toml, tmp_path / "data", env=env) as g:

            def say(*events: dict[str, Any]) -> None:
                told = requests.post(f"{g.url}/v25.0/1/events", json={"data": events, "access_token": KEY}, timeout=60)
                assert told.status_code == 200, told.text

            settings = load_settings(g.config, data=str(g.data), environ=env)
            say(*(p.event(yes) for p in (mary, anna, lia, gia, dato, nika)), nino.event(None))
            done = g.run("audiences", "sync", "--json")
            assert done.returncode == 0, done.stderr
            assert TOKEN not in done.stdout + done.stderr
            told = [json.loads(line) for line in done.stdout.splitlines()]
            assert {row["account"]: row["added"] for row in told} == {"meta-1": 6, "tiktok-1": 6, "google-1": 6}
            sync(settings, [], lambda: now_ms() + LATER_MS)
            agreed = [p for p in all_of_them if p is not nino]
            assert set(meta.lists["100"]) == {p.at_meta for p in agreed}
            assert tiktok.lists["a1"] == google.lists["555"] == {p.at_tiktok for p in agreed}

            assert g.run("erase", "--email", mary.email, "--yes").returncode == 0
            assert g.run("consent", "withdraw", "--email", anna.email).returncode == 0
            for shopper, name in ((lia, "tiktok"), (gia, "google"), (dato, "Facebook")):
                say(shopper.event(yes | {"platforms": {name: False}}))
            say(nika.event(yes) | {"destinations": {"All": True, "Facebook Custom Audiences (Actions)": False}})
            removed = {d.account: d.removed for d in sync(settings, [], lambda: now_ms() + 2 * LATER_MS)}
            assert removed == {"meta-1": 4, "tiktok-1": 3, "google-1": 3}
            sync(settings, [], lambda: now_ms() + 3 * LATER_MS)
            assert set(meta.lists["100"]) == {lia.at_meta, gia.at_meta}
            assert tiktok.lists["a1"] == {gia.at_tiktok, dato.at_tiktok, nika.at_tiktok}
            assert google.lists["555"] == {lia.at_tiktok, dato.at_tiktok, nika.at_tiktok}

            trail = [json.loads(line) for line in g.run("audiences", "trail", "--json").stdout.splitlines()]
            removals = [(t["account"], t["rows"], t["outcome"], t["later"]) for t in trail if t["kind"] == "remove"]
            assert sorted(removals) == [
                ("google-1", 3, "accepted", "success"),
                ("meta-1", 4, "accepted", ""),
                ("tiktok-1", 3, "accepted", ""),
            ]
            for shown in lists_shown(settings):
                unlisted = {"lists_not_addressed": 1} if shown["account"] == "meta-1" else {}
                assert (shown["fitting"], shown["people"], shown["told"]) == (6, *(3 - len(unlisted),) * 2)
                assert shown["left_out"] == unlisted | {
                    "consent_unstated": 1,
                    "consent_withdrawn": 1,
                    "consent_denied_platform": 1,
                }
        held = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        gone = [mary.email, mary.phone, mary.at_meta[0], mary.at_meta[1], mary.at_tiktok[1], TOKEN, GRANT]
        assert [text for text in gone if text.encode() in held] == []


def test_a_running_gateway_takes_off_at_once(tmp_path: Path) -> None:
    """Its first turn fills the list; a withdrawal brings the next turn, an hour before it was due."""
    meta = MetaLists(token=TOKEN, lists={"100": {}})
    kept(tmp_path / "data", [did("a", visitor="va"), did("b")])
    with in_thread(meta) as one:
        toml = TOML.format(key=KEY, meta=one.url, tiktok="http://127.0.0.1:1", advertiser=ADVERTISER)
        config = tmp_path / "twofold.toml"
        config.write_text(toml.replace(', tiktok-1 = "a1"', "").replace("smallest = 1", "smallest = 1\ndays = 540"))
        (tmp_path / "twofold.env").write_text(f"LISTS_TOKEN={TOKEN}\n")
        (tmp_path / "twofold.env").chmod(0o600)
        audience = AudienceSettings(name="viewers", dataset="1", rule="viewed_not_bought", lists={"meta-1": "100"})
        itself = ["--config", str(tmp_path / "twofold.toml"), "--data", str(tmp_path / "data")]

        async def scenario() -> None:
            async with opened(tmp_path / "data") as store, asyncio.timeout(PATIENCE_S):
                keeping = ScheduledAudiences(
                    [audience], tmp_path / "data", itself, lambda: NOW, look_every_s=0.1, first_s=0
                )
                running = asyncio.create_task(keeping.run())
                while len(meta.lists["100"]) < 2:
                    await asyncio.sleep(0.05)
                await store.withdraw("1", [Mark("visitor", "va")], NOW - HOUR)
                while len(meta.lists["100"]) > 1:
                    await asyncio.sleep(0.05)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                assert [row[0][0] for row in meta.lists["100"]] == ["b"]
                # The audience is taken out of the settings: the next start empties its list.
                config.write_text(toml.partition("[[audience]]")[0])
                running = asyncio.create_task(
                    ScheduledAudiences([], tmp_path / "data", itself, lambda: NOW, look_every_s=0.1, first_s=0).run()
                )
                while meta.lists["100"]:
                    await asyncio.sleep(0.05)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

        asyncio.run(scenario())


def test_turns() -> None:
    """Each audience in its own time; one that failed in five minutes; all where somebody took something back."""
    settings = settings_from(
        {
            "dataset": [{"id": "1"}],
            "account": [{"platform": "meta", "id": "1", "name": "m", "token": "t"}],
            "audience": [
                {
                    "name": n,
                    "dataset": "1",
                    "rule": "refused",
                    "every_minutes": every,
                    "lists": {"m": "1"} if every < 999 else {},
                }
                for n, every in (("a", 10), ("b", 60), ("c", 999))
            ],
        },
        environ={},
    )
    turns = Turns(settings.audience)
    assert turns.due(1_000) == ["a", "b"]
    assert turns.due(1_599) == []
    assert turns.due(1_600) == ["a"]
    turns.try_again(["b", "nobody"], 1_600)
    assert turns.due(1_899) == []
    assert turns.due(1_900) == ["b"]
    assert turns.due(1_901, all_of_them=True) == ["a", "b"]
