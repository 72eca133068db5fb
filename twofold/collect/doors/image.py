"""The door of the genuine pixel and of image tags: ``/tr``, by GET or POST.

Owns its one answer, always the same GIF: a page never breaks, and nothing can be read. The names of that wire are
`pixel_fields`', what an event means is the steps'.
"""

from __future__ import annotations

from typing import Any

from twofold.collect import answers
from twofold.collect.doors.browsers import Browsers
from twofold.collect.doors.decode import read_fields, read_multipart
from twofold.collect.doors.pixel_fields import dataset_of, raw_from_hit, sender_of
from twofold.collect.doors.work import Work, refused_work
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import GIF, Answer, Reply, Request
from twofold.collect.refused import label
from twofold.collect.steps.pipeline import run
from twofold.collect.steps.touches import sign_of
from twofold.event.mending import MAX_STRING, Mender
from twofold.event.refusal import DropReason, Refusal

ENTRY = "tr"
SEEN = Answer(200, answers.GIF, GIF)


class ImageDoor:
    """A hit over a limit is refused, because nobody would send it again."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers

    def greet(self, request: Request) -> Work | Reply:
        if request.method not in ("GET", "HEAD"):
            return SEEN
        mender = Mender()
        return self._hit(request, read_fields(request.query, mender), mender)

    def take(self, request: Request) -> Work | Reply:
        mender = Mender()
        fields = read_fields(request.query, mender)
        if isinstance(fields, Refusal):
            return self.refuse(request, fields)
        kind = request.header(b"content-type")
        if kind.startswith("multipart/"):
            posted = read_multipart(request.body, kind, mender)
        else:
            posted = read_fields(request.body, mender)
        return self._hit(request, posted if isinstance(posted, Refusal) else {**fields, **posted}, mender)

    def refuse(self, request: Request, refusal: Refusal, dataset: str = "") -> Work:
        return refused_work(self._browsers.clock(), ENTRY, dataset, refusal, request, SEEN)

    def _hit(self, request: Request, fields: dict[str, Any] | Refusal, mender: Mender) -> Work | Reply:
        if isinstance(fields, Refusal):
            return self.refuse(request, fields)
        if mender.reread or request.body or len(request.query) > MAX_STRING or "%00" in request.query:
            fields = mender.mend_fields(fields)
        browsers, name = self._browsers, dataset_of(fields)
        client = browsers.client(request)
        over = browsers.rates.over_for_client(client or request.peer, [name], browsers.clock())
        if over is not None:
            return self._too_many(request, name, over)
        dataset = browsers.dataset_for(request, name)
        if isinstance(dataset, Refusal):
            return self.refuse(request, dataset, label(name))
        origin = browsers.origin(request, dataset, sender_of(fields), client)
        raw = raw_from_hit(fields, origin.received_at)
        result = run(raw, origin, mender.sentences())
        if isinstance(result, Refusal):
            return self.refuse(request, result, dataset.id)
        over = browsers.rates.over_for_name([result], origin.received_at)
        if over is not None:
            return self._too_many(request, name, over)
        sign = sign_of(raw, result, origin)
        return Work(entry=ENTRY, events=[result], signs=() if sign is None else (sign,), answer=_seen)

    def too_much(self, request: Request, over: Over) -> Work | Reply:
        return self._too_many(request, "", over)

    def _too_many(self, request: Request, name: str, over: Over) -> Work | Reply:
        """All are counted, a few are kept."""
        metrics = self._browsers.metrics
        metrics.limited[ENTRY, over.kind] += 1
        stands_for = self._browsers.rates.keep_row(self._browsers.clock())
        if stands_for is None:
            metrics.refused[ENTRY, DropReason.RATE_LIMITED] += 1
            return SEEN
        refusal = Refusal(
            reason=DropReason.RATE_LIMITED,
            path=over.kind,
            expected=f"fewer {over.what} a minute",
            got=f"{stands_for} over the limit since the last one kept",
        )
        return self.refuse(request, refusal, label(name))


def _seen() -> Answer:
    return SEEN
