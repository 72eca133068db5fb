"""What buyers answered beside the last touch: hand-written rows counted by hand, a law against a loop over orders, and an import that is asked for."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attribution.test_credits_by_hand import DAY, DAYS, DIRECT, GOOGLE, LATER, MAIL, META, NEXT, life, touch
from tests.command_line import invoke
from tests.facts.world import SHOP, world
from tests.reconcile.tables import Tables
from tests.strategies import law_of
from twofold.attribution.surveys import read_survey, share_interval, survey_of, survey_rows
from twofold.attribution.table import Asked
from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.reconcile.chain.told import Told

ASKED = Asked(since=DAY, until=NEXT, currency="EUR", click_days=7)
WORDS = {"Saw it on  instagram": "paid_social", "a friend": "referral", "Google": "paid_search"}


def answer(row: int, text: str, happened_at: int = 1, **more: Any) -> dict[str, Any]:
    """Given with the order."""
    return touch(row, 9, 0, {"kind": "survey", "source": text, "channel": "", "happened_at": happened_at}, **more)


def line(key: str, text: str, happened_at: int = 1) -> dict[str, Any]:
    """Given in a survey of its own."""
    return {"day": "2027-01-01", "line": f"{key}{happened_at}{text}", "order_key": key, "match_key": f"order:{key}" if key else "", "happened_at": happened_at, "answer": text}  # fmt: skip


def name(row: int, key: str, kind: str = "order") -> dict[str, Any]:
    return {"day": "2026-01-01", "dataset": "1", "order_row": row, "kind": kind, "value": key, "match_key": f"{kind}:{key}" if kind == "parcel" else f"order:{key}"}  # fmt: skip


def survey(rows: dict[str, list[dict[str, Any]]], words: dict[str, str] = WORDS, **more: Any) -> Any:
    tables = Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, rows)
    return read_survey(ASKED, words, more.get("as_of", 500), tables.ask, more.get("dataset"))


def test_ten_orders_by_hand() -> None:
    """Of ten orders of a shop seven were answered, five of them with a channel; two agree with the last touch of the week before."""
    rows = {
        "lives": [
            *(life(n, "10.00") for n in range(1, 9)), life(9, "10.00", day=NEXT), life(10, "10.00"),
            life(1, "10.00", from_at=50, until_at=100),  # an older life of the first
            life(11, "10.00", day=LATER), life(12, "10.00", day="2026-03-09"), life(13, "10.00", dataset="2"),
        ],
        "paths": [
            touch(1, 0, 3 * DAYS, GOOGLE), touch(1, 1, 2 * DAYS, META), touch(1, 2, DAYS, DIRECT), answer(1, "SAW it on Instagram"),
            touch(2, 0, 8 * DAYS, META), touch(2, 1, 7 * DAYS, DIRECT), answer(2, "Saw it on instagram"),  # the week holds only the direct one
            touch(3, 0, 0, GOOGLE, kind="shop_says"), answer(3, "Google", 1), answer(3, "Radio", 0),
            touch(4, -1, 0, DIRECT, kind="", reason="no_browser"), answer(4, "a friend"),
            touch(5, 0, DAYS, MAIL), answer(5, "Radio"),
            touch(6, 0, DAYS, MAIL), answer(6, ""),
            touch(7, -1, 0, DIRECT, kind="", reason="erased"), answer(7, "Google"),
            touch(8, 0, 7 * DAYS, MAIL), touch(8, 1, 6 * DAYS, META, kind="chat"),
            touch(9, 0, DAYS, MAIL, day=NEXT),
            touch(11, 0, DAYS, META, day=LATER), answer(11, "Google", day=LATER), answer(13, "Google"),
        ],
        "order_names": [name(8, "1008"), name(8, "R8", "number"), name(9, "1009"), name(10, "1010"), name(13, "1010", "number"), name(9, "1003", "parcel")],
        "surveys": [
            line("R8", "Google", 5), line("1008", "organic_SOCIAL", 7), line("1008", "Radio", 900),  # the last was given after the report's time
            line("1009", "Podcast"), line("1010", "Google"), line("1003", "Google"), line("", "Google"), line("1009", "", 99),
        ],
    }  # fmt: skip
    found = survey(rows, dataset="1")
    assert (found.orders, found.answers, found.meant, found.clicked, found.agreed) == (10, 7, 5, 4, 2)
    assert {(one.answer, one.channel, one.orders) for one in found.said} == {
        ("SAW it on Instagram", "paid_social", 1), ("Saw it on instagram", "paid_social", 1), ("Google", "paid_search", 1),
        ("a friend", "referral", 1), ("Radio", None, 1), ("organic_SOCIAL", "organic_social", 1), ("Podcast", None, 1),
    }  # fmt: skip
    assert {(c.channel, c.both, c.said_only, c.clicked_only, c.neither) for c in found.channels} == {
        ("paid_social", 1, 1, 1, 2), ("paid_search", 1, 0, 0, 4), ("referral", 0, 1, 0, 4), ("organic_social", 0, 1, 0, 4),
    }  # fmt: skip
    assert survey(rows).orders == 11  # two shops: order 1010 is still nobody's, 13 is answered
    assert survey(rows).answers == 8


def test_answers_stand_for_all_only_where_there_are_enough() -> None:
    """From a hundred answers and three of ten orders on; the interval is Wilson's, its limits solve (p - s)^2 = z^2 p (1 - p) / n."""
    for answers, orders, stands in (
        (100, 333, True),
        (100, 334, False),
        (99, 200, False),
        (300, 1000, True),
        (299, 1000, False),
    ):
        found = survey_of([("Google", "paid_search", 40), ("Radio", "", answers - 40)], orders, WORDS)
        assert found.stands_for_all is stands, (answers, orders)
        assert (found.channels[0].estimate is not None) is stands
    found = survey_of([("Google", "paid_search", 40), ("Radio", "", 60)], 250, WORDS)
    (google,) = found.channels
    assert google.estimate == pytest.approx(100.0)  # 40 of 100 answers, of 250 orders
    for limit in (google.low, google.high):
        p = limit / 250
        assert (p - 0.4) ** 2 == pytest.approx(1.959963984540054**2 * p * (1 - p) / 100)
    assert google.low < 100 < google.high
    whole, channels, said = survey_rows(found)
    assert (whole["answered"], whole["unmapped"], whole["agreement"]) == ("0.4000", 60, "1.0000")
    assert (channels[0]["share"], channels[0]["estimate"]) == ("0.4000", 100)
    assert [row["channel"] for row in said] == [None, "paid_search"]


def test_nobody_answered() -> None:
    found = survey_of([], 12, WORDS)
    whole, channels, said = survey_rows(found)
    assert (whole["answers"], whole["answered"], whole["agreement"], channels, said) == (0, "0.0000", None, [], [])
    assert survey_rows(survey_of([], 0, {}))[0]["answered"] is None


@pytest.mark.parametrize(("count", "of"), [(0, 100), (100, 100), (1, 3)])
def test_a_share_stays_a_share(count: int, of: int) -> None:
    low, high = share_interval(count, of)
    assert 0 <= low <= count / of <= high <= 1
    assert high - low < 1 or math.isclose(high - low, 1)


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["", "Google", "google ", "Radio", "A FRIEND", "email"]),
        st.sampled_from(["", "paid_search", "referral", "email", "direct"]),
    ),
    max_size=40,
)


@law_of(200)
@given(ORDERS)
def test_the_four_fields_are_counted_order_by_order(orders: list[tuple[str, str]]) -> None:
    """Each order that means a channel stands in one field of each channel; fields, shares and agreement are counts over orders."""
    meaning = {"google": "paid_search", "a friend": "referral", "email": "email"}
    meant = [(meaning.get(a.strip().lower()), clicked) for a, clicked in orders if a]
    mapped = [(channel, clicked) for channel, clicked in meant if channel]
    found = survey_of([(a, clicked, 1) for a, clicked in orders if a], len(orders), WORDS)
    assert (found.answers, found.meant) == (len(meant), len(mapped))
    assert found.clicked == sum(clicked != "" for _, clicked in mapped)
    assert found.agreed == sum(channel == clicked for channel, clicked in mapped)
    assert {c.channel for c in found.channels} == {channel for channel, _ in mapped}
    for c in found.channels:
        fields = [(a == c.channel, b == c.channel) for a, b in mapped]
        assert (c.both, c.said_only, c.clicked_only, c.neither) == tuple(
            fields.count(field) for field in ((True, True), (True, False), (False, True), (False, False))
        )
    assert sum(one.orders for one in found.said) == found.answers


def test_a_meaning_has_to_be_a_channel() -> None:
    tree = {"chain": {"answers": {"A friend": "referal"}}, "dataset": [{"id": "1", "key": "k" * 16}]}
    with pytest.raises(ConfigError, match=r"chain\.answers\.A friend: expected one of direct, .*, got 'referal'"):
        settings_from(tree, environ={})
    tree["chain"] = {"answers": {"A friend": "referral"}}
    assert settings_from(tree, environ={}).chain.answers == {"A friend": "referral"}


# -- by the command


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders that came through browsers with campaigns; some were answered in a survey that is imported after their paths were kept."""
    folder = tmp_path_factory.mktemp("answered")
    with world(folder / "data", 4) as w:
        w.live(150)
        for n in range(3):
            w.buy(n)
        w.settle()
        w.rebuild()
    path = folder / "twofold.toml"
    path.write_text(
        f'[server]\ndata = "{folder / "data"}"\n[chain]\ncurrency = "EUR"\n'
        '[chain.answers]\n"A friend" = "referral"\nmail = "email"\n[[dataset]]\nid = "1"\n'
    )
    return path


PERIOD = ("--since", "2026-09-01", "--until", "2026-12-31", "--window", "30")


def lines(config: Path, *words: str) -> list[dict[str, Any]]:
    done = invoke([*words, "--config", str(config), "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]


@pytest.mark.process
def test_an_import_is_reported_beside_the_models(config: Path, tmp_path: Path) -> None:
    """As many answers as were given for orders that are here; no row of the models moves by them."""
    before = [row for row in lines(config, "attribution", *PERIOD, "--by", "channel") if row["row"] != "about"]
    ids = [f"bought{n}" for n in range(3)]
    known = {one: lines(config, "orders", "show", one) for one in ids}
    assert all(known.values()), SHOP
    answers = tmp_path / "answers.csv"
    answers.write_text(
        "order_id,answered_at,answer\n"
        f"{ids[0]},2026-09-20T10:00:00Z,MAIL\n{ids[1]},2026-09-20T10:00:00Z,a friend\n{ids[2]},2026-09-20T10:00:00Z,Radio\n"
        "nothing-here,2026-09-20T10:00:00Z,Radio\n"
    )
    lines(config, "import", "survey", str(answers))
    after = lines(config, "attribution", *PERIOD, "--by", "channel", "--survey")
    said = [row for row in after if row["row"].startswith("attribution_survey")]
    assert [row for row in after if row not in said and row["row"] != "about"] == before
    (whole,) = [row for row in said if row["row"] == "attribution_survey"]
    total = sum(Fraction(row["orders"]) for row in before if row["row"] == "attribution")
    assert whole["orders"] == total
    own = {"MAIL": "email", "a friend": "referral", "Radio": None}
    told = {row["answer"]: row for row in said if row["row"] == "attribution_survey_answer"}
    assert {text: told[text]["channel"] for text in own} == own
    assert all(told[text]["answers"] == 1 for text in own)
    assert whole["answers"] == sum(row["answers"] for row in told.values())
    assert Decimal(whole["answered"]) == round(Decimal(whole["answers"]) / whole["orders"], 4)
    (mail,) = [row for row in said if row.get("channel") == "email" and row["row"] == "attribution_survey_channel"]
    assert (mail["both"] + mail["said_only"], mail["estimate"]) == (1, None)


@pytest.mark.process
def test_people_read_what_is_missing(config: Path) -> None:
    done = invoke(["attribution", *PERIOD, "--survey", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "It credits nobody." in done.stdout
    assert "All orders cannot be told from these: that takes at least 100 answers" in done.stdout
    assert 'answers mean no channel yet. Say which: [chain] answers = { "A friend" = "referral" }' in done.stdout
    done = invoke(
        ["attribution", "--since", "2020-01-01", "--until", "2020-01-02", "--survey", "--config", str(config)]
    )
    assert "No order of these days was answered. Bring answers: twofold import survey FILE" in done.stdout
