"""Robots: which user agents are taken for one, and which browsers, however odd, are not."""

from __future__ import annotations

import pytest

from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.bots import AUTOMATION, CRAWLER, NO_AGENT, bot_of
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
SHOPPERS = [
    CHROME,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36",
    # inside the apps where the advertisements are
    "Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 Version/4.0 Chrome/126.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/470.0.0.0;]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 330.0.0.0.0 (iPhone14,5; en_US)",
    "Mozilla/5.0 (Linux; Android 13; SM-A546B) AppleWebKit/537.36 Chrome/115.0 Mobile Safari/537.36 musical_ly_2023 BytedanceWebview/d8a21c6",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [Pinterest/iOS]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 GSA/300.0 Mobile/15E148 Safari/604.1",
    # a telephone whose maker's name ends in what robots are called
    "Mozilla/5.0 (Linux; Android 9; CUBOT P40) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
    "Opera/9.80 (Android; Opera Mini/36.2/191.256; U; en) Presto/2.12.423 Version/12.16",
]
ROBOTS = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", CRAWLER),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", CRAWLER),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", CRAWLER),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.0; +https://openai.com/gptbot)", CRAWLER),
    ("curl/8.5.0", CRAWLER),
    ("python-requests/2.31.0", CRAWLER),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
        AUTOMATION,
    ),
    ("PostmanRuntime/7.36.0", AUTOMATION),
    ("", NO_AGENT),
]


@pytest.mark.parametrize("agent", SHOPPERS)
def test_shoppers_are_not_robots(agent):
    assert bot_of(agent) is None


@pytest.mark.parametrize(("agent", "reason"), ROBOTS)
def test_robots_that_say_so(agent, reason):
    assert bot_of(agent) == reason


def marked(channel: Channel, agent: str | None, said: str | None = None) -> str | None:
    browser = channel is Channel.BROWSER
    origin = Origin(
        dataset="1",
        channel=channel,
        sender="test",
        tier=Tier.T0 if browser else Tier.T2,
        received_at=1_790_000_000_000,
        user_agent=agent if browser else None,
        policy=DatasetPolicy(id="1"),
    )
    user = {"external_id": "c-1"} | ({"client_user_agent": said} if said else {})
    raw = RawEvent(
        event_name="PageView", event_time=1_790_000_000, event_id="1", action_source="website", user_data=user
    )
    found = run(raw, origin)
    assert isinstance(found, Event)
    return found.bot


COPIES = [
    (Channel.BROWSER, CHROME, None, None),
    (Channel.BROWSER, "curl/8.5.0", None, CRAWLER),
    (Channel.BROWSER, "curl/8.5.0", CHROME, CRAWLER),  # what the connection says beats what the body says
    (Channel.BROWSER, None, None, NO_AGENT),
    (Channel.SERVER, None, None, None),  # a server need not know the shopper's browser
    (Channel.SERVER, None, CHROME, None),
    (Channel.SERVER, None, "Mozilla/5.0 (compatible; Googlebot/2.1)", CRAWLER),
]


@pytest.mark.parametrize(("channel", "agent", "said", "reason"), COPIES, ids=range(len(COPIES)))
def test_which_copies_are_marked(channel, agent, said, reason):
    """The shopper's browser is judged, never the software that reports it; the copy itself is kept either way."""
    assert marked(channel, agent, said) == reason
