"""The alert rules and the board against the metrics of a running gateway: no name or label that does not exist, and a rule that fires."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.gateway_process import gateway

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "monitoring"
KEY, TOKEN = "key-Gq7pZr2mXw9", "status-Gq7pZr2mXw9aB"
TOML = f"""
[server]
status_token = "{TOKEN}"
[[dataset]]
id = "1"
key = "{KEY}"
hold_s = {{ Purchase = 0 }}
trust = {{ events_per_minute = 2 }}
[[destination]]
platform = "meta"
dataset = "1"
endpoint = "http://127.0.0.1:9"
token = "token-of-nobody"
"""
OURS = re.compile(r"\b(twofold_\w+)(?:\{([^}]*)\})?")
LABELS = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def rules() -> dict[str, str]:
    (group,) = yaml.safe_load((EXAMPLES / "alerts.yaml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def panels() -> dict[str, str]:
    board = json.loads((EXAMPLES / "grafana.json").read_text())
    return {f"{p['title']}/{t['refId']}": t["expr"] for p in board["panels"] for t in p["targets"]}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Name of each sample to its labels, of a gateway that took, refused, limited and could not deliver."""
    with gateway(TOML, tmp_path_factory.mktemp("monitoring") / "data") as g:
        now = int(time.time())
        event = {"event_name": "Purchase", "event_time": now, "event_id": "a", "action_source": "website",
                 "custom_data": {"value": 1, "currency": "EUR"}, "user_data": {"external_id": "7"}}  # fmt: skip
        for data in ([event], [event], [{**event, "custom_data": {}}]):
            requests.post(f"{g.url}/v25.0/1/events", json={"data": data, "access_token": KEY}, timeout=60)
        page = {"dataset": "1", "event_name": "PageView", "event_id": "b", "event_time": now}
        for _ in range(6):
            headers = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
            requests.post(f"{g.url}/t/events", json={"events": [page]}, headers=headers, timeout=60)
        found: dict[str, list[dict[str, str]]] = {}
        deadline = time.monotonic() + 60
        while not any(s["destination"] for s in found.get("twofold_destination_pauses_total", [])):
            assert time.monotonic() < deadline, sorted(found)
            time.sleep(0.6)
            text = requests.get(f"{g.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).text
            found = {}
            for family in text_string_to_metric_families(text):
                # A family without samples yet is known by its name, and its labels by nobody.
                found.setdefault(family.name if family.type != "counter" else f"{family.name}_total", [])
                for sample in family.samples:
                    found.setdefault(sample.name, []).append({**sample.labels, "": str(sample.value)})
    return found


@pytest.mark.process
@pytest.mark.parametrize("where", [*rules(), *panels()])
def test_every_name_and_label_is_one_that_the_gateway_has(where: str, metrics: dict[str, list[dict[str, str]]]) -> None:
    """In expressions, filters, groupings."""
    expression = (rules() | panels())[where]
    used = OURS.findall(expression)
    assert used or "up{" in expression
    for name, filters in used:
        assert name in metrics, name
        labels = {label for sample in metrics[name] for label in sample if label}
        if metrics[name]:
            assert set(LABELS.findall(filters)) <= labels, (name, filters)
            for group in re.findall(r"by \(([^)]*)\)", expression):
                assert {g.strip() for g in group.split(",")} <= labels | {"le"}, (name, group)


@pytest.mark.process
def test_what_would_fire_now_does(metrics: dict[str, list[dict[str, str]]]) -> None:
    """This gateway was never backed up and its platform cannot be reached: the plain comparisons say so, the others are quiet."""
    values = {name: {float(s[""]) for s in samples} for name, samples in metrics.items()}
    firing = set()
    for alert, expression in rules().items():
        match = re.fullmatch(r"(twofold_\w+)(?:\{status=~\"([\w|]+)\"\})? (==|>) (\d+)", expression)
        if match is None:
            continue
        name, words, sign, limit = match.groups()
        seen = {float(s[""]) for s in metrics[name] if not words or s["status"] in words.split("|")}
        if any(v == float(limit) if sign == "==" else v > float(limit) for v in seen):
            firing.add(alert)
    firing.discard("TwofoldLoopStopped")  # a busy machine may bring it about, and it is true then
    assert firing == {"TwofoldDestinationPaused", "TwofoldErasuresNotCopied"}
    assert values["twofold_backup_timestamp_seconds"] == {0.0}
    assert sum(float(s[""]) for s in metrics["twofold_status"]) == 1


def test_each_rule_says_what_to_do() -> None:
    """A sentence, and how soon: at once or in working hours."""
    (group,) = yaml.safe_load((EXAMPLES / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "work")
        assert len(rule["annotations"]["summary"]) > 30
    page = (ROOT / "docs" / "monitor.md").read_text()
    for alert in rules():
        assert f"`{alert}`" in page
