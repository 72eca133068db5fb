"""The shop's page as it is served: does the tag stand in it, before Meta's snippet, with our address and dataset; who else sends.

Owns how a page is fetched and what its source shows. What scripts do once they run (a tag manager, a consent banner that loads
late) is not in the source: it is said as something to look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit

from twofold.config import Settings
from twofold.pulling.exchange import Answer, Exchange, Unreached
from twofold.senders.pages.shopify import other_senders
from twofold.setup.finding import Finding, State, do, look, ok

MAX_PAGE = 4 << 20
MAX_MOVES = 4
_SCRIPT = re.compile(r"<script\b[^>]*?\bsrc\s*=\s*(?:\"([^\"]+)\"|'([^']+)'|([^\s>]+))[^>]*>", re.I)
_LATE = re.compile(r"\s(async|defer)\b", re.I)
_FBEVENTS = re.compile(r"connect\.facebook\.net/[A-Za-z_]{2,10}/fbevents\.js")
_INIT = re.compile(r"""fbq\s*\(\s*["']init["']\s*,\s*["']?(\d{5,20})""")
_MANAGER = re.compile(r"googletagmanager\.com/gtm\.js")
_COMMENT = re.compile(r"<!--.*?-->", re.S)


def look_at_pages(settings: Settings, exchange: Exchange) -> Iterator[Finding]:
    """The first page of each dataset's shop."""
    for dataset in settings.dataset:
        if not dataset.origins:
            yield look(f"pages of dataset {dataset.id}", "no origins are set, so any site may send and no page can be looked at",
                       'set origins = ["https://…"] under [[dataset]]')  # fmt: skip
            continue
        site = dataset.origins[0]
        try:
            answer = fetch(exchange, site)
        except Unreached as err:
            yield look(f"page {site}", f"could not be fetched: {err}")
            continue
        if answer.status != 200:
            yield look(f"page {site}", f"was answered with {answer.status}: a password page, or a guard against robots")
            continue
        html = answer.content[:MAX_PAGE].decode("utf-8", "replace")
        yield from judge_page(html, site, settings.server.address, settings.server.tag_path, dataset.id)


def fetch(exchange: Exchange, url: str) -> Answer:
    """The page, a few moves later. Raises `Unreached`."""
    for _ in range(MAX_MOVES):
        answer = exchange.get(url, headers={"Accept": "text/html"})
        target = answer.headers.get("location", "")
        if answer.status not in (301, 302, 303, 307, 308) or not target:
            return answer
        url = urljoin(url, target)
        if urlsplit(url).scheme not in ("http", "https"):
            break
    raise Unreached("it moves from address to address")


def judge_page(html: str, site: str, address: str, tag_path: str, dataset: str) -> Iterator[Finding]:
    """What the source of one page shows."""
    html = _COMMENT.sub(lambda found: " " * len(found[0]), html)  # places stay what they are
    name = f"tag on {site}"
    scripts = [(m.start(), unescape(next(filter(None, m.groups()), "")), m[0]) for m in _SCRIPT.finditer(html)]
    ours = [s for s in scripts if re.search(rf"{re.escape(tag_path)}/twofold(\.[0-9a-f]+)?\.js", s[1])]
    pixel = min((m.start() for m in (_FBEVENTS.search(html), _INIT.search(html)) if m), default=None)
    if not ours:
        mend = "twofold snippet theme (or tag, gtm, woocommerce): put it first in <head>"
        if _MANAGER.search(html):
            yield look(name, "is not in the page's source; a tag manager is there and may load it", mend)
        else:
            yield do(name, "is not in the page's source", mend)
    else:
        at, src, element = ours[0]
        if address and not urljoin(site, src).startswith(f"{address}/"):
            yield do(
                name, f"is loaded from {urlsplit(urljoin(site, src)).netloc}, not from {address}", "twofold snippet tag"
            )
        elif len(ours) > 1:
            yield do(name, f"stands {len(ours)} times in the page", "take out all but the first")
        elif pixel is not None and pixel < at:
            yield do(
                name, "stands behind Meta's snippet, which it has to precede to hear it", "move it to the top of <head>"
            )
        elif _LATE.search(element) and pixel is not None:
            yield do(
                name,
                "is loaded with async or defer, so Meta's snippet runs before it",
                "take async and defer out of its line",
            )
        else:
            yield ok(
                name, "stands before Meta's snippet" if pixel is not None else "Meta's snippet is not in the source"
            )
    ids = sorted(set(_INIT.findall(html)))
    if ids and dataset not in ids:
        yield do(
            f"pixel on {site}",
            f"Meta's snippet is for {', '.join(ids)}, not for dataset {dataset}",
            "write one id in both places",
        )
    for sender in other_senders(html):
        heard = sender.who == "Meta's pixel in the theme" and bool(ours)
        if heard:
            continue  # judged above
        text = f"{sender.means} Seen: {sender.evidence}."
        state = State.DO if sender.certain and sender.platform == "meta" else State.LOOK
        yield Finding(name=f"other sender: {sender.who}", state=state, text=text, mend=sender.do)
