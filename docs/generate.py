"""Writes the pages of this folder that are lists of things in the code: settings, commands, drop reasons, errors,
the lines of `--json`, the columns of own tables, the rooms.

Owns the wording around the tables and nothing inside them. `python docs/generate.py` writes the pages;
with ``--check`` it writes nothing, names the stale ones and ends with status 1.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import typer.main

from twofold import errors
from twofold.cli import app
from twofold.collect.answers import refused
from twofold.collect.description import describe_gateway
from twofold.commands.output.rows import COMMANDS
from twofold.commands.output.rows.row import OpenRow, Row
from twofold.config import describe_settings
from twofold.console.description import describe_console
from twofold.console.pages import PAGES as CONSOLE_PAGES
from twofold.console.parts import ROOT
from twofold.destinations import DESTINATIONS
from twofold.destinations.contract import Destination
from twofold.destinations.terms import REASONS
from twofold.event.refusal import MEANING, Refusal
from twofold.facts.tables import TABLES
from twofold.importing.statements.contract import KINDS as CONTRACT_KINDS
from twofold.importing.statements.formats import OWN_TABLES
from twofold.router.limits import LIMITS
from twofold.router.words import SYMPTOMS, WORDS
from twofold.sources import SOURCES

HERE = Path(__file__).parent
NOTICE = "<!-- Written by docs/generate.py from the code. Change the code, then run it. -->"


def router() -> str:
    """docs/router.md"""
    figures = json.loads((HERE / "router-figures.json").read_text(encoding="utf-8"))
    parts = [
        "# What is wrong with the signal",
        NOTICE,
        "`twofold why` looks at the last seven days against the seven before and names what is wrong: what was seen, the first "
        "check, whose work it is, and what not to do yet. `twofold why SYMPTOM` tells the causes of one symptom alone; the console "
        "shows the same as *What to do*. A finding that follows from another stands behind it and says so: whoever mends the first "
        "has mended both.",
        "```\ntwofold why\ntwofold why without-merging\ntwofold why --check --json\ntwofold status\n```",
        "While a pressing finding stands that nobody called mended or accepted, budgets, bids and creative should stay as they are. "
        "`twofold status` says so with exit code 1, `/health` (with the status token) under `signal.do_not_yet`, `/metrics` as "
        "`twofold_do_not_yet`.",
        "A share that *rose* did so on one of the last seven days by at least 12 points, and so much that chance would do it once in "
        "some ten thousand series (a ratio of likelihoods of e^10). So a fault of few orders is found some days later, and none is "
        "made up of noise.",
        "## How good it is",
        f"Measured over worlds in which the truth is known ([worlds.md](worlds.md), *Worlds of signal*), by `make router`: "
        f"{figures['clean']['worlds']} worlds without a fault gave {figures['clean']['alarms']} findings; of "
        f"{figures['pairs']['worlds']} worlds with two faults both stood among the first three in {figures['pairs']['both']}. "
        "*Precision*: of the findings of that world that follow from no other, the share that name the fault."
        + (f" {figures['note']}" if "note" in figures else ""),
        "| planted | worlds | named | named first | precision |\n|---|---|---|---|---|\n"
        + "\n".join(
            f"| `{row['fault']}` | {row['worlds']} | {row['named']} | {row['first']} | {row['precision']} |"
            for row in figures["faults"]
        ),
    ]
    for symptom, kinds in SYMPTOMS.items():
        parts.append(f"## {symptom}")
        for kind in kinds:
            said, (rule, alarm) = WORDS[kind], LIMITS[kind]
            command = f" `{said.command}`" if said.command else ""
            parts.append(
                f"### {kind}\n\n**{said.title}.** {said.failure}\n\n"
                f"- First check ({said.owner}): {said.check}{command}\n- Not yet: {said.not_yet}\n"
                f"- Speaks when: {rule}\n- May be wrong: {alarm}"
            )
    return "\n\n".join(parts) + "\n"


_BESIDE_ROUTERS = [
    "## Beside two public routers",
    "What Segment's own mappings (`@segment/action-destinations` 3.497.0, presets, November 2026) and RudderStack's (the bodies that the tests of "
    "`rudder-transformer` expect) make of the same message, and where a field here is another one on purpose. Fields whose value is a hash are "
    "left aside: those follow each platform's rule above.",
    "Measured with one message for each event of the e-commerce specification (`make payloads`, which runs Segment's mappings), and with 43 of "
    "RudderStack's (`python -m bench.payloads --cases FILE`; its cases are not copied here). *Same*: of all fields of theirs, those that are "
    "here with the same value. The others by kind: *private*, contact data or a customer's number in the clear; *partner*, the name of a partner "
    "of the platform; *page*, the platform's page says otherwise or has no such field in this version; *again*, the message's own property, whose "
    "value is told here in the field that the platform has for it; *apart*, the router itself tells another platform of the same message the figure "
    "that is told here (found in the same run); *ours*, the message can be read in two ways, and here in the other. The last column leaves out all "
    "but *ours*: 99 % of Segment's fields are the same then, and 96 % of RudderStack's; with *apart* counted in, Segment's Meta has 53 of 57 and "
    "Reddit 16 of 17, and each other platform of its at least 96 %. Of all fields of theirs it is 73 % and 88 %: most of the rest at Segment is what "
    "its presets say of every event, its own name, the customer's number, an app's facts.",
    """\
| router | platform | same | of all | private | partner | page | again | apart | ours | same of the rest |
|---|---|---|---|---|---|---|---|---|---|---|
| Segment | Google Analytics 4 | 260 | 299 | 1 | 0 | 32 | 0 | 0 | 6 | 260 of 266 |
| Segment | LinkedIn | 55 | 55 | 0 | 0 | 0 | 0 | 0 | 0 | 55 of 55 |
| Segment | Meta | 53 | 62 | 0 | 0 | 5 | 0 | 4 | 0 | 53 of 53 |
| Segment | Microsoft | 307 | 473 | 93 | 31 | 42 | 0 | 0 | 0 | 307 of 307 |
| Segment | Pinterest | 30 | 71 | 0 | 4 | 36 | 0 | 1 | 0 | 30 of 30 |
| Segment | Reddit | 16 | 31 | 0 | 0 | 14 | 0 | 1 | 0 | 16 of 16 |
| Segment | Snapchat | 77 | 132 | 0 | 11 | 42 | 0 | 2 | 0 | 77 of 77 |
| Segment | TikTok | 179 | 216 | 30 | 0 | 3 | 0 | 1 | 3 | 179 of 182 |
| Segment | **all** | 977 | 1339 | 124 | 46 | 174 | 0 | 9 | 9 | 977 of 986 |
| RudderStack | Google Analytics 4 | 299 | 316 | 15 | 0 | 0 | 0 | 0 | 2 | 299 of 301 |
| RudderStack | LinkedIn | 9 | 10 | 0 | 0 | 0 | 0 | 0 | 1 | 9 of 10 |
| RudderStack | Meta | 80 | 109 | 0 | 0 | 0 | 17 | 0 | 12 | 80 of 92 |
| RudderStack | Pinterest | 35 | 41 | 0 | 0 | 6 | 0 | 0 | 0 | 35 of 35 |
| RudderStack | Reddit | 42 | 47 | 0 | 0 | 1 | 0 | 0 | 4 | 42 of 46 |
| RudderStack | Snapchat | 22 | 26 | 0 | 0 | 4 | 0 | 0 | 0 | 22 of 22 |
| RudderStack | TikTok | 89 | 108 | 0 | 6 | 13 | 0 | 0 | 0 | 89 of 89 |
| RudderStack | X | 15 | 18 | 0 | 0 | 0 | 0 | 0 | 3 | 15 of 18 |
| RudderStack | **all** | 591 | 675 | 15 | 6 | 24 | 17 | 0 | 22 | 591 of 613 |
""",
    "RudderStack tells Google Ads by adjustments of its older interface, and Segment's own Data Manager takes members of lists alone: neither has an "
    "event to compare.",
    """\
| platform | field | theirs | here | why |
|---|---|---|---|---|
| all | value of an order | Segment: GA4 is told `total`, Meta, Snapchat, Reddit and TikTok `revenue`; RudderStack: Pinterest `total`, Reddit `revenue` | `value`, `total`, `revenue`, in this order | one event has one worth here, and no order of the three is all of a router's: this one has more of their figures than any other. `total` is what the shop's own order says too (Shopify's `total_price`), so the two copies agree |
| Meta, Pinterest (Segment), Meta (RudderStack) | value of one product | `price`, of one piece; RudderStack 0 where there is none | `value`, else price by pieces | the specification's `value` of a product is that after its quantity, and Segment tells it to GA4, TikTok and Microsoft |
| all | a partner's name (`partner_name`, `integration`, `dataProvider`, `partner`) | the router's | left out | it names an agreed partner, which nobody here is |
| all | the event's id | `messageId`; RudderStack's `event_id` or `eventId` of the properties, where set | `messageId` | a shop's own `event_id` may name what happened, as a concert, and stand in many messages: one of them would be left |
| Meta | the message's own `category`, `price`, `quantity`, `query`, `revenue`, … (RudderStack) | beside Meta's fields for the same | Meta's alone; `price`, `quantity`, `product_id` beside a list of goods stay properties | the same again under names that Meta has not |
| Meta | `quantity` of goods that have none (RudderStack) | the message's | left out | the specification has no quantity of an order: 10 of each of two lines is nowhere said |
| Meta | `currency` (RudderStack) | `USD` where none is said | none; a Purchase is refused | a currency is never assumed |
| Meta | `event_time` (Segment) | the message's text | Unix seconds | *[doc]* |
| TikTok | name of a purchase | `CompletePayment`; RudderStack `PlaceAnOrder`, and for a checkout's step `CompletePayment` | `Purchase` | its name since May 2025 *[doc]* |
| TikTok | name of Product Clicked (Segment) | `ClickButton` | itself | that name ends in 2027 *[doc]* |
| TikTok | `content_type` of each piece (RudderStack) | the shop's word | once, beside them | *[doc]* |
| TikTok | `properties.content_type` | `product`, without goods too (Segment) | beside goods | it says what the ids of the goods are *[code]*, and a search or a sign-up has none |
| TikTok | `user.city`, `user.state` | plain | left out | contact data is not kept plain |
| TikTok | `user.country` | of the customer's address | the event's `region` alone | what a message says of an address is contact data |
| Pinterest | `opt_out` | `true` unless mapped | where it was said | it is that the shopper opted out of tracking *[doc]*, and one who said nothing has not |
| Pinterest | `app_…`, `device_…`, `os_version` | required by the router | left out | of apps alone *[doc]* |
| Pinterest | `advertiser_id`, `app_id` (RudderStack) | in the body of v3 | the account in the address of v5 | *[doc]* |
| Snapchat | `price`, and goods that have a price alone (RudderStack) | sent | left out | goods without an id name nothing |
| Snapchat | `event_time` | milliseconds | seconds | *[doc]*; the router's own change to seconds is under way |
| Snapchat | `action_source` | `website` | `WEB` | *[doc]* |
| Snapchat | `custom_data.num_items` | how many lines, a number | how many pieces, as text | *[doc]* sample has a text |
| Snapchat | `custom_data.brands`, `content_category` | lists of the goods' own | the message's own text, and `brand` of each piece of goods | texts in its official library *[doc]* |
| Reddit, Meta | a list of goods (Product List Viewed; RudderStack) | a product page, at Meta with `product_group` of the category | itself, a custom event, without a worth | a category is no id of goods, and `product_group` is for variants of one product *[doc]*; Segment's presets tell neither of it. `events` can call it ViewContent |
| Reddit | `item_count` (RudderStack) | how many lines; of one product its `quantity` | how many pieces | as it counts one product itself; Segment takes the message's `quantity`. How many there are stands in the `products` beside it |
| Reddit | the whole form | v2: names in other letters, time as text, address hashed | v3: `type`, `metadata`, milliseconds, address plain | v2 is deprecated *[doc]* |
| GA4 | `client_id` | the customer's number | the browser's, of its `_ga` cookie | a customer's number makes a second user beside the tag's *[doc]* |
| GA4 | `user_id` (RudderStack) | the customer's number | left out | it must not be made of a customer's data |
| GA4 | name of Checkout Step Completed (RudderStack) | `add_shipping_info` | `Checkout_Step_Completed` | a step may be any; `events` can say it. Then `shipping_method` is `shipping_tier` |
| GA4 | names of Trial Started and of what is shared or put from a wishlist into the cart | the message's own, with underscores | Google's, where it has one | one name for all senders |
| GA4 | a promotion without goods (Segment) | `items[].item_name` is the promotion's name | `promotion_name` beside the promotion's id | Google's page has that name for it *[doc]* |
| GA4 | `method` of a sign-up | `type` | `method` | *[doc]* |
| GA4, Microsoft | page title | of the page | left out | titles may name people, and a name cannot be told from other words |
| Microsoft | `eventName` | the message's own | GA4's word, or that of `events` | Microsoft knows what its tag told by tag, `eventId` and `eventName` *[doc]*: a name that the tag does not use counts a second time |
| Microsoft | a page view | `custom` | `pageLoad` | *[doc]* |
| Microsoft | `continueOnValidationError` | in each event | beside them | *[doc]* |
| Microsoft | `userData.externalId`, `anonymousId` | plain | `anonymousId` from `_uetvid` alone | a customer's number is not kept plain |
| Microsoft | `userData.ph` | digits, hashed | left out | three sources hash it in three ways |
| Microsoft | `customData.hotelData` | sent where it is | left out | hotels are not told of |
| LinkedIn | an event that names neither an e-mail nor a click (Segment) | sent, and refused there | kept, `no_identifier` | *[doc]* |
| TikTok | an event of a website without its page's address (Segment) | sent | kept, `missing_source_url` | RudderStack keeps it, too; a page's address is needed there *[code]* |
| GA4 | a purchase without an order's number (Segment) | sent | kept, `missing_order_id` | it would count again with each copy *[doc]* |
| LinkedIn | value | price by pieces, though it is known | the event's value | the order's own money |
| LinkedIn | names, title, company | plain | left out | contact data is not kept plain |
| X, LinkedIn | value (RudderStack) | `price`, or price by pieces beside a `revenue` | the event's value | what the message says it is worth; RudderStack tells Pinterest the `total` of such a message |
| X | `number_items` beside goods (RudderStack) | the message's `quantity` | pieces of the goods | it is the sum of `num_items` in the `contents` beside it; without goods it is the message's `quantity` here, too |
| X | address or agent alone | an identifier of its own | beside another, as one | *[doc]* |
""",
]


def destinations() -> str:
    """docs/destinations.md"""
    parts = [
        "# Platforms that are told",
        NOTICE,
        "Each `[[destination]]` gets every action of its dataset, from the same fold, under its platform's own names, hashes and "
        "limits. They share nothing: a platform that is slow, full or down holds up no other.",
        '```toml\n[[destination]]\nplatform = "ga4"\ndataset = "1234567890"\nremote_dataset = "G-ABC1234567"\n'
        'token = "env:GA4_SECRET"\nonly = ["Purchase", "Lead"]\nevents = { Lead = "sign_up_for_quote" }\nshare = 0.5\n```',
        "`only` names the events that leave, `events` gives them another name there, or the id that the platform has for them, and "
        "with an empty text keeps one back. `share` sends that share of the *browsers*, each wholly or not at all, with the orders "
        "that it made; of a person with two browsers each counts by itself. `purposes` is "
        "what a shopper must not have denied for it. What does not leave stands in `twofold deliveries --state suppressed` with its "
        "reason: "
        + "; ".join(f"`{reason}`: {text[0].lower()}{text[1:].rstrip('.')}" for reason, text in REASONS.items())
        + "; `not_addressed`: the message's own `integrations` do not mean this destination "
        "([ways-in.md](ways-in.md#whom-a-message-is-meant-for)).",
        '```toml\nhold_s = { Purchase = 3600, "*" = 60 }   # of one [[destination]]\ncounts_when = "confirmed"\nvalue = "margin"\n```\n\n'
        "`hold_s` lets an action wait for one destination: so many seconds from its first copy, by event name, `*` for all others. "
        "Nothing but time ends it (reason `held_for_destination`), and what is true at its end decides: what later copies said goes "
        "with it, and an order that was cancelled or a consent that was taken back meanwhile keeps it here. `counts_when` lets one "
        "destination have its Purchases later than the rest, as at `confirmed` or `delivered`, whatever the payment. A platform that "
        "folds our copy with its own pixel's does so for some hours only (Meta: 48): a later Purchase counts beside the pixel's there.",
        "`value` says what an order is told to be worth there: its revenue, or the margin that it is expected to leave "
        "([orders.md](orders.md#what-a-platform-is-told-that-an-order-is-worth)).",
        "E-mail and phone are hashed when an event comes in, under the rule of each platform that its dataset goes to, and the "
        "plain value is forgotten: an event that came before a platform was added has no hash under a rule that is its own alone. "
        "What came hashed already is passed on where the platform's table below says `sent`. Names, cities and postal codes that a "
        "platform wants in the clear do not leave.",
        "`twofold destinations --explain EVENT.json` shows for one event, side by side, what each would get, and why not the rest; "
        "`--all` adds the platforms that are not configured.",
        "Marks: *[doc]* the platform's own page, *[code]* seen in public integrations, *[inferred]* concluded. What nobody documents "
        "is either a setting, or not done.",
    ]
    for d in DESTINATIONS:
        parts += _destination(d)
    return _page([*parts, *_BESIDE_ROUTERS])


def _destination(d: Destination) -> Iterator[str]:
    yield f"## {d.title}"
    days = d.limits.age_s / 86_400
    version = f", version `{d.version}`" if d.version else ""
    where = f"`{d.endpoint}`" if d.endpoint else "the address in `endpoint`"
    batch = "One event a request" if d.limits.batch == 1 else f"At most {d.limits.batch} events a request"
    yield (
        f'`platform = "{d.platform}"`, to {where}{version}. {batch}, none older than '
        f"{days:g} days; a shopper must not have denied {' or '.join(f'`{p}`' for p in d.purposes)}."
    )
    if d.only:
        yield f"Leaves without a setting: {', '.join(f'`{n}`' for n in sorted(d.only))}."
    named = [
        *(f"`{n}`" for n in d.called.whole),
        *(f"`{n} …`" for n in d.called.begins),
        *(f"`… {n} …`" for n in d.called.parts),
    ]
    if named:
        yield f"A message's `integrations` mean it by its name, or by {', '.join(named)}, whatever stands between letters."
    if d.sunsets:
        ends = "; ".join(f"`{v}` on {day}" for v, day in d.sunsets.items())
        yield f"The platform has said when versions end: {ends}."
    if d.notes:
        yield "\n".join(f"- {note}" for note in d.notes)
    if d.options:
        rows = ((f"`{n}`{' (required)' if o.required else ''}", o.meaning) for n, o in d.options.items())
        yield _table(("options", "meaning"), rows)
    if d.names:
        yield _table(("event", "there"), ((f"`{ours}`", f"`{there}`") for ours, there in d.names.items()))
    if d.identifiers:
        rules = ((f"`{field}`", ", ".join(f"`{r}`" for r in rules)) for field, rules in d.identifiers.items())
        yield _table(("contact field", "rules whose hashes it takes, best first"), rules)
    if d.left_out:
        yield _table(("does not leave", "why"), ((f"`{part}`", why) for part, why in d.left_out.items()))
    if d.sources:
        yield f"Facts from: {'; '.join(d.sources)}."


def settings() -> str:
    """docs/settings.md"""
    sections = dict.fromkeys(section for section, *_ in describe_settings())
    parts = [
        "# Settings",
        NOTICE,
        "One TOML file, named by `--config` or `TWOFOLD_CONFIG`; where neither does, `twofold.toml` of the folder in which a command is given. The smallest useful one is "
        "[examples/twofold.toml](../examples/twofold.toml).",
        "- What wins: the command line, then the environment, then the file, then the default below.\n"
        "- The environment knows `TWOFOLD_CONFIG`, `TWOFOLD_DATA`, `TWOFOLD_HOST` and `TWOFOLD_PORT`; and `TWOFOLD_NICE=0` (docs/console.md).\n"
        '- Any text in the file may be written `"env:NAME"`: it is then read from the environment variable NAME. '
        "Keep keys, tokens and secrets there, or in the private file: `twofold.env` beside `twofold.toml`, one `NAME=value` a "
        "line, readable by its owner (and at most by his group), or it is refused. A variable wins over a line of that file. "
        "What is set in neither stops the start.\n"
        "- A name that is not listed here is refused, and so is a value of another type.\n"
        "- The file is read at the start, and again for `twofold connect`, which changes sources and secrets under a running gateway. `twofold check` reads it and says what is missing.",
    ]
    for section in sections:
        found = [
            (f"`{n}`", f"`{d}`" if d != "required" else d, h) for s, n, d, h in describe_settings() if s == section
        ]
        parts += [f"## `{section}`", _table(("name", "default", "what it does"), found)]
    parts.append(
        "## Not settings\n\n"
        "Fixed, because a wrong value loses events or lets strangers in: how often the disk is flushed (before every "
        "answer), the limits on one request ([wire.md](wire.md)), and how failed deliveries are tried again."
    )
    return _page(parts)


def commands() -> str:
    """docs/commands.md"""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        NOTICE,
        "`twofold` is in `.venv/bin` after `make run`. Every command has `--help`. Those that read the data folder "
        "take the same `--config` (without it `TWOFOLD_CONFIG`, else the `twofold.toml` of this folder) and `--data`, and work while the gateway runs. `twofold --install-completion` lets the "
        "shell complete names and options. An answer that is empty means that there is nothing: a `--state`, dataset, "
        "destination or event name that cannot be is refused, with the known ones. What `--json` prints: [json.md](json.md).",
        _table(("exit code", "means"), [(f"`{code}`", text) for code, text in EXIT_CODES]),
    ]
    for name, command in commands_of(group):
        first, *more = inspect.cleandoc(command.help or "").split("\n\n")
        parts += [f"## `twofold {name}`", first, *more]
        options = [(_names(p), _given(p), p.help or "") for p in command.params if getattr(p, "help", None) is not None]
        if options:
            parts.append(_table(("option", "default", "what it does"), options))
    return _page(parts)


def commands_of(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by the words a user types, those of a group after the group."""
    for name, command in group.commands.items():
        yield f"{before}{name}", command
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{before}{name} ")


EXIT_CODES = (
    ("0", "done; for `verify` and `check`: everything holds"),
    (
        "1",
        "an answer of no (`verify`, `check`, `orders check`, `demo --exit`), or an error without a number of its own",
    ),
    ("2", "the command line or the configuration cannot be used"),
    ("3", "the data folder cannot be used"),
    ("4", "another process owns the data folder"),
    ("5", "the person, order or delivery that was named is not here"),
    ("130", "interrupted before the end (`demo`)"),
)


def _names(param: Any) -> str:
    return ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])


def _given(param: Any) -> str:
    variable = f" or `{param.envvar}`" if param.envvar else ""
    if param.default in (None, False, ()) or callable(param.default):
        return variable.removeprefix(" or ")
    return f"`{param.default}`{variable}"


def drop_reasons() -> str:
    """docs/drop-reasons.md"""
    rows = []
    for reason, (meaning, _) in MEANING.items():
        status, body = refused([Refusal(reason=reason)])
        error = json.loads(body)["error"]
        status = STATUS_ELSEWHERE.get(reason, status)
        code = "" if status == 200 else f"{error['code']} / {error.get('error_subcode', '–')}"
        rows.append((f"`{reason}`", str(status), code, meaning))
    return _page([
        "# Drop reasons",
        NOTICE,
        "Why the collector refuses a copy. The sender is told in the answer (`error_data.refused`, or one sentence in "
        "`messages` when other events of the batch were accepted); the operator finds a row with "
        "`twofold refused --state REASON`, with index, field path, what was expected, what was got, and the body, "
        "masked. `/tr` always answers its image, whatever the reason.",
        "The status is for a request in which nothing could be accepted. Code and subcode are Meta's where a public source "
        "names them (subcodes 2804xxx, 33); 99xxxxx are ours and stable.",
        _table(("reason", "HTTP", "code / subcode", "what it means"), rows),
    ])  # fmt: skip


# An ignored webhook is answered with success: the shop would send it again for hours.
# So is a hit of the pixel over a rate limit; our own tag gets 429 then, and nothing of it is refused.
STATUS_ELSEWHERE = {"not_an_order": 200, "rate_limited": 200}


def error_page() -> str:
    """docs/errors.md"""
    kinds = [
        k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, errors.TwofoldError)
    ]  # fmt: skip
    kinds.sort(key=lambda k: inspect.getsourcelines(k)[1])
    rows = [(f"`{k.__name__}`", f"`{k.exit_code}`", inspect.cleandoc(k.__doc__ or "")) for k in kinds]
    return _page([
        "# Errors",
        NOTICE,
        "Every exception of the program. A command that meets one prints `twofold: ` and one sentence, and ends with the "
        "exit code; inside the gateway a store that cannot take more is answered 503. Refusing an event is not an error: "
        "see [drop-reasons.md](drop-reasons.md).",
        _table(("error", "exit code", "what it says"), rows),
    ])  # fmt: skip


def json_page() -> str:
    """docs/json.md"""
    parts = [
        "# What `--json` prints",
        NOTICE,
        "One JSON object a line; its first field, `row`, says what the line is. Money and ratios are decimal text, never "
        "floats; currencies are ISO 4217; times are whole Unix seconds, days `YYYY-MM-DD`. Lines of a report begin with "
        "`about`; lists and acts have none. Errors go to standard error, with the exit codes of [commands.md](commands.md).\n\n"
        "A field may be added; none is renamed or dropped before version 1.0 without a line in the changelog.",
        "## Commands",
        _table(("command", "lines, in this order"), [
            (f"`twofold {name}`", ", ".join(f"`{_tag(k)}`" for k in kinds)) for name, kinds in COMMANDS.items()
        ]),
    ]  # fmt: skip
    users: dict[type[Row], list[str]] = {}
    for name, kinds in COMMANDS.items():
        for kind in kinds:
            users.setdefault(kind, []).append(name)
    for kind, names in users.items():
        parts += [f"## `{_tag(kind)}` of {', '.join(f'`{n}`' for n in names)}", inspect.cleandoc(kind.__doc__ or "")]
        fields = [f for f in msgspec.structs.fields(kind) if not issubclass(kind, OpenRow)]
        if fields:
            parts.append(_table(("field", "is"), [(f"`{f.name}`", _is(kind, f.name)) for f in fields]))
    return _page(parts)


def _tag(kind: type[Row]) -> str:
    return str(kind.__struct_config__.tag)


TYPES = {
    "Text": "text", "int": "whole number", "Time": "Unix s", "Amount": "decimal text", "Ratio": "decimal text",
    "bool": "true or false", "float": "number", "Any": "any", "list[Text]": "list of texts", "list[Any]": "list", "list[dict[str, Any]]": "list of objects",
    "list[list[Text]]": "list of lists of texts", "dict[str, Any]": "object", "dict[str, int]": "object of whole numbers",
    "dict[str, Text]": "object of texts", "dict[Text, Text]": "object of texts",
}  # fmt: skip


def _is(kind: type[Row], field: str) -> str:
    """A field's annotation, as its class spells it, in words."""
    spelt = next(a[field] for k in kind.__mro__ if field in (a := inspect.get_annotations(k)))
    known, _, none = str(spelt).partition(" | ")
    return TYPES[known] + (" or null" if none else "")


def rooms() -> str:
    """docs/rooms.md"""
    parts = [
        "# Rooms",
        NOTICE,
        "Which folder or file of the package may import which: those of lower floors, never its own floor or above. "
        "[tests/test_imports.py](../tests/test_imports.py) holds the table and walks every file. The roof is the last floor.",
    ]
    for floor, names in enumerate(LAYERS.LAYERS):
        rows_of_floor = []
        for name in sorted(names):
            path = PACKAGE / name if (PACKAGE / name).is_dir() else PACKAGE / f"{name}.py"
            only = LAYERS.ONLY.get(name)
            shares = (
                "" if only is None else ("only " + ", ".join(f"`{n}`" for n in sorted(only)) if only else "nothing")
            )
            rows_of_floor.append((f"[{name}](../twofold/{path.name})", _first_sentence(path), shares))
        parts += [f"## Floor {floor}", _table(("room", "what it is", "imports"), rows_of_floor)]
    return _page(parts)


def _first_sentence(path: Path) -> str:
    source = (path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8")
    words = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    return words.partition(". ")[0].removesuffix(".")


def _layers() -> ModuleType:
    """The table of the floors, as the test has it."""
    spec = importlib.util.spec_from_file_location(
        "layers", Path(errors.__file__).parents[1] / "tests" / "test_imports.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PACKAGE = Path(errors.__file__).parent
LAYERS = _layers()


def columns() -> str:
    """docs/columns.md"""
    parts = [
        "# Columns of own tables",
        NOTICE,
        "What `twofold import KIND FILE` reads of a table that no format knows: with these headers as they are, or with any "
        "others by an `[[import]]` of the kind, which names the file's header for each field. Headers are compared without case, "
        "spaces and signs; three capitals in brackets behind one are the column's currency. Cells such as `--`, `N/A` and `<5` "
        "are unknown, never 0. What is done with a file: [money.md](money.md); orders and sales: [import.md](import.md).",
    ]
    for table in sorted(OWN_TABLES, key=lambda table: CONTRACT_KINDS.index(table.form.kind)):
        needs = ", ".join(" or ".join(f"`{field}`" for field in need.split("|")) for need in table.needs)
        rows = [(f"`{field}`", ", ".join(f"`{name}`" for name in names)) for field, names in table.fields.items()]
        parts += [f"## `{table.form.kind}`", f"Needed: {needs}.", _table(("field", "known as"), rows)]
        for field, words in table.words.items():
            parts.append(f"Words of `{field}`: {', '.join(f'`{word}`' for word in words)}.")
    return _page(parts)


def tables() -> str:
    """docs/tables.md"""
    parts = [
        "# Tables of reports",
        NOTICE,
        "What reports ask; how the tables are made and where they are asked: [analytics.md](analytics.md). Times are whole Unix "
        "seconds, money has four decimals. A value that a column cannot hold stands exactly in `exact`. None of it is contact data.",
    ]
    for table in TABLES:
        key = ", ".join(f"`{name}`" for name in table.key)
        found = [(f"`{column.name}`", f"`{column.type}`", column.words) for column in table.columns]
        parts += [
            f"## `{table.name}`",
            f"{table.words} Its key: {key}.",
            _table(("column", "type", "what it holds"), found),
        ]
    return _page(parts)


def gateway_description() -> str:
    """docs/openapi/gateway.json"""
    return _json(describe_gateway())


def console_description() -> str:
    """docs/openapi/console.json"""
    return _json(describe_console(CONSOLE_PAGES, ROOT))


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, default=dict) + "\n"


_KINDS = {
    "recorded": "recorded: a system sent it, or answered so",
    "published": "published by the system itself",
    "made": "made by hand",
    "client": "an unchanged client sends it",
}


def bodies() -> str:
    """docs/bodies.md"""
    told = tomllib.loads((HERE.parent / "tests/sources/bodies.toml").read_text(encoding="utf-8"))["body"]
    rows = (
        (
            f"`{b['reader']}`" if b["reader"] in SOURCES else b["reader"],
            _KINDS[b["kind"]],
            b["source"],
            ", ".join(f"[{Path(f).name}](../tests/sources/{f})" for f in b["files"]),
            b["certainty"],
        )
        for b in told
    )
    return _page(
        [
            "# Bodies",
            NOTICE,
            "On which body each reader of a shop, a payment provider, a courier, a CRM or a CDP is tried, and where that body is from. What is only made by "
            "hand after a system's pages may differ from what it sends: look at `twofold refused` in the first days, and send us a body (without its people).",
            "**C**: read in the source that is named. **K**: common knowledge that was not looked up again.",
            _table(("reader", "the body is", "from", "file", ""), rows),
        ]
    )


_WRITE: dict[str, Callable[[], str]] = {
    "bodies.md": bodies,
    "openapi/gateway.json": gateway_description,
    "openapi/console.json": console_description,
    "columns.md": columns,
    "destinations.md": destinations,
    "settings.md": settings,
    "router.md": router,
    "commands.md": commands,
    "drop-reasons.md": drop_reasons,
    "errors.md": error_page,
    "json.md": json_page,
    "rooms.md": rooms,
    "tables.md": tables,
}


PAGES: dict[str, Callable[[], str]] = {name: partial(lambda n: _finished(n, _WRITE[n]()), name) for name in _WRITE}
"""Name of a page to its text."""

READERS = {
    "bodies.md": "the developer",
    "columns.md": "the accountant and the developer",
    "destinations.md": "the operator and the media buyer",
    "settings.md": "the operator and the developer",
    "router.md": "the developer and the media buyer",
    "commands.md": "everybody who uses the command line",
    "drop-reasons.md": "the developer",
    "errors.md": "the operator and the developer",
    "json.md": "the developer",
    "rooms.md": "the developer of Twofold itself",
    "tables.md": "the developer and the auditor",
}


def _finished(name: str, text: str) -> str:
    """A page with whom it is for, and with its contents where it is long."""
    if name not in READERS:
        return text
    heads = list(dict.fromkeys(re.findall(r"^## (.*)$", text, re.M)))
    links = " · ".join(f"[{head.replace('`', '')}](#{_anchor(head)})" for head in heads)
    contents = [f"**Contents:** {links}"] if len(heads) > 2 else []
    title, notice, rest = text.split("\n\n", 2)
    return "\n\n".join([title, notice, f"*For {READERS[name]}.*", *contents, rest])


def _anchor(head: str) -> str:
    """A heading as pages are led to it."""
    return re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-")


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def main(arguments: list[str]) -> int:
    written = {name: write() for name, write in PAGES.items()}
    stale = [name for name, text in written.items() if _text(HERE / name) != text]
    if "--check" not in arguments:
        for name in stale:
            (HERE / name).write_text(written[name], encoding="utf-8")
    for name in stale:
        print(f"docs/{name} {'is stale; run python docs/generate.py' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
