"""A world on disk: its files, the configuration that reads them, the commands in their order, the answer key.

Owns the names of the files and the order of the commands. Everything is written from the scenario and a day.
"""

from __future__ import annotations

import json
import secrets
import shlex
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold.simulate.world.fates import calendar_of, draw_fates
from twofold.simulate.world.key import answer_key
from twofold.simulate.world.money import move_money
from twofold.simulate.world.money_files import (
    bank_statements,
    remittances,
    shopify_payouts,
    shopify_transactions,
    stripe_balance,
    stripe_report,
)
from twofold.simulate.world.report_files import costs, ga4, meta_ads, rates
from twofold.simulate.world.scenario import Scenario
from twofold.simulate.world.shop_files import SHOPS, chat_orders, parcels, shopify_orders

DATASET = "1000000000000009"
CONFIG, KEY, COMMANDS = "twofold.toml", "truth.json", "commands.txt"


class Written(Struct, frozen=True, kw_only=True):
    """``commands``: arguments of `twofold`, file names relative to the folder."""

    folder: Path
    commands: tuple[tuple[str, ...], ...]
    key: dict[str, Any]

    @property
    def config(self) -> Path:
        return self.folder / CONFIG


def write_world(folder: Path, told: Scenario, today: date, now: int) -> Written:
    """Writes the world that ends on the scenario's last day. ``now``: when it will be asked about, in Unix s."""
    calendar = calendar_of(told, today)
    fates = draw_fates(told, calendar)
    money = move_money(told, calendar, fates)
    key = answer_key(told, calendar, fates, money, now)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[tuple[tuple[str, ...], str, str]] = []  # (arguments before the file's name, name, content)
    orders = ("import", "orders", "--dataset", DATASET, "--ledger-only", "--timezone", told.zone)
    of_shop = [("--source", shop) for shop in SHOPS] if told.second_shop else [(), ()]
    files.append(((*orders, *of_shop[0]), "shopify-orders.jsonl", shopify_orders(told, calendar, fates)))
    files.append(((*orders, *of_shop[1]), "shopify-orders-2.jsonl", shopify_orders(told, calendar, fates, second=True)))
    files.append((orders, "chat-orders.csv", chat_orders(told, calendar, fates)))
    for courier, text in parcels(told, calendar, fates).items():
        files.append(
            (("import", "parcels", "--source", courier, "--timezone", told.zone), f"parcels-{courier}.csv", text)
        )
    if told.provider.report == "stripe":
        files.append((("import", "payouts"), "stripe-payouts-itemized.csv", stripe_report(told, calendar, money)))
        if money.pending:
            files.append((("import", "payouts"), "stripe-balance.csv", stripe_balance(told, money)))
    else:
        zone = ("--timezone", told.zone)
        files.append(
            (
                ("import", "payouts", *zone),
                "payment_transactions_export_1.csv",
                shopify_transactions(told, calendar, money),
            )
        )
        files.append((("import", "payouts", *zone), "payouts_export_1.csv", shopify_payouts(told, money)))
    for name, text in remittances(told, calendar, money).items():
        courier = next(c.name for c in told.couriers if name.startswith(f"remittance-{c.name}-"))
        files.append((("import", "remittances", "--source", courier, "--timezone", told.zone), name, text))
    for name, text in bank_statements(told, calendar, money).items():
        files.append((("import", "bank", "--timezone", told.zone), name, text))
    if told.campaigns:
        files.append((("import", "spend", "--timezone", told.zone), "meta-ads.csv", meta_ads(told, calendar, fates)))
    if told.campaigns or told.foreign:
        name, text = rates(told, calendar)
        files.append((("import", "rates"), name, text))
    files.append(
        (
            ("import", "ga4", "--timezone", told.zone, "--currency", told.currency),
            "ga4-purchases.csv",
            ga4(calendar, fates),
        )
    )
    files.append((("import", "costs"), "costs.csv", costs(told, calendar)))
    files = [one for one in files if not _says_nothing(one[2])]
    for _, name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    commands = tuple((*arguments, name) for arguments, name, _ in files)
    (folder / CONFIG).write_text(_config(told), encoding="utf-8")
    (folder / KEY).write_text(json.dumps(key, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = [f"{shlex.join(('twofold', *command, '--config', CONFIG))}\n" for command in commands]
    (folder / COMMANDS).write_text("".join(lines), encoding="utf-8")
    return Written(folder=folder, commands=commands, key=key)


def _says_nothing(text: str) -> bool:
    """A list without a row is nothing that anybody would send."""
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    return not rows or (len(rows) == 1 and "," in rows[0] and rows[0][0] not in "[{")


def _config(told: Scenario) -> str:
    shops = "".join(
        f'[[source]]\ntype = "shopify"\ndataset = "{DATASET}"\nshop = "{shop}"\nsecret = "{secrets.token_urlsafe(24)}"\n\n'
        for shop in (SHOPS if told.second_shop else ())
    )
    return f"""\
# Written with the world {json.dumps(told.name)}.
[server]
data = "data"

[[dataset]]
id = "{DATASET}"
key = "{secrets.token_urlsafe(24)}"

{shops}[money]
order_prefixes = ["#", "Order "]

[chain]
currency = "{told.currency}"
timezone = "{told.zone}"
{f'bank_fee = {{ {told.provider.report} = "{told.provider.bank_fee}" }}' if told.provider.bank_fee else ""}
"""
