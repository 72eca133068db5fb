"""An erased person in every byte of the data folder: plain values, hashes, and the keyed digests of signs, buyers, lines
and the tables made of them. The search reads Parquet and packed bodies, and finds each trace while the person is there."""

from __future__ import annotations

import asyncio
import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from every_door import CONFIGURATION, shopify_order, signed
from running_gateway import DATASET, NOW_S, Running
from test_touches import REFERRER, by_tag

from tests.disk import unpacked
from twofold.facts.build import Task, build
from twofold.facts.manifest import home_in
from twofold.ledger.lines import MoneyKind, MoneyLine
from twofold.ledger.policy import OrderPolicy
from twofold.matching.counterparts import counterpart_digests
from twofold.matching.subject import SubjectRequest
from twofold.report.verify import verify
from twofold.store.lines.keeping import keep_told
from twofold.store.lines.row import make_row
from twofold.store.secret import FILE as ERASURES
from twofold.store.secret import folder_ring
from twofold.store.touches.whose import ORDER, order_name, who_of
from twofold.store.visitors.identifiers import identifier

PLACED = NOW_S - 60
HOURS_3 = 3 * 3_600_000


class Person:
    def __init__(self, n: int, first: str, last: str) -> None:
        self.n, self.first, self.last = n, first, last
        self.email, self.phone = f"{first}.{last}@{last}mail.example".lower(), f"+1650253000{n}"
        self.customer, self.order, self.fbp = str(771_234_560 + n), f"100{n}", f"fb.1.1789999999999.88123456{n}"
        self.click = f"IwAR{first}Click{last}Value"

    def act(self, gateway: Running) -> None:
        url = f"https://shop.example/products/lamp?utm_source=facebook&utm_campaign=Spring&fbclid={self.click}"
        event = {"user_data": {"fbp": self.fbp}}
        by_tag(gateway, url, REFERRER, at=PLACED - 600, **event)
        body = shopify_order(self.order, {"email": self.email, "kept": {"_twofold_fbp": self.fbp}}) | {
            "phone": self.phone, "landing_site": f"/?utm_source=x&fbclid={self.click}",
            "customer": {"id": int(self.customer), "first_name": self.first, "last_name": self.last},
            "billing_address": {"name": f"{self.first} {self.last}", "first_name": self.first, "last_name": self.last, "country_code": "US"},
        }  # fmt: skip
        assert signed(gateway, "shopify", body, "orders/create").status == 200
        line = MoneyLine(
            source="bank", account="", id=f"L{self.n}", kind=MoneyKind.BANK_CREDIT, gross=Decimal("10.00"), net=Decimal("10.00"),
            currency="EUR", at=PLACED, references=(f"order:{self.order}",),
            counterpart=counterpart_digests(folder_ring(gateway.folder), name=f"{self.last} {self.first}", phone=self.phone),
        )  # fmt: skip
        row = make_row(
            line, folder_ring(gateway.folder).secret, received_at=gateway.now, text=f"{self.first} {self.last} pays"
        )
        done(gateway, lambda store: store.transact(lambda e: keep_told(e, [row])))

    def keyed(self, folder: Path) -> dict[str, bytes]:
        """What only this folder can make of the person."""
        ring = folder_ring(folder)
        found = {}
        for digest in counterpart_digests(
            ring, email=self.email, phone=self.phone, customer=self.customer, name=f"{self.first} {self.last}"
        ):
            kind, _, text = digest.partition(":")
            found[f"keyed {kind}"] = bytes.fromhex(text)
        found["signs of the browser"] = who_of(ring, DATASET, "fbp", self.fbp) or b""
        found["signs of the order"] = (
            who_of(ring, DATASET, ORDER, order_name("shopify:demo.myshopify.com", self.order)) or b""
        )
        own = identifier(DATASET, "fbp", self.fbp)
        assert own is not None
        found["the browser among visitors"] = own.key
        return found

    def plain(self) -> dict[str, bytes]:
        texts = {"email": self.email, "phone": self.phone[1:], "customer": self.customer, "first name": self.first,
                 "last name": self.last, "browser": self.fbp, "click": self.click}  # fmt: skip
        found = {name: text.lower().encode() for name, text in texts.items()}
        for name, text in (("email", self.email), ("phone", self.phone[1:]), ("customer", self.customer)):
            found[f"hashed {name}"] = hashlib.sha256(text.encode()).digest()
        return found


ANNA, BORIS = Person(1, "Annabeth", "Kvernadze"), Person(2, "Borisius", "Lomtadze")


def done(gateway: Running, work: Any) -> Any:
    async def run() -> Any:
        return await work(gateway.gateway.store)

    return asyncio.run_coroutine_threadsafe(run(), gateway._loop).result(60)


def search(folder: Path, traces: dict[str, bytes]) -> dict[str, set[str]]:
    """Trace to the files in which it stands: as bytes, and in hexadecimal; Parquet by its values too."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        raw = unpacked(path.read_bytes())
        if path.suffix == ".parquet":
            raw += b"\n" + str(pq.read_table(path, partitioning=None).to_pylist()).encode()
        low = raw.lower()
        for name, trace in traces.items():
            if trace in raw or trace in low or trace.hex().encode() in low:
                found.setdefault(name, set()).add(path.relative_to(folder).parts[0])
    return found


def make_tables(gateway: Running) -> None:
    home = home_in(gateway.folder / "facts")
    generation = done(gateway, lambda store: store.transact(lambda _e: store.changed.begin_build(home)))
    build(Task(data=str(gateway.folder), files=str(gateway.folder / "facts"), policies={DATASET: OrderPolicy()},
               generation=generation, now_s=gateway.now // 1000))  # fmt: skip


def erase(gateway: Running, request: SubjectRequest) -> None:
    async def run() -> None:
        await gateway.gateway.eraser.ask(request, "command")
        await gateway.gateway.eraser.finish_all()

    asyncio.run_coroutine_threadsafe(run(), gateway._loop).result(60)


@pytest.mark.parametrize("by", ["email", "phone", "customer"])
def test_nothing_of_an_erased_person_is_left_in_any_table_or_file(start_gateway, by):
    gateway = start_gateway(CONFIGURATION | {"money": {"text": "kept"}})
    for person in (ANNA, BORIS):
        person.act(gateway)
    gateway.now += HOURS_3
    asyncio.run_coroutine_threadsafe(gateway.gateway.retention.step(gateway.now), gateway._loop).result(60)
    make_tables(gateway)
    kept = gateway.folder
    # The search can find everything: a keyed digest in database and tables, a plain text where it may stand.
    before = search(kept, ANNA.keyed(kept) | ANNA.plain())
    for name in ANNA.keyed(kept):
        assert "twofold.db" in "".join(sorted(before[name])), name
    for name in ("keyed email", "keyed phone", "keyed customer", "signs of the browser", "signs of the order"):
        assert "facts" in before[name], name
    assert {"hashed email", "hashed phone", "first name", "browser", "click"} <= before.keys()
    request = {
        "email": {"emails": (ANNA.email,)},
        "phone": {"phones": (ANNA.phone,)},
        "customer": {"external_ids": (ANNA.customer,)},
    }
    erase(gateway, SubjectRequest(**request[by]))

    def left() -> dict[str, set[str]]:
        found = search(kept, ANNA.keyed(kept) | ANNA.plain())
        # The file of erasures keeps keyed digests, by which an older database is cleaned when it is put back.
        return {
            name: files - ({ERASURES} if name.startswith("keyed") else set())
            for name, files in found.items()
            if files - {ERASURES} or not name.startswith("keyed")
        }

    assert left() == {}
    make_tables(gateway)
    assert left() == {}
    assert "facts" in search(kept, BORIS.keyed(kept))["signs of the browser"]
    assert search(kept, BORIS.keyed(kept)).keys() == BORIS.keyed(kept).keys()
    assert [c.line for c in verify(kept) if not c.holds] == []
