"""How one sandbox is set up, and the parts that one running sandbox consists of."""

from __future__ import annotations

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from twofold.clock import Clock
from twofold.sandbox.wire.dedup import DedupOptions
from twofold.sandbox.wire.faults import FaultScript
from twofold.sandbox.wire.notes import Notes
from twofold.sandbox.wire.rates import RateMeter, RateOptions
from twofold.sandbox.wire.received import Inbox
from twofold.sandbox.world.world import World


class SandboxSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set; `twofold.sandbox.server.serve` takes it."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 8401
    data: Annotated[
        str | None, Meta(description="Folder that keeps what was received over a restart. None: memory only.")
    ] = None
    tokens: Annotated[
        dict[str, tuple[str, ...]],
        Meta(
            description="Access tokens that are known, each with the datasets it may write to (none listed: all). "
            "Without any, every token of 8 or more characters is let in."
        ),
    ] = {}
    scopes: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Scopes of a token. A token that is not named here has all."),
    ] = {}
    ends: Annotated[
        dict[str, int],
        Meta(
            description="When a token ends (Unix s), as `debug_token` tells it. One that is not named here never does."
        ),
    ] = {}
    app_secret: Annotated[
        str, Meta(description="App secret. When set, every request must bring a fitting appsecret_proof.")
    ] = ""
    dedup: Annotated[DedupOptions, Meta(description="Windows of the deduplication.")] = DedupOptions()
    rates: Annotated[RateOptions, Meta(description="Rate figures; nothing is throttled by default.")] = RateOptions()
    oldest_version: Annotated[
        str,
        Meta(
            description="Requests under an older version are answered with X-Ad-Api-Version-Warning, as this one.",
            pattern=r"^v\d{1,3}\.\d{1,2}$",
        ),
    ] = "v22.0"  # ours: Meta's pages contradict each other on how long a version lives
    names: Annotated[
        dict[str, str], Meta(description="Names of datasets, for people; the pages show them beside the ids.")
    ] = {}
    accepted: Annotated[
        tuple[str, ...],
        Meta(description="Diagnostics that are meant so here: listed last, and counted nowhere."),
    ] = ()
    capacity: Annotated[
        int, Meta(description="Events kept at most; further ones are answered 503 with code 2.", ge=1)
    ] = 1_000_000


class Sandbox(Struct, frozen=True, kw_only=True):
    """One running sandbox: what every endpoint gets passed in."""

    settings: SandboxSettings
    clock: Clock
    inbox: Inbox
    world: World
    faults: FaultScript
    rates: RateMeter
    notes: Notes
    closing: asyncio.Event  # set when the server begins to stop
