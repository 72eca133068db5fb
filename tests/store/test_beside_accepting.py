"""What a store does beside accepting, on PostgreSQL as in a file: the tables that reports ask, what is pulled, and retention.

Each is had from both engines, and the embedded one's word, which other tests hold to rules, is what is expected.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.databases import Databases
from tests.facts import world as lives
from tests.pulling.stand_in import Puller, standing_in
from tests.pulling.test_pull_rates import Nbg
from twofold.collect.limits.past_counts import past_shares
from twofold.privacy.retention import Days, Retention
from twofold.report.verify import verify
from twofold.store import engines
from twofold.store.beside.durable_file import create_whole
from twofold.store.secret import FILE

pytestmark = pytest.mark.postgres

DAY = 86_400_000


def pulled(folder: Path) -> Any:
    """The rates of two banking days, asked for twice; a rate was said again otherwise meanwhile."""
    bank = Nbg()
    with standing_in(bank) as stand_in:
        puller = Puller(folder, platform="nbg", endpoint=stand_in.url)
        first = puller.days("2026-03-09", "2026-03-10")
        bank.rates["2026-03-10"] = 2.8
        return first, puller.days("2026-03-09", "2026-03-10"), sorted(map(repr, puller.lines("rate")))


def tables(one: lives.World, files: Path) -> dict[str, Any]:
    """But those of seals, which are salted anew in each folder."""
    return {name: rows for name, rows in one.full(files).items() if not name.endswith("_seals")}


def lived(one: lives.World, files: Path) -> Any:
    """The shares and tables of some days, and the tables of what retention leaves 400 days later."""
    one.live(30)
    shares = past_shares(one.folder, ("Purchase",), one.now - 90 * DAY, one.now + DAY, DAY)
    before = tables(one, files / "before")
    retention = Retention(one.store, Days())

    async def retained() -> None:
        while await retention.step(one.now + 400 * DAY):
            pass

    one._run(retained())
    return (
        before,
        tables(one, files / "after"),
        [(*s[:6], *(f"{value:.9e}" for value in s[6:])) for s in shares],
    )  # sums of floats


def test_both_engines_say_the_same(tmp_path: Path, postgres: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables row for row, pulls day for day, and every sum holds at the end."""
    monkeypatch.setattr(lives, "HOSTILE", lives.HOSTILE.replace("\0", ""))  # no door lets an event with NUL in
    said = []
    for engine in ("embedded", "postgres"):
        if engine == "postgres":
            monkeypatch.setattr(engines, "address_of", postgres.of)
        folder = tmp_path / engine
        for kept in (folder / "lived", folder / "pulled"):  # what is named by digests is named alike
            kept.mkdir(parents=True, mode=0o700)
            create_whole(kept / FILE, msgspec.json.encode({"secret": "5c" * 32}) + b"\n")
        with lives.world(folder / "lived") as one:
            found = lived(one, folder / "tables")
        assert [check.name for check in verify(folder / "lived") if not check.holds] == []
        said.append((found, pulled(folder / "pulled")))
    assert said[1] == said[0]
    before, after, shares = said[0][0]
    assert before["orders"]
    assert before != after, "retention took something"
    assert shares
