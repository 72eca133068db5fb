"""Dataset quality, stats, checks and the dataset's node: documented shapes, figures counted by hand."""

from __future__ import annotations

import hashlib

import pytest
from facebook_business.adobjects.adspixel import AdsPixel
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession
from running_sandbox import DATASET, EMAIL, NOW_MS, TOKEN, Running, purchase

NOW_S = NOW_MS // 1000
HOUR, DAY = 3_600, 86_400
IP, UA = "2a02:8109::7", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1"
FBP = "fb.1.1789990000000.1234567890"
FBC = "fb.1.1789990000000.IwAR2F4dbP0l7Mn1IawQQGCINEz7"
HASH = hashlib.sha256(b"x").hexdigest()


def quality(sandbox: Running, **query: object) -> dict:
    answer = sandbox.http.get(
        f"{sandbox.base}/v25.0/dataset_quality",
        params={"dataset_id": DATASET, "access_token": TOKEN, **query},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def web(sandbox: Running, **query: object) -> dict:
    (row,) = quality(sandbox, **query)["web"]
    return row


def read(sandbox: Running, path: str, **query: object):
    return sandbox.http.get(f"{sandbox.base}{path}", params={"access_token": TOKEN, **query}, timeout=60)


# user_data of one event, the score by hand: ten times the weights' sum over 12, at most 10
SCORES = [
    ({"client_ip_address": IP, "client_user_agent": UA}, 1.7),  # 2 of 12
    ({"em": EMAIL, "client_ip_address": IP, "client_user_agent": UA}, 4.2),  # 5
    ({"em": EMAIL, "fbc": FBC, "fbp": FBP, "client_ip_address": IP, "client_user_agent": UA}, 8.3),  # 10
    ({"em": EMAIL, "fbc": FBC, "ph": HASH, "external_id": "7", "fbp": FBP}, 10.0),  # 12
    ({"em": EMAIL, "fbc": FBC, "ph": HASH, "external_id": "7", "fbp": FBP, "fn": HASH}, 10.0),  # 13, cut
    (
        {"em": EMAIL, "fbp": "none", "client_ip_address": "unknown"},
        2.5,
    ),  # invalid ones give nothing; such an fbc is refused
]


@pytest.mark.parametrize(("user_data", "score"), SCORES)
def test_score_of_presence_and_validity(sandbox: Running, user_data: dict, score: float) -> None:
    """The estimate follows the written formula, and the answer says whose it is."""
    sandbox.post([purchase(user_data=user_data)])

    assert web(sandbox)["event_match_quality"]["composite_score"] == score
    assert "not Meta's" in quality(sandbox)["sandbox_estimate"]


def test_score_is_the_mean_of_48_hours(sandbox: Running) -> None:
    """Two events of 5 and 10 of 12 make 6.25; 48 hours later the first no longer counts."""
    sandbox.post([purchase(user_data={"em": EMAIL, "client_ip_address": IP, "client_user_agent": UA})])
    sandbox.now += HOUR * 1000
    sandbox.post([purchase(event_id="2", user_data={"em": EMAIL, "fbc": FBC, "fbp": FBP, "ph": HASH})])
    assert web(sandbox)["event_match_quality"]["composite_score"] == 6.2  # 6.25, rounded half to even

    sandbox.now = NOW_MS + 48 * HOUR * 1000 + 1
    assert web(sandbox)["event_match_quality"]["composite_score"] == 8.3


def test_key_feedback_and_diagnostics(sandbox: Running) -> None:
    """Coverage per key under Meta's identifiers, and the match diagnostics with counts."""
    sandbox.post([purchase(event_id=str(n), user_data={"em": EMAIL, "client_user_agent": UA}) for n in range(3)])
    sandbox.post([purchase(event_id="4", user_data={"em": EMAIL, "client_ip_address": IP, "client_user_agent": UA})])

    found = web(sandbox)["event_match_quality"]
    coverage = {row["identifier"]: row["coverage"]["percentage"] for row in found["match_key_feedback"]}
    assert coverage == {"email": 100.0, "ip_address": 25.0, "user_agent": 100.0}
    (missing,) = [row for row in found["diagnostics"] if row["name"] == "s2s_missing_ip"]
    assert (missing["percentage"], missing["affected_event_count"], missing["total_event_count"]) == (75.0, 3, 4)
    assert missing["solution"]


def test_coverage_is_the_average_of_days(sandbox: Running) -> None:
    """Day one 1 of 2 covered, day two 4 of 4: the average of days is 75 %, the goal met exactly."""
    for n in range(2):
        sandbox.pixel(ev="Purchase", eid=f"a{n}")
    sandbox.post([purchase(event_id="a0")])
    sandbox.now += DAY * 1000
    for n in range(4):
        sandbox.pixel(ev="Purchase", eid=f"b{n}")
        sandbox.post([purchase(event_id=f"b{n}", event_time=NOW_S + DAY)])

    coverage = web(sandbox)["event_coverage"]
    assert (coverage["percentage"], coverage["goal_percentage"]) == (75.0, 75)


# event id of the browser, event id and fbp of the server, the coverage
SHARED = [("1", "1", None, 100.0), ("1", "2", FBP, 0.0), (None, "2", FBP, 100.0), (None, "2", FBP + "1", 0.0)]


@pytest.mark.parametrize(("browser_id", "server_id", "fbp", "percentage"), SHARED)
def test_what_covers_a_browser_event(
    sandbox: Running, browser_id: str | None, server_id: str, fbp: str | None, percentage: float
) -> None:
    """An equal event id covers; an equal fbp does when the browser sent no id."""
    sandbox.pixel(ev="Purchase", fbp=FBP, **({"eid": browser_id} if browser_id else {}))
    sandbox.post([purchase(event_id=server_id, user_data={"em": EMAIL} | ({"fbp": fbp} if fbp else {}))])

    assert web(sandbox)["event_coverage"]["percentage"] == percentage


def test_dedupe_key_feedback_freshness_and_acr(sandbox: Running) -> None:
    """Shares per key on each side, the common part, how fresh the data is, and what only the server reported."""
    sandbox.pixel(ev="Purchase", eid="1", fbp=FBP)
    sandbox.pixel(ev="Purchase", eid="2")
    user_data = {"em": EMAIL, "fbp": FBP, "external_id": "7"}
    sandbox.post([purchase(event_id=n, user_data=user_data) for n in ("1", "3", "4", "5")])

    row = web(sandbox)
    feedback = {
        entry["dedupe_key"]: [
            entry[part]["percentage"]
            for part in (
                "browser_events_with_dedupe_key",
                "server_events_with_dedupe_key",
                "overall_browser_coverage_from_dedupe_key",
            )
        ]
        for entry in row["dedupe_key_feedback"]
    }
    assert feedback == {
        "event_id": [100.0, 100.0, 50.0],
        "external_id": [0.0, 100.0, 0.0],
        "fbp": [50.0, 100.0, 50.0],
    }
    assert row["data_freshness"]["upload_frequency"] == "real_time"
    assert row["acr"]["percentage"] == 150.0  # 3 only from the server, 2 from the browser
    assert "estimate" in row["acr"]["description"]


@pytest.mark.parametrize(
    ("delay_s", "word"), [(0, "real_time"), (601, "hourly"), (2 * HOUR + 1, "daily"), (2 * DAY, "weekly")]
)
def test_freshness_words(sandbox: Running, delay_s: int, word: str) -> None:
    """The word follows the median delay."""
    sandbox.post([purchase(event_time=NOW_S - delay_s)])

    assert web(sandbox)["data_freshness"]["upload_frequency"] == word


def test_nothing_is_an_empty_object(sandbox: Running) -> None:
    """No data, other datasets' data, data of 7 days ago and store events all answer `{}`."""
    assert quality(sandbox) == {}
    sandbox.post([purchase()], dataset="2")
    sandbox.post([purchase(action_source="physical_store")])
    assert quality(sandbox) == {}
    sandbox.post([purchase()])
    assert quality(sandbox)["web"]
    sandbox.now += 7 * DAY * 1000 + 1
    assert quality(sandbox) == {}


def test_agent_name(sandbox: Running) -> None:
    """`agent_name` is the partner agent in lower case without version; others' events do not count."""
    sandbox.post([purchase()], partner_agent="Hub-1.2.3")
    sandbox.post([purchase(event_id="2", user_data={"em": EMAIL, "fbc": FBC})], partner_agent="other")

    assert web(sandbox, agent_name="hub")["event_match_quality"]["composite_score"] == 4.2
    assert web(sandbox, agent_name="other")["event_match_quality"]["composite_score"] == 5.0
    assert "event_match_quality" not in web(sandbox, agent_name="third")


# fields, the row that comes back
FIELDS = [
    ("web{event_name}", {"event_name": "Purchase"}),
    ("web{event_match_quality{composite_score}}", {"event_match_quality": {"composite_score": 4.2}}),
    (
        "web{event_name, event_match_quality{match_key_feedback{identifier}}}",
        {
            "event_name": "Purchase",
            "event_match_quality": {
                "match_key_feedback": [
                    {"identifier": "email"},
                    {"identifier": "ip_address"},
                    {"identifier": "user_agent"},
                ]
            },
        },
    ),
    ("web{event_name,nothing}", {"event_name": "Purchase"}),
]


@pytest.mark.parametrize(("fields", "row"), FIELDS)
def test_field_selection(sandbox: Running, fields: str, row: dict) -> None:
    """Graph's nested braces choose what comes back."""
    sandbox.post([purchase()])

    assert web(sandbox, fields=fields) == row


@pytest.mark.parametrize("fields", ["web{", "web}", "web{a{}", "{", "web{a,,b}", "web" + "{a" * 50, "shoes"])
def test_broken_fields(sandbox: Running, fields: str) -> None:
    """A broken or unknown selection is refused with code 100."""
    answer = read(sandbox, "/v25.0/dataset_quality", dataset_id=DATASET, fields=fields)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_share_matched_enters_the_score(sandbox: Running) -> None:
    """With accounts in the register half the score is the share matched: (8.33 + 5.0) / 2."""
    people = [{"id": "nino", "em": [EMAIL]}]
    assert sandbox.http.post(f"{sandbox.base}/sandbox/people", json=people, timeout=60).status_code == 200
    keys = {"fbc": FBC, "fbp": FBP, "client_ip_address": IP, "client_user_agent": UA}
    sandbox.post([purchase(user_data={"em": EMAIL, **keys})])
    sandbox.post(
        [
            purchase(
                event_id="2",
                user_data={"em": HASH, **keys, "fbc": FBC + "a", "fbp": FBP + "1", "client_ip_address": "2a02::9"},
            )
        ]
    )

    assert web(sandbox)["event_match_quality"]["composite_score"] == 6.7


def increases(row: dict) -> dict[str, float]:
    """Percentage by identifier; every description says whose figure it is."""
    found = {
        one["identifier"]: one["potential_aly_acr_increase"] for one in row["event_match_quality"]["match_key_feedback"]
    }
    assert all("not Meta's figure" in one["description"] for one in found.values())
    return {name: one["percentage"] for name, one in found.items()}


def test_potential_of_keys_without_a_register(sandbox: Running) -> None:
    """Nobody is known: an address on 1 of 4 events could be on 3 more, each with its weight's chance of 1 in 12."""
    sandbox.post([purchase(event_id=str(n), user_data={"em": EMAIL, "client_user_agent": UA}) for n in range(3)])
    sandbox.post([purchase(event_id="4", user_data={"em": EMAIL, "client_ip_address": IP, "client_user_agent": UA})])

    row = web(sandbox)
    assert increases(row) == {"email": 0.0, "ip_address": 6.2, "user_agent": 0.0}  # 3/4 * 1/12 = 6.25 %, half to even
    assert row["event_potential_aly_acr_increase"]["percentage"] == 6.2


def test_potential_of_keys_with_a_register(sandbox: Running) -> None:
    """5 events, e-mail on 2 of which 1 matches; of the 3 without it the click id matched 1: 3/5 * 2/3 * 1/2 = 20 %."""
    people = [{"id": "nino", "em": [EMAIL], "fbc": [FBC]}]
    assert sandbox.http.post(f"{sandbox.base}/sandbox/people", json=people, timeout=60).status_code == 200
    keys = [{"em": EMAIL}, {"em": HASH}, {"fbc": FBC}, {}, {}]
    sandbox.post(
        [
            purchase(event_id=str(n), user_data={"client_ip_address": IP, "client_user_agent": UA, **sent})
            for n, sent in enumerate(keys)
        ]
    )

    row = web(sandbox)
    # The click id: 4 of 5 could get it, 1 of the 4 without it is matched already, and every one sent matched: 4/5 * 3/4.
    assert increases(row) == {"email": 20.0, "fbc": 60.0, "ip_address": 0.0, "user_agent": 0.0}
    assert row["event_potential_aly_acr_increase"]["percentage"] == 60.0


@pytest.mark.parametrize(("covered", "percentage"), [(0, 75.0), (1, 25.0), (2, 0.0)])
def test_potential_of_coverage(sandbox: Running, covered: int, percentage: float) -> None:
    """What is missing to 75 % of two browser events; nothing above it."""
    for n in range(2):
        sandbox.pixel(ev="Purchase", eid=f"a{n}")
    sandbox.post([purchase(event_id=f"a{n}") for n in range(covered)] or [purchase(event_name="Lead")])

    (row,) = [row for row in quality(sandbox)["web"] if row["event_name"] == "Purchase"]
    increase = row["event_coverage"]["potential_aly_acr_increase"]
    assert (increase["percentage"], "not Meta's figure" in increase["description"]) == (percentage, True)
    assert row["event_potential_aly_acr_increase"]["percentage"] == percentage


# ------------------------------------------------------------------ store events


def sale(n: int, age_s: int, now_s: int, **user_data: object) -> dict:
    keys = {"em": EMAIL, **user_data}
    return purchase(event_id=str(n), event_time=now_s - age_s, action_source="physical_store", user_data=keys) | {
        "custom_data": {"value": 1, "currency": "EUR", "order_id": str(n)}
    }


def offline(sandbox: Running, **query: object) -> dict:
    (row,) = quality(sandbox, **{"fields": "offline"} | query)["offline"]
    return row


def test_offline_scores(sandbox: Running) -> None:
    """Two uploads, on the first and the last of 5 days, of three sales by hand.

    Match key: 5, 3 and 3 of 12. Frequency: 2 of 5 days. Freshness: within a day 10, after 4 days 5, after 8 days 0.
    """
    sandbox.post([sale(1, HOUR, NOW_S, ph=HASH), sale(2, 4 * DAY, NOW_S)])
    sandbox.now += 4 * DAY * 1000
    sandbox.post([sale(3, 8 * DAY, NOW_S + 4 * DAY)])

    row = offline(sandbox)
    assert row["event_name"] == "Purchase"
    assert (row["match_key"]["score"], row["frequency"]["score"], row["freshness"]["score"]) == (3.1, 4.0, 5.0)
    assert row["match_key"]["coverage"] == {"email": 100.0, "phone": 33.3}
    assert row["composite"]["score"] == 4.0  # (3.06 + 4 + 5) / 3
    assert row["composite"]["recommendation"] == row["match_key"]["recommendation"]  # the weakest part
    assert "web" not in quality(sandbox, fields="offline")


def test_offline_needs_nothing_more_at_8_5(sandbox: Running) -> None:
    """All keys, today, at once: ten of ten, and nothing is recommended."""
    sandbox.post([sale(1, HOUR, NOW_S, ph=HASH, external_id="7", fbc=FBC, fbp=FBP)])

    row = offline(sandbox, fields="offline{event_name,composite}")
    assert row == {"event_name": "Purchase", "composite": {"score": 10.0, "recommendation": "Nothing to do."}}


def test_offline_looks_at_28_days_of_store_events(sandbox: Running) -> None:
    """Web events, other agents' events and those of more than 28 days ago are none of its business."""
    sandbox.post([purchase()])
    assert quality(sandbox, fields="offline") == {}
    sandbox.post([sale(1, HOUR, NOW_S)], partner_agent="Hub-1.2")
    assert quality(sandbox, fields="offline", agent_name="other") == {}
    assert quality(sandbox, fields="offline,web", agent_name="hub").keys() == {"web", "offline", "sandbox_estimate"}
    sandbox.now += 28 * DAY * 1000
    assert offline(sandbox)["frequency"]["score"] == 0.3  # one of 29 calendar days
    sandbox.now += 1
    assert quality(sandbox, fields="offline") == {}


# ------------------------------------------------------------------ stats, node, checks


def test_stats(sandbox: Running) -> None:
    """Counts per hour in the documented shape, narrowed by event and source."""
    sandbox.post([purchase(event_time=NOW_S - HOUR), purchase(event_id="2"), purchase(event_id="3", event_name="Lead")])
    sandbox.pixel(ev="Purchase", eid="2")
    hour = NOW_S // HOUR * HOUR

    rows = read(sandbox, f"/v25.0/{DATASET}/stats", aggregation="event").json()["data"]
    assert [row["aggregation"] for row in rows] == ["event", "event"]
    assert [row["data"] for row in rows] == [
        [{"value": "Purchase", "count": 1}],
        [{"value": "Lead", "count": 1}, {"value": "Purchase", "count": 2}],
    ]
    assert rows[1]["start_time"].endswith(":00:00+0000")
    assert len(rows[1]["start_time"]) == len("2026-09-21T14:00:00+0000")

    def count(**query: object) -> int:
        answer = read(sandbox, f"/{DATASET}/stats", aggregation="event_total_counts", **query)
        return sum(value["count"] for row in answer.json()["data"] for value in row["data"])

    assert count() == 4
    assert count(event="Purchase") == 3
    assert count(event_source="WEB_ONLY") == 1
    assert count(event_source="SERVER_ONLY") == 3
    assert count(start_time=hour) == 3
    assert count(end_time=NOW_S - 1) == 1
    assert count(start_time="2020-01-01", end_time="2020-01-02") == 0


# aggregation, the values of one server event and one hit
AGGREGATIONS = [
    ("event_source", {"Browser": 1, "Server": 1}),
    ("event_processing_results", {"Deduplicated": 1, "Processed": 1}),
    ("host", {"shop.example": 2}),
    ("url", {"https://shop.example/thanks": 2}),
    ("had_pii", {"true": 1, "false": 1}),
    ("pixel_fire", {"fire": 1}),
    ("custom_data_field", {"value": 2, "currency": 2, "order_id": 1}),
    ("device_os", {"iOS": 2}),
    ("device_type", {"mobile": 2}),
    ("browser_type", {"Safari": 2}),
    ("match_keys", {"em": 1, "client_ip_address": 2, "client_user_agent": 2}),
    ("event_value_count", {"Purchase": 2}),
    ("url_by_rule", {}),
]


@pytest.mark.parametrize(("aggregation", "values"), AGGREGATIONS)
def test_aggregations(sandbox: Running, aggregation: str, values: dict) -> None:
    """Each documented aggregation counts what its name says."""
    sandbox.http.get(
        f"{sandbox.base}/tr/",
        params={"id": DATASET, "ev": "Purchase", "eid": "order-1001", "dl": "https://shop.example/thanks?a=1",
                "cd[value]": "42.5", "cd[currency]": "EUR"},
        headers={"user-agent": UA},
        timeout=60,
    )  # fmt: skip
    sandbox.post([purchase(user_data={"em": EMAIL, "client_ip_address": IP, "client_user_agent": UA})])

    answer = read(sandbox, f"/v25.0/{DATASET}/stats", aggregation=aggregation).json()["data"]
    assert {value["value"]: value["count"] for row in answer for value in row["data"]} == values


@pytest.mark.parametrize("query", [{"aggregation": "shoes"}, {"event_source": "BOTH"}, {"start_time": "yesterday"}])
def test_bad_queries_are_refused(sandbox: Running, query: dict) -> None:
    """Code 100, with what was expected."""
    answer = read(sandbox, f"/v25.0/{DATASET}/stats", **query)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert "expected" in answer.json()["error"]["error_user_msg"]


def test_reads_need_a_token(sandbox: Running) -> None:
    """190 without one, 33 for something that is no dataset, on every read."""
    for path in (
        f"/v25.0/dataset_quality?dataset_id={DATASET}",
        f"/v25.0/{DATASET}/stats",
        f"/{DATASET}/da_checks",
        f"/{DATASET}",
    ):
        answer = sandbox.http.get(sandbox.base + path, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)
    assert read(sandbox, "/v25.0/dataset_quality", dataset_id="x").json()["error"]["error_subcode"] == 33


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch, sandbox: Running):
    """The official Python SDK's dataset object, pointed at the sandbox."""
    monkeypatch.setattr(FacebookSession, "GRAPH", sandbox.base)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    yield AdsPixel(DATASET)
    api._session.requests.close()


def test_python_sdk_reads_the_dataset(sandbox: Running, sdk: AdsPixel) -> None:
    """`api_get`, `get_stats` and `get_da_checks` of the official SDK read the answers."""
    sandbox.post([purchase(custom_data={"value": 1, "currency": "EUR", "content_ids": ["sku1"]}), purchase()])

    node = sdk.api_get(fields=["id", "name", "valid_entries", "duplicate_entries", "last_fired_time"])
    assert (node["id"], node["valid_entries"], node["duplicate_entries"]) == (DATASET, 2, 1)
    assert node["last_fired_time"].startswith("2026-09-21T")
    (hour,) = sdk.get_stats(params={"aggregation": "event"})
    assert hour["data"] == [{"value": "Purchase", "count": 2}]
    checks = {check["key"]: check["result"] for check in sdk.get_da_checks()}
    assert (checks["has_events"], checks["purchase_fires"], checks["viewcontent_fires"]) == (
        "passed",
        "passed",
        "failed",
    )
    assert checks["purchase_content"] == "failed"  # one of the two names no product
