"""Magento and PrestaShop in a test: their lists by time of change, their filters and pages, their ways to say no."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from asked_shops import TOKEN, Refusing
from stand_in import Asked, Reply


class Magento:
    """`/rest/V1/orders`: searchCriteria by `updated_at`, and beyond its end the last page again, as Magento does."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.refusing = Refusing()

    def put(self, order: dict[str, Any]) -> None:
        self.orders[order["entity_id"]] = order

    def __call__(self, asked: Asked) -> Reply:
        if (no := self.refusing.take()) is not None:
            return no
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(
                status=401,
                body={
                    "message": "The consumer isn't authorized to access %resources.",
                    "parameters": {"resources": "x"},
                },
            )
        if asked.path != "/rest/V1/orders":
            found = self.orders.get(int(asked.path.rpartition("/")[2]))
            missing = {"message": "The entity that was requested doesn't exist. Verify the entity and try again."}
            return Reply(body=found) if found else Reply(status=404, body=missing)
        given = {name.removeprefix("searchCriteria"): value for name, value in asked.query.items()}
        filtered = "[filter_groups][0][filters][0]"
        assert (given[f"{filtered}[field]"], given[f"{filtered}[condition_type]"]) == ("updated_at", "gteq")
        assert (given["[sortOrders][0][field]"], given["[sortOrders][0][direction]"]) == ("updated_at", "ASC")
        rows = [o for o in self.orders.values() if o["updated_at"] >= given[f"{filtered}[value]"]]
        rows.sort(key=lambda o: (o["updated_at"], o["entity_id"]))
        size = int(given["[pageSize]"])
        page = min(int(given["[currentPage]"]), max(1, -(-len(rows) // size)))
        names = asked.query["fields"].removeprefix("items[").partition("]")[0].split(",")
        items = [{name: row.get(name) for name in names} for row in rows[(page - 1) * size : page * size]]
        return Reply(body={"items": items, "total_count": len(rows)})


def magento_order(entity: int, updated: str = "2026-09-21 14:13:20", **changes: Any) -> dict[str, Any]:
    """After the published schema of `/V1/orders`; the shop counts in EUR, the buyer saw USD."""
    return {
        "entity_id": entity, "increment_id": f"{entity:09}", "state": "processing", "status": "processing", "created_at":
        "2026-09-21 14:13:20", "updated_at": updated, "base_currency_code": "EUR", "order_currency_code": "USD", "base_grand_total": 51,
        "grand_total": 55.5, "base_tax_amount": 8.5, "tax_amount": 9.25, "base_shipping_amount": 5, "base_shipping_incl_tax": 6,
        "shipping_incl_tax": 6.5, "base_shipping_tax_amount": 1, "shipping_tax_amount": 1.1, "base_discount_amount": -3,
        "discount_amount": -3.3, "base_total_paid": 51, "total_paid": 55.5, "base_total_refunded": None, "customer_email":
        "john_smith@gmail.com", "customer_firstname": "Mary", "customer_lastname": "Smith", "customer_id": 11, "customer_is_guest": 0,
        "remote_ip": "203.0.113.9", "x_forwarded_for": None, "store_id": 1,
        "billing_address": {"city": "Berlin", "country_id": "DE", "email": "john_smith@gmail.com", "firstname": "Mary", "lastname": "Smith",
                            "postcode": "10115", "region": "Berlin", "region_code": "BE", "street": ["1 Road"],
                            "telephone": "+49 30 1234567"},
        "payment": {"method": "braintree", "base_amount_authorized": 51, "additional_information": ["x"]},
        "items": [
            {"item_id": 1, "parent_item_id": None, "product_id": 77, "product_type": "configurable", "sku": "CUP-1", "qty_ordered": 2,
             "base_price": 20, "base_price_incl_tax": 24, "base_discount_amount": 3},
            {"item_id": 2, "parent_item_id": 1, "product_id": 91, "product_type": "simple", "sku": "CUP-1", "qty_ordered": 2,
             "base_price": 0},
        ],
        "extension_attributes": {"fbp": "fb.1.1789990000000.1110590605", "shipping_assignments": [{"shipping": {"method": "x"}}]},
    } | changes  # fmt: skip


class PrestaShop:
    """`/api/…?output_format=JSON`: the key as the name of Basic access, intervals of times, `limit=from,count`; of none an empty list."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, dict[str, Any]]] = {
            "order_states": {"2": {"id": 2, "paid": "1", "shipped": "0", "template": [{"id": "1", "value": "payment"}],
                                   "name": [{"id": "1", "value": "Payment accepted"}]},
                             "6": {"id": 6, "paid": "0", "shipped": "0", "template": "order_canceled", "name": "Canceled"},
                             "13": {"id": 13, "paid": "0", "shipped": "0", "template": "cashondelivery", "name": "Awaiting COD"}},
            "customers": {"11": {"id": 11, "email": "john_smith@gmail.com", "firstname": "Mary", "lastname": "Smith",
                                 "birthday": "0000-00-00"}},
            "addresses": {"21": {"id": 21, "id_country": "1", "id_state": "0", "firstname": "Mary", "lastname": "Smith", "city": "Berlin",
                                 "postcode": "10115", "phone": "", "phone_mobile": "+49 30 1234567"}},
            "countries": {"1": {"id": 1, "iso_code": "DE"}},
            "currencies": {"1": {"id": 1, "iso_code": "EUR"}},
            "orders": {},
        }  # fmt: skip
        self.refusing = Refusing()

    def put(self, order: dict[str, Any]) -> None:
        self.resources["orders"][str(order["id"])] = order

    def __call__(self, asked: Asked) -> Reply:
        if (no := self.refusing.take()) is not None:
            return no
        if asked.headers.get("authorization") != f"Basic {b64encode(f'{TOKEN}:'.encode()).decode()}":
            return Reply(status=401, body=b"401 Unauthorized")
        assert asked.query["output_format"] == "JSON"
        resource, _, number = asked.path.removeprefix("/api/").partition("/")
        if number:
            found = self.resources[resource].get(number)
            name = {"addresses": "address", "countries": "country", "currencies": "currency"}.get(
                resource, resource[:-1]
            )
            return (
                Reply(body={name: found})
                if found
                else Reply(status=404, body={"errors": [{"code": 19, "message": "gone"}]})
            )
        begin, end = asked.query["filter[date_upd]"].strip("[]").split(",")
        assert (asked.query["date"], asked.query["sort"]) == ("1", "[date_upd_ASC,id_ASC]")
        rows = [o for o in self.resources["orders"].values() if begin <= o["date_upd"] <= end]
        rows.sort(key=lambda o: (o["date_upd"], o["id"]))
        first, count = map(int, asked.query["limit"].split(","))
        names = asked.query["display"].strip("[]").split(",")
        page = [{name: row.get(name) for name in names} for row in rows[first : first + count]]
        return Reply(body={"orders": page} if page else [])


def prestashop_order(number: int, updated: str = "2026-09-21 16:13:20", **changes: Any) -> dict[str, Any]:
    """After the webservice's resource of orders; times of Europe/Paris without their zone, amounts as text."""
    return {
        "id": number, "id_address_delivery": "21", "id_address_invoice": "21", "id_cart": f"4{number}", "id_currency": "1", "id_customer": "11",
        "current_state": "2", "module": "ps_checkout", "payment": "Card", "valid": "1", "date_add": "2026-09-21 16:13:20", "date_upd": updated,
        "reference": "XKBKNABJK", "total_discounts_tax_incl": "3.000000", "total_paid": "51.000000", "total_paid_tax_incl": "51.000000",
        "total_paid_tax_excl": "42.500000", "total_paid_real": "51.000000", "total_shipping_tax_incl": "6.000000",
        "total_shipping_tax_excl": "5.000000", "conversion_rate": "1.000000", "secure_key": "b44a6d9efd7a0076a0fbce6b15eaf3b1",
        "associations": {"order_rows": [{"id": "1", "product_id": "77", "product_attribute_id": "91", "product_quantity": "2",
                                         "product_name": "Cup", "product_reference": "CUP-1", "product_price": "20.000000",
                                         "unit_price_tax_incl": "24.000000", "unit_price_tax_excl": "20.000000"}]},
    } | changes  # fmt: skip
