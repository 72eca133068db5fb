"""What one address says of where a visit came from: for the set-up of campaigns, and for support. Reads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from twofold.commands.options import JsonOption
from twofold.commands.output.printing import plain, print_rows, say

if TYPE_CHECKING:
    from twofold.touch.source import Source

LONGEST = 100  # characters of a wrong address that are said again


def explain_source(
    url: Annotated[str, typer.Argument(metavar="URL", help="The page's whole address, with its query.")],
    referrer: Annotated[str, typer.Option("--referrer", help="The page that the visitor came from.")] = "",
    json: JsonOption = False,
) -> None:
    """Say from where a visit to this address came: its channel, and the rule that says so.

    Names what is wrong with an ad's address (a macro that nobody filled in, words against a click id, a campaign without
    a source) with the line to paste. Nothing is kept. Exit code 1 when something is wrong.
    """
    address = as_a_browser_says(url)
    if address is None:
        raise typer.BadParameter(
            f"expected an address as https://shop.example/page, got {url[:LONGEST]!r}", param_hint="URL"
        )
    row = explained(address, referrer)
    if json:
        from twofold.commands.output.rows.attribution import ExplainedSource

        print_rows(ExplainedSource, [row])
    else:
        _show(row)
    if row["findings"]:
        raise typer.Exit(1)


def as_a_browser_says(url: str) -> str | None:
    """The address as a page's own script would tell it: scheme and host in lower case and in ASCII, nobody's password. None for
    what no browser opens."""
    scheme, apart, rest = url.strip().partition("://")
    end = min((at for sign in "/?#" if (at := rest.find(sign)) >= 0), default=len(rest))
    host, colon, port = rest[:end].rpartition("@")[2].partition(":")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
        known = urlsplit(f"{scheme}://{host}{colon}{port}")
        port_is_known = known.port is None or known.port > 0
    except (UnicodeError, ValueError):
        return None
    if not apart or known.scheme not in ("http", "https") or not known.hostname or not port_is_known:
        return None
    return f"{known.scheme}://{host.lower()}{colon}{port}{rest[end:]}"


def explained(url: str, referrer: str) -> dict[str, Any]:
    """One line of the answer, as `ExplainedSource` has it."""
    from twofold.touch.channels import channel_of, listed_on
    from twofold.touch.model import Touch, TouchKind
    from twofold.touch.source import read_source

    found = read_source(url, referrer)
    if found is None:
        return {
            "url": _without_values(url),
            "touch": False,
            "rule": _why_none(url, referrer),
            "lists": listed_on(),
            "findings": [],
        }
    source, medium, campaign, content, term, utm_id = found.texts
    campaign_id, adset_id, ad_id = found.ids
    touch = Touch(
        at=0, kind=TouchKind.CLICK if found.click else TouchKind.VISIT, source=source, medium=medium, campaign=campaign,
        content=content, term=term, utm_id=utm_id, click=found.click, campaign_id=campaign_id, adset_id=adset_id, ad_id=ad_id,
        referrer=found.referrer,
    )  # fmt: skip
    sourced = channel_of(touch)
    return {
        "url": _without_values(url), "touch": True, "source": sourced.source, "medium": sourced.medium,
        "campaign": sourced.campaign, "platform": sourced.platform, "channel": sourced.channel, "rule": sourced.rule,
        "conflict": sourced.conflict, "click_ids": found.click.split(",") if found.click else [], "campaign_id": campaign_id,
        "adset_id": adset_id, "ad_id": ad_id, "referrer_host": found.referrer, "lists": listed_on(),
        "findings": [*_unkept(url), *_told_twice(url), *_findings(found, sourced.platform, sourced.conflict, sourced.channel)],
    }  # fmt: skip


def _unkept(url: str) -> list[str]:
    """Words of the address that hold contact data: they are left out, which nobody would see from what is left."""
    from twofold.touch.source import clean_text, parameters_of

    return [
        f"{name} holds an e-mail address or a phone number: it is not kept."
        for name, value in parameters_of(url).items()
        if name.lower().startswith("utm_") and value.strip() and not clean_text(value)
    ]


def _told_twice(url: str) -> list[str]:
    """Words that stand twice in the address with different values: two tools tagged it."""
    from urllib.parse import parse_qsl, urlsplit

    told: dict[str, list[str]] = {}
    for name, value in parse_qsl(urlsplit(url).query):
        if name.lower().startswith("utm_") and value not in told.setdefault(name.lower(), []):
            told[name.lower()].append(value)
    return [
        f"{name} stands {len(values)} times with different words: tag the address once."
        for name, values in told.items()
        if len(values) > 1
    ]


def _findings(found: Source, platform: str, conflict: bool, channel: str) -> list[str]:
    from twofold.touch.source import is_macro

    said = []
    macros = [text for text in found.texts if text and is_macro(text)]
    if macros:
        said.append(f"{', '.join(macros)}: a macro that nobody filled in, so it is no id.{_paste(platform)}")
    if conflict:
        said.append("the click id proves another platform than the words of the address; the click id decides.")
    if channel == "unassigned":
        said.append(f"no channel: source and medium belong to no group.{_paste(platform)}")
    return said


def _paste(platform: str) -> str:
    from twofold.attribution.report import RECOMMENDED

    tail = RECOMMENDED.get(platform)
    return f" Paste at the end of the ad's address: {tail}" if tail else ""


def _why_none(url: str, referrer: str) -> str:
    from twofold.touch.hosts import is_no_source, site_of_host
    from twofold.touch.source import host_of

    host = host_of(referrer)
    if host and is_no_source(host):
        return f"{host} is where one pays, logs in or reads mail: the visit goes on"
    if host and site_of_host(host) == site_of_host(host_of(url)):
        return f"{host} is the shop itself: the visit goes on"
    return "the address cannot be read"


def _without_values(url: str) -> str:
    """The page without its query: a click id names a person."""
    return url.partition("#")[0].partition("?")[0]


def _show(row: dict[str, Any]) -> None:
    if not row["touch"]:
        say(f"No touch: {row['rule']}.")
        return
    say(f"channel    {row['channel']}")
    say(f"because    {row['rule']}")
    for name in ("source", "medium", "campaign", "platform", "campaign_id", "adset_id", "ad_id"):
        if row[name]:
            say(f"{name:<11}{plain(row[name])}")
    if row["click_ids"]:
        say(f"click ids  {', '.join(row['click_ids'])} (their values are not kept)")
    say(f"lists of   {row['lists']}")
    for finding in row["findings"]:
        say(f"LOOK       {plain(finding)}")
