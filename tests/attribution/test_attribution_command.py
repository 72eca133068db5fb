"""``twofold attribution`` over a folder that lived through some days: its sums are the chain's, and its files hold its rows."""

from __future__ import annotations

import csv
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.command_line import invoke
from tests.facts.world import world
from twofold.attribution.table import BY
from twofold.attribution.table import LINKS as CREDITED
from twofold.commands.attribution.layout import MARKS, WITHOUT_COST, money
from twofold.facts.questions import faults_of, questions_of

pytestmark = pytest.mark.process
PERIOD = ("--since", "2026-09-01", "--until", "2026-10-31")
LINKS = ("placed", "confirmed", "banked")
LINEAR = ("--window", "30", "--model", "linear", "--compare", "first")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders that came through browsers with campaigns, and others."""
    folder = tmp_path_factory.mktemp("lived")
    with world(folder / "data", 4) as w:
        w.live(150)
        for n in range(3):
            w.buy(n)
        w.trade()
        w.settle()
        w.rebuild()
    path = folder / "twofold.toml"
    path.write_text(f'[server]\ndata = "{folder / "data"}"\n[chain]\ncurrency = "EUR"\n[[dataset]]\nid = "1"\n')
    for currency, row in (("EUR", "2026-08-30,Spring,120001,9.00"), ("USD", "2026-09-05,Autumn,120009,12.00")):
        spend = folder / f"{currency}.csv"
        spend.write_text(f"Day,Campaign name,Campaign ID,Amount spent ({currency}),Reporting starts,Reporting ends\n"
                         f"{row},{row[:10]},{row[:10]}\n")  # fmt: skip
        done = invoke(["import", "spend", "--timezone", "Europe/Berlin", str(spend), "--config", str(path)])
        assert done.exit_code == 0, done.output
    (folder / "rates.csv").write_text("date,currency,per,rate,base\n2026-09-09,GBP,1,1.1550,EUR\n")
    (folder / "own.csv").write_text(
        "day,source,campaign,campaign_id,adset_id,spend,currency,claimed_count,claimed_value\n"
        "2026-09-10,google,Winter,77,771,1.01,GBP,1,3.33\n2026-09-11,google,Winter,77,772,1.01,GBP,2,3.33\n"
        "2026-09-10,tiktok,Winter,88,881,1.01,GBP,1,3.33\n2026-09-12,tiktok,Thaw,89,891,1.01,GBP,1,3.33\n"
    )
    for words in (["rates", "rates.csv"], ["spend", "--timezone", "Europe/Berlin", "own.csv"]):
        done = invoke(["import", *words[:-1], str(folder / words[-1]), "--config", str(path)])
        assert done.exit_code == 0, done.output
    return path


def run(config: Path, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = invoke([*words, *PERIOD, "--config", str(config), "--json"])
    assert done.exit_code == code, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def chain(config: Path) -> dict[str, Decimal]:
    """By link; and of orders that are delivered and collected, what of both is the less."""
    done = invoke(["chain", *PERIOD, "--config", str(config), "--json"])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    both = [row["amount"] for row in rows if row["row"] == "matrix" and row["delivered"] and row["collected"]]
    links = {row["link"]: Decimal(row["amount"]) for row in rows if row["row"] == "link"}
    return links | {"true": sum(map(Decimal, both), Decimal(0))}


@pytest.mark.parametrize(
    "words",
    [
        ("--by", "campaign", "--model", "time_decay", "--window", "30"),
        ("--by", "channel", "--model", "first", "--compare", "last", "--window", "30", "--link", "placed"),
        ("--by", "channel", "--model", "shapley_sum", "--window", "30"),
    ],
    ids=lambda words: " ".join(words),
)
def test_its_sums_are_the_chain_s(config: Path, chain: dict[str, Decimal], words: tuple[str, ...]) -> None:
    found = [row for row in run(config, "attribution", *words) if row["row"] == "attribution"]
    assert len(found) > 1
    for link in LINKS:
        assert sum(Decimal(row[link]) for row in found) == chain[link], link
    if "--compare" in words:
        assert sum(Decimal(row["compared"]) for row in found) == chain["placed" if "--link" in words else "true"]
        assert {row["compared_model"] for row in found} == {"last"}
        if "--link" in words:  # e-mail is credited by the second model alone
            assert {row["group"]: (row["placed"], row["compared"]) for row in found}["email"] == ("0.00", "80.00")
    assert {row["model"] for row in found} == {words[3] if "--model" in words else "last"}


def test_every_grouping_comes_to_the_same(config: Path, chain: dict[str, Decimal]) -> None:
    """To the chain's totals, at every link and under both models; and wherever spend belongs to a group, to all that was spent and claimed."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for n, by in enumerate(BY):
        link = CREDITED[n % len(CREDITED)]
        found = rows[by] = rows_of(run(config, "attribution", "--by", by, *LINEAR, "--link", link))
        assert all(total(found, one) == chain[one] for one in (*LINKS, "delivered", "true")), by
        assert [total(found, name) for name in (*CREDITED, "open")] == [
            total(rows["channel"], name) for name in (*CREDITED, "open")
        ], by
        assert total(found, "compared") == total(found, link), by
        assert abs(total(found, "orders") - total(rows["channel"], "orders")) < Decimal("0.01"), by
        # four times 1.01 GBP and four times 3.33 at 1.1550 are among it: no row of these comes to whole cents
        cost = {name: total(found, name) for name in ("spend", "claimed_value", "claimed_count")}
        without = dict.fromkeys(cost, 0)
        assert cost == (without if by in WITHOUT_COST else {n: total(rows["channel"], n) for n in cost}), by
    days = [row["id"] for row in rows["day"] if not row["mark"]]
    assert len(days) > 3
    assert days == sorted(days)
    assert {"paid:google", "paid:tiktok"} <= {row["id"] for row in rows["source"] if row["spend"] != "0.00"}


def rows_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["row"] == "attribution"]


def total(rows: list[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name] or 0) for row in rows), Decimal(0))


def test_touches_are_found(config: Path) -> None:
    """Some orders are credited to a channel, not all to nobody; whoever has no path has a reason."""
    found = [
        row for row in run(config, "attribution", "--by", "channel", "--window", "30") if row["row"] == "attribution"
    ]
    orders = {row["group"]: Decimal(row["orders"]) for row in found}
    assert (orders["paid_social"], orders["email"]) == (1, 2)
    linear = run(config, "attribution", "--by", "channel", "--window", "30", "--model", "linear")
    assert {r["group"]: r["orders"] for r in linear if r["row"] == "attribution"}["paid_social"] == "2.0000"
    assert all(row["mark"] for row in found if row["group"] == "unattributed")


def test_spend_before_the_period_and_without_a_rate(config: Path) -> None:
    """What ran before the period is known by its name; what was spent in a currency without a rate is said, and makes no return."""
    found = run(config, "attribution", "--model", "first", "--window", "30")
    rows = {row["id"]: row for row in found if row["row"] == "attribution"}
    spring, autumn = rows["meta:120001"], rows["meta:120009"]
    assert (spring["group"], spring["mark"], spring["orders"], spring["spend"]) == ("Spring", "", "3.0000", "0.00")
    assert (autumn["spend"], autumn["true_roas"], autumn["verdict"]) == ("0.00", None, "no_touches")
    said = {(row["kind"], row["of"]): row["text"] for row in found if row["row"] == "attribution_finding"}
    assert " USD of spend have no rate to EUR" in said["spend_without_rate", "meta"]
    assert said["spend_without_touches", "Autumn"].startswith("12.00 USD were spent and no visit names it")
    assert not any(kind == "id_without_spend" for kind, _ in said)


def test_which_days_are_young(config: Path) -> None:
    """As of a day: so many days before it, it and those after; what was placed on them is young in every grouping."""
    found = {
        by: run(config, "attribution", "--by", by, "--as-of", "2026-10-20") for by in ("day", "channel", "country")
    }
    totals = [line for lines in found.values() for line in lines if line["row"] == "attribution_total"]
    since, days = {(line["young_since"], line["young_days"]) for line in totals}.pop()
    assert days > 0
    assert date.fromisoformat(since) == date(2026, 10, 20) - timedelta(days=days - 1)
    rows = rows_of(found["day"])
    young = sum((Decimal(row["placed"]) for row in rows if row["id"] >= since and not row["mark"]), Decimal(0))
    young += sum((Decimal(row["young"]) for row in rows if row["mark"]), Decimal(0))
    assert (
        {total(rows_of(lines), "young") for lines in found.values()}
        == {young}
        == {Decimal(line["young"]) for line in totals}
    )
    assert all(Decimal(row["young"]) in (0, Decimal(row["placed"])) for row in rows if not row["mark"])
    for line, lines in zip(totals, found.values(), strict=True):
        assert all(Decimal(line[name]) == total(rows_of(lines), name) for name in (*CREDITED, "spend", "open"))


def test_its_files(config: Path, tmp_path: Path) -> None:
    for name in ("rows.csv", "rows.parquet"):
        told = [
            row
            for row in run(config, "attribution", "--by", "channel", "--out", str(tmp_path / name))
            if row["row"] == "attribution"
        ]
        if name.endswith("csv"):
            with (tmp_path / name).open(newline="") as file:
                kept = list(csv.DictReader(file))
        else:
            kept = pq.read_table(tmp_path / name).to_pylist()
        assert [(row["group"], row["placed"]) for row in kept] == [(row["group"], row["placed"]) for row in told]
    assert run(config, "attribution", "--out", str(tmp_path / "rows.xls"), code=2) == []


def test_a_row_of_a_period_leads_to_its_paths(config: Path) -> None:
    """Every order with a path stands on one of them, and a row on those that touch it."""
    words = ("attribution", "--by", "channel", "--model", "shapley_sum", "--window", "30")
    found = run(config, *words, "--paths", "all")
    paths = [row for row in found if row["row"] == "attribution_path"]
    credited = [r for r in found if r["row"] == "attribution" and not r["id"].startswith("unattributed")]
    assert sum(p["orders"] for p in paths) == round(sum(Decimal(r["orders"]) for r in credited))
    assert {g for p in paths for g in p["groups"]} == {r["group"] for r in credited if Decimal(r["orders"])}
    assert sum(p["nowhere"] for p in paths) > 0
    name = paths[0]["groups"][0]
    own = [row for row in run(config, *words, "--paths", name) if row["row"] == "attribution_path"]
    assert own == [p for p in paths if name in p["groups"]] != []
    assert not [row for row in run(config, *words) if row["row"] == "attribution_path"]
    shown = invoke([*words, *PERIOD, "--paths", name, "--config", str(config)]).output
    assert f"{' > '.join(own[0]['groups'])}" in shown, shown
    assert "led nowhere" in shown
    assert run(config, *words, "--paths", "nobody", code=2) == []
    assert run(config, "attribution", "--paths", "all", code=2) == []


def test_what_cannot_be_asked(config: Path) -> None:
    done = invoke(["attribution", *PERIOD, "--by", "country", "--model", "markov", "--config", str(config)])
    assert done.exit_code == 1
    assert "credits channels and adverts, not country" in done.stdout


def test_people_read_words_and_parted_thousands(config: Path) -> None:
    done = invoke(["attribution", *PERIOD, "--config", str(config)])
    assert done.exit_code == 0, done.output
    rows = [row for row in run(config, "attribution") if row["row"] == "attribution"]
    largest = max(rows, key=lambda row: Decimal(row["placed"]))
    assert largest["mark"] in MARKS
    assert f"({largest['mark']})" not in done.stdout
    assert f"\ntotal {money(total(rows, 'spend'))}\n" in squeezed(done.stdout)
    sums = " ".join(money(total(rows, name)) for name in ("true", "placed", "delivered", "banked"))
    assert squeezed(done.stdout).count(f"\ntotal {sums}\n") == 1
    said = invoke(["attribution", *PERIOD, "--by", "country", "--config", str(config)]).output
    assert "\nno country is " in said
    assert not any(word in said.partition("LOOK")[0] for word in ("spent", "orders\nclaimed", "verdict", "CAC"))
    assert (money("1234567.50"), money("-0.50"), money(None)) == ("1,234,567.50", "-0.50", "")


def squeezed(text: str) -> str:
    """Without the blanks that stand between columns and at the ends of lines."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines()) + "\n"


def test_every_mark_has_words() -> None:
    """Those that the documentation names, and of models of a period one more."""
    text = Path("docs/attribution.md").read_text(encoding="utf-8").partition("## The table")[2]
    told = set(re.findall(r"`((?:no|by|id)_[a-z_]+|consent|ambiguous_person|erased)`", text)) - {"by_shop"}
    assert told | {"not_told_apart"} == set(MARKS)


def test_its_questions_are_every_engine_s() -> None:
    for question in questions_of("twofold.attribution").values():
        assert faults_of(question) == [], question.name
