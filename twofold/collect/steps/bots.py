"""Robots: which copies no shopper made. Marks them; whether they are sent is the dataset's setting, at send time.

Owns the reading of one user agent. The list of crawlers is the package crawler-user-agents (monperrus/crawler-user-agents
on GitHub); beside it stand the names that browser automation gives itself. No lists of addresses, no puzzles: a robot
that says it is a browser is not found here. A mark never refuses and never removes anything.
"""

from __future__ import annotations

import re
from functools import lru_cache

from twofold.collect.steps.draft import Draft
from twofold.event.refusal import Refusal

CRAWLER = "crawler"  # on the list: search engines, link previews, monitors, HTTP libraries
AUTOMATION = "automation"  # a browser driven by a program
NO_AGENT = "no_user_agent"  # a browser always says what it is
REASONS = (CRAWLER, AUTOMATION, NO_AGENT)

MAX_AGENT = 512  # characters looked at
_AUTOMATION = re.compile(
    r"Headless|PhantomJS|SlimerJS|Playwright|Puppeteer|Selenium|WebDriver|Cypress|Nightmare|jsdom|"
    r"PostmanRuntime|insomnia/|HTTPie|^Java/|^Ruby|^PHP/|^node$",
    re.I,
)


@lru_cache(maxsize=8_192)  # a shop sees a few thousand kinds of browser; one that is not known costs 0.15 ms
def bot_of(user_agent: str) -> str | None:
    """Why this user agent is no shopper's browser, in one of `REASONS`; None for everything else."""
    if not user_agent:
        return NO_AGENT
    if _AUTOMATION.search(user_agent):
        return AUTOMATION
    from crawleruseragents import is_crawler  # type: ignore[import-untyped]  # reads its list when imported

    return CRAWLER if is_crawler(user_agent) else None


def put_bot(draft: Draft) -> Refusal | None:
    """Marks a copy whose shopper's browser is a robot. Server copies without a user agent say nothing about it."""
    agent = draft.user.client_user_agent
    if agent is None and not draft.is_browser:
        return None
    reason = bot_of((agent or "").strip()[:MAX_AGENT])
    if reason is not None:
        draft.fields["bot"] = reason
    return None
