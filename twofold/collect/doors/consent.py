"""The doors by which consent is taken back or given again: one for browsers, one for the shop's server.

Owns both requests. A browser may speak only for itself, by its own ids, and always gets the
same answer, so that nobody learns who was here. The shop's server shows the dataset's key and may name people; their
plain values become hashes here and are not kept. What follows is the store's (`store.withdrawals`).

    POST {path}/consent          {"dataset": "1", "visitor": "…", "fbp": "…", "state": "denied"}
    POST /v1/{dataset}/consent   {"state": "denied", "email": "…", "phone": "…", "external_id": "…", "order": "…"}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.json import encode

from twofold.clock import Clock
from twofold.collect.access import bearer_of, key_fits, origin_allowed, shows_key
from twofold.collect.doors.work import Work, refused_work, wait_for
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import JSON, JSON_CORS, Answer, Pending, Reply, Request
from twofold.collect.policy import DatasetPolicy
from twofold.consent.marks import KINDS, PUBLIC_KINDS, marks_from
from twofold.consent.signals import read_statement
from twofold.consent.state import PLATFORM
from twofold.event.addressees import NO_NAMES, Addressees
from twofold.event.json import read_json
from twofold.event.mending import Mender
from twofold.event.model import Consent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.matching.subject import Mark
from twofold.store.store import Store

ENTRY = "consent"
HEARD = Answer(200, b'{"heard":true}', JSON_CORS)
MAX_BROWSER_BODY = 16_384  # a few ids of one browser
MAX_NAMED = 1_000  # marks in one request of a server

_SERVER_PATH = re.compile(r"/v1/([A-Za-z0-9_\-]{1,64})/consent/?")
_ALIASES = {"email": "em", "phone": "ph", "order_id": "order"}
_DECIDING = frozenset({"marketing", "ad_user_data"})


class ConsentDoors:
    """Answers requests to its two paths. ``fields`` in either may come once or as lists."""

    def __init__(self, store: Store, datasets: Mapping[str, DatasetPolicy], clock: Clock, tag_path: str) -> None:
        self._store = store
        self._datasets = datasets
        self._clock = clock
        self.public = f"{tag_path}/consent"

    def door_for(self, path: str) -> Callable[[Request], Work | Reply] | None:
        """What answers a POST to this path; None for every other path."""
        if path == self.public:
            return self._from_browser
        return self._from_server if _SERVER_PATH.fullmatch(path) else None

    def take(self, request: Request) -> Work | Reply:
        door = self.door_for(request.path)
        assert door is not None
        return door(request)

    def refuse(self, request: Request, refusal: Refusal) -> Work | Reply:
        """A server's withdrawal that could not be read is a row: somebody's no went unheard."""
        match = _SERVER_PATH.fullmatch(request.path)
        return HEARD if match is None else refused_work(self._clock(), ENTRY, match[1], refusal, request)

    def greet(self, _request: Request) -> None:
        return None

    def too_much(self, request: Request, over: Over) -> Answer | None:
        """A browser is never told to wait with its no: its bodies are small."""
        match = _SERVER_PATH.fullmatch(request.path)
        if match is None:
            return None
        dataset = self._datasets.get(match[1])
        return None if dataset is not None and shows_key(request, dataset.key) else wait_for(over)

    def _from_browser(self, request: Request) -> Reply:
        given = read_json(request.body, mender=Mender())
        if not isinstance(given, dict):
            return HEARD
        dataset = self._datasets.get(str(given.get("dataset", "")))
        withdrawn = choice_of(given.get("state", given.get("consent")), dataset.addressees if dataset else NO_NAMES)
        marks, _ = marks_from({kind: given.get(kind) for kind in PUBLIC_KINDS})
        allowed = dataset is not None and origin_allowed(request.header(b"origin"), dataset.origins)
        if dataset is None or not allowed or withdrawn is None or not marks:
            return HEARD
        return Pending(self._change(dataset.id, marks[: len(PUBLIC_KINDS)], withdrawn), lambda _count: HEARD)

    def _from_server(self, request: Request) -> Work | Reply:
        match = _SERVER_PATH.fullmatch(request.path)
        assert match is not None
        given = read_json(request.body, mender=Mender())
        if isinstance(given, Refusal):
            return self.refuse(request, given)
        if not isinstance(given, dict):
            return self.refuse(
                request, Refusal(reason=DropReason.ENVELOPE, path="body", expected="a JSON object", got=describe(given))
            )
        dataset = self._datasets.get(match[1])
        if dataset is None:
            return self.refuse(
                request,
                Refusal(reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another"),
            )
        token = given.pop("access_token", "") or bearer_of(request.header(b"authorization"))
        if not isinstance(token, str) or not key_fits(token, dataset.key):
            return self.refuse(
                request,
                Refusal(reason=DropReason.BAD_KEY, path="access_token", expected="this dataset's key", got="another"),
            )
        request.known = True
        withdrawn = choice_of(given.get("state"), dataset.addressees)
        if withdrawn is None:
            got = describe(given.get("state"))
            return self.refuse(
                request,
                Refusal(
                    reason=DropReason.ENVELOPE,
                    path="state",
                    expected="granted or denied, for all platforms together (one alone is refused by an event's consent)",
                    got=got,
                ),
            )
        named: dict[str, Any] = {_ALIASES.get(str(k), str(k)): v for k, v in given.items() if k != "state"}
        marks, unusable = marks_from(named, dataset.country)
        unknown = [k for k in named if k not in KINDS]
        if not marks or len(marks) > MAX_NAMED:
            expected = f"at least one of {', '.join(KINDS)}, and not more than {MAX_NAMED} forms of them"
            return self.refuse(
                request, Refusal(reason=DropReason.ENVELOPE, path="body", expected=expected, got=f"{len(marks)} usable")
            )
        left_out = [*unusable, *(["unknown field"] if unknown else [])]
        body = encode({"state": "denied" if withdrawn else "granted", "unusable": left_out})
        return Pending(self._change(dataset.id, marks, withdrawn), lambda _count: Answer(200, body, JSON))

    def _change(self, dataset: str, marks: list[Mark], withdrawn: bool) -> Any:
        change = self._store.withdraw if withdrawn else self._store.grant
        return change(dataset, marks, self._clock())


def choice_of(value: Any, names: Addressees = NO_NAMES) -> bool | None:
    """True: withdrawn. False: given. None: nothing is said about sending to all, so nothing follows. A yes that leaves a platform out
    is no yes to it, and what was withdrawn from all is not given back to all but one."""
    statement = read_statement(value, names=names)
    if statement.state is Consent.DENIED or not _DECIDING.isdisjoint(statement.denied):
        return True
    if any(one.startswith(PLATFORM) for one in statement.denied):
        return None
    return False if statement.state is Consent.GRANTED or set(statement.granted) >= _DECIDING else None
