"""The gateway's description against a running gateway: whatever is sent, the answer is one that the description has."""

from __future__ import annotations

import time
from copy import deepcopy
from pathlib import Path

import pytest
import requests

from tests.acceptance.gateway_process import gateway
from tests.acceptance.openapi_asking import ask_all
from twofold.collect.description import describe_gateway

KEY, TOKEN = "key-Gq7pZr2mXw9key", "status-Gq7pZr2mXw9aB"
TOML = f"""
[server]
status_token = "{TOKEN}"
[[dataset]]
id = "0"
key = "{KEY}"
trust = {{ events_per_minute = 0 }}
ways_in = {{ segment_key = "{KEY}", measurement_ids = ["G-ABC1234567"], mp_secret = "{KEY}" }}
[[source]]
type = "own"
dataset = "0"
shop = "0"
secret = "secret-Vb4nKc8tLd3f"
"""


@pytest.mark.process
def test_whatever_is_sent_the_answer_is_described(tmp_path: Path) -> None:
    """Each address with valid and broken requests, by a sender that has the key and by one that has not; nothing is lost by it."""
    with gateway(TOML, tmp_path / "data") as g:
        served = requests.get(f"{g.url}/openapi.json", timeout=60).json()
        assert served == describe_gateway()
        described = deepcopy(describe_gateway())  # the program's own is narrowed for nobody else
        # The one dataset and shop that there are, so that what is sent arrives.
        for parts in described["paths"].values():
            for one in parts.get("parameters", []):
                values = {"dataset": ["0"], "type": ["own"], "shop": ["0", "other"], "version": ["v25.0"],
                          "call": ["track", "batch"], "measurement_id": ["G-ABC1234567"], "api_secret": [KEY, TOKEN]}  # fmt: skip
                one["schema"] = {"enum": values[one["name"]]}
        body = described["paths"]["/{version}/{dataset}/events"]["post"]["requestBody"]["content"]["application/json"][
            "schema"
        ]
        body["properties"]["access_token"] = {"enum": [KEY]}
        body["properties"]["data"]["items"]["properties"] |= {
            "event_time": {"enum": [int(time.time())]},
            "event_name": {"enum": ["Lead", "Search"]},
            "user_data": {"enum": [{"external_id": "7"}]},
        }
        body["properties"]["data"]["items"]["required"].append("user_data")
        described["paths"]["/v1/{call}"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"][
            "writeKey"
        ] = {"enum": [KEY]}
        named = described["paths"]["/v1/{dataset}/consent"]["post"]["requestBody"]["content"]["application/json"][
            "schema"
        ]
        named["properties"]["order"] = {"enum": ["1001"]}
        named["required"].append("order")
        seen = ask_all(described, g.url, 6, {"Authorization": f"Bearer {KEY}"})
        assert seen.keys() == ask_all(served, g.url, 1, {"Authorization": f"Bearer {TOKEN}"}).keys()
        assert 200 in seen["POST /{version}/{dataset}/events"]
        assert 400 in seen["POST /{version}/{dataset}/events"]
        assert {200, 400} <= seen["POST /v1/{dataset}/consent"]
        assert {400, 401} <= seen["POST /v1/{call}"]
        assert 401 in seen["POST /mp/collect"]
        assert {401, 404} <= seen["POST /webhooks/{type}/{shop}"]
        health = requests.get(f"{g.url}/health", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        assert health.headers["content-type"] == "application/json"
        assert g.run("verify").returncode == 0
