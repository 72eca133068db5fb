"""The JSON doors to people and ads under ``/sandbox``: load them, make them up, and read what follows.

Owns shapes and the reading of bodies. A refused body changes nothing and says where it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from twofold.sandbox.judge.views import NO_STORE, json_response, stream_rows
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.answers import Refused
from twofold.sandbox.wire.envelope import decode_json, read_body
from twofold.sandbox.wire.received import exact_text
from twofold.sandbox.world.ads import PARTS, Seed, read_load, seeded_load
from twofold.sandbox.world.attribution import DEFAULT, Credit
from twofold.sandbox.world.matching import match_rows
from twofold.sandbox.world.people import read_accounts, seeded_people
from twofold.sandbox.world.world import World

SEED_COUNT = 100


def routes(sandbox: Sandbox) -> list[Route]:
    world = sandbox.world

    def door(path: str, work: Callable[[World, Any], Any]) -> Route:
        async def answer(request: Request) -> Response:
            return await _loaded(request, lambda body: work(world, body))

        return Route(path, answer, methods=["POST"])

    async def people(_: Request) -> Response:
        rows = (msgspec.to_builtins(account) for account in world.people.accounts())
        return StreamingResponse(stream_rows("people", rows), media_type="application/json", headers=NO_STORE)

    async def ads(_: Request) -> Response:
        return json_response(ads_listing(world))

    async def match_rate(request: Request) -> Response:
        await world.settle()
        return json_response({"match_rate": match_rows(world.matcher, request.query_params)})

    async def conversions(request: Request) -> Response:
        await world.settle()
        rows = (conversion_row(world, sandbox, credit) for credit in world.credits())
        limit = request.query_params.get("limit", "")
        limited = islice(rows, int(limit[:9]) if limit.isascii() and limit.isdigit() else None)
        return StreamingResponse(stream_rows("conversions", limited), media_type="application/json", headers=NO_STORE)

    return [
        Route("/sandbox/people", people, methods=["GET"]),
        door("/sandbox/people", load_people),
        door("/sandbox/people/seed", seed_people),
        Route("/sandbox/match_rate", match_rate),
        Route("/sandbox/ads", ads, methods=["GET"]),
        door("/sandbox/ads", load_ads),
        door("/sandbox/ads/seed", seed_ads),
        Route("/sandbox/conversions", conversions),
    ]


async def _loaded(request: Request, work: Callable[[Any], Any]) -> Response:
    try:
        text = await read_body(request.stream(), request.headers)
        return json_response(work(decode_json(text, "body") if text.strip() else {}))
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    except Refused as refused:
        return json_response({"error": refused.detail}, 400)
    except ValueError as err:
        return json_response({"error": str(err)}, 400)


def load_people(world: World, body: Any) -> dict[str, Any]:
    """``{"people": [...]}`` or a list: adds accounts, a known id is replaced whole."""
    accounts = read_accounts(body)
    world.add_people(accounts)
    return {"people": len(accounts), "registered": len(world.people)}


def seed_people(world: World, body: Any) -> dict[str, Any]:
    """``{"seed": 1, "count": 100}``: adds made-up people and answers with them in the clear, this once."""
    seed, count = (_whole(body, name, default) for name, default in (("seed", 1), ("count", SEED_COUNT)))
    made = seeded_people(seed, count)
    world.add_people(account for _, account in made)
    return {"people": [msgspec.to_builtins(contact) for contact, _ in made], "registered": len(world.people)}


def load_ads(world: World, body: Any) -> dict[str, Any]:
    """Accounts, campaigns, adsets, ads, spend and touches; answers with the touches, each click with its id."""
    load = read_load(body, world.ads, world.people.__contains__)
    world.add_ads(load)
    counts = {part: len(getattr(load, part)) for part in PARTS}
    return {"loaded": counts, "touches": msgspec.to_builtins(load.touches)}


def seed_ads(world: World, body: Any) -> dict[str, Any]:
    """``{"seed": 1, "since": "2026-09-01", "until": "2026-09-14"}``: a made-up ads side for the register's people."""
    try:
        options = msgspec.convert(body, Seed)
    except msgspec.ValidationError as err:
        raise ValueError(str(err)) from None
    return load_ads(world, seeded_load(options, [account.id for account in world.people.accounts()]))


def ads_listing(world: World) -> dict[str, Any]:
    """Everything of the ads side in the shape in which it is loaded."""
    ads = world.ads
    return {
        **{part: [msgspec.to_builtins(node) for node in getattr(ads, part).values()] for part in PARTS[:4]},
        "spend": [
            {"ad_id": ad_id, "date": day.isoformat(), "amount": exact_text(amount)}
            for (ad_id, day), amount in ads.spend.items()
        ],
        "touches": msgspec.to_builtins(ads.touches),
    }


def conversion_row(world: World, sandbox: Sandbox, credit: Credit) -> dict[str, Any]:
    """One credited conversion: which touch gets it under each window, and what of it is reported as value."""
    conversion = credit.conversion
    chosen = credit.under(DEFAULT)
    currency = world.ads.account_of(chosen.ad_id).currency if chosen else None
    return {
        "number": conversion.number,
        "dataset": conversion.dataset,
        "event_name": conversion.event_name,
        "person": conversion.person,
        "time": conversion.time,
        "value": None if conversion.value is None else exact_text(conversion.value),
        "currency": conversion.currency,
        # False: another currency than the account's, and nobody gave us a rate.
        "value_reported": conversion.value is not None and currency == conversion.currency,
        "used_for_delivery": not sandbox.inbox.copy(conversion.number).arrival.flags,
        "ad_id": chosen.ad_id if chosen else None,
        "by": chosen.kind if chosen else None,
        "windows": {
            window: {"ad_id": touch.ad_id, "age_s": conversion.time - touch.time}
            for window, touch in credit.touches.items()
        },
    }


def _whole(body: Any, name: str, default: int) -> int:
    value = body.get(name, default) if isinstance(body, dict) else None
    if type(value) is not int or value < 0:
        raise ValueError(f"{name}: expected a whole number of 0 or more")
    return value
