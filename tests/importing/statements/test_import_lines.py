"""Importing lines as its user types it: whole or nothing, once, in any order, across kills, beside a running gateway."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.gateway_process import BEHIND, clean_environment, gateway, run_twofold
from tests.importing.statements.test_camt import OWN, balance, document, entry
from tests.importing.statements.workbook_files import sheets
from twofold.config.read import settings_from
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.ledger.filing import KINDS
from twofold.ledger.lines import encode_thing
from twofold.store.lines.reading import OpenLines

TABLES = ("line", "line_key", "line_again", "line_file", "line_load", "line_load_day", "line_text")
HEAD = "id,batch,batch_date,kind,order,gross,fee,net,currency,at\n"
NOW = 1_773_200_000_000


def payout(number: int, gross: str = "120.00", fee: str = "3.78", net: str = "116.22", batch: str = "po_1") -> str:
    return f"txn_{number},{batch},2026-03-11,charge,{1000 + number},{gross},{fee},{net},GEL,2026-03-10T12:00:00Z\n"


def statement(*entries: str, opening: str = "100.00", closing: str = "150.00") -> str:
    return document(*entries, balances=balance("OPBD", opening) + balance("CLBD", closing))


class Folder:
    """A configuration and a data folder, on which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "twofold.toml"
        self.config.write_text(f'[server]\ndata = "{self.data}"\n[[dataset]]\nid = "1"\ncountry = "GE"\n')

    def put(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_twofold(*words, "--config", str(self.config))

    def take(self, kind: str, path: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
        done = self.run("import", kind, str(path), "--json", *options)
        assert "Traceback" not in done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def counts(self) -> dict[str, int]:
        if not (self.data / "twofold.db").exists():
            return dict.fromkeys(TABLES, 0)
        with closing(sqlite3.connect(f"file:{self.data / 'twofold.db'}?mode=ro", uri=True)) as db:
            return {table: db.execute(f"select count(*) from {table}").fetchone()[0] for table in TABLES}

    def standing(self) -> bytes:
        return standing(self.data)


def standing(data: Path) -> bytes:
    """Everything that stands, byte for byte, without when and from which file it came."""
    with OpenLines(data) as reader:
        found = [(one.name, encode_thing(one.thing), one.told_at) for kind in KINDS for one in reader.lines(kind)]
    return repr(found).encode()


def sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [row for row in rows if row["row"] == "sum"]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# -- what an import says


def test_new_known_updated_and_the_same_file_again(folder: Folder) -> None:
    """As json.md promises: file, sum, refused; what is told again is known, what changed is the same line."""
    path = folder.put("a.csv", HEAD + payout(1) + payout(2))
    code, rows, _ = folder.take("payouts", path)
    assert (code, rows[0]["row"], rows[0]["kind"], len(rows[0]["sha256"])) == (0, "file", "payouts", 64)
    said = sums(rows)
    assert (said["new"], said["known"], said["updated"], said["refused"]) == (said["total"], 0, 0, {})
    before = folder.counts(), folder.standing()
    code, rows, _ = folder.take("payouts", path)
    assert (code, sums(rows)["new"], sums(rows)["known"]) == (0, 0, said["total"])
    assert (folder.counts(), folder.standing()) == before
    longer = folder.put("b.csv", HEAD + payout(1) + payout(2, "130.00", "3.78", "126.22") + payout(3))
    _, rows, _ = folder.take("payouts", longer)
    assert (sums(rows)["new"], sums(rows)["updated"]) == (1, 1)
    done = folder.run("verify")
    assert done.returncode == 0, done.stdout


def test_a_dry_run_writes_nothing_and_says_all(folder: Folder) -> None:
    path = folder.put("a.csv", HEAD + payout(1) + payout(2, net="1.00"))
    report = folder.folder / "report.csv"
    code, rows, _ = folder.take("payouts", path, "--dry-run")
    assert (code, sums(rows)["new"], folder.counts()["line"], report.exists()) == (0, None, 0, False)
    assert sum(sums(rows)["refused"].values()) == 1
    assert not folder.data.exists()


def test_a_row_that_breaks_the_net_is_refused_with_its_row(folder: Folder) -> None:
    """And nothing around it is lost."""
    path = folder.put("a.csv", HEAD + payout(1) + payout(2, net="117.22") + payout(3))
    report = folder.folder / "report.jsonl"
    _, rows, _ = folder.take("payouts", path, "--report", str(report))
    (refused,) = [row for row in rows if row["row"] == "refused"]
    assert (refused["line"], refused["column"]) == (3, "net")
    assert [name in folder.standing() for name in (b"txn_1", b"txn_2", b"txn_3")] == [True, False, True]
    (reported,) = (json.loads(line) for line in report.read_text().splitlines())
    assert (reported["file"], reported["row"], reported["column"]) == ("a.csv", 3, "net")


def test_a_statement_that_does_not_close_is_kept_named_and_answered_with_1(folder: Folder) -> None:
    path = folder.put("a.xml", statement(entry("50.00", ref="R1"), closing="140.00"))
    code, rows, _ = folder.take("bank", path)
    (off,) = [row for row in rows if row["row"] == "unbalanced"]
    assert (code, off["what"], off["opening"], off["entries"], off["closing"]) == (
        1,
        "statement",
        "100.00",
        "50.00",
        "140.00",
    )
    assert Decimal(off["difference"]) == Decimal("-10.00")
    assert b"50.00" in folder.standing()
    assert folder.take("bank", folder.put("b.xml", statement(entry("50.00", ref="R1"))))[0] == 0


def test_statements_of_two_accounts_under_one_number_are_named_both(folder: Folder) -> None:
    """Banks number the statements of each account by themselves; of one account it is said once."""
    other = "GB33BUKB20201555555555"
    first = statement(entry("50.00", ref="R1"), closing="140.00")
    second = statement(entry("7.00", ref="R2"), opening="10.00", closing="20.00").replace(OWN, other)
    inside = second[second.index("<Stmt>") : second.index("</Stmt>") + len("</Stmt>")]
    code, rows, _ = folder.take("bank", folder.put("a.xml", first.replace("</Stmt>", "</Stmt>" + inside)))
    off = {row["account"]: (row["id"], Decimal(row["difference"])) for row in rows if row["row"] == "unbalanced"}
    assert code == 1
    # 140.00 - 100.00 - 50.00, and 20.00 - 10.00 - 7.00
    assert off == {OWN: ("17", Decimal("-10.00")), other: ("17", Decimal("3.00"))}
    assert len([row for row in rows if row["row"] == "unbalanced"]) == 2


def test_the_payout_of_the_worked_example_closes_and_without_its_reserve_it_does_not(folder: Folder) -> None:
    """chain.md 9.5: 67.60, and 77.60 against it."""
    lines = [
        ("charge", "120.00", "3.78", "116.22"), ("charge", "45.50", "1.62", "43.88"), ("refund", "-20.00", "0", "-20.00"),
        ("dispute", "-45.50", "15.00", "-60.50"), ("fee", "0", "2.00", "-2.00"), ("reserve_hold", "-10.00", "0", "-10.00"),
        ("payout", "-67.60", "0", "-67.60"),
    ]  # fmt: skip

    def written(name: str, wanted: list[tuple[str, ...]]) -> Path:
        rows = [f"{kind}{n},po_1,2026-03-11,{kind},,{gross},{fee},{net},GEL,2026-03-10T12:00:00Z\n"
                for n, (kind, gross, fee, net) in enumerate(wanted)]  # fmt: skip
        return folder.put(name, HEAD + "".join(rows))

    code, rows, _ = folder.take("payouts", written("whole.csv", lines), "--dry-run")
    assert (code, [row for row in rows if row["row"] == "unbalanced"]) == (0, [])
    code, rows, _ = folder.take("payouts", written("open.csv", [one for one in lines if one[0] != "reserve_hold"]))
    (off,) = [row for row in rows if row["row"] == "unbalanced"]
    assert (code, off["what"], off["id"], Decimal(off["difference"])) == (1, "batch", "po_1", Decimal("-10.00"))


def test_two_equal_payments_are_two_and_stay_two(folder: Folder) -> None:
    """chain.md 9.8: the larger count of equals, never the sum."""
    cod, back = entry("50.00", day="2026-03-05"), entry("50.00", "DBIT", day="2026-03-06")
    first = folder.put("1.xml", document(cod, cod))
    second = folder.put("2.xml", document(entry("9.00", day="2026-03-04"), cod, cod, back))
    third = folder.put("3.xml", document(cod))
    for order in itertools.permutations((first, second, third)):
        said = []
        one = Folder(_made(folder.folder / "".join(path.stem for path in order)))
        for path in (*order, *order):
            said += take_here(one, "bank", path).notes
        partly = [note for note in said if "2026-03-05 partly covered" in note]
        assert bool(partly) == (order[0] is not third)  # the third file ends in that day: others know more of it
        with OpenLines(one.data) as reader:
            found = sorted((str(line.thing.gross), line.thing.kind) for line in reader.lines("money"))  # type: ignore[union-attr]
        assert found == [
            ("-50.00", "bank_debit"),
            ("50.00", "bank_credit"),
            ("50.00", "bank_credit"),
            ("9.00", "bank_credit"),
        ]


# -- bad files leave nothing


def bomb() -> bytes:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"bomb-{os.getpid()}.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(800):
                part.write(bytes(1 << 20))
    content = path.read_bytes()
    path.unlink()
    return content


CAMT = statement(entry("50.00", ref="R9"))
MANY = HEAD + "".join(payout(n) for n in range(100, 3_100))

BAD: dict[str, tuple[str, str, Callable[[], str | bytes], tuple[str, ...]]] = {
    "empty": ("payouts", "a.csv", lambda: b"", ()),
    "header only": ("payouts", "a.csv", lambda: HEAD, ()),
    "text cut in a row": ("payouts", "a.csv", lambda: MANY[:-40], ()),
    "text cut in an amount": ("payouts", "a.csv", lambda: MANY[: MANY.rindex("116.22") + 4], ()),
    "xml cut": ("bank", "a.xml", lambda: CAMT[: len(CAMT) * 2 // 3], ()),
    "another account": ("bank", "a.xml", lambda: CAMT, ("--account", "GE29NB0000000101904917")),
    "another currency": ("bank", "a.xml", lambda: CAMT, ("--currency", "GEL")),
    "another month": ("bank", "a.xml", lambda: CAMT, ("--since", "2026-04-01", "--until", "2026-04-30")),
    "zip bomb": ("payouts", "a.xlsx", bomb, ()),
    "no workbook": ("bank", "a.xlsx", lambda: b"PK\x03\x04" + bytes(200), ()),
    "formulas": ("payouts", "a.csv", lambda: HEAD + payout(900, "=1+1", "=0", "=HYPERLINK(1)"), ()),
    "bytes that are no text": ("bank", "a.txt", lambda: random.Random(7).randbytes(4_000), ()),
    "another kind of file": ("payouts", "a.csv", lambda: "name,phone\nMary,+995555123456\n", ()),
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("kept"))
    assert made.take("payouts", made.put("good.csv", HEAD + payout(1) + payout(2)))[0] == 0
    return made


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_leaves_nothing_behind(kept: Folder, name: str) -> None:
    """Neither a row nor a key of it, and what stood stands; the error is one sentence, without what the cells say."""
    kind, file, made, options = BAD[name]
    before = kept.counts(), kept.standing()
    code, _, said = kept.take(kind, kept.put(file, made()), *options)
    assert code == 1
    assert (kept.counts(), kept.standing()) == before
    assert [text for text in ("+995", "Mary") if text in said] == []
    assert len(said.splitlines()) <= 1


def test_a_workbook_with_macros_is_read_as_data(folder: Folder) -> None:
    """What it would run is never looked at."""
    head, *lines = (HEAD + payout(1)).splitlines()
    path = sheets(folder.folder / "a.xlsm", {"Sheet1": [head.split(","), *(line.split(",") for line in lines)]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(512))
    code, rows, _ = folder.take("payouts", path)
    assert (code, b"txn_1" in folder.standing()) == (0, True), rows


# -- any order, twice, kills


def take_here(folder: Folder, kind: str, path: Path, **options: Any) -> Any:
    """The same run without a process of its own."""
    settings = settings_from({"server": {"data": str(folder.data)}, "dataset": [{"id": "1", "country": "GE"}]})
    return import_statement(settings, StatementPlan(kind=kind, path=path, **options), NOW)


SHOPIFY = "Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Payout ID,Available On,Amount,Fee,Net,Checkout,Payment Method Name,Presentment Amount,Presentment Currency,Currency\n"


def shopify(order: int, status: str, payout_id: str) -> str:
    day = "2026-03-12" if payout_id else ""
    return (f"2026-03-10 12:00:0{order % 10} +0400,charge,#{order},visa,online,{status},{day},{payout_id},2026-03-12,30.00,0.90,29.10,"
            f"#{order}77,card,30.00,GEL,GEL\n")  # fmt: skip


FILES: list[tuple[str, str, str]] = [
    ("payouts", "pending.csv", SHOPIFY + shopify(1001, "pending", "") + shopify(1002, "pending", "")),
    ("payouts", "paid.csv", SHOPIFY + shopify(1001, "paid", "9001") + shopify(1002, "paid", "9001")),
    ("payouts", "own.csv", HEAD + payout(1) + payout(2)),
    ("payouts", "own longer.csv", HEAD + payout(1) + payout(2) + payout(3, batch="po_2")),
    ("bank", "bank1.xml", document(entry("50.00", day="2026-03-05"), entry("50.00", day="2026-03-05"))),
    ("bank", "bank2.xml", document(entry("50.00", day="2026-03-05"), entry("7.00", ref="R7", state="<Sts>PDNG</Sts>"))),
    ("bank", "bank3.xml", document(entry("7.00", ref="R7"), entry("1.00", day="2026-03-06"))),
    ("rates", "rates.csv", "date,currency,per,rate,base\n2026-03-10,USD,1,2.7000,GEL\n2026-03-10,JPY,100,1.7500,GEL\n"),
    ("costs", "costs.csv", "sku,valid_from,unit_cost,currency\nA-1,2026-01-01,12.50,GEL\nA-1,2026-03-01,13.00,GEL\n"),
    ("spend", "spend.csv", "day,source,campaign,spend,currency\n2026-03-10,print,spring,40.00,USD\n"),
]  # fmt: skip


def test_ten_orders_of_arrival_twice_give_the_same_lines(tmp_path: Path) -> None:
    """Byte for byte."""
    found = set()
    for n in range(10):
        one = Folder(_made(tmp_path / str(n)))
        order = FILES.copy()
        random.Random(n).shuffle(order)
        for kind, name, text in (*order, *order):
            take_here(one, kind, one.put(name, text))
        found.add(one.standing())
        assert one.counts()["line_load"] == 0
    assert len(found) == 1


def _made(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.process
def test_killed_imports_leave_nothing_and_are_imported_again(tmp_path: Path) -> None:
    """The same files with kills between stand as if nobody had been killed."""
    quiet = Folder(_made(tmp_path / "quiet"))
    text = HEAD + "".join(payout(n, batch=f"po_{n // 100}") for n in range(20_000))
    for kind, name, content in (*FILES, ("payouts", "large.csv", text)):
        take_here(quiet, kind, quiet.put(name, content))
    killed = Folder(_made(tmp_path / "killed"))
    large = killed.put("large.csv", text)
    dice, hits = random.Random(11), 0
    for kind, name, content in FILES:
        before = standing(killed.data) if killed.data.exists() else b"[]"
        hits += kill_during(killed, large, dice.uniform(0.3, 1.6))
        if (killed.data / "twofold.db").exists():
            assert standing(killed.data) in (before, b"[]")
        take_here(killed, kind, killed.put(name, content))
    assert hits >= 3  # else the test would say nothing
    take_here(killed, "payouts", large)
    assert killed.standing() == quiet.standing()
    counts = killed.counts()
    assert (counts["line_load"], counts["line_load_day"]) == (0, 0)
    assert {n: counts[n] for n in ("line", "line_key")} == {n: quiet.counts()[n] for n in ("line", "line_key")}
    done = killed.run("verify")
    assert done.returncode == 0, done.stdout


def kill_during(folder: Folder, path: Path, after_s: float) -> bool:
    """True when it was killed while it had written some of it."""
    process = subprocess.Popen(
        [*BEHIND, sys.executable, "-m", "twofold", "import", "payouts", str(path), "--json", "--config", str(folder.config)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(None),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and not _loading(folder):
        time.sleep(0.01)
    time.sleep(after_s / 10)
    was_loading = process.poll() is None and _loading(folder) > 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    return was_loading and _loading(folder) > 0


def _loading(folder: Folder) -> int:
    try:
        return folder.counts()["line_load"]
    except sqlite3.Error:
        return 0


@pytest.fixture
def serving(folder: Folder) -> Iterator[Any]:
    toml = '[[dataset]]\nid = "1"\nkey = "secret-key-of-the-dataset"\ncountry = "GE"\n'
    with gateway(toml, folder.data) as running:
        yield running


@pytest.mark.process
def test_through_a_running_gateway_and_when_it_is_killed(folder: Folder, serving: Any) -> None:
    """The gateway writes; killed in the middle, nothing is seen, and the command says to start again."""
    small = folder.put("a.csv", HEAD + payout(1))
    code, told, _ = folder.take("payouts", small)
    with OpenLines(folder.data) as reader:
        (kept,) = reader.files()
    assert (code, sums(told)["new"], kept["total"], kept["new"]) == (
        0,
        1,
        1,
        1,
    )  # what the gateway answered last counts, too
    before = folder.standing()
    large = folder.put("large.csv", HEAD + "".join(payout(n) for n in range(10, 60_000)))
    process = subprocess.Popen(
        [*BEHIND, sys.executable, "-m", "twofold", "import", "payouts", str(large), "--json", "--config", str(folder.config)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(None),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _loading(folder):
        time.sleep(0.01)
    serving.kill()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "went away" in said, "Traceback" in said) == (3, True, False)
    assert folder.standing() == before
    serving.start()
    assert folder.take("payouts", large)[0] == 0
    assert folder.standing().count(b"txn_") == 59_991
    assert serving.run("verify").returncode == 0


@pytest.mark.slow
@pytest.mark.process
def test_a_large_file_in_bounded_memory(folder: Folder) -> None:
    """20 MB, and 200 MB in the long version: at most 400 MB of memory, and hardly more than for a tenth of it. The pace is printed."""
    lines = 2_500_000 if os.environ.get("TWOFOLD_LONG") else 250_000
    tenth, _ = imported(folder, "tenth.csv", range(lines, lines + lines // 10))
    most, took = imported(folder, "large.csv", range(lines))
    print(f"{lines / took * 60:,.0f} lines a minute, {tenth >> 10} and {most >> 10} MiB")
    assert 0 < tenth <= most < 400_000
    assert most < tenth + 64_000  # 250,000 lines as texts alone are 100 MB
    assert folder.counts()["line_file"] == 2


def imported(folder: Folder, name: str, numbers: range) -> tuple[int, float]:
    """The most memory that an import of such payments held (KiB), and how long it took (s)."""
    path = folder.folder / name
    with path.open("w") as file:
        file.write(HEAD)
        file.writelines(payout(n, batch=f"po_{n // 500}") for n in numbers)
    started, most = time.monotonic(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "twofold", "import", "payouts", str(path), "--json", "--config", str(folder.config)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(None),
    )  # fmt: skip
    while process.poll() is None:  # what wait4 says counts the memory of whoever started it
        most = max(most, high_water_kib(process.pid))
        time.sleep(0.1)
    assert process.returncode == 0
    return most, time.monotonic() - started


def high_water_kib(process: int) -> int:
    """The most memory that a process has held by now; 0 once it is gone."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) if found else 0


def test_the_account_is_compared_without_blanks(folder: Folder) -> None:
    spaced = " ".join(OWN[n : n + 4] for n in range(0, len(OWN), 4))
    assert folder.take("bank", folder.put("a.xml", CAMT), "--account", spaced)[0] == 0


CUT = {
    "bank": "Buchungstag;Betrag;Währung;Verwendungszweck;Auftraggeber;Konto\n10.03.2026;10,00;EUR;1001;A;DE89370400440532013000\n"
    '11.03.2026;10,00;EUR;1002;A;DE89370400440532013000\n12.03.2026;10,00;EUR;"10',
    "spend": "day,source,campaign,spend,currency\n2026-03-10,influencer,Anna,1234.50,EUR\n2026-03-11,i",
    "payouts": HEAD + payout(1) + payout(2) + "txn_3,po_1,2026-03-11,charge,1003,120.00,3.78,116.22,GE",
}


@pytest.mark.parametrize("kind", CUT)
def test_a_file_that_was_cut_in_a_row_leaves_nothing(folder: Folder, kind: str) -> None:
    """Also where what sums its rows (a statement, a batch, a day's spend) is told after the last of them."""
    code, rows, told = folder.take(kind, folder.put("cut.csv", CUT[kind]))
    assert (code, rows, folder.counts()["line"]) == (1, [], 0)
    assert "cut" in told
    assert f"{CUT[kind].count(chr(10)) + 1}" in told  # the row
    assert folder.take(kind, folder.put("cut.csv", CUT[kind] + "\n"))[1]  # ended, it is a row that costs itself
