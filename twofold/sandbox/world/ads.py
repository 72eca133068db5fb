"""The ads side's facts: accounts, campaigns, ad sets, ads, spend, and what registered people saw and clicked.

Owns their shapes, their reading from JSON and a made-up world from a seed. What follows from them is in
`attribution` and `insights`. Names of fields are the Marketing API's where it has one.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import random
import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from twofold.sandbox.wire.rules import amount

DAY_S = 86_400
MAX_SEEDED_DAYS = 500_000  # days times people; a few seconds of work


class TouchKind(StrEnum):
    """What somebody did with an ad."""

    IMPRESSION = "impression"
    ENGAGED_VIEW = "engaged_view"  # watched a video long enough
    LINK_CLICK = "link_click"


Id = Annotated[str, Meta(pattern=r"^\d{1,32}$")]
Name = Annotated[str, Meta(max_length=400)]


class AdAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``id`` without the prefix ``act_``. An account without datasets gets conversions from all of them."""

    id: Id
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    timezone_name: str
    name: Name = ""
    datasets: tuple[Id, ...] = ()


class Campaign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Id
    account_id: Id
    name: Name = ""
    objective: Name = "OUTCOME_SALES"


class AdSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With its attribution setting: for how many days after it a touch may be credited; 0 turns a kind off."""

    id: Id
    campaign_id: Id
    name: Name = ""
    event_name: Name = "Purchase"  # what its results are
    click_days: Annotated[int, Meta(ge=0, le=28)] = 7
    view_days: Annotated[int, Meta(ge=0, le=1)] = 1
    engaged_view_days: Annotated[int, Meta(ge=0, le=1)] = 0

    def days(self, kind: TouchKind) -> int:
        if kind is TouchKind.LINK_CLICK:
            return self.click_days
        return self.view_days if kind is TouchKind.IMPRESSION else self.engaged_view_days


class Ad(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Id
    adset_id: Id
    name: Name = ""


class Spend(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one ad cost on one day of its account's time zone, in the account's currency."""

    ad_id: Id
    date: datetime.date
    amount: Decimal


class Touch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One impression, engaged view or link click. ``person`` is an account of the register, or nobody known."""

    ad_id: Id
    kind: TouchKind
    time: Annotated[int, Meta(ge=0, lt=10**11)]  # Unix seconds
    person: str | None = None
    fbclid: Annotated[str, Meta(min_length=1, max_length=500)] | None = None  # link clicks only; made when absent


class Load(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One body of ``POST /sandbox/ads``: what is to be added. A known id replaces; touches are always added."""

    accounts: tuple[AdAccount, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    adsets: tuple[AdSet, ...] = ()
    ads: tuple[Ad, ...] = ()
    spend: tuple[Spend, ...] = ()
    touches: tuple[Touch, ...] = ()


class Node(Struct, frozen=True):
    """What the question is about: the level and id of one account, campaign, ad set or ad."""

    level: str
    id: str


PARTS = Load.__struct_fields__
KINDS_OF_NODE = ("accounts", "campaigns", "adsets", "ads")


class Ads:
    """Everything known about the ads side. Not thread-safe; the sandbox's event loop owns it."""

    def __init__(self) -> None:
        self.version = 0
        self._clear()

    def load(self, load: Load) -> None:
        """Takes a checked load whole."""
        for part in KINDS_OF_NODE:
            getattr(self, part).update((node.id, node) for node in getattr(load, part))
        self.spend.update(((row.ad_id, row.date), row.amount) for row in load.spend)
        for touch in load.touches:
            if touch.person:
                self._by_person.setdefault(touch.person, array("i")).append(len(self.touches))
            self.touches.append(touch)
            if touch.fbclid:
                self._clicks[touch.fbclid] = touch
        self._sorted = False
        self.version += 1

    def clicker(self, fbclid: str) -> str | None:
        """Whose click made this click id."""
        click = self._clicks.get(fbclid)
        return click.person if click else None

    def has_click(self, fbclid: str) -> bool:
        return fbclid in self._clicks

    def places_of(self, person: str) -> Sequence[int]:
        """Where one person's touches are in `touches`, oldest first."""
        if not self._sorted:
            for name, places in self._by_person.items():
                self._by_person[name] = array("i", sorted(places, key=lambda place: self.touches[place].time))
            self._sorted = True
        return self._by_person.get(person, ())

    def adset_of(self, ad_id: str) -> AdSet:
        return self.adsets[self.ads[ad_id].adset_id]

    def campaign_of(self, ad_id: str) -> Campaign:
        return self.campaigns[self.adset_of(ad_id).campaign_id]

    def account_of(self, ad_id: str) -> AdAccount:
        return self.accounts[self.campaign_of(ad_id).account_id]

    def forget(self) -> None:
        self._clear()
        self.version += 1

    def _clear(self) -> None:
        self.accounts: dict[str, AdAccount] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.adsets: dict[str, AdSet] = {}
        self.ads: dict[str, Ad] = {}
        self.spend: dict[tuple[str, datetime.date], Decimal] = {}
        self.touches: list[Touch] = []
        self._by_person: dict[str, array[int]] = {}
        self._clicks: dict[str, Touch] = {}
        self._sorted = True


def read_load(body: Any, ads: Ads, is_known: Callable[[str], bool]) -> Load:
    """A load checked against what is there and against itself; clicks get their click id.

    Raises ValueError that names the place and the reason. ``is_known`` says whether a person is in the register.
    """
    if not isinstance(body, Mapping):
        raise ValueError("expected an object with any of " + ", ".join(PARTS))
    try:
        load = msgspec.convert(_with_digits(body), Load)
    except msgspec.ValidationError as err:
        raise ValueError(str(err)) from None
    _check_ids(load, ads)
    _check_parents(load, ads)
    for n, row in enumerate(load.spend):
        if amount(row.amount) is None or row.amount < 0:
            raise ValueError(f"spend[{n}].amount: expected a number of 0 or more")
    return msgspec.structs.replace(load, touches=tuple(_check_touches(load, ads, is_known)))


def _with_digits(body: Mapping[str, Any]) -> dict[str, Any]:
    """Ids may come as numbers, and an account's with its prefix."""
    fields = dict(body)
    for part in PARTS:
        if isinstance(rows := fields.get(part), list):
            fields[part] = [_digits_of(row) if isinstance(row, Mapping) else row for row in rows]
    return fields


def _digits_of(row: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: str(value) if type(value) is int and key.endswith("id") else value for key, value in row.items()}
    for key in ("id", "account_id"):
        if isinstance(value := named.get(key), str):
            named[key] = value.removeprefix("act_")
    return named


def _check_ids(load: Load, ads: Ads) -> None:
    """One id is one object, as in Graph."""
    owner = {id_: part for part in KINDS_OF_NODE for id_ in getattr(ads, part)}
    for part in KINDS_OF_NODE:
        for n, node in enumerate(getattr(load, part)):
            if owner.setdefault(node.id, part) != part:
                raise ValueError(f"{part}[{n}].id: {node.id} is the id of one of the {owner[node.id]} already")
    for n, account in enumerate(load.accounts):
        try:
            zone_of(account.timezone_name)
        except ValueError as err:
            raise ValueError(f"accounts[{n}].{err}") from None


def zone_of(name: str) -> ZoneInfo:
    """A time zone of the machine's database. Raises ValueError for any other text."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("timezone_name: expected a time zone like Europe/Paris") from None


PARENTS = (
    ("campaigns", "account_id", "accounts"),
    ("adsets", "campaign_id", "campaigns"),
    ("ads", "adset_id", "adsets"),
    ("spend", "ad_id", "ads"),
    ("touches", "ad_id", "ads"),
)


def _check_parents(load: Load, ads: Ads) -> None:
    for part, field, parents in PARENTS:
        known = {*getattr(ads, parents), *(node.id for node in getattr(load, parents))}
        for n, row in enumerate(getattr(load, part)):
            if getattr(row, field) not in known:
                raise ValueError(f"{part}[{n}].{field}: none of the {parents} has the id {getattr(row, field)}")


def _check_touches(load: Load, ads: Ads, is_known: Callable[[str], bool]) -> Iterable[Touch]:
    taken: set[str] = set()
    first = len(ads.touches)
    for n, touch in enumerate(load.touches):
        if touch.person is not None and not is_known(touch.person):
            raise ValueError(f"touches[{n}].person: nobody in the register has this id")
        if touch.kind is not TouchKind.LINK_CLICK:
            if touch.fbclid:
                raise ValueError(f"touches[{n}].fbclid: only a link_click has one")
            yield touch
            continue
        fbclid = touch.fbclid or make_fbclid(touch, first + n)
        if re.search(r"[\s;,.]", fbclid):
            raise ValueError(f"touches[{n}].fbclid: expected no space, comma, semicolon or dot")
        if fbclid in taken or ads.has_click(fbclid):
            raise ValueError(f"touches[{n}].fbclid: another click has this id")
        taken.add(fbclid)
        yield msgspec.structs.replace(touch, fbclid=fbclid)


def make_fbclid(touch: Touch, place: int) -> str:
    """A click id of the usual look; the same for the same click at the same place."""
    text = f"{touch.ad_id} {touch.person} {touch.time} {place}"
    return "IwAR" + base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=30).digest()).decode()


class Seed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``POST /sandbox/ads/seed`` may say; ``since`` and ``until`` are days of the time zone, both included."""

    seed: int = 1
    since: datetime.date
    until: datetime.date
    account_id: Id = "1"
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "EUR"
    timezone_name: str = "Europe/Paris"
    datasets: tuple[Id, ...] = ()


def seeded_load(options: Seed, people: Sequence[str]) -> dict[str, Any]:
    """A made-up ads side for these people, as the body of a load; the same for the same seed and people.

    One account, two campaigns, three ad sets, six ads. Each day an ad costs some money and shows itself to about a
    tenth of the people; one in fifteen of those clicks within minutes, one in ten watches the video.
    """
    if not people:
        raise ValueError("the register is empty; POST /sandbox/people or /sandbox/people/seed comes first")
    if not 0 <= (options.until - options.since).days < 366:
        raise ValueError("expected since <= until and at most 366 days")
    days = (options.until - options.since).days + 1
    if days * len(people) > MAX_SEEDED_DAYS:
        raise ValueError(f"expected at most {MAX_SEEDED_DAYS:,} days times people, got {days * len(people):,}")
    zone = zone_of(options.timezone_name)
    dice = random.Random(f"ads {options.seed}")
    body = _seeded_tree(options)
    spend, touches = [], []
    for day in (options.since + datetime.timedelta(n) for n in range(days)):
        midnight = int(datetime.datetime.combine(day, datetime.time(), zone).timestamp())
        for ad in body["ads"]:
            spend.append({"ad_id": ad["id"], "date": day.isoformat(), "amount": f"{dice.randint(500, 4000) / 100:.2f}"})
            for person in people:
                if dice.random() < 0.1:
                    touches += _seeded_touches(dice, ad["id"], person, midnight + dice.randrange(23 * 3600))
    return {**body, "spend": spend, "touches": touches}


def _seeded_tree(options: Seed) -> dict[str, Any]:
    account = options.account_id
    campaigns, adsets = [f"{account}0{n}" for n in (1, 2)], [f"{account}00{n}" for n in (1, 2, 3)]
    return {
        "accounts": [
            {
                "id": account,
                "name": "Seeded account",
                "currency": options.currency,
                "timezone_name": options.timezone_name,
                "datasets": list(options.datasets),
            }
        ],
        "campaigns": [
            {"id": campaigns[0], "account_id": account, "name": "Prospecting"},
            {"id": campaigns[1], "account_id": account, "name": "Retargeting"},
        ],
        "adsets": [
            {"id": adsets[0], "campaign_id": campaigns[0], "name": "Broad"},
            {"id": adsets[1], "campaign_id": campaigns[0], "name": "Lookalike"},
            {"id": adsets[2], "campaign_id": campaigns[1], "name": "Cart visitors"},
        ],
        "ads": [
            {"id": f"{account}000{n}", "adset_id": adsets[(n - 1) // 2], "name": f"Video {n}"} for n in range(1, 7)
        ],
    }


def _seeded_touches(dice: random.Random, ad_id: str, person: str, time: int) -> list[dict[str, Any]]:
    touches = [{"ad_id": ad_id, "kind": "impression", "person": person, "time": time}]
    if dice.random() < 1 / 10:
        touches.append({"ad_id": ad_id, "kind": "engaged_view", "person": person, "time": time + 10})
    if dice.random() < 1 / 15:
        click_time = time + dice.randrange(5, 300)
        touches.append({"ad_id": ad_id, "kind": "link_click", "person": person, "time": click_time})
    return touches
