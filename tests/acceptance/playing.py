"""Cases as files: what is sent to a running gateway, step by step, and what must come out at the platform.

Owns the format, which is the one in which faults are reported to us, and the signatures that the shops would make.

A file is one case, or a list of them under ``cases``: ``steps`` are played in order, ``checks`` are made when nothing
is waiting any more.

    step   {"door": "events" | "tr" | "tag" | "import" | a source's type, …} or {"wait": seconds}
    check  {"find": text, "count": n}                 so many delivered events hold this text
           {"find": text, "path": p, "equals": v}     each of them has this value there; ``absent``: has none
           {"step": n, "status": s}                   what a step was answered; ``answer_has``: text in it
           {"step": n, "exit_not": 0}                 of an import
           {"refused": reason, "count": n}            so many copies were refused for it, and none by a bug of ours

Many cases share one gateway: each has datasets and shops of its own (``place``), and sees only what is theirs. A case that
must have a gateway alone says ``"alone": true``.

Inside a step an object with ``base`` is the body of that name under `bases/`, with its fields replaced by the others.
``name`` narrows a find to one event name. ``@now-30`` is Unix seconds half a minute ago, ``@ms-30`` milliseconds,
``@iso-30`` ISO 8601 in UTC, ``@day`` a date.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import requests
from gateway_process import Gateway, gateway

from tests.fakes.graph import FakeGraph, in_thread

DATASETS_APART = 10
KEY, SECRET = "key-of-the-shops-here", "secret-0123456789abcdef"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"
SOURCES = {"shopify": "1001", "woocommerce": "1002", "stripe": "1003", "own": "1004"}
SHOP = {"shopify": "shop.myshopify.com"}
BASES = Path(__file__).parent / "cases" / "bases"
QUIET_S = 0.8  # so long nothing may be left to send before it is checked
PATIENCE_S = 60
_TIME = re.compile(r"@(now|ms|iso)(-\d+)?")

_DATASET = """
[[dataset]]
id = "{id}"
key = "{key}"
hold_s = {{ Purchase = 0.5 }}
[dataset.orders]
wait_s = {wait}
outcomes = true
[[destination]]
name = "meta-{id}"
platform = "meta"
dataset = "{id}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
"""
_SOURCE = """
[[source]]
type = "{type}"
dataset = "{dataset}"
shop = "{shop}"
secret = "{secret}"
"""


def settings(endpoint: str, *, places: int = 1, wait_s: float = 2.0) -> str:
    """For each case five datasets, four of them with a shop."""
    text = ""
    for place in range(places):
        for dataset in (*SOURCES.values(), "1005"):
            text += _DATASET.format(id=_dataset(dataset, place), key=KEY, wait=wait_s, endpoint=endpoint)
        for kind, dataset in SOURCES.items():
            shop = _shop(kind, place)
            text += _SOURCE.format(type=kind, dataset=_dataset(dataset, place), shop=shop, secret=SECRET)
    return text


def _dataset(name: str, place: int) -> str:
    return str(int(name) + DATASETS_APART * place) if name in {*SOURCES.values(), "1005"} else name


def _shop(kind: str, place: int) -> str:
    name = SHOP.get(kind, f"{kind}.example")
    return f"{place}.{name}" if place and kind != "shopify" else f"{place}-{name}" if place else name


def _placed(value: Any, place: int) -> Any:
    """A step with the datasets of its case: where a step or an event names one, and where a command or a query does."""
    if isinstance(value, list):
        before = [None, *value]
        return [
            _dataset(v, place) if b == "--dataset" else _placed(v, place) for b, v in zip(before, value, strict=False)
        ]
    if not isinstance(value, dict):
        return value
    found = {name: _placed(item, place) for name, item in value.items()}
    if isinstance(found.get("dataset"), str):
        found["dataset"] = _dataset(found["dataset"], place)
    if found.get("door") == "tr" and "raw" in found:
        found["raw"] = re.sub(r"(^|&)id=(\d+)", lambda m: f"{m[1]}id={_dataset(m[2], place)}", found["raw"])
    return found


def cases_in(path: Path) -> list[dict[str, Any]]:
    tree = json.loads(path.read_text(encoding="utf-8"))
    return tree.get("cases", [tree])


def play(cases: Sequence[Mapping[str, Any]], folder: Path, files: Path, *, wait_s: float = 2.0) -> list[list[str]]:
    """Plays the cases beside each other against one gateway; of each what failed, in words. ``files``: where its import
    files lie."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        in_thread() as graph,
        gateway(settings(graph.url, places=len(cases), wait_s=wait_s), folder / "data") as g,
        ThreadPoolExecutor(max_workers=8) as pool,
    ):
        played = list(pool.map(lambda place: _play(cases[place], place, g, folder, files), range(len(cases))))
        _until_quiet(g)
        refused = g.rows("refused")
        return [
            _judged(case, n, answers, graph, refused)
            for n, (case, answers) in enumerate(zip(cases, played, strict=True))
        ]


def _play(case: Mapping[str, Any], place: int, g: Gateway, folder: Path, files: Path) -> list[Answer]:
    mine = folder / str(place)
    mine.mkdir()
    return [_step(_placed(step, place), place, g, mine, files) for step in case["steps"]]


def _judged(
    case: Mapping[str, Any], place: int, answers: list[Answer], graph: FakeGraph, refused: list[dict[str, Any]]
) -> list[str]:
    mine = {_dataset(name, place) for name in (*SOURCES.values(), "1005")}
    events = _delivered(graph, mine)
    rows = [row for row in refused if row["dataset"] in mine or not row["dataset"]]
    failed = [text for check in case["checks"] if (text := _failure(check, answers, events, rows))]
    return failed and [
        *failed,
        *(f"delivered: {json.dumps(e)}" for e in events),
        *(f"answer: {a}" for a in answers),
    ]


# -- steps


class Answer(dict[str, Any]):
    """``status`` and ``text`` of a request, or ``exit`` and ``text`` of a command."""


def _step(step: Mapping[str, Any], place: int, g: Gateway, folder: Path, files: Path) -> Answer:
    if "wait" in step:
        time.sleep(step["wait"])
        return Answer()
    door = step["door"]
    filled = _fill(_on_base(dict(step)), time.time())
    if door == "import":
        return _import(filled, g, folder, files)
    if door == "events":
        body = json.dumps({"data": filled["events"], "access_token": KEY}).encode()
        return _send("POST", f"{g.url}/v25.0/{step['dataset']}/events", body, {"content-type": "application/json"})
    if door == "tag":
        body = json.dumps({"events": filled["events"]}).encode()
        return _send("POST", f"{g.url}/t/events", body, {"content-type": "text/plain", "user-agent": BROWSER})
    if door == "tr":
        query = filled.get("raw") or urlencode({"id": step["dataset"]} | filled["query"], quote_via=quote)
        return _send("GET", f"{g.url}/tr?{query}", None, {"user-agent": BROWSER})
    body = json.dumps(filled["body"]).encode() if "body" in filled else filled["raw"].encode()
    path = f"/webhooks/{door}/{_shop(door, place)}"
    return _send("POST", g.url + path, body, _signature(door, body, step.get("topic", "")))


def _send(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    answer = requests.request(method, url, data=body, headers=dict(headers), timeout=PATIENCE_S)
    return Answer(status=answer.status_code, text=answer.text)


def _import(step: Mapping[str, Any], g: Gateway, folder: Path, files: Path) -> Answer:
    path = folder / step["file"]
    given = step.get("text") or (files / step["file"]).read_text(encoding="utf-8")
    path.write_text(_fill(given, time.time()), encoding="utf-8")
    done = g.run("import", "orders", str(path), *step["args"])
    return Answer(exit=done.returncode, text=done.stdout + done.stderr)


def _signature(door: str, body: bytes, topic: str) -> dict[str, str]:
    """As shopify.dev, WooCommerce's class-wc-webhook.php, docs.stripe.com/webhooks and docs/own-shop.md say."""
    key, now = SECRET.encode(), str(int(time.time()))
    plain = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
    timed = hmac.new(key, now.encode() + b"." + body, hashlib.sha256).hexdigest()
    known = {
        "shopify": {"x-shopify-hmac-sha256": plain, "x-shopify-topic": topic or "orders/create"},
        "woocommerce": {"x-wc-webhook-signature": plain, "x-wc-webhook-topic": topic or "order.created"},
        "stripe": {"stripe-signature": f"t={now},v1={timed}"},
        "own": {"x-twofold-signature": f"t={now},v1={timed}"},
    }
    return {"content-type": "application/json", **known[door]}


def _on_base(value: Any) -> Any:
    if isinstance(value, list):
        return [_on_base(item) for item in value]
    if not isinstance(value, dict):
        return value
    name, _, path = str(value.get("base", "")).partition(".")
    if not name:
        return {key: _on_base(item) for key, item in value.items()}
    base = json.loads((BASES / f"{name}.json").read_text(encoding="utf-8"))
    for part in filter(None, path.split(".")):
        base = base[part]
    return base | {key: _on_base(item) for key, item in value.items() if key != "base"}


def _fill(value: Any, now: float) -> Any:
    if isinstance(value, str):
        if value == "@day":
            return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        whole = _TIME.fullmatch(value)
        if whole and whole[1] == "now":
            return int(now) + int(whole[2] or 0)
        return _TIME.sub(lambda m: _moment(m[1], now + int(m[2] or 0)), value).replace("@day", _fill("@day", now))
    if isinstance(value, dict):
        return {name: _fill(item, now) for name, item in value.items()}
    return [_fill(item, now) for item in value] if isinstance(value, list) else value


def _moment(kind: str, at: float) -> str:
    if kind == "iso":
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(int(at * 1000) if kind == "ms" else int(at))


# -- what came out


def _until_quiet(g: Gateway) -> None:
    """Until no delivery is waiting for anything but a later word of its shop, for some time."""
    deadline, since = time.monotonic() + PATIENCE_S, None
    while since is None or time.monotonic() - since < QUIET_S:
        assert time.monotonic() < deadline, "something is never sent"
        rows = g.rows("deliveries")
        busy = [r for r in rows if r["state"] in ("waiting", "leased") and not _waits_for_the_shop(r)]
        since = None if busy else since or time.monotonic()
        time.sleep(0.2)


def _waits_for_the_shop(row: Mapping[str, Any]) -> bool:
    return str(row.get("reason") or row.get("code") or "").startswith("not_")


def _delivered(graph: FakeGraph, datasets: set[str]) -> list[dict[str, Any]]:
    ours = [request for request in graph.requests if request.path.split("/")[-2] in datasets]
    return [event for request in ours for event in request.envelope["data"]]


def _failure(
    check: Mapping[str, Any], answers: list[Answer], events: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> str:
    """Why a check does not hold; empty when it does."""
    if "refused" in check:
        reasons = [row["reason"] for row in refused]
        enough = (
            check["refused"] in reasons if "count" not in check else reasons.count(check["refused"]) == check["count"]
        )
        return "" if enough and "internal" not in reasons else f"{check}: refused for {reasons}"
    if "step" in check:
        answer = answers[check["step"]]
        fits = (
            ("status" not in check or answer["status"] == check["status"])
            and ("answer_has" not in check or check["answer_has"] in answer["text"])
            and ("exit_not" not in check or answer["exit"] != check["exit_not"])
            and ("exit" not in check or answer["exit"] == check["exit"])
        )
        return "" if fits else f"{check}: {answer}"
    found = [e for e in events if check["find"] in json.dumps(e, ensure_ascii=False)]
    found = [e for e in found if check.get("name", e["event_name"]) == e["event_name"]]
    if "count" in check and len(found) != check["count"]:
        return f"{check}: found {len(found)}"
    if "path" in check:
        if not found:
            return f"{check}: nothing like it was delivered"
        wanted = None if check.get("absent") else check["equals"]
        wrong = [_at(e, check["path"]) for e in found if _at(e, check["path"]) != wanted]
        return f"{check}: got {wrong}" if wrong else ""
    return ""


def _at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(tree, list):
            tree = tree[int(name)] if name.isdigit() and int(name) < len(tree) else None
        else:
            tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
