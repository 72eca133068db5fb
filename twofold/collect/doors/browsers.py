"""What the doors for browsers share: whose address it is, from which site, over which limit, and what a copy's origin is.

Owns the reading of a browser's request beside its body. What the body says is read by `tag` and `image`.
"""

from __future__ import annotations

from collections.abc import Mapping

from twofold.clock import Clock, bounds_of
from twofold.collect.access import client_address, origin_allowed
from twofold.collect.limits.rate_limit import Rates
from twofold.collect.messages import Request
from twofold.collect.metrics import CollectMetrics
from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.event.model import Channel, Tier
from twofold.event.refusal import DropReason, Refusal

MAX_AGENT = 512  # characters of a user agent


class Browsers:
    """One for both doors: a browser's limit is one, whichever door it takes."""

    def __init__(
        self, datasets: Mapping[str, DatasetPolicy], metrics: CollectMetrics, clock: Clock, proxies: int
    ) -> None:
        self.datasets = datasets
        self.rates = Rates(datasets)
        self.metrics = metrics
        self.clock = clock
        self._proxies = proxies

    def client(self, request: Request) -> str:
        """The shopper's address; empty when it is not known: limits then count who is at the other end."""
        return client_address(request.peer, request.header(b"x-forwarded-for"), self._proxies)

    def origin(self, request: Request, dataset: DatasetPolicy, sender: str, client: str) -> Origin:
        """``client``: what `client` says of the request."""
        return Origin(
            dataset=dataset.id,
            channel=Channel.BROWSER,
            sender=sender,
            tier=Tier.T0,
            received_at=self.clock(),
            bounds=bounds_of(self.clock),
            policy=dataset,
            client_ip=client or None,
            user_agent=request.header(b"user-agent")[:MAX_AGENT] or None,
            gpc=request.header(b"sec-gpc") == "1",
        )

    def dataset_for(self, request: Request, name: str) -> DatasetPolicy | Refusal:
        """The dataset that a copy names, where the page it comes from may send to it."""
        dataset = self.datasets.get(name)
        if dataset is None:
            return Refusal(reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another")
        if not origin_allowed(request.header(b"origin"), dataset.origins):
            return Refusal(reason=DropReason.BAD_ORIGIN, path="origin", expected="a listed site", got="another")
        return dataset
