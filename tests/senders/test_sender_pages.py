"""Who sends, from the source of pages of several shop systems. The pages are written by hand in the forms of each system's own
instructions and of public pages; expected is what stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.senders.kinds import SenderClass
from twofold.senders.pages.code import elements, without_comments
from twofold.senders.pages.page import senders_of
from twofold.senders.pages.shown import Shown

C = SenderClass

SHOPIFY = r"""<html><head>
<script>!function(f,b,e,v){}(window,document,'script','https://connect.facebook.net/en_US/fbevents.js');
fbq('init', '111122223333'); fbq('track', 'PageView');
document.querySelector('.buy').onclick = function () { fbq("track", "AddToCart", {value: 1}) };</script>
<noscript><img src="https://www.facebook.com/tr?id=111122223333&amp;ev=PageView&amp;noscript=1"></noscript>
<script>(function(w,d,s,l,i){j.src='https://www.googletagmanager.com/gtm.js?id='+i})(window,document,'script','dataLayer','GTM-AB12CD');</script>
<script src="https://cdn.shopify.com/extensions/01933e5c-5e53-7a5b-8a8d-0f1b2c3d4e5f/trackly-pixels-214/assets/embed.js" defer></script>
<script src="//www.shop.example/cdn/shop/t/12/assets/gtm-events.js?v=1"></script>
<script src="//www.shop.example/cdn/shop/t/12/assets/slider.js?v=1"></script>
<script>(function() { function asyncLoad() { var urls = ["https:\/\/reviews.example\/a.js?shop=x.myshopify.com","https:\/\/pixels.example\/b.js"]; } })();</script>
<script id="web-pixels-manager-setup">webPixelsConfigList: [{"id":"77","type":"CUSTOM","runtimeContext":"LAX","name":"Own"},
{"id":"88","type":"APP","apiClientId":4242,"runtimeContext":"STRICT","configuration":"{\"account\":\"a1\"}"},
{"id":"99","type":"APP","apiClientId":2329312,"runtimeContext":"OPEN","configuration":"{\"pixel_id\":\"444455556666\",\"pixel_type\":\"facebook_pixel\"}"},
{"id":"shopify-app-pixel","type":"APP","apiClientId":"shopify-pixel","configuration":"{}"}],</script>
<!-- <script>fbq('init', '999999999999')</script> -->
</head></html>"""

WOO = """<html><head>
<!-- WooCommerce Facebook Integration Begin -->
<script type="text/javascript">fbq('init', '2516399868556194', {}, {
    "agent": "woocommerce-7.8.0-3.2.6"
}); fbq( 'track', 'PageView', {}); fbq('track', 'ViewContent', {value: '10.00'}, {eventID: 'x'});</script>
<script type='text/javascript' id='pys-js-extra'>fbq("trackSingle", "333344445555", "Purchase");</script>
<script src="https://shop.example/wp-content/plugins/tiktok-for-business/js/pixel.js"></script>
<script src="https://shop.example/wp-content/plugins/some-tracking/analytics.js"></script>
<script src="https://shop.example/wp-content/plugins/contact-form/form.js"></script>
<script src="https://www.google-analytics.com/analytics.js" async></script><script>ga('create', 'UA-34331178-1', 'auto');</script>
</head></html>"""

OWN_SHOP = """<script src="https://t.shop.example/gtag/js?id=G-ABCD12345"></script>
<script>gtag('js', new Date()); gtag("config", "G-ABCD12345", {server_container_url: "https://t.shop.example"});
gtag('event', 'purchase', {transaction_id: '1'}); gtag('event','conversion',{'send_to':'AW-123456789/abcDEF-123'});
ttq.load('C4ABCDEFGHIJKLMNOPQR'); ttq.track('CompletePayment'); pintrk('load', '2612345678901'); pintrk('track','checkout');
snaptr('init', '01234567-89ab-cdef-0123-456789abcdef'); snaptr('track','PURCHASE');
_linkedin_partner_id = "123456"; lintrk('track', { conversion_id: 7654321 });
rdt('init','t2_abc'); rdt('track','Purchase'); twq('config','o1abc'); twq('event','tw-o1abc-x', {});
(function(w){var o={ti:"12345678"};})(window); window.uetq.push('event', 'purchase', {});</script>
<script src="/t/twofold.js" data-dataset="1"></script>
<script>(function(){ var s = '//connect.facebook.net/en_US/fbds.js'; })(); window._fbq.push(['addPixelId', '705849652817780']);</script>"""


def by_who(html: str) -> dict[str, Shown]:
    found = senders_of(html)
    assert len({s.who for s in found}) == len(found), "each once"
    return {s.who: s for s in found}


def test_a_shopify_page_shows_theme_apps_pixels_and_script_tags():
    found = by_who(SHOPIFY)
    assert {who: (s.sender_class, s.certain) for who, s in found.items()} == {
        "Meta's pixel in the theme": (C.THEME, True),
        "Meta's pixel as an image": (C.IMAGE, True),
        "Google Tag Manager": (C.TAG_MANAGER, False),
        "the app block trackly-pixels": (C.THEME_APP, False),
        "the theme's file gtm-events.js": (C.THEME, False),
        "an app's script tag of reviews.example": (C.SCRIPT_TAG, False),
        "an app's script tag of pixels.example": (C.SCRIPT_TAG, False),
        "the custom pixel 'Own'": (C.CUSTOM_PIXEL, False),
        "the app with the id 4242": (C.APP_PIXEL, False),
        "Meta's app for Shopify (Facebook & Instagram)": (C.PARTNER_APP, True),
    }
    theme = found["Meta's pixel in the theme"]
    assert (theme.accounts, theme.events) == (("111122223333",), ("PageView", "AddToCart"))
    assert found["an app's script tag of pixels.example"].ends == "2027-03-01"
    assert found["the custom pixel 'Own'"].marks == ("web-pixel-77@",)
    assert found["Google Tag Manager"].accounts == ("GTM-AB12CD",)


def test_a_woocommerce_page_tells_plugins_from_the_theme():
    """By the comment before a snippet, the id of its element, its agent, or its file."""
    found = by_who(WOO)
    assert {who: (s.sender_class, s.platform) for who, s in found.items()} == {
        "Meta for WooCommerce (Meta's pixel)": (C.PARTNER_APP, "meta"),
        "PixelYourSite (Meta's pixel)": (C.THEME_APP, "meta"),
        "the plugin TikTok for WooCommerce": (C.PARTNER_APP, "tiktok"),
        "the plugin some-tracking": (C.THEME_APP, "any"),
        "Universal Analytics in the theme": (C.THEME, "universal_analytics"),
    }
    assert found["Meta for WooCommerce (Meta's pixel)"].events == ("PageView", "ViewContent")
    assert found["PixelYourSite (Meta's pixel)"].events == ("Purchase",)
    assert found["Universal Analytics in the theme"].ends == "2024-07-01"


def test_every_platforms_snippet_is_read_with_account_and_events():
    found = by_who(OWN_SHOP)
    told = {
        s.platform: (s.accounts, s.events)
        for s in found.values()
        if s.sender_class is C.THEME and s.certain and s.platform != "meta"
    }
    assert told == {
        "ga4": (("G-ABCD12345",), ("purchase", "conversion")),
        "google_ads": (("AW-123456789",), ("AW-123456789/abcDEF-123",)),
        "tiktok": (("C4ABCDEFGHIJKLMNOPQR",), ("CompletePayment",)),
        "pinterest": (("2612345678901",), ("checkout",)),
        "snap": (("01234567-89ab-cdef-0123-456789abcdef",), ("PURCHASE",)),
        "linkedin": (("123456",), ("7654321",)),
        "reddit": (("t2_abc",), ("Purchase",)),
        "microsoft": (("12345678",), ("purchase",)),
        "x": (("o1abc",), ("tw-o1abc-x",)),
    }
    assert found["Server container"].accounts == ("t.shop.example",)
    assert found["Server container"].certain
    assert found["Twofold's tag"].sender_class is C.TAG
    assert "replaced" in found["Meta's conversion pixel of before 2017 in the theme"].means


def test_a_pixel_in_the_page_of_an_order_says_when_added_scripts_ended():
    html = "<script>Shopify.checkout = {order_id: 1};</script><script>fbq('init','123456789'); fbq('track','Purchase')</script>"
    assert by_who(html)["Meta's pixel in the theme"].ends == "2026-08-26"
    assert by_who(html.replace("Shopify.checkout", "Shop.x"))["Meta's pixel in the theme"].ends == ""


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("a(); // fbq('init','1')\nb()", "a(); \nb()"),
        ("a('http://x.example/y'); /* fbq('track') */ b()", "a('http://x.example/y');  b()"),
        ("'it\\'s // no comment'; c()", "'it\\'s // no comment'; c()"),
        ("var u = `//x`; /* never closed", "var u = `//x`; "),
    ],
)
def test_comments_of_code_are_none_of_it(code, kept):
    assert without_comments(code) == kept


def test_a_snippet_that_was_commented_out_sends_nothing():
    assert senders_of("<script>/* fbq('init','123456789'); */ // fbq('track','Purchase')\n</script>") == []


@given(text=st.text(alphabet="<>!-script/= \"'`\\[]{}():,fbqa1\n", max_size=200))
def test_any_text_is_read(text):
    for html in (text, f"<script>{text}", f"<script src={text}", f"<!--{text}", f"<img src='//{text}'>"):
        assert isinstance(senders_of(html), list)


def test_pages_that_never_end_are_read_in_time():
    """Each of these would take hours if the rest were looked through again at every beginning."""
    for html in (
        "<!--" * 200_000,
        "<script " * 200_000,
        "<script>" * 200_000,
        '<img src="' * 200_000,
        "<script>" + "/*" * 500_000,
        "<script>" + "'\\" * 500_000,
        "<script>" + "`" * 300_001,
    ):
        assert list(elements(html)) is not None
