"""When a line about requests is due: at the first of a kind, then at most one a minute, with how many there were."""

from __future__ import annotations

import logging

from twofold.collect.told import EVERY_S, RequestLines


def test_at_most_one_a_minute_and_all_are_counted(caplog) -> None:
    """Of 1,000 requests in 100 s two lines are written, the second counts what came since; kinds do not wait for another."""
    told = RequestLines({"1"})
    said = []
    with caplog.at_level(logging.INFO, logger="twofold.requests"):
        for n in range(1_000):
            now = n * 0.1
            if told.is_due("events", "accepted", now):
                said.append(told.line("events", "accepted", now, status=200, events=1, dataset="1", trace=f"A{n}"))
        assert told.is_due("tag", "accepted", 99.0)
    assert [(s.requests, s.seconds) for s in said] == [(1, 0.0), (600, EVERY_S)]
    assert [r.fields["trace"] for r in caplog.records] == ["A0", "A600"]


def test_a_dataset_that_nobody_configured_is_nobodys_text(caplog) -> None:
    """What stands in an address can be an e-mail address."""
    told = RequestLines({"1"})
    assert told.is_due("events", "unknown_dataset", 0.0)
    line = told.line("events", "unknown_dataset", 0.0, status=400, events=0, dataset="a@b.ge", trace="A")
    assert line.dataset == ""
