"""A bank's table, CSV or workbook, read by a profile of headers: rows to lines, balances to checks.

Owns which column is what, how amounts get their sign (a signed column, debit and credit, a column of sides), the running
balance, what stands above the header and below the rows, and the closing of each account and currency in the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice, pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.importing.readers.layout import fold_word
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Row, Survey
from twofold.importing.readers.values import NumberStyle, currency_of, read_id, shape, shown_sign
from twofold.importing.statements.banks.accounts import iban_in, is_iban, split_account
from twofold.importing.statements.banks.book import (
    BOOKED,
    PENDING,
    Book,
    Booking,
    account_warning,
    joined,
    one_currency,
    references,
    usable_id,
)
from twofold.importing.statements.banks.cells import is_blank, order_of, read_amount, read_day, style_of
from twofold.importing.statements.banks.columns import (
    ANY,
    CLOSING,
    DIRECTIONS,
    MANY,
    OPENING,
    TOTALS,
    VOID,
    Profile,
)
from twofold.importing.statements.banks.columns import PENDING as PENDING_WORDS
from twofold.importing.statements.banks.grid import Found, Grid, Head, currency_in, find_header, fold, heads, sheet_rows
from twofold.importing.statements.contract import Dropped, Item, StatementOptions, Unbalanced
from twofold.ledger.lines import Counterpart

SAMPLE = 5_000  # rows from which the style of numbers, days and signs is found
MAX_WARNINGS = 20  # of one kind; the rest is counted
_MONEY = ("amount", "debit", "credit", "fee", "balance")
_NAMED = ("counterpart", "debit_counterpart", "credit_counterpart")
_CREDITOR = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_WORDS_OF_CURRENCY = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_NO_CURRENCY = frozenset({"ALL", "TOP", "CUP", "MOP", "LAK"})  # words of file names, and codes as well
_OWN = {
    fold(word)
    for word in ("iban", "account", "account number", "account iban", "konto", "ანგარიში", "ანგარიშის ნომერი")
}


class BankTable:
    """The format of one profile."""

    kind = "bank"

    def __init__(self, profile: Profile) -> None:
        self.name, self.title = profile.name, profile.title
        self._profile = profile

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        if survey.kind not in ("csv", "excel"):
            return 0
        profile, found = self._profile, heads(path, survey, sample)
        if profile.of_signs:
            header = find_header(found, {fold(sign) for sign in profile.signs}, profile.of_signs)
            return 20 + header.names if header is not None else 0
        return max((len(_fields(profile, cells)) for head in found for cells in head.rows
                    if _is_header(_fields(profile, cells), profile)), default=0)  # fmt: skip

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> TableFile:
        return TableFile(path, survey, options, _with_columns(self._profile, options.columns))


def _with_columns(profile: Profile, columns: Mapping[str, str]) -> Profile:
    """The profile of an [[import]]: its columns and no others."""
    if not columns:
        return profile
    return replace(profile, columns={field: (header,) for field, header in columns.items()}, of_signs=0)


class _Parsed(Struct):
    """One row whose amount and day were read."""

    row: int
    day: date
    amount: Decimal
    balance: Decimal | None
    status: str
    fee: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        return self.amount - self.fee


class _Balances(Struct):
    """The running balance of one book."""

    first: _Parsed | None = None
    last: _Parsed | None = None
    breaks: int = 0


class TableFile:
    """One open file."""

    def __init__(self, path: Path, survey: Survey, options: StatementOptions, profile: Profile) -> None:
        if survey.kind not in ("csv", "excel"):
            raise FileRefused(f"{path.name}: expected a table (CSV or XLSX), got {survey.kind.upper()}")
        self.format, self.title = profile.name, profile.title
        self.bytes_read = 0
        self._path, self._options, self._profile = path, options, profile
        self._is_book = survey.kind == "excel"
        found = heads(path, survey)
        header = self._header(found)
        head = next(h for h in found if (h.sheet, h.separator) == (header.sheet, header.separator))
        self._columns = head.rows[header.row]
        self._index = _fields(profile, self._columns)
        self._header_row = header.row + 1
        self._preamble = head.rows[: header.row]
        self._grid = Grid(path, survey, header.separator, header.sheet)
        self.notes = self._grid.notes
        rows = (row for row in self._grid.rows if row_of(row) > self._header_row)
        first = list(islice(rows, SAMPLE))
        self._rows: Iterator[Row | RowProblem] = chain(first, rows)
        self._sample = [row.cells for row in first if isinstance(row, Row) and not self._is_second_header(row.cells)]
        self._learn()
        self._places = self._currency_columns() if profile.by_currency else {}
        self._account, self._currency = self._of_file(survey)
        self._names: Counter[tuple[str, ...]] = Counter()
        self._books: dict[tuple[str, str], Book] = {}
        self._balances: dict[tuple[str, str], _Balances] = {}
        self._sums: Counter[str] = Counter()
        self._edges: dict[str, Decimal] = {}  # "opening", "closing" as told above or below the rows
        self._totals: list[tuple[int, dict[str, Decimal]]] = []
        self._summary = sheet_rows(path, survey, profile.summary) if profile.summary else []
        self._last_is_short = False

    def items(self) -> Iterator[Item]:
        row = self._header_row
        for cells in self._preamble:
            self._edge_of(cells)
        for item in self._rows:
            row = row_of(item)
            self.bytes_read = self._grid.bytes_read
            if isinstance(item, RowProblem):
                yield item
                continue
            yield from self._row(item)
        if self._last_is_short and not self._grid.whole_last_line:
            raise FileRefused(f"{self._path.name}: line {row}: expected {len(self._columns)} cells and an end of line, got "
                              "fewer and the end of the file; is it cut off? Fetch it again")  # fmt: skip
        yield from self._close(row)

    # -- the file's form

    def _header(self, found: list[Head]) -> Found:
        profile, sheet = self._profile, self._options.sheet or self._profile.sheet
        named = [head for head in found if head.sheet == sheet]
        if self._options.sheet and not named:
            raise FileRefused(f"{self._path.name}: expected a sheet of the workbook, got --sheet {sheet!r}")
        best: Found | None = None
        for head in named or found:
            for number, cells in enumerate(head.rows):
                fields = _fields(profile, cells)
                names = sum(len(places) for places in fields.values())
                if _is_header(fields, profile) and (best is None or names > best.names):
                    best = Found(head.sheet, head.separator, number, names)
        if best is None:
            wanted = (
                self._options.columns.values() if self._options.columns else ("a day", "an amount, or debit and credit")
            )
            raise FileRefused(f"{self._path.name}: expected a header with {', '.join(wanted)} among the first lines; got none "
                              "that is known. Describe the columns in an [[import]] of the configuration")  # fmt: skip
        return best

    def _learn(self) -> None:
        """How this file writes numbers and days, from its first rows."""
        options, profile = self._options, self._profile
        money = {field: self._cells(field) for field in _MONEY}
        elsewhere = shown_sign(money.values())
        self._styles: dict[str, NumberStyle] = {}
        for field, cells in money.items():
            if not cells:
                continue
            style = style_of(cells, options.decimal, profile.decimal, elsewhere)
            if style is None:
                raise FileRefused(f"{self._path.name}: column {self._column(field)}: expected amounts of one style, got some "
                                  "that are 1.234 or 1,234 and could be either; name it with --decimal")  # fmt: skip
            self._styles[field] = style
        days = self._cells("booked_at") + self._cells("value_at")
        header = " ".join(self._columns[place] for place in self._index.get("booked_at", []))
        usual = "dmy" if "DD/MM" in header.upper() else "mdy" if "MM/DD" in header.upper() else profile.day_order
        order = order_of(days, options.dates, usual)
        if order is None:
            raise FileRefused(f"{self._path.name}: column {self._column('booked_at')}: expected a day above the 12th to tell "
                              "days from months, got none; name the order with --dates dmy or mdy")  # fmt: skip
        self._order = order
        sides = [self._word("direction", cell) for cell in self._cells("direction")]
        if "direction" in self._index and not (sides and all(side in DIRECTIONS for side in sides)):
            del self._index["direction"]
        amounts = [read_amount(cell, self._styles["amount"]) for cell in money["amount"]] if money["amount"] else []
        self._signed = any(amount < 0 for amount in amounts if amount is not None)
        debits = [read_amount(cell, self._styles["debit"]) for cell in money["debit"]] if money["debit"] else []
        below = sum(d < 0 for d in debits if d)
        self._debits_are_negative = below * 2 > len([d for d in debits if d])
        read = [day for cell in self._cells("booked_at") if (day := self._day(cell)) is not None]
        self._newest_first = len(read) > 1 and read[0] > read[-1]
        if len(read) > 1 and read[0] == read[-1]:
            self._newest_first = self._runs_backwards()

    def _runs_backwards(self) -> bool:
        """Of rows of one day: do their balances follow each other upwards or downwards?"""
        parsed = [self._parsed(Row(0, cells)) for cells in self._sample[:200]]
        pairs = [(a, b) for a, b in pairwise(parsed) if isinstance(a, _Parsed) and isinstance(b, _Parsed)]
        known = [(a, b) for a, b in pairs if a.balance is not None and b.balance is not None]
        forward = sum(a.balance + b.net == b.balance for a, b in known if a.balance is not None)
        backward = sum(b.balance + a.net == a.balance for a, b in known if b.balance is not None)
        return backward > forward

    def _of_file(self, survey: Survey) -> tuple[str, str]:
        """(account, currency) where no column says them: above the header, in the file's name, from the operator."""
        del survey
        above = " ".join(cell for cells in self._preamble for cell in cells)
        account = iban_in(above) or iban_in(re.sub(r"[^A-Za-z0-9]+", " ", self._path.stem))
        self._own_iban(account or split_account(self._options.account)[0])
        appended = next((split_account(word)[1] for word in re.findall(r"[A-Z0-9]{18,37}", above + " " + self._path.stem.upper())
                         if split_account(word)[1]), "")  # fmt: skip
        names = [self._columns[place] for field in _MONEY for place in self._index.get(field, [])]
        headers = {currency_in(name) or currency_of(name) or "" for name in names} - {""}
        cells = {currency_of(cell) or "" for field in _MONEY for cell in self._cells(field)}
        told = {word for word in _WORDS_OF_CURRENCY.findall(above) if one_currency(word)} - _NO_CURRENCY
        named = {word for word in _WORDS_OF_CURRENCY.findall(self._path.stem) if one_currency(word)} - _NO_CURRENCY
        currency = appended
        for found in (headers, cells, told, named):
            if not currency and len(found) == 1:
                currency = one_currency(next(iter(found)))
        account = account or split_account(self._options.account)[0]
        return account, currency or one_currency(self._options.currency)

    def _own_iban(self, told: str) -> None:
        """A column "IBAN" with one and the same account in every row is the merchant's own, not its buyers'. Unless the
        file or the operator tells another one, or it stands behind a name: a month may have a single payer."""
        if "account" in self._index:
            return
        first = min((p for field in _NAMED for p in self._index.get(field, [])), default=len(self._columns))
        for place in list(self._index.get("counterpart_account", [])):
            cells = {split_account(row[place])[0] for row in self._sample if place < len(row) and row[place]}
            is_told = cells == {told} if told else place < first
            if fold(self._columns[place]) in _OWN and len(cells) == 1 and len(self._sample) > 2 and is_told:
                self._index["counterpart_account"].remove(place)
                self._index["account"] = [place]

    def _currency_columns(self) -> dict[str, int]:
        found = {one_currency(name): place for place, name in enumerate(self._columns) if one_currency(name)}
        if not found:
            raise FileRefused(f"{self._path.name}: expected a column named by a currency, got none")
        for place in found.values():
            cells = [row[place] for row in self._sample if place < len(row) and not is_blank(row[place])]
            style = style_of(cells, self._options.decimal, self._profile.decimal, "")
            if style is not None:
                self._styles[str(place)] = style
        return found

    # -- one row

    def _row(self, row: Row) -> Iterator[Item]:
        cells = row.cells
        self._last_is_short = False
        if self._is_second_header(cells):
            yield Dropped(row=row.number, reason="header")
            return
        if self._edge_of(cells):
            yield Dropped(row=row.number, reason="balance")
            return
        if len(cells) > len(self._columns) and any(cells[len(self._columns) :]):
            yield RowProblem(
                row=row.number, expected=f"{len(self._columns)} cells", got=str(len(cells)), reason="ragged_row"
            )
            return
        if self._places:
            yield from self._row_of_currencies(row)
            return
        parsed = self._parsed(row)
        if not isinstance(parsed, _Parsed):
            self._last_is_short = len(cells) < len(self._columns)
            yield parsed
            return
        self._last_is_short = len(cells) < len(self._columns)
        currency = one_currency(self._one(cells, "currency")) if "currency" in self._index else self._currency
        if not currency:
            yield RowProblem(row=row.number, column=self._column("currency"), expected="the account's currency; name it with "
                             "--currency", got=shape(self._one(cells, "currency")), reason="no_currency")  # fmt: skip
            return
        if parsed.amount == 0:
            yield Dropped(row=row.number, reason="zero")
            return
        book = yield from self._book(self._one(cells, "account"), currency, row.number)
        yield book.line(self._booking(cells, parsed))
        yield from self._run(book, parsed)

    def _row_of_currencies(self, row: Row) -> Iterator[Item]:
        day = self._day(self._one(row.cells, "booked_at"))
        filled = [(c, p) for c, p in self._places.items() if p < len(row.cells) and not is_blank(row.cells[p])]
        if day is None or not filled:
            yield Dropped(row=row.number, reason="remark") if day is None and not filled else self._problem(
                row, "booked_at" if day is None else "amount", "a day" if day is None else "an amount")  # fmt: skip
            return
        for currency, place in filled:
            amount = read_amount(row.cells[place], self._styles.get(str(place), NumberStyle()))
            if amount is None:
                yield RowProblem(row=row.number, column=currency, expected="an amount", got=shape(row.cells[place]),
                                 reason="unreadable_entry")  # fmt: skip
            elif amount:
                book = yield from self._book("", currency, row.number)
                yield book.line(self._booking(row.cells, _Parsed(row.number, day, amount, None, BOOKED)))

    def _parsed(self, row: Row) -> _Parsed | RowProblem | Dropped:
        cells = row.cells
        status = self._word("status", self._one(cells, "status"))
        if status in VOID:  # also where it never got a day
            return Dropped(row=row.number, reason="void")
        day = self._day(self._one(cells, "booked_at")) or self._day(self._one(cells, "value_at"))
        amount = self._amount(row)
        if day is None:
            told = [c for field in ("booked_at", *_MONEY) if not is_blank(c := self._one(cells, field))]
            if not told:
                return Dropped(row=row.number, reason="remark")
            if status in PENDING_WORDS and isinstance(amount, Decimal):
                return Dropped(row=row.number, reason="pending")  # it comes again with the day on which it was booked
            total = self._total_of(row)
            return Dropped(row=row.number, reason="total") if total else self._problem(row, "booked_at", "a day")
        if isinstance(amount, RowProblem):
            return amount
        balance = self._read(cells, "balance")
        fee = abs(self._read(cells, "fee") or Decimal(0))
        return _Parsed(row.number, day, amount, balance, PENDING if status in PENDING_WORDS else BOOKED, fee)

    def _amount(self, row: Row) -> Decimal | RowProblem:
        cells = row.cells
        if "debit" in self._index or "credit" in self._index:
            for field in ("debit", "credit"):
                if not is_blank(self._one(cells, field)) and self._read(cells, field) is None:
                    return self._problem(row, field, "an amount")
            debit, credit = self._read(cells, "debit") or Decimal(0), self._read(cells, "credit") or Decimal(0)
            if debit and credit:
                return self._problem(row, "debit", "an amount in one of debit and credit")
            if debit or credit or "amount" not in self._index:
                filled = any(not is_blank(self._one(cells, field)) for field in ("debit", "credit"))
                if not filled:
                    return self._problem(row, "credit" if "credit" in self._index else "debit", "an amount")
                return credit + (debit if self._debits_are_negative else -debit)
        amount = self._read(cells, "amount")
        if amount is None:
            return self._problem(row, "amount", "an amount")
        if "direction" not in self._index:
            return amount
        side = DIRECTIONS.get(self._word("direction", self._one(cells, "direction")), 0)
        if not side:
            return self._problem(row, "direction", "debit or credit")
        if self._signed and (amount < 0) != (side < 0):
            return self._problem(row, "direction", "the side that the amount's sign shows")
        return amount if self._signed else side * amount

    def _booking(self, cells: list[str], parsed: _Parsed) -> Booking:
        side = "credit" if parsed.amount >= 0 else "debit"
        name = joined(*self._all(cells, "counterpart"), *self._all(cells, f"{side}_counterpart"))
        accounts = self._all(cells, "counterpart_account") + self._all(cells, f"{side}_counterpart_account")
        account = split_account(accounts[0])[0] if accounts else ""
        pairs = []
        for text in self._all(cells, "reference"):
            bare = text.replace(" ", "").upper()
            pairs.append(("creditor" if _CREDITOR.fullmatch(bare) else "bank_reference", text))
        pairs += [("booking", text) for text in self._all(cells, "booking")]
        told = self._one(cells, "id")
        exact = read_id(told) if told else ""
        value = self._day(self._one(cells, "value_at"))
        return Booking(
            row=parsed.row,
            amount=parsed.amount,
            day=parsed.day,
            value_day=value if value != parsed.day else None,
            id=usable_id(exact or ""),
            references=references(*pairs),
            fee=parsed.fee,
            status=parsed.status,
            counterpart=Counterpart(name=name, account=account) if name or account else None,
            # A reference of several words is a sentence, in which an order's number may stand.
            text=joined(*self._all(cells, "text"), *(text for _, text in pairs if " " in text.strip())),
        )

    # -- balances

    def _book(self, account: str, currency: str, row: int) -> Generator[Item, None, Book]:
        number, appended = split_account(account)
        number = number or self._account
        book = self._books.get((number, currency))
        if book is None:
            book = self._books[number, currency] = Book(number, currency, self._options, self._names)
            self._balances[number, currency] = _Balances()
            if not number:
                yield RowProblem(kind="warning", row=row, column="account", expected="an account; name it with --account",
                                 got="nothing", reason="no_account")  # fmt: skip
            if appended and appended != currency:
                yield RowProblem(kind="warning", row=row, column="account", expected=currency, got=appended,
                                 reason="another_currency")  # fmt: skip
            yield from account_warning(number, row)
        return book

    def _run(self, book: Book, parsed: _Parsed) -> Iterator[Item]:
        """The balance beside a row against the one of the row before."""
        if parsed.balance is None or parsed.status != BOOKED:
            return
        running = self._balances[book.account, book.currency]
        before, running.last = running.last, parsed
        running.first = running.first or parsed
        if before is None or before.balance is None:
            return
        expected = before.balance - before.net if self._newest_first else before.balance + parsed.net
        if expected != parsed.balance:
            running.breaks += 1
            if running.breaks <= MAX_WARNINGS:
                yield RowProblem(kind="warning", row=parsed.row, column=self._column("balance"), expected=str(expected),
                                 got=str(parsed.balance), reason="running_balance")  # fmt: skip
            elif running.breaks == MAX_WARNINGS + 1:
                self.notes.append("the running balance breaks in more rows than are listed")

    def _edge_of(self, cells: list[str]) -> bool:
        """Is this row a balance of the period's beginning or end? Then it is kept in mind."""
        words = [fold(_AS_OF.sub("", re.sub(r"\d.*", "", cell))) for cell in islice(filter(None, cells), 2)]
        which = next(
            (name for name, known in (("opening", _OPENING), ("closing", _CLOSING)) for w in words if w in known),
            "",
        )
        if not which or self._day_in(cells):
            return False
        style = (
            self._styles.get("balance") or self._styles.get("amount") or self._styles.get("credit") or NumberStyle("")
        )
        for cell in reversed(cells):
            number = read_amount(cell, style)
            if number is None and ":" in cell:
                number = read_amount(cell.rpartition(":")[2].strip(), style)
            if number is not None and not is_iban(split_account(cell)[0]) and self._day(cell) is None:
                self._edges[which] = number
                return True
        return False

    def _day_in(self, cells: list[str]) -> bool:
        """Has the row a day and an amount where lines have them?"""
        has_money = any(self._read(cells, field) is not None for field in ("amount", "debit", "credit"))
        return has_money and self._day(self._one(cells, "booked_at")) is not None

    def _total_of(self, row: Row) -> bool:
        """A row that sums the others: kept to be compared."""
        words = [fold(re.sub(r"\d.*", "", cell)) for cell in row.cells if cell]
        if not words or not any(word.startswith(known) for word in words[:2] for known in _TOTALS):
            return False
        found = {
            field: number
            for field in ("debit", "credit", "amount")
            if (number := self._read(row.cells, field)) is not None
        }
        self._totals.append((row.number, found))
        return True

    def _close(self, row: int) -> Iterator[Item]:
        yield from self._read_summary(row)
        for key, book in self._books.items():
            running = self._balances.get(key, _Balances())
            oldest, newest = (running.last, running.first) if self._newest_first else (running.first, running.last)
            if oldest is not None and newest is not None and oldest.balance is not None and book.opening is None:
                book.opening, book.closing = oldest.balance - oldest.net, newest.balance
            if len(self._books) == 1 and self._edges.keys() >= {"opening", "closing"}:
                book.opening, book.closing = self._edges["opening"], self._edges["closing"]
            yield from book.close(row)
            yield from self._compare_totals(book)

    def _compare_totals(self, book: Book) -> Iterator[Item]:
        if len(self._books) != 1:
            return
        for number, told in self._totals:
            if "amount" in told or {"debit", "credit"} <= told.keys():
                debit = told.get("debit", Decimal(0))
                expected = told.get("amount", told.get("credit", Decimal(0)) - abs(debit))
                if expected != book.entries:
                    yield Unbalanced(what="total", id=f"row {number}", currency=book.currency, entries=book.entries,
                                     closing=expected, difference=expected - book.entries)  # fmt: skip

    def _read_summary(self, row: int) -> Iterator[Item]:
        """Balances of a sheet of their own: account, currency, name, beginning, ending; a currency a row."""
        wanted = ("currency", "beginningbalance", "endingbalance"), ("ვალუტა", "საწყისინაშთი", "საბოლოონაშთი")
        places: list[int] = []
        for cells in self._summary:
            folded = [fold(cell) for cell in cells]
            named = next((names for names in wanted if set(names) <= set(folded)), None)
            if named:
                places = [folded.index(name) for name in named]
                continue
            if not places or max(places) >= len(cells):
                continue
            currency = one_currency(cells[places[0]])
            opening, closing = (read_amount(cells[place], NumberStyle(".")) for place in places[1:])
            if not currency or opening is None or closing is None:
                continue
            told = next((split_account(cell)[0] for cell in cells if is_iban(split_account(cell)[0])), "")
            keys = [key for key in self._books if key[1] == currency and (not told or key[0] == told)]
            if not keys and told:
                yield from self._book(told, currency, row)
                keys = [(told, currency)]
            if len(keys) == 1:
                book = self._books[keys[0]]
                book.opening, book.closing = opening, closing
                period = re.search(r"(\d{2})\.(\d{2})\.(\d{4})\s*-\s*(\d{2})\.(\d{2})\.(\d{4})",
                                   " ".join(c for cells in self._preamble for c in cells))  # fmt: skip
                if period:
                    book.since, book.until = read_day(".".join(period.groups()[:3]), "dmy"), read_day(
                        ".".join(period.groups()[3:]), "dmy")  # fmt: skip

    # -- cells

    def _one(self, cells: list[str], field: str) -> str:
        for place in self._index.get(field, []):
            if place < len(cells) and cells[place]:
                return cells[place]
        return ""

    def _all(self, cells: list[str], field: str) -> list[str]:
        return [cells[place] for place in self._index.get(field, []) if place < len(cells) and cells[place]]

    def _cells(self, field: str) -> list[str]:
        return [cell for row in self._sample if not is_blank(cell := self._one(row, field))]

    def _read(self, cells: list[str], field: str) -> Decimal | None:
        text = self._one(cells, field)
        return None if is_blank(text) or field not in self._styles else read_amount(text, self._styles[field])

    def _word(self, field: str, cell: str) -> str:
        """A word as the operator has mapped it, else as the bank writes it."""
        return self._options.words.get(field, {}).get(fold_word(cell), cell.strip().casefold())

    def _day(self, text: str) -> date | None:
        return read_day(text, self._order, self._is_book) if text else None

    def _column(self, field: str) -> str:
        return self._columns[self._index[field][0]] if self._index.get(field) else field

    def _problem(self, row: Row, field: str, expected: str) -> RowProblem:
        return RowProblem(row=row.number, column=self._column(field), expected=expected,
                          got=shape(self._one(row.cells, field)), reason="unreadable_entry")  # fmt: skip

    def _is_second_header(self, cells: list[str]) -> bool:
        """Banks write the header in two languages, one under the other."""
        # Asked of every row, so the cell of the day goes first: no header has a digit there, and every day has one.
        if any(c.isdigit() for c in self._one(cells, "booked_at")):
            return False
        fields = _fields(self._profile, cells)
        return len(fields) >= 3 and _is_header(fields, self._profile)


_AS_OF = re.compile(r"\b(?:vom|am|zum|per|on|at|as of)\s*$", re.I)
_OPENING, _CLOSING = {fold(word) for word in OPENING}, {fold(word) for word in CLOSING}
_TOTALS = tuple(fold(word) for word in TOTALS)


def row_of(item: Row | RowProblem) -> int:
    return item.number if isinstance(item, Row) else item.row


_folded_header = lru_cache(maxsize=4_096)(fold)
"""Of the headers that profiles know: they are compared with every row."""


def _fields(profile: Profile, cells: list[str]) -> dict[str, list[int]]:
    """Field -> its columns. Of a field that has one column the better header wins; a column belongs to one field."""
    folded = [fold(cell) for cell in cells]
    found: dict[str, list[int]] = {}
    taken: set[int] = set()
    here = set(folded)
    for field, names in profile.columns.items():
        for name in names:
            wanted = _folded_header(name)
            if wanted not in here:
                continue
            places = [p for p, cell in enumerate(folded) if cell == wanted and p not in taken and cell]
            if places and (field in MANY or field not in found):
                kept = places if field in MANY else places[:1]
                found.setdefault(field, []).extend(kept)
                taken.update(kept)
    return found


def _is_header(fields: Mapping[str, list[int]], profile: Profile) -> bool:
    if profile.by_currency:
        return "booked_at" in fields and "text" in fields
    has_money = "amount" in fields or "debit" in fields or "credit" in fields
    return (
        ("booked_at" in fields or "value_at" in fields)
        and has_money
        and len(fields) >= (2 if profile is not ANY else 3)
    )
