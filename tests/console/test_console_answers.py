"""What buyers answered stands on Campaigns beside the models: over the orders that were answered, in both languages, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from markupsafe import escape
from running_console import HOSTILE, Running

from tests.command_line import invoke
from tests.facts.world import world as lived

PERIOD = "period=2026-09-01..2026-12-31&window=30"


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Three orders came by e-mail and Meta; a survey that was imported later says otherwise of one, and nothing known of another."""
    folder = tmp_path_factory.mktemp("answered")
    with lived(folder / "data", 4) as w:
        for n in range(3):
            w.buy(n)
        w.settle()
        w.rebuild()
    config = folder / "twofold.toml"
    config.write_text(
        f'[server]\ndata = "{folder / "data"}"\n[chain]\ncurrency = "EUR"\nanswers = {{ "a friend" = "referral", "Newsletter" = "email" }}\n'
        '[console]\nport = 0\n[[dataset]]\nid = "1"\n'
    )
    answers = folder / "answers.csv"
    answers.write_text(
        "order_id,answered_at,answer\nbought0,2026-09-20T10:00:00Z,A friend\nbought1,2026-09-20T10:00:00Z,newsletter\n"
        'bought2,2026-09-20T10:00:00Z,"' + HOSTILE.replace('"', '""') + '"\n'
    )
    done = invoke(["import", "survey", str(answers), "--config", str(config)])
    assert done.exit_code == 0, done.output
    running = Running(folder / "data", config)
    yield running
    running.stop()


@pytest.mark.process
def test_answers_stand_beside_the_models(answered: Running) -> None:
    owner = answered.owner()
    told = owner.get(f"/campaigns.json?by=channel&{PERIOD}")
    assert told.status == 200, told.text
    about, *rows = [json.loads(line) for line in told.text.splitlines()]
    survey = about["survey"]
    channels = {row["id"]: float(row["orders"]) for row in rows}
    by_click = sum(channels.get(name, 0) for name in ("email", "paid_social"))
    assert by_click == survey["orders"] == 3, channels
    assert (survey["answers"], survey["meant"], survey["unmapped"], survey["clicked"]) == (3, 2, 1, 2)
    fields = {one["channel"]: one["both"] + one["said_only"] for one in survey["channels"]}
    assert fields == {"referral": 1, "email": 1}
    assert all(one["estimate"] is None for one in survey["channels"])
    for language, title, alone in (("en", "What buyers answered", "The answer alone"), ("ka", "რა უპასუხეს მყიდველებმა", "მხოლოდ პასუხი")):  # fmt: skip
        page = owner.get(f"/campaigns?language={language}&{PERIOD}")
        assert title in page.text
        assert alone in page.text
        assert str(escape(HOSTILE)) in page.text
        assert HOSTILE not in page.text


@pytest.mark.process
def test_a_time_without_answers_has_no_word_of_them(answered: Running) -> None:
    page = answered.owner().get("/campaigns?period=2026-01-01..2026-01-05")
    assert page.status == 200
    assert 'id="answered"' not in page.text
