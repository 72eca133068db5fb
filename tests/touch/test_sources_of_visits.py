"""What an address and a referrer say of a visit's source, read alone."""

from __future__ import annotations

import pytest

from twofold.touch import source
from twofold.touch.device import device_of
from twofold.touch.source import clean_text, forget_sources, read_parameters, read_source, stays_within

SHOP = "https://www.shop.ge/p/1"

NO_SIGN = [
    ("https://www.shop.ge/", "own host"),
    ("https://checkout.shop.ge/step", "own domain"),
    ("https://shop.ge/", "own domain without www"),
    ("https://www.paypal.com/checkoutnow", "payment"),
    ("https://checkout.stripe.com/c/pay/x", "payment"),
    ("https://ipay.ge/x", "payment"),
    ("https://shop.app/pay", "payment"),
    ("https://accounts.google.com/", "login"),
    ("https://mail.google.com/mail/u/0/", "web mail"),
    ("https://outlook.live.com/", "web mail"),
    ("https://e.mail.ru/", "web mail"),
    ("https://webmail.somebody.example/", "web mail"),
    ("android-app://com.google.android.gm/", "web mail app"),
]


@pytest.mark.parametrize("referrer", [r for r, _ in NO_SIGN], ids=[f"{w} {r}" for r, w in NO_SIGN])
def test_a_page_reached_from_the_shop_a_payment_a_login_or_mail_is_no_sign(referrer):
    """Unless its address says where the visit came from."""
    assert read_source(SHOP, referrer) is None
    told = read_source(SHOP + "?utm_source=newsletter&utm_medium=email", referrer)
    assert told is not None
    assert told.texts[:2] == ("newsletter", "email")
    assert told.referrer == ""


SIGNS = [
    ("", "", ""),
    ("https://www.google.com/", "google.com", ""),
    ("https://l.facebook.com/l.php?u=x", "l.facebook.com", ""),
    ("android-app://com.google.android.googlequicksearchbox/", "com.google.android.googlequicksearchbox", ""),
    ("https://other-shop.ge/", "other-shop.ge", ""),
    ("https://googleshop.ge.evil.example/", "googleshop.ge.evil.example", ""),
    ("https://notpaypal.com/", "notpaypal.com", ""),
    ("nonsense", "", ""),
]


@pytest.mark.parametrize(("referrer", "host", "click"), SIGNS)
def test_any_other_page_is_a_sign(referrer, host, click):
    """With the referrer's host alone, never its path."""
    found = read_source(SHOP, referrer)
    assert (found.referrer, found.click) == (host, click)


def test_two_shops_of_one_platform_are_two_sites():
    """A shared domain is nobody's own."""
    assert read_source("https://a.myshopify.com/", "https://b.myshopify.com/x").referrer == "b.myshopify.com"
    assert read_source("https://www.a.co.uk/", "https://b.co.uk/").referrer == "b.co.uk"


MACROS = ["{{ad.id}}", "__CID__", "{creative}", "%7B%7Bad.id%7D%7D", "{{ad.name}}"]


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_that_nobody_filled_in_is_no_id(macro):
    """It stays as a text, so that it can be found and named."""
    url = f"{SHOP}?utm_source=facebook&utm_campaign=x&utm_id={macro}&utm_term={macro}&utm_content={macro}"
    found = read_source(url, "")
    assert found.ids == ("", "", "")
    assert found.texts[3] == found.texts[4] == found.texts[5] == macro.replace("%7B", "{").replace("%7D", "}")


def test_ids_below_the_campaign_are_read_of_the_recommended_tail():
    """Meta's: utm_id is the campaign, utm_term the ad set, utm_content the ad."""
    tail = "utm_source=facebook&utm_medium=paid_social&utm_campaign=Spring%20sale&utm_id=120210000000000001"
    found = read_source(f"{SHOP}?{tail}&utm_term=120210000000000002&utm_content=120210000000000003&fbclid=IwAR0", "")
    assert found.ids == ("120210000000000001", "120210000000000002", "120210000000000003")
    assert found.texts[:3] == ("facebook", "paid_social", "Spring sale")
    assert found.click == "fbclid"


def test_what_proves_a_paid_click_stands_first():
    """Each kind once, in any case that platforms write it in; never a value."""
    found = read_source(f"{SHOP}?fbclid=IwAR0abc&GCLID=CjwKCA&sccid=S1&srsltid=Af", "")
    assert found.click == "gclid,ScCid,srsltid,fbclid"
    assert "CjwKCA" not in found.click


def test_contact_data_in_a_campaign_is_not_taken():
    """Newsletters put addresses where campaigns belong."""
    found = read_source(f"{SHOP}?utm_source=mail&utm_content=anna%40example.com&utm_term=%2B995555000007", "")
    assert found.texts == ("mail", "", "", "", "", "")


def test_the_first_of_a_repeated_parameter_counts_and_wrong_signs_are_read():
    """Addresses are put together wrongly."""
    found = read_source(f"{SHOP}?a=b?utm_source=one&amp;utm_source=two&gclid=x", "")
    assert (found.texts[0], found.click) == ("one", "gclid")


WITHIN = [
    ("https://shop.ge/b", "https://shop.ge/a", True),
    ("https://shop.ge/b?variant=3", "https://shop.ge/a?x=1", True),
    ("https://shop.ge/b?utm_source=x", "https://shop.ge/a", False),
    ("https://shop.ge/b?fbclid=x", "https://shop.ge/a", False),
    ("https://shop.ge/b", "https://shop.ge.evil.example/", False),
    ("https://shop.ge/b", "https://shop.g", False),
    ("https://shop.ge/b", "", False),
    ("https://shop.ge/b", "https://shop.ge", True),
]


@pytest.mark.parametrize(("url", "referrer", "within"), WITHIN)
def test_the_quick_look_never_passes_over_a_sign(url, referrer, within):
    """Where it says "inside a visit", the whole reading says no sign, too."""
    assert stays_within(url, referrer) is within
    if within:
        assert read_source(url, referrer) is None


DEVICES = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148": "phone",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36": "phone",
    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/130.0 Safari/537.36": "tablet",
    "Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148": "tablet",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36": "computer",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15": "computer",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36": "computer",
    "curl/8.0": "unknown",
    "": "unknown",
}


@pytest.mark.parametrize(("agent", "device"), DEVICES.items(), ids=range(len(DEVICES)))
def test_the_class_of_a_device_is_read_of_its_agent(agent, device):
    """Phone, tablet, computer, or unknown; nothing is guessed."""
    assert device_of(agent) == device


def test_long_texts_of_strangers_are_not_remembered():
    """Read as ever, and cut."""
    forget_sources()
    found = read_parameters({"utm_source": "x" * 10_000, "utm_campaign": "y" * 10_000})
    assert found.texts[:3] == ("x" * 200, "", "y" * 200)
    assert (source._campaign.cache_info().currsize, clean_text.cache_info().currsize) == (0, 0)
    read_parameters({"utm_source": "newsletter"})
    assert source._campaign.cache_info().currsize == 1
    forget_sources()
    assert source._campaign.cache_info().currsize == clean_text.cache_info().currsize == 0
