"""Other senders in a storefront's source. The pages are written by hand in the forms that storefronts use; the
numbers of the apps are Shopify's own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.senders.pages.shopify import other_senders

META = {
    "id": "3019899197",
    "configuration": json.dumps({"pixel_id": "390152163326", "pixel_type": "facebook_pixel"}),
    "runtimeContext": "OPEN",
    "type": "APP",
    "apiClientId": 2329312,
}
GOOGLE = {
    "id": "5",
    "configuration": json.dumps({"config": json.dumps({"google_tag_ids": ["G-ABCD1234", "AW-123456"]})}),
    "runtimeContext": "OPEN",
    "type": "APP",
    "apiClientId": 1780363,
}
BUILT_IN = [
    {"id": "shopify-app-pixel", "configuration": "{}", "type": "APP", "apiClientId": "shopify-pixel"},
    {"id": "shopify-custom-pixel", "type": "CUSTOM", "apiClientId": "shopify-pixel"},
]
CUSTOM = {"id": "226394429", "type": "CUSTOM", "runtimeContext": "LAX", "name": "Universal ] Purchase"}
OTHER_APP = {
    "id": "9",
    "type": "APP",
    "apiClientId": 777,
    "configuration": '{"fb_pixel":true,"pixelId":"123456789"}',
}


def page(*pixels, more=""):
    """A page with quoted keys inside a list under a bare key, as most storefronts write it."""
    listed = json.dumps([*pixels, *BUILT_IN], separators=(",", ":"))
    return f"<html><script>wpmLoader({{shopId: 1,webPixelsConfigList: {listed},initData: {{}},}})</script>{more}</html>"


BARE = """webPixelsConfigList: [{id: '3019899197', configuration: "{\\"pixel_id\\":\\"390152163326\\"}",
  apiClientId: 2329312, runtimeContext: 'OPEN', type: 'APP',},],"""
TREKKIE = '<script>trekkie.load({{"Trekkie":{{}},{0}"S2S":{{"facebookCapiEnabled":true{1}}}}})</script>'
SERVER_FLAG = TREKKIE.format("", "")
SERVER_PIXEL = TREKKIE.format("", ',"facebookAppPixelId":"6117623411"')
OLD = TREKKIE.format('"Facebook Pixel":{"pixelIds":["6117623411"],"agent":"plshopify1.2"},', "")

ROWS = [
    # claim, html, (who begins, platform, channel, ids, certain, accounts)
    ("a shop of its own", page(), []),
    ("no storefront", "<p>hello", []),
    ("Meta's app", page(META), [("Meta's app", "meta", "browser", "native", True, ("390152163326",))]),
    (
        "Meta's app that also sends from Shopify's servers",
        page(META, more=SERVER_FLAG),
        [("Meta's app", "meta", "both", "native", True, ("390152163326",))],
    ),
    (
        "the flag as text, as the loader's options have it",
        page(META, more='<script>({"apiClientId":"580111","facebookCapiEnabled":"true"})</script>'),
        [("Meta's app", "meta", "both", "native", True, ("390152163326",))],
    ),
    ("bare keys and single quotes", BARE, [("Meta's app", "meta", "browser", "native", True, ("390152163326",))]),
    (
        "the list written twice, for old and new browsers",
        page(META) + page(META),
        [("Meta's app", "meta", "browser", "native", True, ("390152163326",))],
    ),
    ("the flag alone", page(more=SERVER_FLAG), [("Shopify's own servers", "meta", "server", "native", False, ())]),
    (
        "the flag with a pixel",
        page(more=SERVER_PIXEL),
        [("Shopify's own servers", "meta", "server", "native", True, ("6117623411",))],
    ),
    ("the flag that is false", page(more=SERVER_FLAG.replace("true", "false")), []),
    (
        "the old setting in the preferences",
        page(more=OLD.replace("true", "false")),
        [("Shopify's old pixel", "meta", "browser", "unknown", True, ("6117623411",))],
    ),
    (
        "Meta's pixel in the theme",
        "<script>fbq('init', '123456789');</script>",
        [("Meta's pixel in the theme", "meta", "browser", "own", True, ("123456789",))],
    ),
    (
        "Google's app",
        page(GOOGLE),
        [("Google & YouTube", "google", "browser", "own", True, ("G-ABCD1234", "AW-123456"))],
    ),
    ("a custom pixel", page(CUSTOM), [("the custom pixel", "any", "browser", "unknown", False, ())]),
    (
        "another app that speaks of Meta",
        page(OTHER_APP),
        [("the app", "meta", "both", "unknown", False, ("123456789",))],
    ),
    (
        "a tag manager",
        "https://www.googletagmanager.com/gtm.js?id=GTM-ABC123",
        [("Google Tag Manager", "any", "browser", "unknown", False, ("GTM-ABC123",))],
    ),
    (
        "scripts of apps",
        r'function asyncLoad() { var urls = ["https:\/\/cdn.app.example\/x.js?shop=1","\/\/b.example\/y.js"]; }',
        [("apps that add scripts", "any", "browser", "unknown", False, ("cdn.app.example", "b.example"))],
    ),
]


@pytest.mark.parametrize(("claim", "html", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_who_else_sends(claim, html, expected):
    """Each sign in the page's source is named with its channel, its family of ids and whether it is certain."""
    found = other_senders(html)
    assert len(found) == len(expected), found
    for sender, (who, *facts) in zip(found, expected, strict=True):
        assert sender.who.startswith(who)
        assert [sender.platform, sender.channel, sender.ids, sender.certain, sender.accounts] == facts
        assert sender.means
        assert sender.do


def test_the_certain_senders_come_first():
    """What surely sends stands before what needs a look."""
    found = other_senders(page(CUSTOM, META, GOOGLE, more=SERVER_FLAG))
    assert [sender.certain for sender in found] == [True, True, False]


def test_the_day_on_which_script_tags_end_is_named():
    """Shopify's deprecation of ScriptTag has a date, and a sender that dies on it should be known before."""
    sender = other_senders(ROWS[-1][1])[0]
    assert sender.ends == "2027-03-01"


def test_a_pixel_that_the_tag_hears_is_said_to_be_harmless():
    """With Twofold's tag in the page, Meta's pixel in the theme reports under the same ids."""
    html = "<script src='https://gw.shop.example/t/twofold.js'></script><script>fbq('init','123456789')</script>"
    assert "hears it" in other_senders(html)[0].means


@given(text=st.text(max_size=300))
def test_any_text_is_read(text):
    """No page raises, also when it ends inside a list."""
    for html in (text, f"webPixelsConfigList: [{text}", f"webPixelsConfigList:[{{{text}}}] var urls = [{text}]"):
        assert isinstance(other_senders(html), list)


def test_a_page_of_quotes_is_read_in_time():
    """A list that never ends, full of quotes and backslashes, costs no more than its length."""
    assert other_senders("webPixelsConfigList: [" + "\"'\\" * 300_000) == []


COMMAND = (
    "import typer; from twofold.commands.senders.shopify import shopify_senders; a = typer.Typer(); "
    "a.command()(shopify_senders); a()"
)


def run(*arguments, page=""):
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], input=page, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout


def test_the_command_says_it_in_words_and_in_json(tmp_path):
    """From a file or from stdin; exit code 1 when another sender for Meta is certain, else 0."""
    file = tmp_path / "page.html"
    file.write_text(page(META, CUSTOM), encoding="utf-8")
    code, said = run(str(file))
    assert code == 1
    assert "SENDS  Meta's app for Shopify" in said
    assert 'event_id = "native"' in said
    code, said = run("-", "--json", page=page(CUSTOM))
    assert code == 0
    assert [json.loads(line)["ids"] for line in said.splitlines()] == ["unknown"]
    code, said = run("-", page="<p>")
    assert (code, said.strip()) == (0, "No other sender is to be seen in this page's source.")
    assert run(str(tmp_path / "none.html"))[0] == 2
