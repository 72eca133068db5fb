"""ISO 20022 statements, reports and notifications: camt.053, camt.052, camt.054, of every version.

Owns their elements, matched by local names because each version has a namespace of its own. The file is read as a
stream with entities and document types forbidden; one entry is held at a time. Only BOOK entries move money.

An entry with several transactions whose amounts add up to it is that many lines; one whose transactions do not is one
line, and the difference is said. The amount stands in a line's id beside the bank's reference, as some banks give one
reference to all entries of a kind. A notification (camt.054) tells in detail what a statement tells whole, so its parts of
a collective entry are information beside the statement's line, never money of their own.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Generator, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, iterparse

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.banks.accounts import split_account
from twofold.importing.statements.banks.book import (
    BOOKED,
    INFO,
    PENDING,
    Book,
    Booking,
    Joins,
    account_warning,
    joined,
    one_currency,
    references,
    usable_id,
)
from twofold.importing.statements.contract import Item, StatementOptions, Unbalanced
from twofold.ledger.lines import Counterpart

_ROOTS = {"BkToCstmrStmt": "camt.053", "BkToCstmrAcctRpt": "camt.052", "BkToCstmrDbtCdtNtfctn": "camt.054"}
_REPORTS = frozenset({"Stmt", "Rpt", "Ntfctn"})
_STATES = {"BOOK": BOOKED, "PDNG": PENDING, "FUTR": PENDING, "INFO": INFO}
_AMOUNT = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}")
_REVERSAL = re.compile(rb"RvslInd\s*>\s*(?:true|1)\s*<")
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
MAX_TRANSACTIONS = 200_000  # of one entry: it is held whole


class Camt:
    """The format."""

    name = "camt"
    kind = "bank"
    title = "ISO 20022 statement (camt.052, camt.053, camt.054)"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path
        if survey.kind != "xml":
            return 0
        text = sample.replace(b"\0", b"")
        return 3 * any(re.search(rb"<(?:\w+:)?" + root.encode() + rb"[\s>]", text) for root in _ROOTS)

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> CamtFile:
        return CamtFile(path, survey, options)


class CamtFile:
    """One open file."""

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.format, self.title = Camt.name, Camt.title
        self.layout = ""  # which message the report under way is: each tells the account in its own way
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path, self._survey, self._options = path, survey, options
        self._names: Counter[tuple[str, ...]] = Counter()
        self._entries = 0
        self._joins = Joins()
        self._reversals_turn = _has_reversals(path) and _reversals_turn(self._walk())
        if self._reversals_turn:
            self.notes.append("its reversals (RvslInd) are written with the sign of what they reverse: only so its "
                              "statements close, and so they were read")  # fmt: skip

    def items(self) -> Iterator[Item]:
        found = False
        for report, kind, events in self._walk(watched=True):
            found, self.layout = True, kind
            yield from self._report(report, kind, events)
        if not found:
            raise FileRefused(f"{self._path.name}: expected a statement (Stmt, Rpt or Ntfctn), got a file without one")

    # -- the stream

    def _walk(self, watched: bool = False) -> Iterator[tuple[Element, str, Iterator[Element]]]:
        """(report, which message, its entries) in the file's order. The report has its head while entries are read, and
        is whole after the last one."""
        kind = ""
        with self._path.open("rb") as raw:
            events = self._events(raw, watched)
            for event, element in events:
                name = _local(element.tag)
                if event == "start" and name in _ROOTS:
                    kind = _ROOTS[name]
                elif event == "start" and name in _REPORTS and kind:
                    yield element, kind, _entries(element, events)
                    element.clear()

    def _events(self, raw: IO[bytes], watched: bool) -> Iterator[tuple[str, Element]]:
        source: Any = _recoded(raw, self._survey, self._options, self.notes if watched else [])
        parser = DefusedXMLParser(forbid_dtd=True, forbid_entities=True, forbid_external=True)
        try:
            for count, (event, element) in enumerate(iterparse(source, ("start", "end"), parser=parser)):
                if watched and not count & 1023:
                    self.bytes_read = raw.tell()
                yield event, element
        except DefusedXmlException:
            raise FileRefused(f"{self._path.name}: expected a bank's XML, got one with a document type or entities of its "
                              "own; nothing of it was read") from None  # fmt: skip
        except ParseError as err:
            raise FileRefused(f"{self._path.name}: expected whole XML, got one that breaks at line {err.position[0]}, "
                              f"column {err.position[1] + 1}; is it cut off? Fetch it again") from None  # fmt: skip
        except (UnicodeError, LookupError) as err:
            raise FileRefused(f"{self._path.name}: expected XML in its declared encoding, got another "
                              f"({type(err).__name__}); name it with --encoding") from None  # fmt: skip

    # -- one report

    def _report(self, report: Element, kind: str, entries: Iterator[Element]) -> Iterator[Item]:
        book: Book | None = None
        for entry in entries:
            self._entries += 1
            if book is None:
                book = yield from self._head(report, entry)
            try:
                yield from self._entry(book, kind, entry)
            except _Misread as err:
                yield RowProblem(row=self._entries, column=err.column, expected=err.expected, got=err.got,
                                 reason="unreadable_entry")  # fmt: skip
        if book is None:
            book = yield from self._head(report, None)
        self._balances(book, report)
        if kind == "camt.052":
            book.covers_last = False  # the day goes on
        if kind != "camt.054":
            yield from book.close(self._entries)
        if kind == "camt.053":
            yield from self._joins.check(book, self._entries)

    def _head(self, report: Element, entry: Element | None) -> Generator[Item, None, Book]:
        """The book of this report. Its account and currency stand before the entries."""
        account, appended = split_account(
            _text(report, "Acct", "Id", "IBAN") or _text(report, "Acct", "Id", "Othr", "Id")
            or _text(report, "Acct", "Id", "PrtryAcct", "Id") or _text(report, "Acct", "Id", "BBAN")
        )  # fmt: skip
        amount = _child(entry, "Amt") if entry is not None else _child(_child(report, "Bal"), "Amt")
        currency = one_currency(_text(report, "Acct", "Ccy") or appended or _currency(amount) or self._options.currency)
        if not currency:
            raise FileRefused(f"{self._path.name}: expected the account's currency (Acct/Ccy or Amt@Ccy), got none")
        account = account or split_account(self._options.account)[0]
        book = Book(account, currency, self._options, self._names)
        book.id = _text(report, "ElctrncSeqNb") or _text(report, "LglSeqNb") or _text(report, "Id")
        since, whole_first = _edge(_text(report, "FrToDt", "FrDtTm") or _text(report, "FrToDt", "FrDt"), True)
        until, whole_last = _edge(_text(report, "FrToDt", "ToDtTm") or _text(report, "FrToDt", "ToDt"), False)
        book.since, book.until, book.covers_first, book.covers_last = since, until, whole_first, whole_last
        if not book.account:
            yield RowProblem(kind="warning", row=self._entries, column="Acct/Id", expected="an account", got="nothing",
                             reason="no_account")  # fmt: skip
        yield from account_warning(book.account, self._entries)
        return book

    def _balances(self, book: Book, report: Element) -> None:
        """OPBD, else PRCD, and CLBD. What is available (OPAV, CLAV) is no booked balance, what is interim no end."""
        found: dict[str, list[tuple[date | None, Decimal]]] = {}
        for balance in _children(report, "Bal"):
            code = _text(balance, "Tp", "CdOrPrtry", "Cd")
            number = _amount(_text(balance, "Amt"))
            if number is not None and one_currency(_currency(_child(balance, "Amt"))) in ("", book.currency):
                day = _day(_text(balance, "Dt", "Dt") or _text(balance, "Dt", "DtTm"))
                found.setdefault(code, []).append((day, -number if _text(balance, "CdtDbtInd") == "DBIT" else number))
        for code in ("OPBD", "PRCD"):
            if found.get(code) and book.opening is None:
                book.opening = found[code][0][1]
        if found.get("CLBD"):
            day, book.closing = found["CLBD"][-1]
            book.until = book.until or day

    def _entry(self, book: Book, kind: str, entry: Element) -> Iterator[Item]:
        amount = _needed(entry, "Amt")
        currency = one_currency(_currency(_child(entry, "Amt"))) or book.currency
        if currency != book.currency:
            raise _Misread("Amt@Ccy", book.currency, currency)
        if self._direction(entry, _text(entry, "CdtDbtInd")) < 0:
            amount = -amount
        status = _STATES.get(_text(entry, "Sts", "Cd") or _text(entry, "Sts"))
        if status is None:
            raise _Misread("Sts", "BOOK, PDNG, INFO or FUTR", _text(entry, "Sts", "Cd") or _text(entry, "Sts"))
        value = _day(_text(entry, "ValDt", "Dt") or _text(entry, "ValDt", "DtTm"))
        day = _day(_text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm")) or value
        if day is None:
            raise _Misread("BookgDt", "a day", shape(_text(entry, "BookgDt", "Dt")))
        base = Booking(row=self._entries, amount=amount, day=day, value_day=value, status=status)
        details = [t for d in _children(entry, "NtryDtls") for t in _children(d, "TxDtls")][:MAX_TRANSACTIONS]
        parts = self._parts(entry, details, amount, book.currency)
        own = usable_id(_text(entry, "AcctSvcrRef"))
        if parts is None:
            declared = [_own_amount(t, book.currency) for t in details]
            if len(details) > 1 and None not in declared:
                total = sum((d for d in declared if d is not None), Decimal(0))
                yield _torn_batch(entry, self._entries, book.currency, abs(amount), total)
            yield book.line(_told(base, entry, details, own or _transaction_id(details), amount))
            return
        if kind == "camt.054" and len(parts) > 1:
            base = _as_information(base)
            self._say("its collective entries are told in parts; those are kept as information, as the statement's own "
                      "line of the entry is the money")  # fmt: skip
        for number, (part, sum_of_part) in enumerate(parts, 1):
            single = f"{own}#{number}" if own else _transaction_id([part])
            yield book.line(_told(base, entry, [part], single, sum_of_part))

    def _parts(
        self, entry: Element, details: list[Element], amount: Decimal, currency: str
    ) -> list[tuple[Element, Decimal]] | None:
        """The transactions with their signed amounts when they add up to the entry; None: it is one line."""
        if len(details) < 2:
            return None
        signed = []
        for transaction in details:
            number = _own_amount(transaction, currency)
            if number is None:
                return None
            direction = _text(transaction, "CdtDbtInd") or _text(entry, "CdtDbtInd")
            signed.append((transaction, number * self._direction(entry, direction)))
        return signed if sum((number for _, number in signed), Decimal(0)) == amount else None

    def _direction(self, entry: Element, direction: str) -> int:
        if direction not in ("CRDT", "DBIT"):
            raise _Misread("CdtDbtInd", "CRDT or DBIT", direction or "nothing")
        turned = self._reversals_turn and _text(entry, "RvslInd") in ("true", "1")
        return (1 if direction == "CRDT" else -1) * (-1 if turned else 1)

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


class _Misread(Exception):
    """One entry that cannot be understood: where, what was expected, what stands there."""

    def __init__(self, column: str, expected: str, got: str) -> None:
        super().__init__(column)
        self.column, self.expected, self.got = column, expected, got


# -- a booking out of its elements


def _told(base: Booking, entry: Element, details: list[Element], name: str, amount: Decimal) -> Booking:
    """The booking of an entry, or of one of its transactions, with what its elements say beside the amount."""
    pairs = [("booking", _text(entry, "AcctSvcrRef"))]
    texts: list[str | None] = []
    for transaction in details:
        refs = _child(transaction, "Refs")
        pairs += [("bank_reference", _text(refs, tag)) for tag in ("EndToEndId", "InstrId")]
        pairs += [("booking", _text(refs, tag)) for tag in ("AcctSvcrRef", "TxId", "UETR")]
        for information in _children(transaction, "RmtInf"):
            texts += [_of(u) for u in _children(information, "Ustrd")]
            for structured in _children(information, "Strd"):
                pairs.append(("creditor", _text(structured, "CdtrRefInf", "Ref")))
                texts.append(_text(structured, "AddtlRmtInf"))
        texts.append(_text(transaction, "AddtlTxInf"))
    batch = _child(_child(entry, "NtryDtls"), "Btch")
    pairs += [("bank_reference", _text(batch, tag)) for tag in ("MsgId", "PmtInfId")]
    pairs.append(("booking", _text(entry, "NtryRef") if len(_text(entry, "NtryRef")) > 5 else ""))
    texts.append(_text(entry, "AddtlNtryInf"))
    original, original_currency, rate = _conversion(details[0]) if len(details) == 1 else (None, "", None)
    return Booking(
        row=base.row, amount=amount, day=base.day, value_day=base.value_day, status=base.status,
        id=f"{name}:{abs(amount).normalize():f}" if name else "",
        references=references(*pairs), text=joined(*texts),
        counterpart=_counterpart(details[0], amount) if len(details) == 1 else None,
        original=original, original_currency=original_currency, rate=rate,
    )  # fmt: skip


def _as_information(base: Booking) -> Booking:
    return Booking(row=base.row, amount=base.amount, day=base.day, value_day=base.value_day, status=INFO)


def _counterpart(transaction: Element, amount: Decimal) -> Counterpart | None:
    """Who paid for a credit, who was paid for a debit. From version 8 on a party's name stands one element deeper."""
    parties = _child(transaction, "RltdPties")
    role = "Dbtr" if amount >= 0 else "Cdtr"
    party = _child(parties, role)
    name = _text(party, "Nm") or _text(party, "Pty", "Nm")
    number = _text(parties, f"{role}Acct", "Id", "IBAN") or _text(parties, f"{role}Acct", "Id", "Othr", "Id")
    contact = _child(party, "CtctDtls") if party is not None else None
    contact = contact if contact is not None else _child(_child(party, "Pty"), "CtctDtls")
    account = split_account(number)[0]
    if not name and not account:
        return None
    return Counterpart(name=name, account=account, phone=_text(contact, "MobNb") or _text(contact, "PhneNb"),
                       email=_text(contact, "EmailAdr"))  # fmt: skip


def _conversion(transaction: Element) -> tuple[Decimal | None, str, Decimal | None]:
    """The amount before a conversion, its currency, and the rate where it is one unit of that currency's price."""
    for tag in ("InstdAmt", "TxAmt", "CntrValAmt"):
        found = _child(_child(transaction, "AmtDtls"), tag)
        amount = _amount(_text(found, "Amt"))
        currency = one_currency(_currency(_child(found, "Amt")))
        exchange = _child(found, "CcyXchg")
        if exchange is None and tag == "InstdAmt":
            exchange = _child(_child(_child(transaction, "AmtDtls"), "TxAmt"), "CcyXchg")
        if amount is None or not currency or exchange is None:
            continue
        unit = _text(exchange, "UnitCcy") or _text(exchange, "SrcCcy")
        rate = _amount(_text(exchange, "XchgRate"))
        return amount, currency, rate if unit == currency else None
    return None, "", None


def _own_amount(transaction: Element, currency: str) -> Decimal | None:
    """What one transaction moved in the account's currency; None where it does not say so."""
    amounts = _child(transaction, "AmtDtls")
    for found in (_child(transaction, "Amt"), _child(_child(amounts, "TxAmt"), "Amt"),
                  _child(_child(amounts, "InstdAmt"), "Amt")):  # fmt: skip
        if found is not None and _currency(found) == currency:
            return _amount(_of(found))
    return None


def _transaction_id(details: list[Element]) -> str:
    """An id that the bank gave one transaction. EndToEndId is the payer's and is no one's for uniqueness."""
    if len(details) != 1:
        return ""
    refs = _child(details[0], "Refs")
    return usable_id(_text(refs, "AcctSvcrRef")) or usable_id(_text(refs, "UETR"))


def _torn_batch(entry: Element, row: int, currency: str, amount: Decimal, total: Decimal) -> Unbalanced:
    name = _text(entry, "AcctSvcrRef") or _text(_child(_child(entry, "NtryDtls"), "Btch"), "MsgId") or f"entry {row}"
    return Unbalanced(
        what="batch", id=name, currency=currency, entries=total, closing=amount, difference=amount - total
    )


# -- which way a reversal goes


def _has_reversals(path: Path) -> bool:
    """A quick look through the bytes; also of UTF-16, where zeros stand between."""
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if _REVERSAL.search((tail + chunk).replace(b"\0", b"")):
                return True
            tail = chunk[-64:]
    return False


def _reversals_turn(reports: Iterator[tuple[Element, str, Iterator[Element]]]) -> bool:
    """Does RvslInd turn the sign of CdtDbtInd? ISO says no: CdtDbtInd is what happened to the account, RvslInd only why.
    Some banks write the original's direction. Where every statement that closes at all closes only the other way, it
    is so here."""
    plain = turned = 0
    for report, _, entries in reports:
        sums = [Decimal(0), Decimal(0)]
        for entry in entries:
            if (_text(entry, "Sts", "Cd") or _text(entry, "Sts")) != "BOOK":
                continue
            number = (_amount(_text(entry, "Amt")) or Decimal(0)) * (-1 if _text(entry, "CdtDbtInd") == "DBIT" else 1)
            sums[0] += number
            sums[1] += -number if _text(entry, "RvslInd") in ("true", "1") else number
        edges = _edges(report)
        if edges is not None and sums[0] != sums[1]:
            plain += edges == sums[0]
            turned += edges == sums[1]
    return turned > 0 and plain == 0


def _edges(report: Element) -> Decimal | None:
    """What the entries must come to, by the balances."""
    found: dict[str, Decimal] = {}
    for balance in _children(report, "Bal"):
        number = _amount(_text(balance, "Amt"))
        if number is not None:
            signed = -number if _text(balance, "CdtDbtInd") == "DBIT" else number
            found.setdefault(_text(balance, "Tp", "CdOrPrtry", "Cd"), signed)
    opening = found.get("OPBD", found.get("PRCD"))
    return found["CLBD"] - opening if opening is not None and "CLBD" in found else None


# -- elements


def _entries(report: Element, events: Iterator[tuple[str, Element]]) -> Iterator[Element]:
    """The entries of a report, each forgotten once it was looked at; ends with the report."""
    depth = 0
    for event, element in events:
        name = _local(element.tag)
        if event == "start":
            depth += name == "Ntry"
            continue
        if name == "Ntry":
            depth -= 1
            yield element
            report.remove(element)
        elif element is report:
            return


@lru_cache(maxsize=1_024)  # of some forty names in a file
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _children(element: Element | None, name: str) -> list[Element]:
    return [] if element is None else [child for child in element if _local(child.tag) == name]


def _child(element: Element | None, *names: str) -> Element | None:
    for name in names:
        if element is None:
            return None
        element = next((child for child in element if _local(child.tag) == name), None)
    return element


def _of(element: Element | None) -> str:
    return "" if element is None else " ".join((element.text or "").split())


def _text(element: Element | None, *names: str) -> str:
    return _of(_child(element, *names))


def _currency(element: Element | None) -> str:
    return "" if element is None else element.get("Ccy", "").strip().upper()


def _amount(text: str) -> Decimal | None:
    """ISO's decimal: a point, no separators, no sign."""
    if not _AMOUNT.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _needed(element: Element, name: str) -> Decimal:
    text = _text(element, name)
    number = _amount(text)
    if number is None:
        raise _Misread(name, "an amount with a decimal point", shape(text))
    return number


def _day(text: str) -> date | None:
    """The day as the bank wrote it: of a time with an offset the day that stands there."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _edge(text: str, first: bool) -> tuple[date | None, bool]:
    """(day, is it covered whole) of a period's beginning or end."""
    day = _day(text)
    if day is None or len(text) <= 10:
        return day, True
    try:
        clock = datetime.fromisoformat(text).time()
    except ValueError:
        return day, True
    midnight = (clock.hour, clock.minute) == (0, 0)
    return day, midnight if first else midnight or (clock.hour, clock.minute) == (23, 59)


# -- encodings


def _recoded(raw: IO[bytes], survey: Survey, options: StatementOptions, notes: list[str]) -> Any:
    """The bytes as the parser may take them. A file that says UTF-8, or nothing, and is not, is Windows-1252, as tables
    are; the operator's word goes before the file's."""
    start = raw.read(512)
    raw.seek(0)
    declared = _DECLARED.search(start.replace(b"\0", b""))
    name = declared[1].decode().lower() if declared else "utf-8"
    if options.encoding:
        wanted = codecs.lookup(options.encoding).name
    elif survey.encoding == "cp1252" and name in ("utf-8", "utf8", "us-ascii", "ascii"):
        wanted = "cp1252"
        notes.append("it says UTF-8 and is not; it was read as Windows-1252, name another with --encoding")
    else:
        return raw
    return _Utf8(codecs.getreader(wanted)(raw, "replace" if wanted == "cp1252" else "strict"))


class _Utf8:
    """A stream of another encoding as UTF-8, without the XML declaration's word on it."""

    def __init__(self, reader: codecs.StreamReader) -> None:
        self._reader = reader
        self._first = True

    def read(self, size: int = -1) -> bytes:
        text: str = self._reader.read(size)
        if self._first:
            self._first = False
            text = re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text, count=1)
        return text.encode()
