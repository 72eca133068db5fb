"""`twofold erase` on the real gateway: markers through every door, then a search of every byte of the folder.

Two persons do the same; one is erased while the gateway serves. What is searched for is made here, by hand and hashlib.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import threading
import time
from urllib.parse import quote

import pytest
import requests

from tests.acceptance.gateway_process import Meanwhile, gateway
from tests.fakes.graph import in_thread
from twofold.privacy.export import open_requests

DATASET, KEY, SECRET, SHOP = "1234567890", "key-Gq7pZr2mXw9", "secret-Vb4nKc8tLd3f", "demo.myshopify.com"
TOML = """
[server]
window_days = 8
[[dataset]]
id = "{dataset}"
key = "{key}"
country = "US"
hold_s = {{ Purchase = 0 }}
orders = {{ wait_s = 0 }}  # the shop knows only one of these purchases; the others would wait an hour for their orders
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-Ys6jHf1qWe5u"
[[source]]
type = "shopify"
dataset = "{dataset}"
shop = "{shop}"
secret = "{secret}"
"""
PATIENCE_S = 60


class Shopper:
    def __init__(self, name: str, digit: int) -> None:
        self.email = f"{name.title()}.Qzvkxw@{name}-mail.example"
        self.phone = f"+1650253{digit}{digit}7{digit}"
        self.customer = f"{digit}91827364501{digit}"
        self.fbp = f"fb.1.178999999999{digit}.77665544{digit}{digit}"
        self.click = f"IwAR{name}ClickXyz{digit}"
        self.order = int(f"{digit}5566778899{digit}1")
        self.name = name

    def forms(self) -> list[str]:
        """What must be nowhere: values, normal forms, digests of each, in each spelling."""
        digits = self.phone[1:]
        plain = [self.email, self.email.lower(), self.email.upper(), self.phone, digits, digits[1:], self.customer]
        found = set(plain)
        for text in plain:
            raw = text.encode()
            found |= {
                quote(text, safe=""),
                base64.b64encode(raw).decode().rstrip("="),
                base64.urlsafe_b64encode(raw).decode().rstrip("="),
            }
            for digest in (hashlib.sha256(raw), hashlib.md5(raw)):
                found |= {digest.hexdigest(), base64.b64encode(digest.digest()).decode()}
        return sorted(found)

    def traces(self) -> list[str]:
        return [self.fbp.rpartition(".")[2], self.click]

    def event(self, event_id: str, **changes) -> dict:
        return {
            "event_name": "Purchase", "event_time": int(time.time()), "event_id": f"{event_id}-{self.name}",
            "action_source": "website", "event_source_url": f"https://shop.example/thanks?fbclid={self.click}&e={quote(self.email)}",
            "user_data": {
                "em": self.email, "ph": [self.phone], "external_id": self.customer, "fbp": self.fbp,
                "fbc": f"fb.1.1789999999999.{self.click}", "client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0",
            },
            "custom_data": {"value": 42.5, "currency": "EUR", "customer": self.customer, "ref": base64.b64encode(self.email.encode()).decode()},
        } | changes  # fmt: skip


def send(http: requests.Session, url: str, p: Shopper) -> None:
    """Through every door: taken, and refused."""
    capi = f"{url}/v25.0/{DATASET}/events"

    def taken(answer: requests.Response) -> None:
        assert answer.status_code == 200, (answer.url, answer.text)

    md5 = hashlib.md5(p.email.lower().encode()).hexdigest()
    sha = hashlib.sha256(p.email.lower().encode()).hexdigest().upper()
    taken(http.post(capi, json={"data": [p.event("sdk")], "access_token": KEY}, timeout=60))
    sent = p.event("hashed", user_data={"em": sha, "external_id": md5, "client_user_agent": "Mozilla/5.0"})
    taken(http.post(capi, json={"data": [sent], "access_token": KEY}, timeout=60))
    browser = {"fbp": p.fbp, "client_user_agent": "Mozilla/5.0"}
    view = p.event("view", event_name="PageView", user_data=browser, custom_data={})
    taken(http.post(f"{url}/t/events", data=json.dumps({"events": [{"dataset": DATASET, **view}]}), timeout=60))
    hit = {"id": DATASET, "ev": "Lead", "eid": f"tr-{p.name}", "dl": p.event("x")["event_source_url"], "ts": str(int(time.time() * 1000)),
           "ud[em]": p.email, "ud[external_id]": p.customer, "fbp": p.fbp, "v": "2.9.178"}  # fmt: skip
    taken(http.get(f"{url}/tr/", params=hit, timeout=60))
    taken(http.post(f"{url}/tr/", data=hit | {"eid": f"tr2-{p.name}"}, timeout=60))
    raw = json.dumps({
        "id": p.order, "name": f"#{p.order % 1000}", "email": p.email, "phone": p.phone, "currency": "EUR", "total_price": "42.50",
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()), "financial_status": "paid", "source_name": "web",
        "test": False, "landing_site": f"/?fbclid={p.click}", "customer": {"id": int(p.customer), "email": p.email, "phone": p.phone},
        "line_items": [{"variant_id": 1, "product_id": 1, "sku": "MUG", "quantity": 1, "price": "42.50", "title": "Mug"}],
    }).encode()  # fmt: skip
    mac = base64.b64encode(hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Hmac-Sha256": mac,
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": SHOP,
        "Content-Type": "application/json",
    }
    taken(http.post(f"{url}/webhooks/shopify/{SHOP}", data=raw, headers=headers, timeout=60))
    refused = p.event("bad", custom_data={"value": 1, "note": p.email}) | {"event_id": sha.lower()}
    assert http.post(capi, json={"data": [refused], "access_token": KEY}, timeout=60).status_code == 400
    assert http.post(f"{url}/t/events", data=f"email={p.email}&h={sha}", timeout=60).status_code == 400


def settled(g) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(row["state"] == "waiting" for row in g.rows("deliveries")):
        assert time.monotonic() < deadline, g.output()
        time.sleep(0.1)


def left(folder, texts) -> list[str]:
    held = b"\n".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())
    low = held.lower()
    return [t for t in texts if t.encode() in held or t.lower().encode() in low]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What was left where at each point: before, after the erasure with the gateway serving, restored, started again."""
    folder = tmp_path_factory.mktemp("erase")
    anna, boris = Shopper("anna", 4), Shopper("boris", 8)
    told: dict = {"anna": anna, "boris": boris}
    with in_thread() as graph, requests.Session() as http:
        toml = TOML.format(dataset=DATASET, key=KEY, secret=SECRET, shop=SHOP, endpoint=graph.url)
        with gateway(toml, folder / "data") as g:
            for p in (anna, boris):
                send(http, g.url, p)
            settled(g)
            told["events"] = len(g.rows("events")) // 2  # both did the same
            told["before"] = left(g.data, anna.forms() + anna.traces())
            told["boris before"] = left(g.data, boris.forms() + boris.traces())
            told["export"] = g.run("export-subject", "--email", anna.email)
            told["shared"] = g.run("shared", "--email", anna.email, "--json")
            told["dry run"] = g.run("erase", "--email", anna.email, "--dry-run", "--json")
            backup = folder / "backup"
            g.kill()
            shutil.copytree(g.data, backup, ignore=shutil.ignore_patterns("*-shm", "lock", "*.sock"))
            g.start()
            accepted = told["accepted meanwhile"] = [0]
            stop = threading.Event()

            def shop_goes_on() -> None:
                with requests.Session() as other:
                    while not stop.is_set():
                        lead = boris.event(f"busy{accepted[0]}", event_name="Lead")
                        body = {"data": [lead], "access_token": KEY}
                        assert other.post(f"{g.url}/v25.0/{DATASET}/events", json=body, timeout=60).status_code == 200
                        accepted[0] += 1

            going = Meanwhile(target=shop_goes_on)
            going.start()
            receipt = folder / "receipt.json"
            told["erase"] = g.run("erase", "--email", anna.email, "--yes", "--json", "--receipt", str(receipt))
            told["running"] = left(g.data, anna.forms() + anna.traces())
            stop.set()
            going.join()
            told["receipt"] = receipt.read_bytes() if receipt.exists() else b""
            settled(g)
            told["requests"] = len(graph.requests)
            told["verify"] = g.run("verify")
            told["log"] = g.output()
            g.stop()
            told["stopped"] = left(g.data, anna.forms() + anna.traces())
            told["boris after"] = left(g.data, boris.forms() + boris.traces())
            told["restored"] = left(backup, anna.forms())
            told["restore"] = g.run("restore", str(backup), "--reason", "the disk was changed", "--yes")
            g.start()
            told["started"] = left(g.data, anna.forms() + anna.traces())
            told["verify restored"] = g.run("verify")
            g.stop()
            told["alone"] = g.run(
                "erase", "--phone", f"({boris.phone[2:5]}) {boris.phone[5:8]}-{boris.phone[8:]}", "--yes", "--json"
            )
            told["boris alone"] = left(g.data, boris.forms() + boris.traces())
            told["verify alone"] = g.run("verify")
    return told


def test_the_search_is_not_in_vain(story):
    """Before, the hashes of the address in two digests, of the phone and the customer id, and the browser are found."""
    anna = story["anna"]
    mail = anna.email.lower().encode()
    for text in (
        hashlib.sha256(mail).hexdigest(),
        hashlib.sha256(anna.phone[1:].encode()).hexdigest(),
        *anna.traces(),
        anna.customer,
    ):
        assert text in story["before"]


def test_every_byte_is_clean_while_the_gateway_serves(story):
    """The command returns when nothing is left, in the database, its log, or any other file."""
    assert story["erase"].returncode == 0, story["erase"].stderr
    assert story["running"] == []
    assert story["accepted meanwhile"][0] > 0


def test_every_byte_is_clean_when_it_has_stopped(story):
    """Closing the database brings nothing back."""
    assert story["stopped"] == []


def test_the_other_person_is_untouched(story):
    """Everything that was found of him before is found after."""
    assert set(story["boris before"]) <= set(story["boris after"])


def test_the_journal_verifies(story):
    """After the erasure, after the restored database was cleaned, and after the erasure without a gateway."""
    for name in ("verify", "verify restored", "verify alone"):
        assert story[name].returncode == 0, story[name].stdout


def test_a_restored_database_is_clean_once_the_gateway_listens(story):
    """The backup from before brings the person back; by the time the port is open they are gone again."""
    assert story["restored"] != []
    assert story["started"] == []


def test_the_command_works_without_a_gateway(story):
    """By a phone number as written at home; the country is the dataset's."""
    assert story["alone"].returncode == 0, story["alone"].stderr
    assert story["boris alone"] == []


def test_the_receipt_counts_and_names_nobody(story):
    """When, by which command, how many where, and the chains' positions; the same on screen and in the file."""
    shown, kept = json.loads(story["erase"].stdout), json.loads(story["receipt"])
    assert shown == kept
    assert shown["by"] == "command"
    assert shown["named"] == "em=1"
    assert shown["counts"]["events"] == story["events"] >= 5
    assert shown["state"] == "done"
    assert shown["journal"]["position"] >= 2 * story["events"]
    for text in story["anna"].forms() + story["anna"].traces():
        assert text not in story["receipt"].decode()
        assert text not in story["log"]


def test_the_dry_run_told_the_same(story):
    """And changed nothing: the erasure found as many."""
    assert json.loads(story["dry run"].stdout)["events"] == story["events"]


def test_the_export_was_hers_alone(story):
    """Her events and what was shared of them; none of his identifiers; the hashes as they are held."""
    lines = [json.loads(line) for line in story["export"].stdout.splitlines()]
    assert sum(line["row"] == "event" for line in lines) == story["events"]
    assert hashlib.sha256(story["anna"].email.lower().encode()).hexdigest() in story["export"].stdout
    boris = story["boris"]
    for text in boris.forms() + boris.traces():
        assert text not in story["export"].stdout


def test_what_was_shared_is_told_by_person(story):
    """One line a delivery: to whom, with which keys, how it went."""
    lines = [json.loads(line) for line in story["shared"].stdout.splitlines()]
    assert {line["destination"] for line in lines} == {f"meta-{DATASET}"}
    assert any({"em", "ph", "fbp"} <= set(line["keys"]) for line in lines)
    assert all(a["outcome"] for line in lines for a in line["attempts"])


def test_a_killed_gateway_finishes_at_its_next_start(tmp_path):
    """kill -9 as soon as a request is on disk: by the time the port is open again the person is gone."""
    anna = Shopper("anna", 4)
    with requests.Session() as http:
        toml = TOML.format(dataset=DATASET, key=KEY, secret=SECRET, shop=SHOP, endpoint="http://127.0.0.1:9")
        with gateway(toml, tmp_path / "data") as g:
            for n in range(20):
                batch = [anna.event(f"e{n}-{m}", event_name="Lead") for m in range(100)]
                body = {"data": batch, "access_token": KEY}
                assert http.post(f"{g.url}/v25.0/{DATASET}/events", json=body, timeout=60).status_code == 200
            command = threading.Thread(target=g.run, args=("erase", "--email", anna.email, "--yes"))
            command.start()
            deadline = time.monotonic() + PATIENCE_S
            while not open_requests(g.data) and command.is_alive():
                assert time.monotonic() < deadline
            g.kill()
            command.join()
            g.start()
            assert left(g.data, anna.forms() + anna.traces()) == []
            assert open_requests(g.data) == []
            assert g.run("verify").returncode == 0
