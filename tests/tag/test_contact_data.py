"""Contact data leaves the browser hashed in the documented form, or not at all."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from running_shop import BASE_SNIPPET, DATASET, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

# Meta, "Customer information parameters", read September 2026: normal form and hash as printed there.
VECTORS = [
    ("em", "john_smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    ("em", "  John_Smith@GMAIL.com ", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    ("ph", "16505551212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("ph", "+1 (650) 555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("ph", "001.650.555.1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("ph", 16505551212, "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("fn", "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    ("fn", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    ("fn", "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("fn", "Vale\u0301ry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("ln", "Smith.", "6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"),
    ("db", "19970216", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
    ("db", "1997-02-16", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
    ("ge", "F", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"),
    ("ge", "female", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"),
    ("ct", "Menlo Park", "0007a3d64c01e23d5075203c5977c14e4f7e01a3fc570686fcc50b5e1dd42685"),
    ("st", "CA", "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"),
    ("zp", " 94025", "b9a9cf3cd3723a2e91b7c23ecf68456e872b6e5d86e5cab7f3d45a7302da32c7"),
    ("zp", "94025-1234", "b9a9cf3cd3723a2e91b7c23ecf68456e872b6e5d86e5cab7f3d45a7302da32c7"),
    ("country", "US", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    ("em", "62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
]  # fmt: skip


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# Normal forms by the same page's rules, written down by hand.
FORMS = [
    ("ph", "+44 (0)20 7946 0958", sha("442079460958")),
    ("ph", "020 7946 0958", None),  # local, the country is unknown
    ("ph", "1-800-FLOWERS", None),
    ("fn", "Mary-Ann", sha("maryann")),
    ("fn", "O'Brien", sha("obrien")),
    ("ln", "  ", None),
    ("ct", "São Paulo", sha("sãopaulo")),
    ("ct", "St. John's", sha("stjohns")),
    ("ct", "Paris 15", sha("paris15")),
    ("st", "Île-de-France", sha("îledefrance")),
    ("zp", "M1 1AE", sha("m11ae")),
    ("country", "United States", None),
    ("db", "16.2.1997", None),
    ("ge", "x", None),
    ("em", "a@b", None),
    ("em", "john doe@example.com", None),
    ("external_id", " User 42", sha("user42")),
]


def matched(shop: Shop, visitor: Visitor, user: dict[str, object]) -> dict[str, str]:
    tab = visitor.open(TAG, f"<script>fbq('init', '{DATASET}', {json.dumps(user)}); fbq('track', 'Lead')</script>")
    until(tab, lambda: shop.events)
    return {key: value for key, value in shop.events[0]["user_data"].items() if key != "fbp"}


@pytest.mark.parametrize("rows", [VECTORS, FORMS], ids=["documented hashes", "documented rules"])
def test_hashes(rows: list[tuple[str, object, str | None]], shop: Shop, visitor: Visitor) -> None:
    """Each value becomes the documented hash; what cannot be brought into form is left out."""
    calls = "".join(
        f"fbq('init', '{n}', {json.dumps({key: value})}); fbq('trackSingle', '{n}', 'Lead');"
        for n, (key, value, _) in enumerate(rows, start=1)
    )
    tab = visitor.open(TAG, f"<script>{calls}</script>")
    until(tab, lambda: len(shop.events) == len(rows))
    got = {int(e["dataset"]): e["user_data"] for e in shop.events}
    assert [(key, value, got[n].get(key)) for n, (key, value, _) in enumerate(rows, start=1)] == rows


def test_the_country_decides_the_rest(shop: Shop, visitor: Visitor) -> None:
    """In the United States a zip has five digits, a ten-digit phone gets its 1, and a state is two letters."""
    user = {"country": "US", "zp": "940251234", "ph": "(650) 555-1212", "st": "California"}
    got = matched(shop, visitor, user)
    assert got == {"country": sha("us"), "zp": sha("94025"), "ph": VECTORS[2][2]}


INITS = [
    ("fbq('init', D, {em: A}); fbq('init', D, {em: B})", "a@shop.example"),
    ("fbq('init', D); fbq('init', D, {em: B})", "b@shop.example"),
    ("fbq('init', D, {}); fbq('init', D, {em: B})", "b@shop.example"),
    ("fbq('init', D, {em: A}); fbq('set', 'userData', {em: B})", "b@shop.example"),
    ("fbq('init', D, {em: A}); fbq('set', 'userData', {em: B}, '999')", "a@shop.example"),
]


@pytest.mark.parametrize(("calls", "address"), INITS)
def test_which_contact_data_counts(calls: str, address: str, shop: Shop, visitor: Visitor) -> None:
    """A second init adds data only where the first had none; set userData replaces it."""
    names = f"var D = '{DATASET}', A = 'a@shop.example', B = 'b@shop.example';"
    tab = visitor.open(TAG, f"<script>{names}{calls}</script>")
    tab.evaluate("fbq('track', 'Lead')")
    until(tab, lambda: shop.events)
    assert shop.events[0]["user_data"]["em"] == sha(address)


def test_plain_http_sends_no_contact_data(shop: Shop, visitor: Visitor) -> None:
    """Without a secure context nothing can be hashed: left out with one warning; ready hashes pass."""
    user = {"em": "mary@shop.example", "ph": "+16505551212", "fn": VECTORS[6][2].upper()}
    tab = visitor.open(
        TAG,
        f"<script>fbq('init', '{DATASET}', {json.dumps(user)}); fbq('track', 'Lead')</script>",
        host="plain.example",
    )
    until(tab, lambda: shop.events)
    assert {k: v for k, v in shop.events[0]["user_data"].items() if k != "fbp"} == {"fn": VECTORS[6][2]}
    assert [("https" in warning) for warning in visitor.warnings] == [True]


URLS = [
    ("/p?email=mary%40shop.example&size=4#mary", "/p?email=masked&size=4"),
    ("/p?q=mary@shop.example", "/p?q=masked"),
    ("/p?q=%40mary&q2=a%2540b", "/p?q=masked&q2=masked"),
    ("/p?utm_source=mary@shop.example&utm_medium=cpc", "/p?utm_source=masked&utm_medium=cpc"),
    ("/p?mary@shop.example", "/p?masked"),
    ("/p?first_name=Mary&Phone=1&billing_address=x&token=t&pass=p&dob=1", None),
    ("/p?user%5Bemail%5D=mary", "/p?user%5Bemail%5D=masked"),
    ("/unsubscribe/mary@shop.example/now", "/unsubscribe/masked/now"),
    ("/p?fbclid=IwAR_x-Y&utm_name=spring&gclid=Z#x", "/p?fbclid=IwAR_x-Y&utm_name=spring&gclid=Z"),
    ("/@brand/shoes?size=4&colour=r%C3%B6d", "/@brand/shoes?size=4&colour=r%C3%B6d"),
]


def test_addresses_are_scrubbed(shop: Shop, visitor: Visitor) -> None:
    """Query values that are or look like contact data are masked, the fragment goes, campaign values stay."""
    tab = visitor.open(TAG, f"<script>fbq('init', '{DATASET}'); fbq.disablePushState = true</script>")
    for n, (path, _) in enumerate(URLS):
        tab.evaluate("([path, n]) => { history.pushState(0, '', path); fbq('trackCustom', 'At' + n) }", [path, n])
    until(tab, lambda: len(shop.events) == len(URLS))
    for n, (path, clean) in enumerate(URLS):
        masked = "&".join(p.split("=")[0] + "=masked" for p in path.split("&")) if clean is None else clean
        assert shop.named(f"At{n}")[0]["event_source_url"] == visitor.url(masked), path


def test_nothing_in_the_clear_leaves_or_stays(shop: Shop, visitor: Visitor) -> None:
    """Not in a request, not in storage, not in a cookie of ours: neither address, number nor name."""
    shop.answer = (503, "later")
    user = {"em": "Mary@Shop.example", "ph": "+1 650 555 1212", "fn": "Marybeth", "external_id": "User-42"}
    tab = visitor.open(
        TAG, BASE_SNIPPET,
        f"<script>fbq('init', '{DATASET}', {json.dumps(user)});"
        "fbq('track', 'Lead', {note: 'ask mary@shop.example', email: 'mary@shop.example', list: [{x: 'mary@shop.example'}], kept: 1})</script>",
        path="/p?email=mary@shop.example",
    )  # fmt: skip
    until(tab, lambda: shop.posts and tab.evaluate("localStorage.length"))
    ours = (
        json.dumps(shop.posts[0]["body"]) + tab.evaluate("JSON.stringify(localStorage)") + json.dumps(visitor.cookies())
    )
    for secret in (
        "mary@",
        "Mary@",
        "%40",
        "6505551212",
        "555 1212",
        "555-1212",
        "5551212",
        "marybeth",
        "Marybeth",
        "User-42",
        "user-42",
    ):
        assert secret not in ours.replace(visitor.url("/"), "")
    assert shop.events[0]["custom_data"] == {"list": [{}], "kept": 1}
    assert set(shop.events[0]["user_data"]) == {"em", "ph", "fn", "external_id", "fbp"}


def test_hashes_are_waited_for(shop: Shop, visitor: Visitor) -> None:
    """An event right after init carries the hashes even when hashing takes a while."""
    slow = "var d = SubtleCrypto.prototype.digest; SubtleCrypto.prototype.digest = async function (a, b) {\
 await new Promise((r) => setTimeout(r, 300)); return d.call(this, a, b); }"
    visitor.context.add_init_script(slow)
    got = matched(shop, visitor, {"fn": "Mary"})
    assert (got, visitor.warnings) == ({"fn": VECTORS[6][2]}, [])


def test_hashing_that_never_ends_does_not_hold_an_event(shop: Shop, visitor: Visitor) -> None:
    """After a second the event goes without."""
    visitor.context.add_init_script("SubtleCrypto.prototype.digest = () => new Promise(() => {})")
    assert matched(shop, visitor, {"fn": "Mary"}) == {}
    settle(visitor.context.pages[0], shop)
