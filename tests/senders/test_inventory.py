"""Three sides joined: a journal of several senders, a browser's calls and pages. Expected is what the scene was made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from sender_scene import AT, DATASET, call, journal, told

from tests.command_line import invoke
from tests.store.copies import NOW, SERVER, appended
from twofold.acceptance.seen.owners import Owned, owners
from twofold.config import load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.report.kept import EVENT_OWNER, SENDERS_SEEN
from twofold.senders.call import OURS, Call
from twofold.senders.expectation import Expectation, Named
from twofold.senders.findings import Fault, findings_of_inventory
from twofold.senders.inventory import Entry, inventory
from twofold.senders.journal import class_of, heard
from twofold.senders.journal import told as read_journal
from twofold.senders.kinds import RESPONSIBLE, SenderClass
from twofold.senders.observed import BROWSER, JOURNAL, PAGES, facts_of, name_of, observed_in_calls, observed_in_pages
from twofold.senders.pages.page import senders_of
from twofold.senders.standing import stand

C = SenderClass
UNTIL = NOW + 3_600_000
PAGE = """<script src="/t/twofold.js"></script><script>fbq('init','1000001'); fbq('track','PageView')</script>
<script src="https://www.googletagmanager.com/gtm.js?id=GTM-AB12CD"></script>
<script>(function asyncLoad() { var urls = ["https:\\/\\/reviews.example\\/a.js"]; })();</script>"""
GTM = "https://www.googletagmanager.com/gtm.js?id=GTM-AB12CD"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place: Path = tmp_path_factory.mktemp("senders") / "data"
    journal(place)
    return place


def rows_of(
    folder: Path, calls: Sequence[Call] = (), html: str = "", owners=None, expected=None
) -> dict[tuple[str, str], Entry]:
    looks = [*observed_in_calls(calls, heard(folder, calls)), *observed_in_pages(senders_of(html), AT)]
    found = inventory(read_journal(folder, NOW, UNTIL), looks, [DATASET], owners or {}, expected or {})
    rows = {(r.event, r.sender): r for r in found}
    assert len(rows) == len(found)
    return rows


def test_the_journal_says_who_tells_what_since_when_and_whose_ids_meet(folder):
    rows = rows_of(folder)
    assert {place: (r.sender_class, r.channel, r.events, r.meets, r.apart) for place, r in rows.items()} == {
        ("Purchase", "tag"): (C.TAG, "browser", 12, ("shopify",), ("acme-plugin",)),
        ("Purchase", "shopify"): (C.WEBHOOK, "server", 12, ("tag",), ("acme-plugin",)),
        ("Purchase", "acme-plugin"): (C.SDK, "server", 12, (), ("shopify", "tag")),
        ("AddToCart", "tag"): (C.TAG, "browser", 12, (), ()),
        ("InitiateCheckout", "fbevents:tmgoogletagmanager"): (C.TAG_MANAGER, "browser", 12, (), ()),
        ("Lead", "gtmss"): (C.SERVER_CONTAINER, "server", 12, (), ()),
    }
    lead = rows["Lead", "gtmss"]
    assert (lead.first_seen, lead.last_seen, lead.id_given, lead.primary) == (AT, AT + 11 * 60, True, True)
    assert rows["Purchase", "tag"].primary is None, "three tell it, and nobody was named"


@pytest.mark.parametrize(
    ("sender", "channel", "kind", "certain"),
    [
        ("tag", "browser", C.TAG, True), ("image", "browser", C.IMAGE, True), ("fbevents", "browser", C.THEME, False),
        ("fbevents:plshopify1.2", "browser", C.THEME, False), ("fbevents:woocommerce-7.8.0-3.2.6", "browser", C.PARTNER_APP, False),
        ("fbevents:acme", "browser", C.UNKNOWN, False), ("woocommerce", "server", C.WEBHOOK, True), ("hubspot", "server", C.WEBHOOK, True),
        ("sdk-nodejs", "server", C.SDK, False), ("stape-gtmss", "server", C.SERVER_CONTAINER, True), ("api", "server", C.SDK, False),
    ],
)  # fmt: skip
def test_the_class_of_a_senders_name(sender, channel, kind, certain):
    assert class_of(sender, channel) == (kind, certain)


def test_every_class_has_a_role_and_a_risk():
    assert set(RESPONSIBLE) == set(SenderClass)
    assert RESPONSIBLE[C.THEME].role == "technical owner"
    assert RESPONSIBLE[C.PARTNER_APP].role == "media and store owner"
    assert {RESPONSIBLE[k].role for k in (C.TAG_MANAGER, C.SERVER_CONTAINER)} == {"data owner"}
    assert {RESPONSIBLE[k].role for k in (C.CUSTOM_PIXEL, C.APP_PIXEL)} == {"tracking owner"}
    assert {RESPONSIBLE[k].role for k in (C.THEME_APP, C.SCRIPT_TAG)} == {"operations owner"}


def test_a_browsers_call_is_the_journals_sender_whose_id_it_has(folder):
    """The tag by its call; a container that names itself as one is the script that made the call; what goes straight to the
    platform under the tag's id meets it; what goes there under an id of its own does not."""
    theme, pixel = "https://shop.example/app.js", "https://shop.example/wpm@1/custom/web-pixel-77@1/sandbox"
    calls = [
        call("AddToCart", C.TAG, "https://shop.example/t/twofold.js", platform=OURS, event_id="a3"),
        call("InitiateCheckout", C.CUSTOM_PIXEL, pixel, platform=OURS, event_id="c4", chain=(pixel,), place="frame"),
        call("AddToCart", C.THEME, theme, event_id="a3"),
        call("AddToCart", C.TAG_MANAGER, GTM, event_id="other-9"),
        call("purchase", C.TAG_MANAGER, GTM, platform="ga4", account="G-1", event_id=""),
    ]
    rows = rows_of(folder, calls)
    assert (rows["AddToCart", "tag"].sides, rows["AddToCart", "tag"].events) == ((BROWSER, JOURNAL), 12)
    checkout = rows["InitiateCheckout", "fbevents:tmgoogletagmanager"]
    assert (checkout.sender_class, checkout.script, checkout.sides) == (C.CUSTOM_PIXEL, pixel, (BROWSER, JOURNAL))
    assert (rows["AddToCart", theme].meets, rows["AddToCart", theme].sides) == (("tag",), (BROWSER,))
    assert rows["AddToCart", GTM].meets == ()
    assert (rows["purchase", GTM].container, rows["purchase", GTM].id_given) == ("G-1", False)
    found = [
        f
        for f in findings_of_inventory(list(rows.values()), datasets=[DATASET], owners={}, expected={})
        if f.fault is Fault.TWO_OWNERS
    ]
    assert {(f.event, frozenset(f.senders)) for f in found} == {
        ("Purchase", frozenset({"tag", "acme-plugin"})), ("Purchase", frozenset({"shopify", "acme-plugin"})),
        ("AddToCart", frozenset({"tag", GTM})), ("AddToCart", frozenset({theme, GTM})),
    }  # fmt: skip


def test_two_scripts_that_reach_us_under_one_name_are_told_apart(folder):
    """Our journal cannot say which of them a copy is of: the row of the name stays, each script has its own."""
    one, other = "https://shop.example/a.js", "https://shop.example/b.js"
    calls = [call("InitiateCheckout", C.THEME, s, platform=OURS, event_id=f"c{n}") for n, s in enumerate((one, other))]
    rows = rows_of(folder, calls)
    assert rows["InitiateCheckout", "fbevents:tmgoogletagmanager"].sides == (JOURNAL,)
    assert {rows["InitiateCheckout", s].sides for s in (one, other)} == {(BROWSER,)}


def test_a_pages_sender_is_the_browsers_by_its_script_and_says_what_ends(folder):
    calls = [
        call("AddToCart", C.TAG_MANAGER, GTM, event_id="x1"),
        call("AddToCart", C.SCRIPT_TAG, "https://reviews.example/a.js", event_id="x2", account="1000009"),
    ]
    rows = rows_of(folder, calls, PAGE)
    assert rows["AddToCart", GTM].sides == (PAGES, BROWSER)
    assert rows["AddToCart", "https://reviews.example/a.js"].ends == "2027-03-01"
    assert rows["AddToCart", "tag"].sides == (PAGES, JOURNAL)
    assert ("", "Google Tag Manager GTM-AB12CD") not in rows, "which events it sends is known"
    theme = rows["PageView", "Meta's pixel in the theme"]
    assert (theme.container, theme.sides, theme.meets) == ("1000001", (PAGES,), ("tag",))
    assert ("", "Google Tag Manager GTM-AB12CD") in rows_of(folder, [], PAGE), "without a browser nobody knows which"


@pytest.mark.parametrize(
    ("kind", "script", "page", "name"),
    [
        (C.CUSTOM_PIXEL, "https://shop.example/wpm@b7f2/custom/web-pixel-222@3/sandbox/modern/products/cup", "", "custom pixel 222"),
        (C.APP_PIXEL, "https://shop.example/wpm@aa/app/web-pixel-111@9/worker.js", "", "app pixel 111"),
        (C.THEME, "https://shop.example/products/cup", "shop.example/products/cup", "inline code of shop.example"),
        (C.THEME, "https://shop.example/cdn/shop/t/7/assets/theme.js", "shop.example/", "https://shop.example/cdn/shop/t/*/assets/theme.js"),
        (C.THEME_APP, "https://cdn.shopify.com/extensions/01933e5c-5e53-7a5b-8a8d-0f1b2c3d4e5f/trackly-214/assets/a.js", "", "app block trackly"),
        (C.TAG_MANAGER, GTM, "shop.example/", GTM),
        (C.UNKNOWN, "", "", "unknown"),
    ],
)  # fmt: skip
def test_a_senders_name_stays_when_a_page_or_a_version_is_another(kind, script, page, name):
    assert name_of(call("AddToCart", kind, script, page=page)) == name
    assert name_of(call("AddToCart", C.TAG, "https://shop.example/t/twofold.js", platform=OURS)) == "tag"


def test_what_was_expected_by_one_sides_name_is_expected_on_the_other(folder):
    """A page's pixel was expected; then a browser shows which file it is."""
    html = "<script>fbq('init', '1234567'); fbq('track', 'AddToCart')</script>"
    hope = {"1234567": Expectation(since=AT, said={("*", "Meta's pixel in the theme"): True})}
    seen = call("AddToCart", C.THEME, "https://shop.example/app.js", account="1234567", event_id="e1")
    rows = rows_of(folder, [seen], html, expected=hope)
    row = rows["AddToCart", "https://shop.example/app.js"]
    assert (row.sides, row.also, row.expected) == ((PAGES, BROWSER), ("Meta's pixel in the theme",), True)
    assert findings(rows, expected=hope, datasets=[]).keys() <= {Fault.NO_OWNER, Fault.TWO_OWNERS}


def findings(rows: dict[tuple[str, str], Entry], **more) -> dict[Fault, list]:
    found: dict[Fault, list] = {}
    for one in findings_of_inventory(
        list(rows.values()), **({"datasets": [DATASET], "owners": {}, "expected": {}} | more)
    ):
        found.setdefault(one.fault, []).append((one.event, *one.senders))
    return found


def test_an_event_has_one_owner_or_a_finding(folder):
    found = findings(rows_of(folder))
    assert found[Fault.NO_OWNER] == [("Purchase", "acme-plugin", "shopify", "tag")]
    owners = {(DATASET, "Purchase"): Named("shopify", "Nino")}
    rows = rows_of(folder, owners=owners)
    assert [(r.sender, r.owner) for r in rows.values() if r.event == "Purchase" and r.primary] == [("shopify", "Nino")]
    assert Fault.NO_OWNER not in findings(rows, owners=owners)
    gone = {(DATASET, "Purchase"): Named("sdk-php")}
    assert findings(rows_of(folder, owners=gone), owners=gone)[Fault.OWNER_SILENT] == [
        ("Purchase", "acme-plugin", "shopify", "tag")
    ]


def test_a_sender_neither_meets_itself_nor_gives_ids_by_a_third_of_its_calls():
    """Two calls of three without an id, and the same id twice by one script."""
    theme = "https://shop.example/t.js"
    calls = [call("Lead", SenderClass.THEME, theme, event_id=given) for given in ("x", "", "")]
    (row,) = observed_in_calls(calls, {})
    assert (row.count, row.id_given, row.meets) == (3, False, ())
    twice = [
        call("Lead", SenderClass.THEME, script, event_id="x") for script in (theme, theme, "https://shop.example/u.js")
    ]
    assert {len(r.meets) for r in observed_in_calls(twice, {})} == {1}


def test_what_nobody_expects_and_what_does_not_come_is_found(folder):
    hope = {DATASET: Expectation(since=AT, said={("Purchase", "tag"): True, ("*", "shopify"): True, ("Purchase", "sdk-php"): True,
                                                 ("*", "gtmss"): True, ("*", "tag"): True, ("AddToCart", "tag"): False})}  # fmt: skip
    found = findings(rows_of(folder, expected=hope), expected=hope)
    assert found[Fault.UNEXPECTED] == [
        ("AddToCart", "tag"), ("InitiateCheckout", "fbevents:tmgoogletagmanager"), ("Purchase", "acme-plugin"),
    ]  # fmt: skip
    assert found[Fault.MISSING] == [("Purchase", "sdk-php")]
    assert all(r.expected is None for r in rows_of(folder).values()), "nobody said anything"


def test_a_foreign_dataset_an_end_and_a_side_that_was_not_asked_are_said(folder):
    html = (
        PAGE
        + '<script>webPixelsConfigList: [{id: "9", apiClientId: 2329312, runtimeContext: "OPEN", type: "APP"},]</script>'
    )
    found = findings(rows_of(folder, [], html), sides=(PAGES, JOURNAL))
    assert found[Fault.OTHER_DATASET] == [("PageView", "Meta's pixel in the theme")]
    assert found[Fault.ENDS] == [("", "an app's script tag of reviews.example")]
    assert found[Fault.BESIDE] == [("", "Meta's app for Shopify (Facebook & Instagram)")]
    assert found[Fault.NOT_LOOKED] == [("", "browser")]


def test_a_packet_says_of_owners_what_the_inventory_says(tmp_path):
    """Its rivals are the inventory's pairs that do not meet; a page's code that names the event is not taken for proof."""
    journal(tmp_path / "data")
    settings = load_settings(None, data=str(tmp_path / "data"))
    until = UNTIL // 1000

    def found(*events: str) -> dict[str, Owned]:
        return {o.event: o for o in owners(tmp_path / "data", DATASET, events, AT, until)}

    purchase, cart = found("Purchase", "AddToCart").values()
    assert (purchase.senders, purchase.primary, purchase.rivals) == (
        ("acme-plugin", "shopify", "tag"), "", ("acme-plugin", "shopify", "tag"),
    )  # fmt: skip
    assert (cart.senders, cart.primary, cart.rivals, cart.unproven) == (("tag",), "tag", (), ())
    html = "<script>fbq('init', '10001'); fbq('track', 'AddToCart')</script>".replace("10001", "100012345")
    looks = observed_in_pages(senders_of(html), AT)
    looks = [replace(o, account=DATASET, accounts=(DATASET,)) for o in looks]
    on_store(settings, Note(kind=SENDERS_SEEN, facts=facts_of(looks)))
    on_store(
        settings,
        Note(kind=EVENT_OWNER, facts={"dataset": DATASET, "event": "AddToCart", "sender": "tag", "person": "Nino"}),
    )
    cart = found("AddToCart")["AddToCart"]
    assert (cart.primary, cart.person, cart.unproven, cart.rivals) == (
        "tag",
        "Nino",
        ("Meta's pixel in the theme",),
        (),
    )
    rows = stand(tmp_path / "data", [], [DATASET], until, 86_400).rows
    assert {(r.sender, r.primary) for r in rows if r.event == "AddToCart"} == {
        ("tag", True),
        ("Meta's pixel in the theme", False),
    }


# -- the command, on a folder of its own


def run(*arguments: str, given: str | None = None, code: int = 0) -> list[dict]:
    done = invoke([*arguments, "--json"], given=given)
    assert done.exit_code == code, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_keeps_looks_and_expectations(tmp_path):
    """A look is kept once it was taken; who was expected yesterday is expected today; a stranger is a finding and exit code 1."""
    from twofold.clock import now_ms

    at = now_ms() - 3_600_000
    folder = tmp_path / "data"
    appended(folder, [*told("Purchase", "shopify", SERVER, "p", at=at)], at=at)
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "t.toml").write_text(f'[server]\ndata = "{folder}"\n[[dataset]]\nid = "1"\n', encoding="utf-8")
    config = ("--config", str(tmp_path / "t.toml"))
    seen = at // 1000 + 60
    walked = [{"platform": "meta", "event": "AddToCart", "sender_class": "theme", "script": "https://shop.example/a.js",
               "account": "1", "event_id": "e1", "first_seen": seen, "last_seen": seen}]  # fmt: skip
    (tmp_path / "calls.json").write_text(json.dumps(walked), encoding="utf-8")
    found = run("senders", *config, "--page", str(tmp_path / "page.html"), "--calls", str(tmp_path / "calls.json"))
    assert found[0]["row"] == "about"
    first = {(r["event"], r["sender"]): r for r in found if r["row"] == "sender"}
    assert (first["AddToCart", "https://shop.example/a.js"]["class"], first["Purchase", "shopify"]["class"]) == (
        "theme",
        "webhook",
    )
    assert first["Purchase", "shopify"]["primary"] is True
    again = {(r["event"], r["sender"]): r for r in run("senders", *config) if r["row"] == "sender"}
    assert again == first, "kept"
    said = run("senders", "expect", "--seen", *config, "--by", "Nino")
    assert ("1", "Purchase", "shopify", True) in [(r["account"], r["event"], r["sender"], r["expected"]) for r in said]
    assert all(f["fault"] not in ("unexpected", "missing") for f in run("senders", *config) if f["row"] == "finding")
    run("senders", "expect", "AddToCart", "https://shop.example/a.js", "--not", *config, "--by", "Nino")
    run("senders", "expect", "Purchase", "shopify", "--primary", "--person", "Backend team", *config, "--by", "Nino")
    lines = run("senders", *config, "--check", code=1)
    assert [f["senders"] for f in lines if f.get("fault") == "unexpected"] == [["https://shop.example/a.js"]]
    assert [r["owner"] for r in lines if r.get("sender") == "shopify"] == ["Backend team"]


@pytest.mark.parametrize("lies_here", [[], ["twofold.toml"]])
def test_pages_alone_need_no_data_folder(tmp_path, monkeypatch, lies_here):
    """Nor where a configuration lies in the folder whose gateway never ran."""
    monkeypatch.chdir(tmp_path)
    for name in lies_here:
        (tmp_path / name).write_text('[[dataset]]\nid = "1"\nkey = "a-key-of-sixteen-characters"\n', encoding="utf-8")
    lines = run("senders", "--page", "-", given=PAGE)
    assert {r["sender"] for r in lines if r["row"] == "sender"} >= {"Twofold's tag", "Meta's pixel in the theme"}
    assert {f["senders"][0] for f in lines if f.get("fault") == "not_looked"} == {"browser", "journal"}
    assert [path.name for path in tmp_path.iterdir()] == lies_here


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["expect"], "expected EVENT and SENDER, or --seen, got neither"),
        (["expect", "--seen", "Purchase"], "got both"),
        (["expect", "Purchase"], "got EVENT only"),
        (["expect", "*", "tag", "--primary"], "got all of them"),
        (["expect", "Purchase", "nino@shop.example"], "without e-mail addresses"),
        (["expect", "Purchase", "tag", "--dataset", "7"], "expected one of 1, got 7"),
        (["--calls", "calls.json"], "expected calls as a walk writes them"),
        (["--fetch"], "--fetch: expected a [[dataset]] with origins"),
        (["--page", "ftp-nothing"], "--page: ftp-nothing cannot be read"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_kept(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.json").write_text('[{"platform": 1}]', encoding="utf-8")
    (tmp_path / "t.toml").write_text('[server]\ndata = "data"\n[[dataset]]\nid = "1"\n', encoding="utf-8")
    done = invoke(["senders", *arguments, "--config", "t.toml"])
    assert done.exit_code
    assert words in f"{done.output} {done.exception}"
    assert not (tmp_path / "data").exists()


def test_a_look_that_cannot_be_read_is_left_out(folder, tmp_path):
    """An older or newer program may have kept another form."""
    appended(tmp_path / "data", [*told("Purchase", "shopify", SERVER, "p", times=1)])
    settings = load_settings(None, data=str(tmp_path / "data"))
    on_store(settings, Note(kind=SENDERS_SEEN, facts={"rows": [{"side": 1}]}))
    assert [r.sender for r in stand(tmp_path / "data", [], ["1"], AT + 3600, 86_400).rows] == ["shopify"]
