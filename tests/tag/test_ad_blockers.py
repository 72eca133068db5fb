"""What ad blockers do to the tag's requests and to image tags, on the paths that the gateway has by default.

The rules are those of EasyList and EasyPrivacy that come near our addresses, cited with the list and read in Debian's
webext-ublock-origin-chromium 1.67.0; where `make lists` fetched that package, the whole lists are asked as well. The lists
(GPL-3+ or CC-BY-SA-3.0+) are not part of this project.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from running_shop import DATASET

from twofold import tag

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
LISTS = sorted((HERE / "lists").glob("*.txt"))
CLIENT = HERE.parent / "clients" / "node" / "block.js"
PAGE = "https://www.shop.example/products/shoes"
GATEWAY = "https://gateway.shop.example"
CITED = """
! EasyPrivacy, general: addresses of any host
&ev=PageView&
?event=pageview&
/event/pageview?
/events/capture?
/events/track/*
/events/tracking
/events-collector.
/events.gif?
/events?rpId=
/tr.gif?
/tr/lp/intg.js
/tr/pageview/*
/pixel.gif?
/pixel/visit?
/track/pageview?
! EasyPrivacy, third parties
||facebook.com/tr/
||facebook.com/tr?
"""
SOURCES = [pytest.param(CITED, id="the cited rules")]
if LISTS:
    SOURCES.append(pytest.param("\n".join(path.read_text("utf-8") for path in LISTS), id="the whole lists"))

PIXEL = "dl=https%3A%2F%2Fwww.shop.example%2F&rl=&if=false&ts=1790000000000&v=2.9.205&r=stable&ec=0&it=1790000000000"
PASS = [
    ("script", "/t/twofold.js"),
    ("script", f"/t/twofold.{tag.digest()}.js"),
    ("xmlhttprequest", "/t/events"),
    ("ping", "/t/events"),
    ("xmlhttprequest", "/t/consent"),
    ("image", f"/t/image?ev=PageView&id={DATASET}&noscript=1"),
    ("image", f"/t/image?ev=Purchase&id={DATASET}&cd[value]=9.5&cd[currency]=EUR&noscript=1"),
    ("image", f"/tr?ev=PageView&id={DATASET}&noscript=1"),
    ("image", f"/tr?id={DATASET}&ev=Purchase&noscript=1"),
]
BLOCKED = [
    ("image", f"/tr?id={DATASET}&ev=PageView&noscript=1"),
    ("image", f"/tr/?id={DATASET}&ev=PageView&{PIXEL}"),
    ("image", f"/t/image?id={DATASET}&ev=PageView&noscript=1"),
]


def blocking(rules: str, requests: list[tuple[str, str]]) -> list[str]:
    """Of each request from the shop's page, the rule that blocks it, or nothing."""
    asked = {"rules": rules, "page": PAGE, "requests": [(kind, GATEWAY + path) for kind, path in requests]}
    done = subprocess.run(["node", CLIENT], input=json.dumps(asked), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("rules", SOURCES)
def test_what_the_tag_needs_is_on_no_list(rules: str) -> None:
    """Script, events, consent, and the image that docs/tag.md shows."""
    assert blocking(rules, PASS) == [""] * len(PASS)


@pytest.mark.parametrize("rules", SOURCES)
def test_what_is_on_a_list_is_what_we_say(rules: str) -> None:
    """One rule, which looks at the query and neither at the path nor at the host."""
    assert blocking(rules, BLOCKED) == ["&ev=PageView&"] * len(BLOCKED)


def test_the_page_says_so() -> None:
    """docs/tag.md names the rule, and its image tag is one of those that pass."""
    page = (HERE.parents[1] / "docs" / "tag.md").read_text("utf-8")
    assert "`&ev=PageView&`" in page
    (source,) = re.findall(r'<noscript><img src="([^"]+)"', page)
    assert source == f"{GATEWAY}/t/image?ev=PageView&id=1234567890&noscript=1"
