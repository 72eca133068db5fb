"""A signal world's file: what it may hold, and what is said of one that holds something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from twofold.errors import ConfigError
from twofold.simulate.signal.faults import troubled
from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario, Trade, is_signal, read_signal
from twofold.simulate.signal.session import DAY_MS
from twofold.simulate.signal.wire import API_VERSION, DATASET, Sent, requests_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "worlds" / "signal.toml"


def test_the_example_reads():
    told = read_signal(EXAMPLE)
    assert is_signal(EXAMPLE)
    assert [(f.kind, f.day, f.share) for f in told.faults] == [
        (FaultKind.CLICK_STRIPPED, 8, 1.0), (FaultKind.TWO_OWNERS, 10, 0.8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[signal]\ndays = 1", "days"),
        ("[signal]\nfaults = [{kind = 'bad', day = 1}]", "kind"),
        ("[signal]\nfaults = [{kind = 'late', day = 99}]", "at most the 14 days"),
        ("[signal]\nfaults = [{kind = 'late', day = 1, share = 0}]", "share"),
        ("[signal]\ntrade = 'leads'\nfaults = [{kind = 'tax', day = 1}]", "can befall a world of leads, got tax"),
        ("[signal]\nseeds = 1", "seeds"),
        ("[signal", "signal world"),
    ],
)
def test_what_is_none(text, said, tmp_path):
    path = tmp_path / "world.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read_signal(path)


def test_the_same_seed_sends_the_same():
    one, other = ([r for s in troubled(SignalScenario(seed=3, days=3), 0) for r in requests_of(s)] for _ in range(2))
    assert one == other
    assert one != [r for s in troubled(SignalScenario(seed=4, days=3), 0) for r in requests_of(s)]


def sent_by(trade: Trade) -> list[Sent]:
    return [r for s in troubled(SignalScenario(seed=3, days=3, trade=trade), 0) for r in requests_of(s)]


def test_each_trade_sends_what_it_has():
    """Leads have no money and no order, orders of chats no page, and most orders by phone no browser."""
    leads, chats = sent_by(Trade.LEADS), sent_by(Trade.CHATS)
    assert not any(b"value" in r.body or "/webhooks/" in r.path for r in leads)
    assert {name for r in leads for name in (b'"Lead"', b'"Schedule"') if name in r.body} == {b'"Lead"', b'"Schedule"'}
    assert {r.path for r in chats if b'"Purchase"' in r.body} == {f"/{API_VERSION}/{DATASET}/events"}
    assert not any(b"nino" in r.body.lower() or b"@" in r.body for r in chats + leads)  # people are hashed
    calls = [r for r in sent_by(Trade.PHONE) if "/webhooks/" in r.path]
    assert 0.5 < sum(b"phone-desk" in r.body for r in calls) / len(calls) < 0.9


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_touches_nothing_before_its_day(kind):
    """And something after it, unless it is the stage's own."""
    from twofold.simulate.signal.faults import OF_STAGE

    def sent(*faults: Fault) -> list[tuple[int, object]]:
        told = SignalScenario(seed=3, days=4, faults=faults)
        return sorted(
            ((s.at, r) for s in troubled(told, 0) for r in requests_of(s)), key=lambda pair: (pair[0], repr(pair[1]))
        )

    plain, struck = sent(), sent(Fault(kind=kind, day=3))
    before = 2 * DAY_MS
    assert [r for at, r in plain if at < before] == [r for at, r in struck if at < before]
    assert (plain != struck) == (kind not in OF_STAGE)
