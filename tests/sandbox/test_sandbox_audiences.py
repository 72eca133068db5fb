"""Customer lists in the sandbox: told by the official SDK and by our own lists, shown by counts, with nobody readable."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from running_sandbox import TOKEN, Running

sys.path.append(str(Path(__file__).parents[1]))
from tests.audiences.shoppers import HOUR, did, hex_of, kept, settings_for
from tests.store.copies import NOW
from twofold.audiences.run import sync

LIST = "23851234567890123"
ADDRESSES = [f"buyer-{n}@shop.example" for n in range(3)]


def told(sandbox: Running) -> dict[str, Any]:
    (row,) = sandbox.read("audiences")
    return row


@pytest.fixture
def audience(monkeypatch: pytest.MonkeyPatch, sandbox: Running) -> Iterator[CustomAudience]:
    """The official SDK, pointed at the sandbox."""
    monkeypatch.setattr(FacebookSession, "GRAPH", sandbox.base)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    yield CustomAudience(LIST)
    api._session.requests.close()


def test_the_official_sdk_puts_people_on_and_takes_them_off(sandbox: Running, audience: CustomAudience) -> None:
    """Two of three twice: on it once; one goes, and one who never was on it."""
    assert audience.add_users(CustomAudience.Schema.email_hash, ADDRESSES[:2]).json()["num_received"] == 2
    answer = audience.add_users(CustomAudience.Schema.email_hash, ADDRESSES).json()
    assert (answer["audience_id"], answer["num_received"], answer["num_invalid_entries"]) == (LIST, 3, 0)
    assert audience.remove_users(CustomAudience.Schema.email_hash, [ADDRESSES[0], "nobody@shop.example"]).is_success()
    row = told(sandbox)
    assert [row[name] for name in ("rows", "emails", "phones", "added", "removed", "repeated", "requests")] == [
        2,
        2,
        0,
        3,
        1,
        3,
        3,
    ]


def test_nobody_can_be_read_anywhere(sandbox: Running, audience: CustomAudience) -> None:
    """Neither an address nor its digest stands on the page or in the list."""
    audience.add_users(CustomAudience.Schema.email_hash, ADDRESSES)
    page = sandbox.http.get(f"{sandbox.base}/audiences", timeout=60)
    shown = page.text + json.dumps(sandbox.read("audiences"))
    assert page.status_code == 200
    assert "Lists as they are now" in shown
    digests = [hashlib.sha256(one.encode()).hexdigest() for one in ADDRESSES]
    assert not any(one[:16] in shown for one in (*ADDRESSES, *digests))
    sandbox.reset()
    assert sandbox.read("audiences") == []


def post(sandbox: Running, payload: Any, method: str = "POST", **more: Any) -> Any:
    form = {"payload": json.dumps(payload), "access_token": TOKEN} | more
    return sandbox.http.request(method, f"{sandbox.base}/v25.0/{LIST}/users", data=form, timeout=60)


def test_rows_that_name_nobody_are_counted_and_kept_nowhere(sandbox: Running) -> None:
    """No digest at all, an address in the clear, a digest in capitals: invalid; the rest of the request counts."""
    good = hex_of("a")
    data = [[good, ""], ["", ""], ["mary@shop.example", ""], [good.upper(), ""], ["", hex_of("1")]]
    answer = post(sandbox, {"schema": ["EMAIL", "PHONE"], "data": data}).json()
    assert (answer["num_received"], answer["num_invalid_entries"], answer["invalid_entry_samples"]) == (5, 3, {})
    row = told(sandbox)
    assert (row["rows"], row["emails"], row["phones"], row["invalid"]) == (2, 1, 1, 3)


def test_a_value_is_an_amount_of_zero_or_more(sandbox: Running) -> None:
    data = [[hex_of(letter), value] for letter, value in zip("abcdef", (0, 12.5, -1, "12", True, None), strict=True)]
    answer = post(sandbox, {"schema": ["EMAIL", "LOOKALIKE_VALUE"], "data": data}).json()
    assert (answer["num_received"], answer["num_invalid_entries"]) == (6, 4)
    assert (told(sandbox)["rows"], told(sandbox)["valued"]) == (2, 2)


@pytest.mark.parametrize(
    "payload",
    [
        {"schema": ["EMAIL", "NAME"], "data": []},
        {"schema": [], "data": []},
        {"schema": ["EMAIL"], "data": "x"},
        {"schema": ["EMAIL", "PHONE"], "data": [["a" * 64]]},
        {"schema": ["EMAIL"], "data": [["a" * 64]] * 10_001},
        [],
    ],
)
def test_what_is_refused_changes_nothing(sandbox: Running, payload: Any) -> None:
    answer = post(sandbox, payload)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert sandbox.read("audiences") == []


def test_a_token_without_the_right_changes_no_list(start_sandbox: Any) -> None:
    running = start_sandbox(tokens={TOKEN: ()}, scopes={TOKEN: ("ads_read",)})
    assert post(running, {"schema": ["EMAIL"], "data": []}).status_code in (400, 403)
    assert post(running, {"schema": ["EMAIL"], "data": []}, access_token="another-token").status_code in (400, 401)
    assert running.read("audiences") == []


def test_an_sdk_error_is_metas(sandbox: Running, audience: CustomAudience) -> None:
    with pytest.raises(FacebookRequestError) as refused:
        audience.get_api_assured().call("POST", (LIST, "users"), {"payload": {"schema": ["SHOE_SIZE"], "data": []}})
    assert refused.value.api_error_code() == 100


def test_our_own_lists_come_and_go(tmp_path: Path, sandbox: Running) -> None:
    """The account's endpoint is the sandbox: who looked is put on, who bought is taken off."""
    account = {"platform": "meta", "id": "act_1", "name": "m", "token": TOKEN, "endpoint": sandbox.base}
    audience = {"rule": "viewed_not_bought", "smallest": 1, "lists": {"m": LIST}}
    settings = settings_for(tmp_path, audience, accounts=[account])
    kept(tmp_path, [did("a", ph="1"), did("b"), did("c")])
    (done,) = sync(settings, [], lambda: NOW)
    assert (done.added, done.problem) == (3, "")
    kept(tmp_path, [did("b", "Purchase", ago=HOUR)])
    (done,) = sync(settings, [], lambda: NOW + HOUR)
    assert done.removed == 1
    row = told(sandbox)
    assert [row[name] for name in ("rows", "emails", "phones", "added", "removed", "invalid")] == [2, 2, 1, 3, 1, 0]
