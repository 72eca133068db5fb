"""The console's page Acceptance: a run by its forms, what was shown in a frame that may do nothing, a packet signed by who may."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from acceptance_scene import Scene
from playing_shop import DATASET
from playwright.sync_api import sync_playwright

from tests.console.running_console import Answer, Client, Running
from twofold.acceptance.packet.finish import verify
from twofold.acceptance.packet.seal import public_key
from twofold.acceptance.run import run_of
from twofold.acceptance.seen.upload import MOST_BYTES
from twofold.control.owner import on_store
from twofold.control.questions import Note

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def console(scene: Scene) -> Iterator[Running]:
    facts = {"dataset": DATASET, "event": "Purchase", "sender": "shopify", "person": "Giorgi", "by": "tester"}
    on_store(scene.settings, Note(kind="event_owner", facts=facts))
    running = Running(scene.folder, scene.gateway.config, "--data", str(scene.folder))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(console: Running) -> Client:
    return console.owner()


@pytest.fixture(scope="module")
def buyer(console: Running, owner: Client) -> Client:
    return console.person(owner, "buyer")


def show(client: Client, code: str, content: bytes, csrf: str, **fields: str) -> Answer:
    """The form with a file, as a browser sends it."""
    parts = {"csrf": csrf, "step": "test_events", **fields}
    body = b"".join(
        f'--cut\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in parts.items()
    )
    body += b'--cut\r\nContent-Disposition: form-data; name="file"; filename="nino-beridze.png"\r\nContent-Type: image/png\r\n\r\n'
    body += content + b"\r\n--cut--\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    headers = {
        "content-type": "multipart/form-data; boundary=cut",
        "cookie": client.cookie,
        "sec-fetch-site": "same-origin",
    }
    connection.request("POST", f"/console/acceptance/{code}/show", body, headers)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def rows(client: Client, path: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    about, *found = [json.loads(line) for line in client.get(path).text.splitlines()]
    return about, found


def test_a_run_by_the_page(scene: Scene, console: Running, owner: Client, buyer: Client, picture: bytes) -> None:
    """Begun, bought, loaded again, refused, shown; overruled and signed by the auditor, who gets the files; then it holds."""
    auditor = console.person(owner, "auditor")
    begun = buyer.post("/acceptance/start", {"csrf": buyer.csrf(), "for": "launch", "owner": "Nino", "review": ""})
    assert begun.status == 303, begun.text
    code = begun.headers["location"].rpartition("/")[2]
    run = run_of(scene.folder, code)
    assert (run.by, run.about.owner, run.about.decision) == ("a buyer", "Nino", "launch")
    page = buyer.get(f"/acceptance/{code}").text
    assert f"https://shop.example/?twofold_test={code}" in page
    order = scene.shop.buy(run)
    scene.settled(run)
    assert buyer.post(f"/acceptance/{code}/tick", {"csrf": buyer.csrf(), "step": "reload"}).status == 303
    scene.shop.load_again(order)
    refused = scene.shop.order("fb.1.1700000000000.9999999999", consent="denied")
    form = {"csrf": buyer.csrf(), "step": "refusal", "order": str(refused.number)}
    assert buyer.post(f"/acceptance/{code}/tick", form).status == 303
    assert show(buyer, code, picture, buyer.csrf(), note="both sources, processed").status == 303
    for _ in range(600):
        about, found = rows(buyer, f"/acceptance/{code}.json")
        if not any("not decided yet" in str(r.get("said")) for r in found):
            break
        time.sleep(0.1)
    states = {r["name"]: r["state"] for r in found if r["what"] == "criterion"}
    assert states == {
        "path": "passed",
        "merged": "passed",
        "money": "passed",
        "owners": "passed",
        "gaps": "unchecked",
    }, found
    assert about["decision"] == "stop"
    _, unsent = rows(owner, "/deliveries.json?state=suppressed")
    delivery = owner.get(
        f"/deliveries/{unsent[0]['id']}"
    ).text  # nothing waits: a consent that was refused is no try to come
    assert "Not tried: it is not sent." in delivery
    assert "at the first try" not in delivery
    word = {"csrf": auditor.csrf(), "criterion": "gaps", "reason": "nothing is imported in this test"}
    assert auditor.post(f"/acceptance/{code}/overrule", word).status == 303
    assert auditor.post(f"/acceptance/{code}/sign", {"csrf": auditor.csrf(), "day": ""}).status == 303
    about, _ = rows(auditor, f"/acceptance/{code}.json")
    (digest,) = about["packets"]
    answer = auditor.get(f"/acceptance/{code}/packet/{digest[:16]}.json")
    assert (answer.status, answer.headers["content-disposition"]) == (
        200,
        f'attachment; filename="acceptance-{code}-{digest[:8]}.json"',
    )
    assert {p.holds for p in verify(answer.text.encode(), public_key(scene.folder), scene.folder)[0]} == {True}
    _, listed = rows(auditor, "/acceptance.json")
    assert (listed[0]["decision"], listed[0]["over"], listed[0]["signed_by"]) == ("go", [], "a auditor")
    assert "Good until" in auditor.get("/acceptance").text
    packet = json.loads(answer.text)["packet"]
    (gaps,) = (c for c in packet["criteria"] if c["name"] == "gaps")
    assert (gaps["state"], gaps["found"], gaps["note"]) == ("overruled", "unchecked", word["reason"])


def test_what_was_shown_can_do_nothing(scene: Scene, owner: Client, picture: bytes) -> None:
    """A picture opens in a frame of our own page, sandboxed; its name is forgotten; a PDF is a download."""
    run = scene.begin()
    assert show(owner, run.code, picture, owner.csrf()).status == 303
    digest = run_of(scene.folder, run.code).ticked["test_events"].file
    page = owner.get(f"/acceptance/{run.code}")
    assert '<iframe sandbox class="shown"' in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    assert "nino-beridze" not in page.text
    answer = owner.get(f"/acceptance/{run.code}/shown/{digest}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "attachment" in owner.get(f"/acceptance/{run.code}/shown/{digest}?download=1").headers["content-disposition"]
    for other in ("0" * 64, "..", digest[:-1], digest.upper()):
        assert owner.get(f"/acceptance/{run.code}/shown/{other}").status == 404
    assert owner.get(f"/acceptance/{run.code}/packet/../../console.db").status == 404
    assert "frame-src" not in owner.get("/acceptance").headers["content-security-policy"]


def test_what_is_not_taken_is_said_and_leaves_nothing(scene: Scene, owner: Client, picture: bytes) -> None:
    """Another kind of file, one that is too large, a form of another session, a run that is not there."""
    run = scene.begin()
    for content, status, words in (
        (b"GIF89a" + b"x" * 50, 409, "expected PNG, JPEG or PDF"), (b"\x89PNG" + b"x" * MOST_BYTES, 413, "up to 10 MB"), (b"", 400, "No file came"),
    ):  # fmt: skip
        answer = show(owner, run.code, content, owner.csrf())
        assert (answer.status, words in answer.text) == (status, True), answer.text[-600:]
    assert show(owner, run.code, picture, "a-stranger-s-token").status == 403
    assert show(owner, "NOTTHERE", picture, owner.csrf()).status == 409
    assert run_of(scene.folder, run.code).ticked == {}
    assert not (scene.folder / "acceptance" / run.code).exists()


def test_who_may_what(scene: Scene, console: Running, owner: Client, buyer: Client) -> None:
    """A buyer begins and ticks, and signs nothing; an accountant does not find the page."""
    run = scene.begin()
    accountant = console.person(owner, "accountant")
    assert "Sign the packet" not in buyer.get(f"/acceptance/{run.code}").text
    assert "Sign the packet" in owner.get(f"/acceptance/{run.code}").text
    assert buyer.post(f"/acceptance/{run.code}/sign", {"csrf": buyer.csrf()}).status == 404
    assert (
        buyer.post(
            f"/acceptance/{run.code}/overrule",
            {"csrf": buyer.csrf(), "criterion": "path", "reason": "because I say so"},
        ).status
        == 404
    )
    for path in (
        "/acceptance",
        f"/acceptance/{run.code}",
        f"/acceptance/{run.code}/shown/{'0' * 64}",
        f"/acceptance/{run.code}/packet/{'0' * 16}.json",
    ):
        assert accountant.get(path).status == 404
    assert owner.get("/acceptance/NOTTHERE").status == 404
    assert run_of(scene.folder, run.code).packets == []


TORN = """[...document.querySelectorAll('main td b, main td a')].filter(e => e.offsetParent && /^\\w{1,20}$/.test(e.textContent)).filter(e => {
  const range = document.createRange(); range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1; }).map(e => e.textContent)"""


@pytest.mark.browser
def test_on_a_phone_names_stay_whole(scene: Scene, owner: Client) -> None:
    """What has to be done, and why something was refused, are read from the left; beside its heading each name stood letter
    below letter."""
    begun = owner.post("/acceptance/start", {"csrf": owner.csrf(), "for": "launch", "owner": "", "review": ""})
    scene.shop.pixel("fb.1.1700000000000.7", "Purchase", "/thanks", "torn-1", value="5", currency="BTC")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, extra_http_headers={"cookie": owner.cookie}
        )
        page = context.new_page()
        for path, name in ((begun.headers["location"], "InitiateCheckout"), ("/console/refused", "invalid_currency")):
            page.goto(f"http://127.0.0.1:{owner.port}{path}")
            assert page.locator("main td", has_text=name).first.is_visible()
            assert page.evaluate(TORN) == [], path
        browser.close()
