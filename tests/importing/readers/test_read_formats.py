"""Exports of shops and CRM systems to orders: expected values are worked out by hand from the rows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from made_files import only, opened, read, written

from twofold.errors import ConfigError, FileRefused
from twofold.importing.readers.formats import SALE_FORMATS
from twofold.importing.readers.layout import Found, Skipped
from twofold.importing.readers.mapping import format_from
from twofold.importing.readers.problems import RowProblem
from twofold.ledger.model import Amounts, Line, Method, OrderReport, Paid, ParcelState, Sale, Snapshot

# The header of a Shopify orders export of 2026, as it is downloaded.
SHOPIFY = [
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Fulfilled at",
    "Accepts Marketing",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Code",
    "Discount Amount",
    "Shipping Method",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem compare at price",
    "Lineitem sku",
    "Lineitem requires shipping",
    "Lineitem taxable",
    "Lineitem fulfillment status",
    "Billing Name",
    "Billing Street",
    "Billing Address1",
    "Billing Address2",
    "Billing Company",
    "Billing City",
    "Billing Zip",
    "Billing Province",
    "Billing Country",
    "Billing Phone",
    "Shipping Name",
    "Shipping Street",
    "Shipping Address1",
    "Shipping Address2",
    "Shipping Company",
    "Shipping City",
    "Shipping Zip",
    "Shipping Province",
    "Shipping Country",
    "Shipping Phone",
    "Notes",
    "Note Attributes",
    "Cancelled at",
    "Payment Method",
    "Payment Reference",
    "Refunded Amount",
    "Vendor",
    "Outstanding Balance",
    "Employee",
    "Location",
    "Device ID",
    "Id",
    "Tags",
    "Risk Level",
    "Source",
    "Lineitem discount",
    "Tax 1 Name",
    "Tax 1 Value",
    "Phone",
    "Receipt Number",
    "Duties",
]
PLACED = 1778750625  # 2026-05-14 11:23:45 +0200
FIRST: dict[str, str] = {
    "Name": "#1050", "Email": "buyer@example.com", "Financial Status": "paid", "Paid at": "2026-05-14 11:25:00 +0200",
    "Currency": "EUR", "Subtotal": "100.90", "Shipping": "4.95", "Taxes": "16.90", "Total": "105.85",
    "Discount Amount": "10.00", "Created at": "2026-05-14 11:23:45 +0200", "Lineitem quantity": "2",
    "Lineitem name": "Tea 100 g", "Lineitem price": "36.50", "Lineitem sku": "TEA-100", "Billing Name": "Ada Example",
    "Billing City": "Berlin", "Billing Zip": "'10115", "Billing Country": "DE", "Billing Phone": "'+4915112345678",
    "Payment Method": "Shopify Payments", "Refunded Amount": "0.00", "Id": "5204621234567", "Tags": "vip, gift",
    "Source": "web", "Lineitem discount": "10.00",
}  # fmt: skip
SECOND = {"Name": "#1050", "Email": "buyer@example.com", "Lineitem quantity": "1", "Lineitem name": "Tea 50 g",
          "Lineitem price": "37.90", "Lineitem sku": "TEA-50"}  # fmt: skip


def shopify(folder: Path, *rows: dict[str, str], header: list[str] = SHOPIFY) -> Path:
    """A file of these rows; cells with commas are quoted."""
    quoted = [",".join(f'"{row.get(name, "")}"' if row.get(name) else "" for name in header) for row in rows]
    return written(folder, "\n".join([",".join(header), *quoted]) + "\n")


def snapshot_of(found: Found) -> Snapshot:
    assert found.order is not None
    assert found.order.snapshot is not None
    return found.order.snapshot


def test_a_shopify_order_of_several_rows_is_one_order(tmp_path: Path) -> None:
    """Every part of it: money, lines, names, times, payment; and nothing of the buyer."""
    found = only(shopify(tmp_path, FIRST, SECOND))
    assert found.order == OrderReport(
        order_id="5204621234567",
        kind="paid",
        at=PLACED + 75,
        reference="shopify file, row 2",
        country="DE",
        aliases=("name:1050", "number:1050"),
        snapshot=Snapshot(
            version=(PLACED + 75) * 1000,
            placed_at=PLACED,
            shop=Amounts(
                currency="EUR",
                total=Decimal("105.85"),
                tax=Decimal("16.90"),
                shipping=Decimal("4.95"),
                discount=Decimal("10.00"),
                tax_included=True,  # 100.90 + 4.95 is the total without any tax beside it
            ),
            lines=(
                Line(id="TEA-100", sku="TEA-100", quantity=2, price=Decimal("36.50"), discount=Decimal("10.00")),
                Line(id="TEA-50", sku="TEA-50", quantity=1, price=Decimal("37.90")),
            ),
            gateways=("Shopify Payments",),
            paid=Paid.PAID,
            tags=("vip", "gift"),
        ),
    )
    assert (found.rows, found.young, found.copy) == (2, False, None)


# changes to the first row -> what must be so of the snapshot
STATES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"Financial Status": "pending"}, {"paid": Paid.UNPAID}),
    ({"Financial Status": "authorized"}, {"paid": Paid.AUTHORISED}),
    ({"Financial Status": "partially_paid"}, {"paid": Paid.PART}),
    ({"Financial Status": "partially_refunded"}, {"paid": Paid.PART_REFUNDED}),
    ({"Financial Status": "voided"}, {"paid": Paid.VOIDED}),
    ({"Financial Status": "expired"}, {"paid": Paid.VOIDED}),
    ({"Cancelled at": "2026-05-15 00:00:00 +0200"}, {"cancelled_at": 1778796000}),
    ({"Source": "pos"}, {"sale": Sale.STORE}),
    ({"Source": "shopify_draft_order"}, {"sale": Sale.STAFF}),
    ({"Source": "subscription_contract"}, {"sale": Sale.RENEWAL}),
    ({"Source": "1234567"}, {"sale": Sale.API}),
    ({"Tags": "Subscription Recurring Order"}, {"sale": Sale.RENEWAL}),
    ({"Payment Method": "(for testing) Bogus Gateway"}, {"test": True}),
    ({"Payment Method": "Cash on Delivery (COD)"}, {"gateways": ("Cash on Delivery (COD)",), "method": None}),
    ({"Payment Method": "Gift Card + Shopify Payments"}, {"gateways": ("Gift Card", "Shopify Payments")}),
]


@pytest.mark.parametrize(("changes", "expected"), STATES)
def test_shopifys_words(changes: dict[str, str], expected: dict[str, Any], tmp_path: Path) -> None:
    """Each word of the export as the ledger's."""
    snapshot = snapshot_of(only(shopify(tmp_path, FIRST | changes)))
    assert {name: getattr(snapshot, name) for name in expected} == expected


def test_shopify_refunds_stand_beside_the_total(tmp_path: Path) -> None:
    """The total is what was charged; what was given back is one sum, told at the time of the cancellation."""
    found = only(shopify(tmp_path, FIRST | {"Refunded Amount": "105.85", "Cancelled at": "2026-05-15 00:00:00 +0200"}))
    assert found.order is not None
    (refund,) = found.order.refunds
    assert (refund.id, refund.amount, refund.currency, refund.at) == ("total", Decimal("105.85"), "EUR", 1778796000)
    assert found.total == Decimal("105.85")


def test_tax_beside_the_price_is_not_included(tmp_path: Path) -> None:
    """100.90 + 4.95 + 16.90 is 122.75."""
    amounts = snapshot_of(only(shopify(tmp_path, FIRST | {"Total": "122.75"}))).shop
    assert amounts is not None
    assert not amounts.tax_included


def test_old_shopify_exports_name_orders_by_their_number(tmp_path: Path) -> None:
    """Without the column Id the order is known by its name, under which the webhooks know it too."""
    header = [name for name in SHOPIFY if name not in ("Id", "Source", "Tags")]
    found = only(shopify(tmp_path, FIRST, header=header))
    assert found.order is not None
    assert (found.order.order_id, found.order.aliases) == ("1050", ("name:1050", "number:1050"))


def test_a_young_shopify_order_has_its_purchase(tmp_path: Path) -> None:
    """With the ids that the page left on it, the contact data, and the same event id as the webhook's."""
    attributes = {"Note Attributes": "_fbp: fb.1.1778750000000.123456789\n_twofold_event_id: page-7\ncolour: red"}
    found = only(shopify(tmp_path, FIRST | attributes, SECOND), young_after=PLACED, shop="demo.myshopify.com")
    copy = found.copy
    assert copy is not None
    assert (copy.event_name, copy.event_time, copy.event_id, copy.action_source) == (
        "Purchase", PLACED, "page-7", "website",
    )  # fmt: skip
    assert copy.user_data == {
        "em": "buyer@example.com", "ph": ["+4915112345678"], "fn": "Ada", "ln": "Example", "ct": "Berlin",
        "zp": "10115", "country": "DE", "fbp": "fb.1.1778750000000.123456789",
    }  # fmt: skip
    assert copy.custom_data["value"] == Decimal("105.85")
    assert copy.custom_data["num_items"] == 3
    assert copy.links == ["order:5204621234567", "name:1050", "number:1050"]
    plain = only(shopify(tmp_path, FIRST), young_after=PLACED, shop="demo.myshopify.com").copy
    assert plain is not None
    assert plain.event_id == "purchase.demo.myshopify.com.5204621234567"


@pytest.mark.parametrize(
    "changes",
    [{"Cancelled at": "2026-05-15 00:00:00 +0200"}, {"Financial Status": "voided"}, {"Payment Method": "Bogus"}],
)
def test_an_order_that_stands_for_no_purchase_has_none(changes: dict[str, str], tmp_path: Path) -> None:
    """Cancelled, given up and test orders are recorded and never sent."""
    found = only(shopify(tmp_path, FIRST | changes), young_after=PLACED)
    assert (found.young, found.copy) == (False, None)


# the first row's changes -> column and reason of the problem
REFUSED = [
    ({"Total": ""}, "Total", "no_total"),
    ({"Total": "twelve"}, "Total", "bad_amount"),
    ({"Total": "105,85"}, "Total", "bad_amount"),
    ({"Total": "-105.85"}, "Total", "negative_amount"),
    ({"Currency": ""}, "Currency", "no_currency"),
    ({"Created at": ""}, "Created at", "no_date"),
    ({"Created at": "last week"}, "Created at", "bad_date"),
    ({"Id": "5.20462E+12"}, "Id", "rounded_id"),
    ({"Name": "", "Id": ""}, "Name", "no_id"),
    ({"Taxes": "-1"}, "Taxes", "negative_amount"),
    ({"Lineitem quantity": "2.5"}, "Lineitem quantity", "bad_number"),
]


@pytest.mark.parametrize(("changes", "column", "reason"), REFUSED)
def test_an_order_that_cannot_be_read_is_told_and_its_neighbours_stay(
    changes: dict[str, str], column: str, reason: str, tmp_path: Path
) -> None:
    """File, row, column, reason; and the orders above and below are there."""
    others = [FIRST | {"Name": "#1", "Id": "1"}, FIRST | {"Name": "#2", "Id": "2"}]
    first, problem, last = read(shopify(tmp_path, others[0], FIRST | changes, others[1]))
    assert isinstance(problem, RowProblem)
    assert (problem.kind, problem.file, problem.row, problem.column, problem.reason) == (
        "refused", "orders.csv", 3, column, reason,
    )  # fmt: skip
    assert [first.order.order_id, last.order.order_id] == ["1", "2"]


def test_a_row_after_an_unreadable_one_never_joins_the_order_above(tmp_path: Path) -> None:
    """A continuation whose order was lost is reported; added to the order above it would be a stranger's goods."""
    path = shopify(tmp_path, FIRST, SECOND)
    text = path.read_text() + "#1051,broken\n" + "," * 16 + "1,Mug,9.00,,MUG" + "," * (len(SHOPIFY) - 21) + "\n"
    order, broken, orphan = read(written(tmp_path, text))
    assert [line.sku for line in snapshot_of(order).lines] == ["TEA-100", "TEA-50"]
    assert (broken.row, broken.reason, orphan.row, orphan.kind) == (4, "ragged_row", 5, "refused")


def test_rows_of_one_order_with_two_totals_are_refused(tmp_path: Path) -> None:
    """Which of them it is cannot be known."""
    (problem,) = read(shopify(tmp_path, FIRST, FIRST | {"Total": "99.00"}))
    assert (problem.row, problem.reason) == (3, "two_totals")


def test_an_unknown_status_is_said_and_the_order_kept(tmp_path: Path) -> None:
    """Its payment stays open, so that it does not count; the word is shown, as it is a word."""
    found = only(shopify(tmp_path, FIRST | {"Financial Status": "half_baked"}))
    assert snapshot_of(found).paid is None
    assert [(w.kind, w.column, w.got) for w in found.warnings] == [("warning", "Financial Status", "half_baked")]


# -- WooCommerce

WOO = (
    "order_id,order_number,order_date,paid_date,status,shipping_total,shipping_tax_total,fee_total,tax_total,"
    "discount_total,order_total,order_subtotal,order_currency,payment_method,payment_method_title,customer_ip_address,"
    "customer_user_agent,customer_id,billing_first_name,billing_last_name,billing_email,billing_phone,"
    "billing_postcode,billing_city,billing_country,line_item_1,line_item_2"
)
WOO_ROW = (
    "9002,W-17,2026-05-14 11:23:45,2026-05-14 11:24:00,{status},5.00,0.95,0,11.45,4.00,71.70,60.25,EUR,{method},"
    '"{title}",203.0.113.7,Mozilla/5.0,12,Ada,Example,ada@example.com,030 123456,10115,Berlin,DE,'
    '"name:Cap|product_id:12|sku:CAP-1|quantity:2|total:40.00|sub_total:44.00","name:Mug, red|product_id:13|sku:|'
    'quantity:1|total:20.25|sub_total:20.25"'
)  # fmt: skip


def woo(
    folder: Path, status: str = "completed", method: str = "stripe", title: str = "Card", paid: bool = True
) -> Path:
    row = WOO_ROW.format(status=status, method=method, title=title)
    return written(folder, f"{WOO}\n{row if paid else row.replace('2026-05-14 11:24:00', '')}\n")


def test_a_woocommerce_plugins_export(tmp_path: Path) -> None:
    """Times are in the site's zone, items in one cell each; price per piece before discount."""
    found = only(
        woo(tmp_path), zone=ZoneInfo("Europe/Berlin"), zone_given=True, young_after=PLACED, shop="shop.example"
    )
    snapshot = snapshot_of(found)
    assert snapshot.placed_at == PLACED
    assert snapshot.shop == Amounts(
        currency="EUR", total=Decimal("71.70"), tax=Decimal("11.45"), shipping=Decimal("5.00"),
        shipping_tax=Decimal("0.95"), discount=Decimal("4.00"),
    )  # fmt: skip
    assert snapshot.lines == (
        Line(id="12", sku="CAP-1", quantity=2, price=Decimal("22"), discount=Decimal("4.00")),
        Line(id="13", quantity=1, price=Decimal("20.25")),
    )
    assert found.order is not None
    assert (found.order.order_id, found.order.aliases) == ("9002", ("number:W-17",))
    assert found.copy is not None
    assert found.copy.user_data["client_ip_address"] == "203.0.113.7"


def test_a_woocommerce_number_is_known_without_its_sign(tmp_path: Path) -> None:
    """Shops write it as the buyer sees it; the order's own webhook names it without."""
    file = written(
        tmp_path,
        f"{WOO}\n{WOO_ROW.format(status='completed', method='stripe', title='Card')}\n".replace("W-17", "#1001"),
    )
    found = only(file)
    assert found.order is not None
    assert found.order.aliases == ("number:1001",)


@pytest.mark.parametrize(
    ("status", "method", "was_paid", "paid"),
    [
        ("wc-pending", "stripe", False, Paid.UNPAID),
        ("On hold", "bacs", False, Paid.UNPAID),
        ("processing", "stripe", True, Paid.PAID),
        ("processing", "cod", False, Paid.UNPAID),  # on its way; the courier is paid at the door
        ("completed", "cod", False, Paid.PAID),
        ("refunded", "stripe", True, Paid.REFUNDED),
        ("failed", "stripe", False, Paid.VOIDED),
    ],
)
def test_woocommerces_states(status: str, method: str, was_paid: bool, paid: Paid, tmp_path: Path) -> None:
    """A state means paid or not, together with how it is paid."""
    assert snapshot_of(only(woo(tmp_path, status, method, paid=was_paid))).paid is paid


def test_woocommerce_cancelled_and_drafts(tmp_path: Path) -> None:
    """A cancelled order is one; a checkout that was never finished is none."""
    assert snapshot_of(only(woo(tmp_path, "wc-cancelled"))).cancelled_at
    assert snapshot_of(only(woo(tmp_path, method="cod"))).method is Method.COD
    (skipped,) = read(woo(tmp_path, "checkout-draft"))
    assert isinstance(skipped, Skipped)


def test_times_without_a_zone_are_said(tmp_path: Path) -> None:
    """The operator is told that UTC was assumed, unless a zone was set or the times say theirs."""
    assert any("--timezone" in note for note in opened(woo(tmp_path)).notes)
    assert not opened(woo(tmp_path), zone_given=True).notes
    assert not opened(shopify(tmp_path, FIRST)).notes


def test_the_woocommerce_analytics_report(tmp_path: Path) -> None:
    """Its money is written with a symbol; a refund's row beside its order is said and never added."""
    path = written(
        tmp_path,
        'Date,"Order #","N. Revenue (formatted)",Status,Customer,"Customer type",Product(s),"Items sold",Coupon(s),'
        '"N. Revenue",Attribution\n'
        '"2026-05-14 11:23:45",9002,"€1,071.70",completed,"Ada Example",new,"2× Cap",2,,900.00,Direct\n'
        '"2026-05-14 12:00:00",9003,€20.00,processing,"Bo Example",returning,"1× Mug",1,,16.00,Direct\n'
        '"2026-05-15 12:00:00",9003,-€20.00,refunded,"Bo Example",returning,"1× Mug",-1,,-16.00,Direct\n',
    )
    first, second = read(path)
    assert (first.currency, first.total, first.order.order_id) == ("EUR", Decimal("1071.70"), "9002")
    assert (second.total, second.rows, [w.reason for w in second.warnings]) == (Decimal("20.00"), 1, ["refund_row"])


# -- CRM systems

HUBSPOT = (
    "Record ID,Deal Name,Deal Stage,Amount,Close Date,Pipeline,Currency,Email\n"
    "7001,Kitchen,Closed Won (Sales),\"1,200.50\",2026-05-14 11:23,Sales,USD,ada@example.com\n"
    "7002,Bath,closedlost,900,2026-05-14 11:23,Sales,USD,\n"
    "7003,Hall,Contract sent,500,2026-06-14 11:23,Sales,USD,\n"
)  # fmt: skip
PIPEDRIVE = (
    "Deal - ID;Deal - Title;Deal - Status;Deal - Value;Deal - Currency;Deal - Won time;Person - Email - Work\n"
    "7001;Kitchen;Won;1 200,50;USD;2026-05-14 11:23:00;ada@example.com\n"
    "7002;Bath;Lost;900;USD;;\n"
    "7003;Hall;Open;500;USD;;\n"
)
SALESFORCE = (
    '"Opportunity ID","Opportunity Name","Stage","Amount Currency","Amount","Close Date","Lead Source","Email"\n'
    '"7001","Kitchen","Closed Won","USD","1200.50","5/14/2026 11:23 AM","Web","ada@example.com"\n'
    '"7002","Bath","Closed Lost","USD","900","5/14/2026","Web",""\n'
    '"7003","Hall","Negotiation","USD","500","6/14/2026","Web",""\n'
    '"Grand Totals","","","","2600.50","","",""\n'
    '"Copyright (c) 2000-2026 salesforce.com, inc."\n'
)


@pytest.mark.parametrize(
    ("text", "crm", "title"),
    [(HUBSPOT, "hubspot", "HubSpot"), (PIPEDRIVE, "pipedrive", "Pipedrive"), (SALESFORCE, "salesforce", "Salesforce")],
)
def test_a_won_deal_is_a_sale(text: str, crm: str, title: str, tmp_path: Path) -> None:
    """Under the id and with the words of that system's webhook; lost and open deals are counted and no orders."""
    items = read(written(tmp_path, text), young_after=PLACED - 86_400)
    found, lost, still_open = items[:3]
    assert found.order.order_id == f"{crm}-7001"
    assert found.order.aliases == (f"{crm}:7001",)
    snapshot = snapshot_of(found)
    assert (snapshot.sale, snapshot.paid, snapshot.confirmed) == (Sale.CRM, Paid.PAID, True)
    assert (found.total, found.currency, snapshot.placed_at) == (Decimal("1200.50"), "USD", 1778757780)
    assert found.copy.event_id == f"Purchase.{crm}.7001"
    assert found.copy.action_source == "system_generated"
    assert found.copy.custom_data["lead_event_source"] == title
    assert found.copy.user_data == {"em": "ada@example.com"}
    assert (lost.reason, still_open.reason) == ("a deal that is lost", "a deal that is open")


# -- our own words and mappings


def test_our_own_words(tmp_path: Path) -> None:
    """Rows of one order stand together; states, parcels and refunds as the file says them."""
    path = written(
        tmp_path,
        "order_id;placed_at;total;currency;status;payment_method;payment_status;refunded;sku;quantity;price;channel\n"
        "A-1;2026-05-14;1.071,70;EUR;delivered;cod;;;CAP;2;500,00;phone\n"
        "A-1;2026-05-14;1.071,70;EUR;delivered;cod;;;MUG;1;71,70;phone\n"
        "A-2;2026-05-14;20,00;EUR;refused;cod;unpaid;;;;;web\n"
        "A-3;2026-05-14;20,00;EUR;shipped;card;paid;5,00;;;;web\n"
        "A-4;2026-05-14;0,00;EUR;cancelled;card;voided;;;;;web\n",
    )
    delivered, refused, refunded, cancelled = read(path)
    snapshot = snapshot_of(delivered)
    assert (snapshot.method, snapshot.sale, snapshot.delivered_at) == (Method.COD, Sale.PHONE, snapshot.placed_at)
    assert [(line.sku, line.quantity, line.price) for line in snapshot.lines] == [
        ("CAP", 2, Decimal("500.00")), ("MUG", 1, Decimal("71.70")),
    ]  # fmt: skip
    assert delivered.total == Decimal("1071.70")
    assert refused.order.parcels[0].state is ParcelState.RETURNED
    assert refunded.order.refunds[0].amount == Decimal("5.00")
    assert snapshot_of(cancelled).cancelled_at
    assert cancelled.total == 0


MAPPING = {"order_id": "Bestellnr", "placed_at": "Datum", "total": "Summe", "status": "Zustand", "email": "E-Mail"}
MAPPED = "Bestellnr;Datum;Summe;Zustand;E-Mail;Bemerkung\n{rows}"


def test_a_mapping_reads_any_table(tmp_path: Path) -> None:
    """Its columns, words, zone, sign and currency; nothing of the file's language is known otherwise."""
    form = format_from("kasse", MAPPING, {})
    options: dict[str, Any] = {
        "form": form, "currency": "CHF", "zone": ZoneInfo("Europe/Zurich"), "words": {"status": {"geliefert": "delivered"}},
    }  # fmt: skip
    path = written(
        tmp_path, MAPPED.format(rows="7;14.05.2026 11:23:45;1.071,70;Geliefert;;\n8;15.05.2026;0,05;neu;;x\n")
    )
    first, second = read(path, **options)
    assert (first.total, first.currency, snapshot_of(first).placed_at) == (Decimal("1071.70"), "CHF", PLACED)
    assert snapshot_of(first).delivered_at == PLACED
    assert [(w.column, w.got) for w in second.warnings] == [("Zustand", "neu")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("7;14.05.2026;1.071;x;;\n", "--decimal"),  # a thousand and seventy-one, or one
        ("7;14.05.2026;1,50;x;;\n8;14.05.2026;1.50;x;;\n", "--decimal"),
        ("7;05/04/2026;1,50;x;;\n", "--dates"),
    ],
)
def test_a_column_that_can_be_read_two_ways_stops_the_import(rows: str, said: str, tmp_path: Path) -> None:
    """Nothing is guessed; the message names the column and the option that decides."""
    with pytest.raises(FileRefused, match=said):
        opened(written(tmp_path, MAPPED.format(rows=rows)), form=format_from("kasse", MAPPING, {}), currency="EUR")


@pytest.mark.parametrize(
    ("columns", "values", "said"),
    [
        ({**MAPPING, "colour": "Farbe"}, {}, "colour"),
        ({"order_id": "a", "placed_at": "b"}, {}, "total"),
        (MAPPING, {"status": {"neu": "brand new"}}, "brand new"),
    ],
)
def test_a_wrong_mapping_is_a_setting_to_change(columns: dict[str, str], values: Any, said: str) -> None:
    """Found before any file is opened."""
    with pytest.raises(ConfigError, match=said):
        format_from("kasse", columns, values)


def test_an_unknown_table_is_refused_without_its_contents(tmp_path: Path) -> None:
    """A file without a header shows its first buyer there; the message must not."""
    with pytest.raises(FileRefused) as refused:
        opened(written(tmp_path, "1001,ada@example.com,+49 151 2345678,12.50\n1002,bo@example.com,,13.00\n"))
    assert "--format" in str(refused.value)
    for secret in ("ada", "49", "151"):
        assert secret not in str(refused.value)


def test_a_column_twice_is_refused_when_it_is_needed(tmp_path: Path) -> None:
    """Two totals are none; two notes are no matter."""
    with pytest.raises(FileRefused, match="twice"):
        opened(written(tmp_path, "order_id,placed_at,total,Total,currency\n1,2026-05-14,1,2,EUR\n"))
    assert only(written(tmp_path, "order_id,placed_at,total,x,x,currency\n1,2026-05-14,1.00,2,3,EUR\n")).total == 1


def test_more_digits_than_the_currency_has_are_said(tmp_path: Path) -> None:
    """Kept as written; yen have none, dinars three."""
    path = written(
        tmp_path,
        "order_id,placed_at,total,currency\n1,2026-05-14,10.005,EUR\n2,2026-05-14,10.5,JPY\n3,2026-05-14,10.005,KWD\n"
        "4,2026-05-14,10.500,EUR\n",
    )
    warned = [[w.reason for w in item.warnings] for item in read(path)]
    assert warned == [["fraction"], ["fraction"], [], []]
    assert read(path)[0].total == Decimal("10.005")


# -- sales without a page


def sales(folder: Path, text: str, **options: Any) -> list[Any]:
    return read(written(folder, text), known=SALE_FORMATS, young_after=PLACED - 86_400, **options)


def test_sales_by_phone_in_chats_and_from_the_crm(tmp_path: Path) -> None:
    """Each with Meta's action source for it, and with the ids that its channel needs."""
    items = sales(
        tmp_path,
        "time,channel,event_name,amount,currency,order_id,phone,ctwa_clid,whatsapp_business_account_id\n"
        "2026-05-14T11:23:45+02:00,phone,,49.90,EUR,P-1,+4915112345678,,\n"
        "2026-05-14T11:23:45+02:00,WhatsApp,Purchase,59.90,EUR,P-2,+4915112345678,ARAkLkA8,1084\n"
        "2026-05-14T11:23:45+02:00,whatsapp,LeadSubmitted,,,L-1,+4915112345678,ARAkLkA8,1084\n"
        "2026-05-14T11:23:45+02:00,whatsapp,Purchase,69.90,EUR,P-3,+4915112345678,,\n"
        "2026-05-14T11:23:45+02:00,crm,Lead,,,L-2,+4915112345678,,\n"
        "2026-05-14T11:23:45+02:00,pigeon,Purchase,1,EUR,P-4,,,\n",
    )
    phone, chat, step, bare, lead, pigeon = items
    assert (phone.copy.action_source, phone.total, snapshot_of(phone).sale) == (
        "phone_call",
        Decimal("49.90"),
        Sale.PHONE,
    )
    assert (chat.copy.action_source, chat.copy.messaging_channel) == ("business_messaging", "whatsapp")
    assert chat.copy.user_data["ctwa_clid"] == "ARAkLkA8"
    assert (step.order, step.events[0].event_name, step.events[0].event_id) == (
        None, "LeadSubmitted", "LeadSubmitted.file.L-1",
    )  # fmt: skip
    assert bare.copy.action_source == "chat"  # no ad led to it, so there is no click id
    assert [w.reason for w in bare.warnings] == ["chat_without_ids"]
    assert lead.events[0].action_source == "system_generated"
    assert (pigeon.reason, pigeon.got) == ("unknown_channel", "pigeon")


def test_a_sale_without_an_id_has_the_same_one_every_time(tmp_path: Path) -> None:
    """Two equal rows are one sale; another buyer's is another."""
    row = "2026-05-14T11:23:45+02:00,phone,49.90,EUR,{phone}\n"
    text = "time,channel,amount,currency,phone\n" + "".join(row.format(phone=p) for p in ("+4915112345678", "+49301"))
    first, second = sales(tmp_path, text)
    again, _ = sales(tmp_path, text)
    assert first.order.order_id == again.order.order_id != second.order.order_id
    assert "151" not in first.order.order_id


def test_a_phone_number_as_conversation_is_not_kept(tmp_path: Path) -> None:
    """Call systems name a call by its caller."""
    (found,) = sales(
        tmp_path,
        "time,channel,amount,currency,conversation,phone\n2026-05-14T11:23:45+02:00,phone,49.90,EUR,+4915112345678,+4915112345678\n",
    )
    assert found.order.aliases == ()
