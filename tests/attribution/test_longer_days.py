"""Days of 23 and of 25 hours, by the command: an order belongs to the day that the shop's clock showed, to the second, in each grouping alike."""

from __future__ import annotations

import json
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import invoke

# On 25 October the clock of Berlin goes back at 01:00 UTC, on 29 March it goes forward. Amounts tell which orders are in a sum.
ORDERS = """order_id,placed_at,total,currency,sale,method,status,payment_status
a,2026-10-24T21:59:59Z,1.00,EUR,web,card,confirmed,paid
b,2026-10-24T22:00:00Z,10.00,EUR,web,card,confirmed,paid
c,2026-10-25T00:30:00Z,20.00,USD,web,card,confirmed,paid
d,2026-10-25T01:30:00Z,40.00,EUR,web,card,confirmed,paid
e,2026-10-25T22:59:59Z,80.00,EUR,web,card,confirmed,paid
f,2026-10-25T23:00:00Z,160.00,EUR,web,card,confirmed,paid
g,2026-03-28T22:59:59Z,3.00,EUR,web,card,confirmed,paid
h,2026-03-28T23:00:00Z,5.00,EUR,web,card,confirmed,paid
i,2026-03-29T21:59:59Z,7.00,EUR,web,card,confirmed,paid
j,2026-03-29T22:00:00Z,9.00,EUR,web,card,confirmed,paid
k,2026-10-25T12:00:00Z,11.00,GBP,web,card,confirmed,paid
"""
SPEND = """day,source,campaign,campaign_id,spend,currency,claimed_count,claimed_value
2026-10-25,meta,Nothing,12345,0.00,EUR,2,30.00
2026-10-25,meta,No rate,12346,5.00,GBP,2,30.00
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("longer")
    path = folder / "twofold.toml"
    path.write_text(
        f'[server]\ndata = "{folder / "data"}"\n[chain]\ncurrency = "EUR"\ntimezone = "Europe/Berlin"\n'
        '[[dataset]]\nid = "1"\nkey = "key-of-the-shop-1"\n'
    )
    files = {
        "orders.csv": ORDERS,
        "rates.csv": "date,currency,per,rate,base\n2026-10-25,USD,1,0.9,EUR\n",
        "spend.csv": SPEND,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    for words in (("orders", "--dataset", "1", "--ledger-only"), ("rates",), ("spend", "--timezone", "Europe/Berlin")):
        done = invoke(["import", *words, str(folder / f"{words[0]}.csv"), "--config", str(path)])
        assert done.exit_code == 0, done.output
    return path


def asked(config: Path, day: str, by: str) -> list[dict[str, Any]]:
    done = invoke(["attribution", "--since", day, "--until", day, "--by", by, "--config", str(config), "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.process
@pytest.mark.parametrize("by", ["day", "product"])
@pytest.mark.parametrize(
    ("day", "orders", "placed", "unrated"),
    [("2026-10-25", 4, D("10") + D("20") * D("0.9") + D("40") + D("80"), "1"), ("2026-03-29", 2, D("12"), "0")],
)
def test_a_day_is_the_shop_s(config: Path, day: str, orders: int, placed: D, unrated: str, by: str) -> None:
    about, *rows = asked(config, day, by)
    found = [row for row in rows if row["row"] == "attribution"]
    assert sum(D(row["placed"]) for row in found) == placed
    assert sum(D(row["orders"]) for row in found) == orders
    assert about["missing"]["rate"] == unrated
    if by == "product":
        assert [row["id"] for row in found] == ["none"]  # orders without lines


@pytest.mark.process
def test_a_campaign_that_cost_nothing_has_its_claim_and_no_return(config: Path) -> None:
    """What has no rate is out of every sum and said; the claims of both campaigns are over what was placed as far as they are known."""
    rows = asked(config, "2026-10-25", "campaign")
    (nothing,) = [row for row in rows if row.get("group") == "Nothing"]
    assert (nothing["spend"], nothing["claimed_value"]) == ("0.00", "30.00")
    assert {nothing[name] for name in ("platform_roas", "placed_roas", "true_roas", "overclaim", "cac", "poas")} == {
        None
    }
    (total,) = [row for row in rows if row["row"] == "attribution_total"]
    assert D(total["claimed_of_placed"]) == round(D(30) / D(148), 4)
    assert "5.00 GBP of spend have no rate to EUR" in " ".join(
        row["text"] for row in rows if row["row"] == "attribution_finding"
    )
