"""Match quality and stitching as reported: figures against sums made by hand, drops, and the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests.store.copies import NOW, claim, copy, copy_of_buyer, with_store
from twofold.event.model import Channel, Event, Hashed
from twofold.report import quality as quality_report
from twofold.report import stitching as stitching_report
from twofold.report.period import journal_of
from twofold.report.quality import KEYS, EventQuality, QualityMetrics, quality
from twofold.report.stitching import stitching

HOUR = 3_600_000
FBC = f"fb.1.{NOW - HOUR}.IwAR0"
FBP = "fb.1.1789999000000.1234567890"
PLACE = {"client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0"}


def sent(folder: Path, copies: list[Event], destinations: tuple[str, ...] = ("meta-1",)) -> None:
    """Journalled, and the payloads made."""

    async def scenario(store):
        for start in range(0, len(copies), 100):
            await store.append(copies[start : start + 100])
        for destination in destinations:
            while await claim(store, NOW + 9 * 24 * HOUR, destination=destination, limit=200, max_age_s=10**8):
                pass

    with_store(folder, scenario, destinations=destinations)


def purchase(n: int, at: int = NOW - HOUR, **user: Any) -> Event:
    event = copy(f"o-{at}-{n}", at=at, happened=at - 30_000, **user)
    return event


def row(rows: list[EventQuality], name: str = "Purchase") -> EventQuality:
    return next(r for r in rows if r.event_name == name)


def hashed(letter: str) -> tuple[Hashed, ...]:
    return (Hashed("meta", letter * 64),)


# keys of an event -> its points, by the table of weights: e-mail and click id 3; phone, external_id, fbp, country, birth
# date 2; the rest 1; twelve are full.
SETS: list[tuple[str, dict[str, Any], float]] = [
    ("nothing of weight", {}, 0.0),
    ("e-mail", {"em": "a"}, 2.5),
    ("e-mail and click", {"em": "a", "fbc": FBC}, 5.0),
    ("a place", PLACE, 1.7),
    ("all that is needed",
     {"em": "a", "fbc": FBC, "fbp": FBP, "ph": hashed("b"), "external_id": hashed("c")}, 10.0),
    ("more than is needed",
     {"em": "a", "fbc": FBC, "fbp": FBP, "ph": hashed("b"), "external_id": hashed("c"), **PLACE}, 10.0),
]  # fmt: skip


@pytest.mark.parametrize(("user", "score"), [r[1:] for r in SETS], ids=[r[0] for r in SETS])
def test_the_estimate_of_one_set_of_keys(tmp_path, user, score):
    """Ten times the weight of the keys over twelve, at most ten."""
    sent(tmp_path, [purchase(n, **user) for n in range(3)])
    assert row(quality(tmp_path, NOW)).score == score


def test_coverage_and_gain(tmp_path):
    """Three of four events with e-mail, one with a click id, in one figure each; a gain is what a key is worth to the
    events that lack it."""
    users = [{"em": "a", "fbc": FBC}, {"em": "b"}, {"em": "c"}, {}]
    sent(tmp_path, [purchase(n, **u) for n, u in enumerate(users)])
    found = row(quality(tmp_path, NOW))
    keys = {k.key: k for k in found.keys}
    assert found.events == 4
    assert found.score == 2.5  # (5.0 + 2.5 + 2.5 + 0) / 4
    assert (keys["em"].coverage, keys["fbc"].coverage, keys["ph"].coverage) == (75.0, 25.0, 0.0)
    assert (keys["em"].gain, keys["fbc"].gain) == (0.6, 1.9)  # 2.5 / 4 and 3 * 2.5 / 4
    assert found.missing[0].key == "fbc"
    assert all(k.privacy for k in found.keys)


def test_a_full_event_gains_nothing(tmp_path):
    """Where twelve points are reached, a further key is worth nothing here, and is not asked for."""
    sent(tmp_path, [purchase(1, **SETS[4][1])])
    assert row(quality(tmp_path, NOW)).missing == ()


def test_only_web_events_are_scored(tmp_path):
    """Meta scores web events; a sale at a counter is counted and not scored."""
    event = purchase(1, em="a")
    event.action_source = "physical_store"
    sent(tmp_path, [event])
    found = row(quality(tmp_path, NOW))
    assert (found.events, found.score) == (1, None)


def test_a_second_destination_counts_nothing_twice(tmp_path):
    """The events of a dataset that goes to two places are as many as they are."""
    sent(tmp_path, [purchase(n, em="a") for n in range(5)], destinations=("meta-1", "meta-2"))
    assert row(quality(tmp_path, NOW)).events == 5


def test_ids_coverage_and_delay(tmp_path):
    """Of four actions three have an id; of two browser events the server reported one; half of the server's took 30 s."""
    events = [
        copy_of_buyer("a", Channel.BROWSER, at=NOW - HOUR), copy_of_buyer("a", at=NOW - HOUR, happened=NOW - HOUR - 30_000),
        copy("b", Channel.BROWSER, at=NOW - HOUR), copy("c", at=NOW - HOUR, happened=NOW - HOUR - 10_000),
        copy(None, at=NOW - HOUR, happened=NOW - HOUR - 90_000),
    ]  # fmt: skip
    sent(tmp_path, events)
    found = row(quality(tmp_path, NOW))
    assert (found.browser_events, found.server_events, found.event_coverage) == (2, 3, 50.0)
    assert (found.id_coverage, found.delay_s) == (75.0, 30.0)


def test_values_left_out_are_counted(tmp_path):
    """A phone number that could not be used in one of four copies is a quarter, whatever else the copy has."""
    events = [purchase(n, em="a") for n in range(4)]
    events[0].warnings = ("user_data.ph is not a usable value (3 characters); left out", "user_data.x_y is odd")
    sent(tmp_path, events)
    keys = {k.key: k.unusable for k in row(quality(tmp_path, NOW)).keys}
    assert (keys["ph"], keys["em"]) == (25.0, 0.0)


PERIODS = [
    ("fell", {"em": "a", "fbc": FBC}, {"em": "a"}, 60, ["estimate 5.0 to 2.5", "fbc 100 % to 0 %"]),
    ("rose", {"em": "a"}, {"em": "a", "fbc": FBC}, 60, []),
    ("stayed", {"em": "a"}, {"em": "a"}, 60, []),
    ("a weak key fell", {"em": "a", "client_user_agent": "x"}, {"em": "a", "client_ip_address": "203.0.113.9"}, 60, []),
    ("too few to say", {"em": "a", "fbc": FBC}, {"em": "a"}, 49, []),
]


@pytest.mark.parametrize(("before", "now", "n", "drops"), [r[1:] for r in PERIODS], ids=[r[0] for r in PERIODS])
def test_drops_against_the_period_before(tmp_path, before, now, n, drops):
    """Half a point, or twenty points of one important key, with fifty events on both sides; nothing less is a drop."""
    old, new = NOW - 60 * HOUR, NOW - HOUR
    sent(tmp_path, [purchase(i, old, **before) for i in range(n)] + [purchase(i, new, **now) for i in range(n)])
    found = row(quality(tmp_path, NOW))
    assert list(found.drops) == drops
    assert found.events == n


@pytest.mark.parametrize(
    ("had", "has", "falls"),
    [
        (
            63,
            42,
            False,
        ),  # 0.21 / (0.4994 * sqrt(2 / 100)) is 2.97 standard errors: a shop of 15 orders a day has that by chance
        (63, 36, False),  # 0.27 / (0.5 * sqrt(2 / 100)) is 3.82
        (63, 34, True),  # 0.29 / (0.4998 * sqrt(2 / 100)) is 4.10
        (98, 77, True),  # 0.21 / (0.3307 * sqrt(2 / 100)) is 4.49: what nearly all had is missed sooner
    ],
)
def test_what_chance_may_do_is_no_drop(tmp_path, had, has, falls):
    """A hundred events on either side; the click id weighs too little here to move the estimate by half a point alone."""
    old, new = NOW - 60 * HOUR, NOW - HOUR
    for at, some in ((old, had), (new, has)):
        sent(tmp_path, [purchase(i, at, em="a", **({"fbc": FBC} if i < some else {})) for i in range(100)])
    drops = [d for d in row(quality(tmp_path, NOW)).drops if not d.startswith("estimate")]
    assert drops == ([f"fbc {had} % to {has} %"] if falls else [])


def test_a_name_that_has_gone_is_still_a_row(tmp_path):
    """What was sent before and no more is shown with no events; nobody has to remember it."""
    sent(tmp_path, [purchase(i, NOW - 60 * HOUR, em="a") for i in range(60)])
    found = row(quality(tmp_path, NOW))
    assert (found.events, found.score) == (0, None)
    assert found.drops == ("no events any more",)


def test_only_the_dataset_asked_for(tmp_path):
    """Rows of another dataset are left out."""
    sent(tmp_path, [purchase(1, em="a"), purchase(2, em="a", dataset="2")])
    assert [r.dataset for r in quality(tmp_path, NOW)] == ["1", "2"]
    assert [r.dataset for r in quality(tmp_path, NOW, dataset="2")] == ["2"]


def test_a_period_is_found_by_halving(tmp_path):
    """For every moment between, at and around the times of receipt: the positions that a full look gives."""
    times = [NOW - 10, NOW - 10, NOW - 7, NOW - 3, NOW - 3, NOW - 3, NOW]
    sent(tmp_path, [purchase(i, at) for i, at in enumerate(times)])
    with journal_of(tmp_path) as journal:
        for at in range(NOW - 12, NOW + 3):
            first, last = journal.positions(at, at + 2)
            assert [t for t in times if at <= t < at + 2] == times[first - 1 : last - 1]


def test_an_empty_folder_has_no_rows(tmp_path):
    """Before the first event there is nothing to say, and no error."""
    sent(tmp_path, [])
    assert quality(tmp_path, NOW) == []
    assert stitching(tmp_path, NOW) == []


def test_gauges(tmp_path):
    """The estimate and the drops of each standard name; all other names are one label together."""
    events = [purchase(i, NOW - 60 * HOUR, em="a", fbc=FBC) for i in range(60)]
    events += [purchase(i, em="a") for i in range(60)]
    events += [copy("x", name="MyOwnEvent", at=NOW - HOUR, em="a"), copy("y", name="Another", at=NOW - HOUR)]
    sent(tmp_path, events)
    metrics = QualityMetrics(tmp_path)
    registry = CollectorRegistry()
    registry.register(metrics)  # type: ignore[arg-type]
    metrics.refresh(NOW)
    lines = generate_latest(registry).decode().splitlines()
    assert 'twofold_match_quality_estimate{dataset="1",event="Purchase"} 2.5' in lines
    assert 'twofold_match_quality_drops{dataset="1",event="Purchase"} 2.0' in lines
    assert 'twofold_match_quality_estimate{dataset="1",event="custom"} 1.25' in lines
    assert not [line for line in lines if "MyOwnEvent" in line]


# -- stitching


def frozen_as(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """Server purchases whose payloads left with these keys, taken over from there, with these marks."""
    sent(folder, [purchase(n) for n in range(len(rows))])
    import apsw

    db = apsw.Connection(str(folder / "twofold.db"))
    ids = [r[0] for r in db.execute("select delivery from frozen order by delivery")]
    for delivery, facts in zip(ids, rows, strict=True):
        db.execute("update frozen set keys = ?, stitched = ?, marks = ? where delivery = ?", (*facts, delivery))
    db.close()


def test_the_rate_and_the_keys_before_and_after(tmp_path):
    """Two of four orders found their visit: one key before and three after, on average over all four: 1.25 to 2.25."""
    frozen_as(tmp_path, [
        ("em,fbc,fbp", "fbc=visit by cart,fbp=visit by cart", ""),
        ("em,fbc,fbp", "fbc=visit by em,fbp=visit by em,gclid=visit by em", ""),
        ("em,ph", "", "unstitched:shared_device"),
        ("em", "", ""),
    ])  # fmt: skip
    (found,) = stitching(tmp_path, NOW)
    assert (found.events, found.stitched, found.rate) == (4, 2, 50.0)
    assert (found.keys_before, found.keys_after) == (1.25, 2.25)
    assert found.by == {"cart": 1, "em": 1}
    assert found.taken == {"fbc": 2, "fbp": 2, "gclid": 1}
    assert found.reasons == {
        "the browser was seen with another person too": 1,
        "no visit with any of its identifiers is known": 1,
    }


def test_what_has_a_browser_is_not_counted(tmp_path):
    """An action with a browser's copy needs no visit: it is one."""
    sent(tmp_path, [copy_of_buyer("a", Channel.BROWSER, at=NOW - HOUR), copy_of_buyer("a", at=NOW - HOUR)])
    assert stitching(tmp_path, NOW) == []


# -- the same weights as the sandbox, the commands


def test_the_words_agree_with_the_sandboxs():
    """The local stand-in for Meta names the same keys with the same weights, though the two share no code."""
    from twofold.sandbox.judge.key_quality import FULL, KEYS as THEIRS  # noqa: I001

    assert {k: (v.identifier, v.weight) for k, v in KEYS.items()} == THEIRS
    assert FULL == quality_report.FULL


@pytest.mark.parametrize("module", [quality_report, stitching_report])
def test_rows_are_plain(tmp_path, module):
    """What ``--json`` prints can be written as JSON and says that the score is ours."""
    sent(tmp_path, [purchase(1, em="a")])
    found = getattr(module, module.__name__.rpartition(".")[2])(tmp_path, NOW)
    text = json.dumps([module.as_row(r) for r in found])
    assert "a" * 64 not in text
    assert module is stitching_report or "not Meta's figure" in text
