"""A person is taken out of lines of money, is shown what they hold, and does not come back with the same line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from subjects import erased, erasing

from tests.acceptance.gateway_process import run_twofold
from twofold.ledger.lines import MoneyKind, MoneyLine, ParcelLine, Survey, Thing
from twofold.matching.counterparts import counterpart_digests
from twofold.matching.subject import SubjectRequest
from twofold.privacy.retention import Days, Retention
from twofold.report.verify import verify
from twofold.store.lines.keeping import keep_told
from twofold.store.lines.reading import KeptLine, OpenLines
from twofold.store.lines.row import make_row
from twofold.store.secret import folder_ring

NOW = 1_773_100_800_000
DAY = 86_400_000
MARY, JOHN = "mary@example.com", "john@example.com"


def paid(number: int, email: str, folder: Path, **other: Any) -> MoneyLine:
    said = {
        "source": "paypal", "account": "A", "id": f"T{number}", "kind": MoneyKind.CHARGE, "gross": Decimal("30.00"),
        "net": Decimal("30.00"), "currency": "EUR", "at": NOW // 1000, "references": (f"order:{1000 + number}",),
        "counterpart": counterpart_digests(folder_ring(folder), email=email, name=email.partition("@")[0]), "text": "* 1001",
    }  # fmt: skip
    return MoneyLine(**{**said, **other})


def kept(folder: Path, *things: Thing, text: str = "", at: int = NOW) -> None:
    """Told through the gateway's own store, with the folder's secret."""
    secret = folder_ring(folder).secret

    async def main() -> None:
        async with erasing(folder) as (store, _):
            rows = [make_row(t, secret, received_at=at, text=text) for t in things]
            await store.transact(lambda engine: keep_told(engine, rows))

    asyncio.run(main())


def lines(folder: Path) -> list[KeptLine]:
    with OpenLines(folder) as reader:
        return [one for kind in ("money", "parcel", "survey") for one in reader.with_texts(reader.versions(kind))]


def erase(folder: Path, **wanted: Any) -> dict[str, Any]:
    async def main() -> str:
        async with erasing(folder) as (_, eraser):
            return await erased(eraser, SubjectRequest(**wanted))

    asyncio.run(main())
    with OpenLines(folder) as reader:
        ((counts,),) = reader._db.execute("select counts from erasure order by requested_at desc limit 1").fetchall()
    found: dict[str, Any] = json.loads(counts)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    checks = verify(tmp_path, NOW)
    assert [check.line for check in checks if not check.holds] == []


def test_a_person_leaves_every_state_of_their_lines_and_the_money_stays(folder: Path) -> None:
    """By the keyed digest of an address; the receipt counts; somebody else's line is whole."""
    mine, theirs = paid(1, MARY, folder), paid(2, JOHN, folder)
    kept(folder, paid(1, MARY, folder, status="pending"), text="mary | for 1001")
    kept(folder, mine, theirs)
    counts = erase(folder, emails=(MARY,))
    assert counts["lines"] == 2
    found = {(line.thing.id, line.thing.status): line for line in lines(folder)}  # type: ignore[union-attr]
    for state in ("pending", "booked"):
        left = found["T1", state]
        assert (left.thing.counterpart, left.thing.text, left.text) == ((), "", "")  # type: ignore[union-attr]
        assert (left.thing.gross, left.thing.references) == (Decimal("30.00"), ("order:1001",))  # type: ignore[union-attr]
    assert found["T2", "booked"].thing == theirs
    with OpenLines(folder) as reader:
        assert reader.by_key(mine.counterpart[0]) == []
        assert [one.thing for one in reader.by_key(theirs.counterpart[0])] == [theirs]


def test_the_same_line_does_not_bring_the_person_back(folder: Path) -> None:
    """Told again by another file it is known."""
    kept(folder, paid(1, MARY, folder))
    erase(folder, emails=(MARY,))
    kept(folder, paid(1, MARY, folder), text="mary | for 1001")
    (line,) = lines(folder)
    assert (line.thing.counterpart, line.text) == ((), "")  # type: ignore[union-attr]


def test_a_kept_text_that_mentions_the_person_goes(folder: Path) -> None:
    """Who stands opposite may be kept as no digest at all."""
    kept(folder, paid(1, JOHN, folder), text=f"john | refund to {MARY} please")
    kept(folder, paid(2, JOHN, folder), text="john | shoes")
    erase(folder, emails=(MARY,))
    assert sorted(line.text for line in lines(folder)) == ["", "john | shoes"]
    raw = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert MARY.encode() not in raw


def test_retention_takes_texts_after_their_days_and_nothing_else(folder: Path) -> None:
    old, young = NOW - 91 * DAY, NOW - 89 * DAY
    kept(folder, paid(1, MARY, folder), text="mary | one", at=old)
    kept(folder, paid(2, MARY, folder), text="mary | two", at=young)

    async def main() -> None:
        async with erasing(folder) as (store, _):
            await Retention(store, Days(line_text=90)).step(NOW)

    asyncio.run(main())
    assert sorted(line.text for line in lines(folder)) == ["", "mary | two"]
    assert all(line.thing.counterpart for line in lines(folder))  # type: ignore[union-attr]


def test_what_is_held_of_a_person_is_exported_with_the_text(folder: Path) -> None:
    """By the command, in the shape of the others."""
    kept(folder, paid(1, MARY, folder), text="mary | for 1001")
    kept(folder, paid(2, JOHN, folder))
    done = run_twofold("export-subject", "--email", MARY, "--json", "--data", str(folder))
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    (row,) = [row for row in rows if row["row"] == "line"]
    assert (row["text"], row["body"]["id"], row["body"]["gross"]) == ("mary | for 1001", "T1", "30.00")
    assert run_twofold("export-subject", "--email", "nobody@example.com", "--data", str(folder)).returncode == 5


def test_an_order_that_is_named_loses_its_number_in_lines(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In references, texts, parcels and surveys; another order keeps its own, and money adds up as before."""
    config = tmp_path_factory.mktemp("shop") / "twofold.toml"
    config.write_text(f'[server]\ndata = "{folder}"\n[[dataset]]\nid = "1"\n')
    orders = config.with_name("orders.csv")
    orders.write_text(
        "order_id,placed_at,total,currency\nORD-771001,2026-03-10,30.00,EUR\nORD-771002,2026-03-10,30.00,EUR\n"
    )
    done = run_twofold("import", "orders", str(orders), "--dataset", "1", "--ledger-only", "--config", str(config))
    assert done.returncode == 0, done.stderr
    named = {"references": ("order:ORD-771001",), "text": "* ORD-771001"}
    kept(
        folder,
        paid(1, MARY, folder, **named),
        paid(2, JOHN, folder, references=("order:ORD-771002",)),
        ParcelLine(courier="c", parcel="P1", order="ORD-771001", at=NOW // 1000, taken=Decimal(30), currency="EUR"),
        Survey(order="ORD-771001", at=NOW // 1000, answer="instagram", text="*"),
    )
    done = run_twofold("erase", "--order", "ORD-771001", "--yes", "--config", str(config), "--json")
    assert done.returncode == 0, done.stderr
    raw = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "erasures")
    assert b"ORD-771001" not in raw
    assert b"ORD-771002" in raw
    money = [line.thing for line in lines(folder) if isinstance(line.thing, MoneyLine)]
    assert sum(line.gross for line in money) == Decimal("60.00")
    (stand_in,) = {line.references for line in money if line.id == "T1"}
    (parcel,) = [line.thing for line in lines(folder) if isinstance(line.thing, ParcelLine)]
    assert stand_in == (f"order:{parcel.order}",)  # the same stand-in everywhere, so that its money still finds it


def test_a_transfer_by_name_is_the_persons_when_it_is_of_their_order(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Name and amount of one of their orders; a namesake's other amount keeps its digests."""
    config = tmp_path_factory.mktemp("shop") / "twofold.toml"
    config.write_text(f'[server]\ndata = "{folder}"\n[[dataset]]\nid = "1"\n')
    orders = config.with_name("orders.csv")
    orders.write_text(f"order_id,placed_at,total,currency,email,name\nORD-1,2026-03-10,30.00,EUR,{MARY},Nino Beridze\n")
    done = run_twofold("import", "orders", str(orders), "--dataset", "1", "--config", str(config))
    assert done.returncode == 0, done.stderr
    who = counterpart_digests(folder_ring(folder), name="BERIDZE NINO", account="GE29NB0000000101904917")
    hers = paid(1, JOHN, folder, references=(), counterpart=who, kind=MoneyKind.BANK_CREDIT)
    other = paid(2, JOHN, folder, references=(), counterpart=who, gross=Decimal("31.00"), net=Decimal("31.00"))
    kept(folder, hers, other)
    assert erase(folder, emails=(MARY,))["lines"] == 1
    left = {line.thing.id: line.thing.counterpart for line in lines(folder)}  # type: ignore[union-attr]
    assert left == {"T1": (), "T2": who}
