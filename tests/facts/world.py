"""A store that lives through some days at random, and the tables made of it: what the tests of facts share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pyarrow.parquet as pq

from tests.ledger.facts import amounts
from tests.store.copies import BROWSER, DAY, NOW, PLACE, SERVER, claim, copy, settlement
from twofold.event.delivery import Delivery, DeliveryState
from twofold.event.model import Consent, Event, Tier
from twofold.facts.build import Built, Task, build
from twofold.facts.manifest import Manifest, home_in, read_manifest
from twofold.facts.tables import TABLES
from twofold.ledger.filing import day_number, day_text
from twofold.ledger.lines import (
    Batch,
    Claim,
    Cost,
    Decision,
    MoneyKind,
    MoneyLine,
    ParcelLine,
    Rate,
    SiteDay,
    Spend,
    Statement,
    Survey,
)
from twofold.ledger.model import Line, Method, OrderReport, Paid, Parcel, ParcelState, Payment, Refund, Snapshot
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.lives.making import LivesOf
from twofold.reconcile.lives.task import LivesTask
from twofold.store.engine import id_array
from twofold.store.lines.keeping import keep_told
from twofold.store.lines.row import make_row
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store
from twofold.store.touches.nameless import Worth, give_up_paths
from twofold.store.touches.signs import SETTLED_MS
from twofold.touch.model import Sign, Touch, TouchKind

POLICY = OrderPolicy(wait_ms=60_000)
SHOP = "shopify:demo.myshopify.com"
HOSTILE = "it's \"quoted\", \\ back\nline\ttab\0nul 😀 'naïve' — ; drop table orders --"


RARE = frozenset(
    {"unrated_lives", "twice_told", "settlements", "nameless", "nameless_paths", "waiting", "open_credits"}
)
"""Tables that a short life may leave empty."""


class World:
    """One data folder, its clock, and what may happen in it."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self.files = folder, folder / "facts"
        self.random = Random(seed)
        self.now = NOW
        self.orders = 0
        self.claimed: list[Delivery] = []
        self._runner = asyncio.Runner()
        self.store = self._run(self._open())

    async def _open(self) -> Store:
        route = Route(destinations=("meta-1", "meta-2"), hold_ms={"Purchase": 5_000}, orders=POLICY, has_orders=True)
        store = Store(self.folder, routes={"1": route}, opened_at=self.now)
        store.start()
        return store

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self._run(self.store.close())
        self._runner.close()

    # -- what may happen

    def live(self, steps: int) -> None:
        """So many things at random, over some days."""
        for _ in range(steps):
            self.now += self.random.choice((1_000, 60_000, 3_600_000, 6 * 3_600_000))
            self.random.choice(
                (self.browse, self.browse, self.report, self.report, self.deliver, self.revive, self.tell, self.visit)
            )()
        self.settle()

    def settle(self) -> None:
        """The hours pass after which it is kept whose Purchases these are."""
        at = self.now + SETTLED_MS + 1
        for job in (self.store.signs.keep_leads, self.store.paths.settle):
            while self._run(self.store.transact(lambda _e, job=job: job(at))):
                pass

    def browse(self) -> None:
        events = [self._event() for _ in range(self.random.randint(1, 6))]
        self._run(self._append(events))

    def view(self) -> None:
        """One page view of nobody who was here before."""
        self._run(self._append([copy(f"view{self.now}", BROWSER, name="PageView", value=None, at=self.now)]))

    async def _append(self, events: list[Event]) -> None:
        await self.store.append(events)

    def _event(self) -> Event:
        r = self.random
        number = r.randint(1, 12)
        name = r.choice(("Purchase", "Purchase", "PageView", "AddToCart"))
        event = copy(
            r.choice((f"e{number}", f"e{number}", None)),
            r.choice((BROWSER, SERVER)),
            name=name,
            value=r.choice(("10.00", "10.00", "99.999", "0.00001", "123456789012345678.5", None)),
            order=r.choice((None, f"o{number}", f"o{r.randint(1, 12)}")) if name == "Purchase" else None,
            at=self.now,
            happened=self.now - r.choice((0, 0, 5_000, 2 * DAY)),
            consent=r.choice((Consent.UNSTATED, Consent.GRANTED, Consent.DENIED)),
            tier=r.choice((None, Tier.T1)),
            **PLACE
            | r.choice(
                ({}, {"fbp": f"fb.1.1790000000000.{number}"}, {"fbc": "fb.1.1790000000000.abcdefghijklmnopqrstuv"})
            ),
        )
        return msgspec.structs.replace(event, sender=r.choice(("tag", "gtm", HOSTILE)))

    def report(self) -> None:
        self.orders += 1
        self._run(self._report(self._entry(f"o{self.random.randint(1, 12)}")))

    async def _report(self, entry: OrderEntry) -> None:
        await self.store.append_orders([entry])

    def _entry(self, order: str, **more: Any) -> OrderEntry:
        r, at = self.random, self.now // 1000
        placed = at - r.choice((0, 60, 86_400, 3 * 86_400))
        told = OrderReport(
            order_id=order,
            kind="updated",
            at=at,
            reference=f"r{self.orders}",
            aliases=(f"number:{order}7", f"checkout:c{order}", f"name:#{order}7"),
            snapshot=Snapshot(
                version=self.now,
                placed_at=placed,
                shop=amounts(r.choice(("100.00", "59.90", "7.123456", "0.10")), r.choice(("EUR", "GEL"))),
                paid=r.choice((Paid.PAID, Paid.UNPAID, Paid.REFUNDED, None)),
                lines=(Line(id="sku-1", sku=r.choice(("A", HOSTILE)), quantity=2, price=Decimal("50")),)
                * r.randint(0, 3),
                cancelled_at=r.choice((None, None, at)),
                cancel_reason=r.choice(("", HOSTILE)),
                tags=r.choice(((), ("confirmed",))),
            ),
            payments=tuple(
                Payment(id=f"pi_{order}{n}", kind="sale", amount=Decimal("59.90"), currency="EUR", at=at)
                for n in range(r.randint(0, 2))
            ),
            refunds=tuple(
                Refund(
                    id=f"re_{order}{n}", amount=Decimal("5"), currency=r.choice(("EUR", "USD")), at=at, reason=HOSTILE
                )
                for n in range(r.randint(0, 2))
            ),
            parcels=tuple(
                Parcel(id=f"P{order}{n}", state=r.choice(list(ParcelState)), at=at) for n in range(r.randint(0, 2))
            ),
        )
        told = msgspec.structs.replace(told, **more)
        event = copy(
            f"shop.{order}", SERVER, value="100.00", order=order, tier=Tier.T3, at=self.now, happened=placed * 1000
        )
        event = msgspec.structs.replace(event, links=(f"order:{order}", *told.aliases), sender="shopify")
        return OrderEntry(
            dataset="1",
            source=SHOP,
            report=told,
            copy=event,
            received_at=self.now,
            buyer=("email:" + blake2b(order.encode(), digest_size=16).hexdigest(),),
        )

    def deliver(self) -> None:
        self._run(self._deliver())

    async def _deliver(self) -> None:
        r = self.random
        name = r.choice(("meta-1", "meta-2"))
        # Some are settled long after they were claimed: tables may have been made between.
        due, self.claimed = self.claimed, await claim(self.store, self.now, destination=name, limit=r.randint(1, 8))
        if r.random() < 0.5:
            due, self.claimed = [*due, *self.claimed], []
        settled = [
            settlement(d, r.choice((DeliveryState.DELIVERED, DeliveryState.DELIVERED, DeliveryState.DEAD)), reason="x")
            for d in due
        ]
        await self.store.settle(settled[: r.randint(0, len(settled))], self.now)

    def revive(self) -> None:
        self._run(self.store.revive([256 * n + 1 for n in range(1, 9)], self.now))

    def tell(self) -> None:
        """Money, advertising and rates, some of them told again."""
        r, day = self.random, day_text(self.now // DAY - r_day(self.random))
        at = day_number(day) * 86_400 + r.randint(0, 86_399)
        amount = Decimal(r.choice(("100.00", "59.9012345", "-5")))
        things = (
            MoneyLine(
                source="stripe", account="a", id=f"txn_{r.randint(1, 9)}", kind=MoneyKind.CHARGE, gross=amount,
                fee=Decimal("1.5"), net=amount - Decimal("1.5"), currency="EUR", at=at, zone="Asia/Tbilisi",
                references=(f"order:o{r.randint(1, 9)}", "charge:ch_1"), counterpart=("name:00ff",), text=HOSTILE,
            ),
            Batch(source="stripe", id=f"po_{r.randint(1, 5)}", kind="payout", net=amount, currency="EUR", at=at),
            Spend(
                source="meta", account="42", level="ad", ad_id="7", day=day, campaign=HOSTILE, currency="USD", amount=amount,
                claims=(Claim(window="7d_click", count=Decimal(3), value=amount),),
            ),
            SiteDay(day=day, currency="EUR", transaction=f"o{r.randint(1, 9)}", revenue=amount, flags=("sampled",)),
            Rate(source="ecb", day=day, currency="USD", rate=Decimal("1.08765"), base="EUR"),
            Cost(sku="A", since=day, amount=amount, currency="EUR"),
            ParcelLine(courier="dpd", parcel=f"P{r.randint(1, 9)}", state="delivered", at=at, taken=amount, currency="EUR"),
            Statement(account="x", id=day, currency="EUR", since=day, until=day, opening=Decimal(0), closing=amount),
            Survey(order=f"o{r.randint(1, 9)}", at=at, answer="friends"),
            Decision(line="00", to="order:o1", by=HOSTILE, why="", at=at),
        )  # fmt: skip
        rows = [
            make_row(t, b"k" * 32, told_at=r.choice((None, at)), received_at=self.now)
            for t in r.sample(things, r.randint(3, 8))
        ]
        self._run(self.store.transact(lambda e: keep_told(e, rows)))

    def visit(self) -> None:
        """The sign of a visit; or somebody's signs are forgotten."""
        r = self.random
        fbp = f"fb.1.1790000000000.{r.randint(1, 5)}"
        if r.random() < 0.2:
            self._run(self.store.transact(lambda _e: self.store.signs.forget(None, [("fbp", fbp)])))
            return
        touch = Touch(
            at=self.now // 1000 - r.choice((0, 90_000)), kind=TouchKind.VISIT, source=r.choice(("google", HOSTILE))
        )
        sign = Sign(dataset="1", touch=touch, ids=(("fbp", fbp),))
        self._run(self.store.transact(lambda _e: self.store.signs.note([sign], self.now // 1000)))

    def buy(self, n: int) -> None:
        """A visit by an ad (two of them by mail after it), and an hour later an order of the same browser."""
        self.now += DAY
        fbp, at = f"fb.1.1790000000000.77{n}", self.now // 1000
        ad = Touch(
            at=at - 7200,
            kind=TouchKind.VISIT,
            source="facebook",
            medium="paid_social",
            campaign_id="120001",
            content="{{ad.name}}",
        )
        mail = Touch(at=at - 3600, kind=TouchKind.VISIT, source="klaviyo", medium="email")
        signs = [Sign(dataset="1", touch=touch, ids=(("fbp", fbp),)) for touch in ([ad, mail] if n else [ad])]
        self._run(self.store.transact(lambda _e: self.store.signs.note(signs, self.now // 1000)))
        snapshot = Snapshot(version=self.now, placed_at=at, shop=amounts("40.00", "EUR"), paid=Paid.PAID)
        secret = f"checkout:c1a2b3c4d5e6f7a8b9{n}"  # what page and shop know of this purchase and nobody else
        self._run(
            self._report(
                self._entry(f"bought{n}", snapshot=snapshot, payments=(), refunds=(), parcels=(), aliases=(secret,))
            )
        )
        seen = copy(
            f"shop.bought{n}",
            BROWSER,
            value="40.00",
            order=f"bought{n}",
            at=self.now,
            happened=at * 1000,
            fbp=fbp,
            **PLACE,
        )
        self._run(self._append([msgspec.structs.replace(seen, links=(f"order:bought{n}", secret))]))

    def buy_after(self, total: str, touches: list[tuple[int, str, str]], click: str = "") -> None:
        """An order of a browser that came so many days before it from each of these: days, source and medium. ``click``: a click id of this kind
        stood in each address."""
        self.now += DAY
        fbp, at = "fb.1.1790000000000.880", self.now // 1000
        seen = [
            Touch(at=at - days * 86_400, kind=TouchKind.VISIT, source=source, medium=medium, click=click)
            for days, source, medium in touches
        ]
        signs = [Sign(dataset="1", touch=touch, ids=(("fbp", fbp),)) for touch in seen]
        self._run(self.store.transact(lambda _e: self.store.signs.note(signs, at)))
        snapshot = Snapshot(version=self.now, placed_at=at, shop=amounts(total, "EUR"), paid=Paid.PAID)
        bought = self._entry(
            "after", snapshot=snapshot, payments=(), refunds=(), parcels=(), aliases=("checkout:c1a2b3c4d5e6f7a8c0",)
        )
        self._run(self._report(bought))
        page = copy("shop.after", BROWSER, value=total, order="after", at=self.now, happened=self.now, fbp=fbp, **PLACE)
        self._run(self._append([msgspec.structs.replace(page, links=("order:after", "checkout:c1a2b3c4d5e6f7a8c0"))]))
        self.settle()

    def stray(self) -> None:
        """A debit of the bank and a charge of a provider that are no order's."""
        at = self.now // 1000
        rows = [
            MoneyLine(source=source, account="GE00", id=name, kind=kind, gross=Decimal(gross), net=Decimal(gross), currency="EUR", at=at)
            for source, name, kind, gross in (
                ("bank", "b3", MoneyKind.BANK_DEBIT, "-3.21"), ("acme", "s1", MoneyKind.CHARGE, "5.55"),
            )
        ]  # fmt: skip
        kept = [make_row(t, b"s" * 32, told_at=at, received_at=self.now) for t in rows]
        self._run(self.store.transact(lambda e: keep_told(e, kept)))

    def trade(self) -> None:
        """Four orders to be paid at the door: one banked, one still with the courier, one refused, one that nobody told as a Purchase;
        and a credit that pays nothing known."""
        self.now += DAY
        at = self.now // 1000
        rows = [
            MoneyLine(
                source="bank", account="GE00", id="b1", kind=MoneyKind.BANK_CREDIT, gross=Decimal("38.00"), net=Decimal("38.00"),
                currency="EUR", at=at + 86_400, references=("bank_reference:R1",),
            ),
            MoneyLine(
                source="bank", account="GE00", id="b2", kind=MoneyKind.BANK_CREDIT, gross=Decimal("7.77"), net=Decimal("7.77"),
                currency="EUR", at=at + 86_400,
            ),
            MoneyLine(
                source="courier:dpd", account="", id="c1", kind=MoneyKind.COD_COLLECTED, gross=Decimal("40.00"), fee=Decimal("2.00"),
                net=Decimal("38.00"), currency="EUR", at=at, batch="R1", references=("parcel:K-banked", "order:door-banked"),
            ),
            Batch(source="courier:dpd", id="R1", kind="remittance", net=Decimal("38.00"), currency="EUR", at=at, bank_reference="R1"),
        ]  # fmt: skip
        for name, state in (
            ("banked", "delivered"),
            ("held", "delivered"),
            ("refused", "refused"),
            ("silent", "delivered"),
        ):
            snapshot = Snapshot(
                version=self.now, placed_at=at - 7200, shop=amounts("40.00", "EUR"), method=Method.COD, confirmed=True, paid=Paid.UNPAID,
            )  # fmt: skip
            parcel = Parcel(id=f"K-{name}", state=ParcelState(state), at=at - 3600)
            entry = self._entry(
                f"door-{name}", snapshot=snapshot, payments=(), refunds=(), parcels=(parcel,), aliases=()
            )
            self._run(self._report(entry if name != "silent" else msgspec.structs.replace(entry, copy=None)))
            taken = (
                {"taken": Decimal("40.00"), "due": Decimal("40.00")}
                if state == "delivered"
                else {"due": Decimal("40.00")}
            )
            rows.append(
                ParcelLine(
                    courier="dpd", parcel=f"K-{name}", order=f"door-{name}", state=state, at=at - 3600, currency="EUR",
                    batch="R1" if name == "banked" else "", **taken,
                )
            )  # fmt: skip
        kept = [make_row(t, b"k" * 32, told_at=at, received_at=self.now) for t in rows]
        self._run(self.store.transact(lambda e: keep_told(e, kept)))

    def forget(self, order: str) -> None:
        """This order loses the path that led to it for a nameless row, as after the erasure of its buyer."""

        def gives_up(engine: Any) -> None:
            rows = engine.run("facts_orders_of", (id_array(range(1, 1000)),))
            (row,) = [row for row, _, name, _ in rows if name == order]
            worth = Worth(
                day=self.now // DAY,
                amounts={"placed": "40.00", "confirmed": "40.00", "delivered": "0", "true": "0", "banked": "0"},
            )
            assert give_up_paths(engine, [row], {row: worth}, UTC) == 1

        self._run(self.store.transact(gives_up))

    # -- the tables

    def begin(self) -> int:
        return int(self._run(self.store.transact(lambda _e: self.store.changed.begin_build(home_in(self.files)))))

    def end(self, generation: int, built: Built) -> None:
        self._run(self.store.transact(lambda _e: self.store.changed.end_build(generation, built.days)))

    def task(self, generation: int = 0, files: Path | None = None, policy: OrderPolicy = POLICY) -> Task:
        return Task(
            data=str(self.folder), files=str(files or self.files), policies={"1": policy}, generation=generation,
            now_s=self.now // 1000,
        )  # fmt: skip

    def rebuild(self, *, lives: bool = False) -> Built:
        """As the gateway does it: begin, make, end. ``lives``: those tables too, which are another room's."""
        generation = self.begin()
        built = build(self.task(generation), lives=lives_of() if lives else None)
        self.end(generation, built)
        return built

    def mark(self, part: str, day: str) -> None:
        """As if something of the day had been written."""
        self._run(self.store.transact(lambda _e: self.store.changed.day(part, day_number(day))))

    def marks(self) -> list[tuple[Any, ...]]:
        return list(self._run(self.store.transact(lambda e: e.run("select_changed_days"))))

    def full(self, files: Path, *, lives: bool = False) -> dict[str, list[dict[str, Any]]]:
        """All tables as a builder makes them that knows nothing of before."""
        build(self.task(files=files), lives=lives_of() if lives else None)
        return contents(files)


def lives_of() -> LivesOf:
    return LivesOf(LivesTask(rules=Rules(currency="EUR"), zone="Asia/Tbilisi"), {"1": POLICY})


def r_day(random: Random) -> int:
    return random.choice((0, 0, 1, 2))


@contextmanager
def world(folder: Path, seed: int = 1) -> Iterator[World]:
    one = World(folder, seed)
    try:
        yield one
    finally:
        one.close()


def contents(files: Path, manifest: Manifest | None = None) -> dict[str, list[dict[str, Any]]]:
    """Each table's rows as its files hold them, by day; on this thread, as hundreds of them have a few rows each."""
    manifest = manifest or read_manifest(files)
    assert manifest is not None
    return {
        table.name: [
            row
            for path in manifest.paths(table.name)
            for row in pq.ParquetFile(files / path).read(use_threads=False).to_pylist()
        ]
        for table in TABLES
    }
