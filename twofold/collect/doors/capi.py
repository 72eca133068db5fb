"""Meta's Conversions API: ``POST /{version}/{dataset}/events``, for servers that show the dataset's key.

Owns which path is its own, who may send, and how one batch becomes copies. The encodings of a body are `decode`'s, what
an event means is the steps'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from twofold.clock import Clock, bounds_of
from twofold.collect.access import bearer_of, key_fits, sender_name, shows_key
from twofold.collect.doors.decode import read_envelope, read_fields, read_plain
from twofold.collect.doors.work import Batch, Work, refused_work, wait_for
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import Answer, Reply, Request
from twofold.collect.policy import DatasetPolicy
from twofold.collect.refused import RefusedCopy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run, run_fields
from twofold.collect.steps.touches import RELAYED, sign_of
from twofold.event.model import Channel, RawEvent, Tier
from twofold.event.refusal import DropReason, Refusal, describe

ENTRY = "events"

_PATH = re.compile(r"/(?:v\d{1,3}\.\d{1,2}/)?([A-Za-z0-9_\-]{1,64})/events/?")
_TEST_CODE = re.compile(r"[A-Za-z0-9_\-]{1,40}")
_TOKEN_ONLY = {"access_token"}


@lru_cache(maxsize=1_024)
def dataset_in(path: str) -> str | None:
    """The dataset that a path of this door names; None for every other path."""
    match = _PATH.fullmatch(path)
    return match[1] if match else None


class CapiDoor:
    """Takes the batches of official SDKs, server containers and shops."""

    def __init__(self, datasets: Mapping[str, DatasetPolicy], clock: Clock, *, strict: bool) -> None:
        self._datasets = datasets
        self._clock = clock
        self._strict = strict

    def greet(self, _request: Request) -> None:
        return None

    def refuse(self, request: Request, refusal: Refusal) -> Work:
        return refused_work(self._clock(), ENTRY, dataset_in(request.path) or "", refusal, request)

    def too_much(self, request: Request, over: Over) -> Answer | None:
        """What somebody else sent from its address holds up no server."""
        dataset = self._datasets.get(dataset_in(request.path) or "")
        return None if dataset is not None and shows_key(request, dataset.key) else wait_for(over)

    def take(self, request: Request) -> Work | Reply:
        plain = read_plain(request.body) if request.raw_headers.get(b"content-type") == b"application/json" else None
        fields = read_fields(request.query) if plain is not None else None
        if plain is not None and isinstance(fields, dict) and fields.keys() <= _TOKEN_ONLY:
            token = plain.access_token or fields.get("access_token", "")
            code, agent = plain.test_event_code, plain.partner_agent
            return self._from_server(request, token, agent, code, plain.data, Batch(), {})
        envelope = read_envelope(request.body, request.header(b"content-type"), request.query)
        if isinstance(envelope, Refusal):
            return self.refuse(request, envelope)
        token, agent, code = envelope.access_token, envelope.partner_agent, envelope.test_event_code
        batch = Batch(notes=envelope.notes)
        return self._from_server(request, token, agent, code, envelope.data, batch, envelope.mended)

    def _from_server(
        self,
        request: Request,
        token: str,
        agent: str,
        test_event_code: str | None,
        data: Sequence[Any],
        batch: Batch,
        mended: Mapping[int, list[str]],
    ) -> Work:
        dataset = self._datasets.get(dataset_in(request.path) or "")
        if dataset is None:
            refusal = Refusal(
                reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another"
            )
            return self.refuse(request, refusal)
        token = token or bearer_of(request.header(b"authorization"))
        if not key_fits(token, dataset.key):
            got = describe(token or None)
            refusal = Refusal(
                reason=DropReason.BAD_KEY, path="access_token", expected="this dataset's key", got=got
            )  # fmt: skip
            return self.refuse(request, refusal)
        request.known = True
        if test_event_code and not _TEST_CODE.fullmatch(test_event_code):
            batch.notes.append("test_event_code is not a code of Test Events; left out")
            test_event_code = None
        origin = Origin(
            dataset=dataset.id,
            channel=Channel.SERVER,
            sender=sender_name(request.header(b"user-agent"), agent),
            tier=Tier.T2,
            received_at=self._clock(),
            bounds=bounds_of(self._clock),
            policy=dataset,
            test_event_code=test_event_code,
        )
        _run_all(data, origin, batch, mended)
        return batch.work(origin.received_at, ENTRY, dataset.id, request, strict=self._strict)


def _run_all(data: Sequence[Any], origin: Origin, batch: Batch, mended: Mapping[int, list[str]]) -> None:
    for index, item in enumerate(data):
        if isinstance(item, Refusal):
            batch.refused.append(RefusedCopy(item))
            continue
        notes = mended.get(index, ()) if mended else ()
        raw: RawEvent | None
        if type(item) is dict:
            result, raw, unknown = run_fields(item, origin, notes)
        else:
            result, raw, unknown = run(item, origin, notes), item, ()
        if isinstance(result, Refusal):
            batch.refuse(result, index, item)
            continue
        batch.events.append(result)
        if result.event_name == RELAYED and (sign := sign_of(raw or RawEvent(**item), result, origin)) is not None:
            batch.signs.append(sign)
        if not unknown and not result.warnings:
            continue
        batch.notes += [f"data[{index}].{name} is not a documented field; left out" for name in unknown]
        batch.notes += [f"data[{index}]: {warning}" for warning in result.warnings]
