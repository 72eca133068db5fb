"""The doors of consent on a real store: who may say what, for whom, and what a stranger can learn (nothing)."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from twofold.collect.access import key_digest
from twofold.collect.doors.consent import HEARD, ConsentDoors, choice_of
from twofold.collect.doors.work import Work
from twofold.collect.messages import Answer, Pending, Request
from twofold.collect.policy import DatasetPolicy
from twofold.destinations import DESTINATIONS
from twofold.event.addressees import Addressees
from twofold.matching.subject import Mark
from twofold.store.gates.withdrawals import read_standing
from twofold.store.opened.routes import Route
from twofold.store.store import Store

NOW = 1_790_000_000_000
KEY = "the-key-of-this-dataset"
FBP = "fb.1.1790000000000.1234567890"
POLICY = DatasetPolicy(id="1", key=key_digest(KEY), origins=frozenset({"https://shop.example"}), country="us",
                       addressees=Addressees({d.platform: d.called for d in DESTINATIONS}))  # fmt: skip
# SHA-256 of 16505552671, the number below in Meta's form
PHONE_HASH = hashlib.sha256(b"16505552671").hexdigest()


def said(folder: Path, requests: Iterable[tuple[str, Any, dict[str, str]]]) -> tuple[list[Answer], dict[str, str]]:
    """The answers to these requests, and the state of each mark of one person afterwards."""

    async def main():
        store = Store(folder, routes={"1": Route(destinations=("meta-1",))}, opened_at=NOW)
        store.start()
        try:
            doors = ConsentDoors(store, {"1": POLICY}, lambda: NOW, "/t")
            answers = [await ask(doors, *r) for r in requests]
            marks = [Mark("fbp", "1790000000000.1234567890"), Mark("visitor", "v-1"), Mark("ph", PHONE_HASH)]
            marks += [Mark("order", "1001")]
            standing = read_standing(store.folder, "1", marks)
            return answers, {s.kind: "withdrawn" if s.withdrawn else "given" for s in standing if s.withdrawn_at}
        finally:
            await store.close()

    return asyncio.run(main())


async def ask(doors: ConsentDoors, path: str, body: Any, headers: dict[str, str]) -> Answer:
    door = doors.door_for(path)
    assert door is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = [(k.encode(), v.encode()) for k, v in headers.items()]
    reply = door(Request("POST", path, b"", fields, "203.0.113.7", raw))
    if isinstance(reply, Work):  # nothing to withdraw: a row of what was refused
        (row,) = reply.rows
        answer = reply.answer()
        assert (row.door, row.dataset) == ("consent", path.split("/")[2])
        assert f'"{row.reason}"'.encode() in answer.body
        return answer
    return reply.then(await reply.future) if isinstance(reply, Pending) else reply


HOME = {"origin": "https://shop.example"}
BROWSERS = [
    ({"dataset": "1", "fbp": FBP, "state": "denied"}, HOME, {"fbp": "withdrawn"}),
    ({"dataset": "1", "visitor": "v-1", "state": False}, HOME, {"visitor": "withdrawn"}),
    ({"dataset": "1", "visitor": "v-1", "fbp": FBP, "state": {"marketing": "denied"}}, HOME, {"visitor": "withdrawn", "fbp": "withdrawn"}),
    ({"dataset": "1", "visitor": "v-1", "state": {"tcf": "unreadable"}}, HOME, {"visitor": "withdrawn"}),
    ({"dataset": "1", "visitor": "v-1", "state": "denied"}, {}, {"visitor": "withdrawn"}),  # a sandboxed frame
    # a broken text beside it costs nobody his no
    (b'\xef\xbb\xbf{"dataset": "1", "visitor": "v-1", "state": "denied"}', HOME, {"visitor": "withdrawn"}),
    (b'{"dataset": "1", "visitor": "v-1", "state": "denied", "page": "Gr\xf6\xdfe"}', HOME, {"visitor": "withdrawn"}),
    ({"dataset": "1", "visitor": "v-1", "state": "denied", "page": "a\0" + "x" * 9_000, "n": 10**30}, HOME, {"visitor": "withdrawn"}),
    # nothing follows
    ({"dataset": "1", "visitor": "v-1", "state": "denied"}, {"origin": "https://other.example"}, {}),
    ({"dataset": "2", "visitor": "v-1", "state": "denied"}, HOME, {}),
    ({"dataset": "1", "visitor": "v-1"}, HOME, {}),
    ({"dataset": "1", "visitor": "v-1", "state": {"analytics": False}}, HOME, {}),
    ({"dataset": "1", "state": "denied"}, HOME, {}),
    # a browser speaks for itself only
    ({"dataset": "1", "ph": "+16505552671", "order": "1001", "state": "denied"}, HOME, {}),
    ([1], HOME, {}),
    (b"{", HOME, {}),
    (b"", HOME, {}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "expected"), BROWSERS, ids=range(len(BROWSERS)))
def test_a_browser_speaks_for_itself(tmp_path, body, headers, expected):
    """Always the same answer to the byte, whatever it was and whoever is known."""
    (answer,), standing = said(tmp_path, [("/t/consent", body, headers)])
    assert answer == HEARD
    assert standing == expected


def test_a_browser_takes_it_back_and_gives_it_again(tmp_path):
    body = {"dataset": "1", "visitor": "v-1"}
    requests = [("/t/consent", {**body, "state": state}, HOME) for state in ("denied", "granted")]
    assert said(tmp_path, requests)[1] == {"visitor": "given"}


BEARER = {"authorization": f"Bearer {KEY}"}
SERVERS = [
    ({"state": "denied", "phone": "(650) 555-2671"}, BEARER, 200, {"ph": "withdrawn"}),
    ({"state": "denied", "ph": PHONE_HASH}, BEARER, 200, {"ph": "withdrawn"}),
    ({"state": "denied", "order_id": "1001", "fbp": FBP, "access_token": KEY}, {}, 200, {"order": "withdrawn", "fbp": "withdrawn"}),
    ({"state": "denied", "visitor": ["v-1", "v-2"]}, BEARER, 200, {"visitor": "withdrawn"}),
    (b'{"state": "denied", "order": "1001", "name": "J\xf6rg", "n": NaN}', BEARER, 200, {"order": "withdrawn"}),
    ({"state": "denied", "order": "1001", "note": "a\0\udfff" + "x" * 9_000}, BEARER, 200, {"order": "withdrawn"}),
    ({"state": "granted", "order": "1001"}, BEARER, 200, {}),  # never withdrawn: nothing to give again
    ({"state": "denied", "order": "1001"}, {}, 401, {}),
    ({"state": "denied", "order": "1001"}, {"authorization": "Bearer another-key"}, 401, {}),
    ({"state": "denied", "order": "1001", "access_token": 7}, {}, 401, {}),
    ({"order": "1001"}, BEARER, 400, {}),
    ({"state": "denied"}, BEARER, 400, {}),
    ({"state": {"platforms": {"tiktok": False}}, "order": "1001"}, BEARER, 400, {}),  # nobody takes it for heard
    ({"state": "denied", "email": "not an address"}, BEARER, 400, {}),
    ([], BEARER, 400, {}),
    (b"{", BEARER, 400, {}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status", "expected"), SERVERS, ids=range(len(SERVERS)))
def test_the_shops_server_may_name_people(tmp_path, body, headers, status, expected):
    """With the dataset's key, by any mark; a refusal says what was expected and never what was sent."""
    (answer,), standing = said(tmp_path, [("/v1/1/consent", body, headers)])
    assert answer.status == status, answer.body
    assert standing == expected
    assert b"2671" not in answer.body
    assert KEY.encode() not in answer.body


def test_an_unknown_dataset_is_none(tmp_path):
    (answer,), _ = said(tmp_path, [("/v1/9/consent", {"state": "denied", "order": "1"}, BEARER)])
    assert b"Unsupported post request" in answer.body


CHOICES = [
    ("denied", True), ("granted", False), (None, None), ({"marketing": True}, False), ({"marketing": False}, True),
    ({"ad_user_data": "denied", "marketing": True}, True), ({"analytics": True}, None), ({"gpc": True}, None),
    ("perhaps", True), ({"state": "granted", "marketing": False}, True),
    ({"marketing": True, "platforms": {"tiktok": False}}, None), ({"state": "granted", "platforms": {"tiktok": True}}, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), CHOICES, ids=range(len(CHOICES)))
def test_what_takes_consent_back(value, expected):
    """Only what decides about sending; a wish about something else changes nothing here."""
    assert choice_of(value) is expected


def test_a_no_to_one_platform_neither_takes_all_back_nor_gives_all_again(tmp_path):
    """In its vendor's words: one that cannot be read would take all back, and a yes that leaves it out would give it back, too."""
    one = {"marketing": "granted", "platforms": {"Google Ads": False}}
    requests = [
        request
        for state in ("denied", one)
        for request in (
            ("/v1/1/consent", {"state": state, "order": "1001"}, BEARER),
            ("/t/consent", {"dataset": "1", "state": state, "visitor": "v-1"}, HOME),
        )
    ]
    answers, standing = said(tmp_path, requests)
    assert [answer.status for answer in answers] == [200, HEARD.status, 400, HEARD.status]
    assert standing == {"order": "withdrawn", "visitor": "withdrawn"}
