"""Contact data is recognised in disguise, and the names of goods are not taken for the names of people."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from twofold.event.contact import MASK, _decoded, holds_contact, mask_agent, mask_id, mask_text, names_somebody
from twofold.event.scrub import scrub_custom, scrub_url
from twofold.matching.normalise import compose

PLAIN = "mary.roe@example.com"
DISGUISED = [
    PLAIN,
    quote(PLAIN, safe=""),
    quote(quote(PLAIN, safe=""), safe=""),
    quote(quote(quote(PLAIN, safe=""), safe=""), safe=""),
    PLAIN.replace("@", "&#64;"),
    PLAIN.replace("@", "&#x40;"),
    PLAIN.replace("@", "&commat;"),
    PLAIN.replace("@", "＠"),
    "".join(chr(ord(c) + 0xFEE0) for c in PLAIN),  # full-width
    PLAIN.replace("@", "\\u0040"),
    PLAIN.replace("@", "\u200b@"),
    PLAIN.replace("@", " @ "),
    PLAIN.replace("@", " (at) "),
    PLAIN.replace("@", "[at]"),
    "mary.roe (at) example (dot) com",
    "mary at example dot com",
    "mary.roe{at}example.com",
    base64.b64encode(PLAIN.encode()).decode(),
    base64.urlsafe_b64encode(f"user={PLAIN}".encode()).decode().rstrip("="),
    f"mailto:{PLAIN}",
    "+1 650 555 1212",
    "+16505551212",
    "%2B16505551212",
    "%2B1%20650%20555%201212",
    "%252B16505551212",
    "＋１６５０５５５１２１２",
    "&#43;16505551212",
    "(650) 555-1212",
    "tel:6505551212",
    "00995 555 12 34 56",
]
HARMLESS = [
    "Blue mug", "Shop at example.com", "Meet us at noon", "2 @ 5.00", "@shop", "50% off & more", "M&Ms (200g)", "C++", "1+1",
    "EAN 4006381333931", "2026-11-28 10:30", "SKU-100-200-300", "gid://shopify/Product/7891011121314", "10:30 at the dot",
    "aGVsbG8gd29ybGQgaGVsbG8=", "IwAR0AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "Größe 5 €", "Ärzte (Live)", "iPhone 15 Pro (256 GB)",
    "0012345678", "00-12-34", "1.250,00", "A/B test + control",
]  # fmt: skip


@pytest.mark.parametrize("text", DISGUISED)
def test_contact_data_is_masked_in_every_disguise(text: str) -> None:
    for around in ("{}", "write to {} please", "note={}"):
        masked = mask_text(around.format(text))
        assert masked != around.format(text)
        assert MASK in masked
        assert "example" not in masked
        assert "5551212" not in "".join(c for c in masked if c.isdigit())
        assert mask_text(masked) == masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_contact_data_stays(text: str) -> None:
    assert mask_text(text) == text
    assert mask_id(text) == text
    assert scrub_custom({"content_name": text, "note": text}) == ({"content_name": text, "note": text}, False)


GOODS = [
    "product_name", "item_name", "content_name", "productName", "itemName", "name_of_product", "first_order", "first_purchase",
    "last_category", "last_order_value", "card_value", "gift_card", "gift_card_value", "card_type", "card_brand", "brand_name",
    "variant_name", "category_name", "campaign_name", "coupon_name", "list_name", "item_list_name", "promotion_name", "store_name",
    "page_name", "form_name", "collection_name", "event_name", "nombre_producto", "nom_produit", "passenger_count", "season_pass",
    "pass_type", "pin_color", "mobile_app", "phone_model", "phone_case", "email_campaign", "session_count", "street_style",
    "birthstone", "handy_size", "zipper", "zip_hoodie", "company_name", "authority", "secretary", "tokens_left", "artist_name",
]  # fmt: skip
PEOPLE = [
    "first_name", "firstName", "FIRST-NAME", "last_name", "fname", "lname", "full_name", "fullname", "user_name", "username",
    "customer_name", "customerName", "billing_first_name", "shipping_last_name", "shipping_name", "cardholder_name", "nickname",
    "recipient_name", "name", "first", "last", "email", "e-mail", "customer_email", "userEmail", "email_address", "phone",
    "phone_number", "mobile", "tel", "billing_phone", "whatsapp", "password", "token", "access_token", "session_id", "api_key",
    "card_number", "cardNumber", "card_holder", "credit_card", "cvc", "iban", "ssn", "dob", "birthday", "birth_date", "street",
    "address", "address1", "address_line_2", "shipping_address", "zip", "zip_code", "postcode", "plz", "pin", "vorname", "nachname",
    "apellidos", "prenom", "nombre", "passport_number",
]  # fmt: skip


@pytest.mark.parametrize("key", GOODS)
def test_names_of_goods_keep_their_values(key: str) -> None:
    assert scrub_custom({key: "Blue mug 2000"}) == ({key: "Blue mug 2000"}, False)
    assert scrub_custom({key: 25}) == ({key: 25}, False)
    assert scrub_custom({"x": {key: ["Blue mug"]}}) == ({"x": {key: ["Blue mug"]}}, False)
    assert scrub_url(f"https://shop.example/?{key}=Blue")[1] is False


@pytest.mark.parametrize("key", PEOPLE)
def test_names_of_people_do_not(key: str) -> None:
    assert scrub_custom({key: "Jane Roe 650"}) == ({key: MASK}, True)
    assert scrub_custom({"x": {key: ["Jane Roe 650"]}}) == ({"x": {key: [MASK]}}, True)
    assert scrub_url(f"https://shop.example/?{key}=Jane650")[0] == f"https://shop.example/?{key}=masked"


@pytest.mark.parametrize("group", ["contents", "items", "products", "line_items"])
def test_in_a_line_of_goods_a_name_is_the_products(group: str) -> None:
    lines = {group: [{"name": "Blue mug", "first_name": "Jane", "note": PLAIN}]}
    assert scrub_custom(lines)[0] == {group: [{"name": "Blue mug", "first_name": MASK, "note": MASK}]}


def test_a_phone_field_may_be_a_flag() -> None:
    assert scrub_custom({"mobile": True, "tel": "no"}) == ({"mobile": True, "tel": "no"}, False)
    assert scrub_custom({"mobile": 6505551212}) == ({"mobile": MASK}, True)


@pytest.mark.parametrize("key", [PLAIN, quote(PLAIN), "write to mary at example dot com", "+1 650 555 1212"])
def test_the_name_of_a_property_is_masked_too(key: str) -> None:
    clean, hit = scrub_custom({key: 1, "colour": "red"})
    assert (clean, hit) == ({MASK: 1, "colour": "red"}, True)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("sku-1", "sku-1"),
        (PLAIN, MASK),
        (quote(PLAIN, safe=""), MASK),
        ("sku-" + PLAIN, MASK),
        ("+16505551212", MASK),
        ("SKU(1)", "SKU(1)"),
        ("50%25", "50%25"),
        ("mary @ example.com", MASK),
    ],
)
def test_ids(given: str, kept: str) -> None:
    assert mask_id(given) == kept


def test_user_agents() -> None:
    chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert mask_agent(chrome) == chrome
    assert mask_agent(bot) == bot
    assert mask_agent(f"{chrome} ({PLAIN})") == f"{chrome} (masked)"
    assert holds_contact(f"{chrome} {quote(PLAIN)}")


@pytest.mark.parametrize(
    "text", ["1001", "RE-2026/0042", "№ 15", "order+1", "gid://shopify/Order/1?key=2", "chk%3D", "(A)"]
)
def test_ids_of_things_name_nobody(text: str) -> None:
    assert not names_somebody(text)


@pytest.mark.parametrize("text", [PLAIN, quote(PLAIN, safe=""), quote(quote(PLAIN, safe=""), safe=""), PLAIN.replace("@", "＠"),
                                  PLAIN.replace("@", "&#64;"), PLAIN.replace("@", "\\u0040"), "mary@home", "+1 650 555 1212"])  # fmt: skip
def test_ids_that_name_somebody(text: str) -> None:
    assert names_somebody(text)


def test_a_text_of_encoded_at_signs_is_read_once() -> None:
    """Nine thousand such characters took five seconds of whoever read them, and ten times as many ten minutes."""
    text = "%40" * 30_000
    assert mask_text(text) == text
    masked = mask_text(f"{'%40' * 100}mary%40example.com is here")
    assert masked.endswith(f"{MASK} is here")
    assert "mary" not in masked


def test_no_text_becomes_many_times_as_long_while_it_is_looked_through() -> None:
    """Whoever sends a text chooses its signs: of one that stands for eighteen letters a body would cost the loop most of a second. The
    longest forms that are looked for have four letters, as (10) for one sign."""
    signs = "".join(map(chr, range(0x80, 0x30000))).encode("utf-8", "ignore").decode()
    assert [sign for sign in signs if len(_decoded(sign)) > 4 or len(compose(sign)) > 4] == []
