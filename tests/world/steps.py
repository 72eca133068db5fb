"""What happens in a world, as a list that its seed alone decides, and the people and things that it happens to.

Owns the vocabulary of steps and how often each comes. A step is a name and whole numbers, and stands for itself: it can be
dropped without changing what the others do, which is how a failing list is made short.
"""

from __future__ import annotations

import hashlib
import random
from typing import NamedTuple

from tests.world.older_forms import OLDEST
from twofold.store.engine import SCHEMA_VERSION

SHOP = "1111111111"  # its orders are told by webhooks
PLAIN = "2222222222"  # browsers and a server only
DATASETS = (SHOP, PLAIN)
PEOPLE, THINGS = 4, 10
MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR

Step = tuple[str | int, ...]

ANSWERS = (
    "cut", "slow", "void", "away", "down", "liar", "throttled", "absurd", "token", "short", "page", "empty", "odd",
    "redirect", "late", "large", "picky",
)  # fmt: skip
"""What a platform can do besides taking what it gets; see `platform.py`."""


SHOP_ANSWERS = (
    "away", "cut", "slow", "down", "throttled", "patience", "absurd", "token", "forbidden", "unknown", "page", "torn", "late", "ok", "ok",
)  # fmt: skip
"""What the API of a shop that is asked can do; see `fetched_shop.py`."""


class Person(NamedTuple):
    number: int
    email: str
    hash: str
    fbp: str
    address: str
    agent: str


class Thing(NamedTuple):
    """What a shopper did once, and how its copies speak of it."""

    number: int
    dataset: str
    person: int
    name: str
    event_id: str  # of the server's copy
    browser_id: str  # of the browser's
    order: str | None
    value: str
    browser_value: str  # what the page believed
    poison: bool  # the platform refuses any request with it

    @property
    def sold(self) -> bool:
        """True for what a webhook reports, too."""
        return self.dataset == SHOP and self.order is not None


def people(seed: int) -> list[Person]:
    found = []
    for n in range(PEOPLE):
        email = f"buyer{n}.{seed}@mail.example"
        digest = hashlib.sha256(email.encode()).hexdigest()
        fbp = f"fb.1.1789999000000.{1_000_000_000 + 7 * seed % 100_000_000 + n}"
        found.append(Person(n, email, digest, fbp, f"203.0.113.{n + 1}", f"Mozilla/5.0 (X11; n{n}) Firefox/143.0"))
    return found


def things(seed: int) -> list[Thing]:
    """Some views, some purchases on either dataset; every fourth id can be counted by anybody."""
    draw = random.Random(f"things {seed}")
    found = []
    for n in range(THINGS):
        dataset = draw.choice(DATASETS)
        is_purchase = draw.random() < 0.7
        drawn = hashlib.sha256(f"{seed} {n}".encode()).hexdigest()[:26]
        event_id = f"order-{n}" if draw.random() < 0.25 else drawn
        other = hashlib.sha256(f"browser {seed} {n}".encode()).hexdigest()[:26]
        value = f"{100 + n}.5"
        found.append(
            Thing(
                number=n,
                dataset=dataset,
                person=draw.randrange(PEOPLE),
                name="Purchase" if is_purchase else "AddToCart",
                event_id=event_id,
                browser_id=other if is_purchase and draw.random() < 0.4 else event_id,
                order=f"{9000 + n}" if is_purchase else None,
                value=value,
                browser_value=f"{90 + n}.25" if draw.random() < 0.2 else value,
                poison=draw.random() < 0.12,
            )
        )
    return _namesakes(seed, found)


def _namesakes(seed: int, found: list[Thing]) -> list[Thing]:
    """In some worlds things share an id under another name or in another dataset, and orders of two datasets a number: shops count
    from one, and copy ids. Nothing else of them is the same."""
    draw = random.Random(f"namesakes {seed}")
    if draw.random() >= NAMESAKES_SHARE:
        return found
    for n in range(1, THINGS):
        one, other = found[n], found[draw.randrange(n)]
        ids = {(t.dataset, t.name, i) for t in found for i in (t.event_id, t.browser_id)}
        if draw.random() < 0.6 and (one.dataset, one.name, other.event_id) not in ids:
            browser_id = other.event_id if one.browser_id == one.event_id else one.browser_id
            one = one._replace(event_id=other.event_id, browser_id=browser_id)
        orders = {(t.dataset, t.order) for t in found}
        if one.order and other.order and (one.dataset, other.order) not in orders:
            one = one._replace(order=other.order)
        found[n] = one
    return found


def plan(seed: int, length: int = 36) -> list[Step]:
    """The steps of a world. Some worlds know only some kinds of trouble, so that one does not hide another, and more or less of
    each; some turn on a few things and whose they are, so that much happens to the same."""
    draw = random.Random(f"steps {seed}")
    kinds = {kind: weight for kind, weight in _WEIGHTS.items() if kind in _ALWAYS or draw.random() < 0.55}
    names = list(kinds)
    weights = [kinds[kind] * (1 if kind in _ALWAYS else draw.choice([0.5, 1, 1, 3])) for kind in names]
    some = draw.sample(range(THINGS), draw.choice([2, 4, THINGS]))
    about = _about(things(seed), some)
    steps = [_step(draw, draw.choices(names, weights)[0], about) for _ in range(length)]
    for n, (kind, *facts) in enumerate(steps[:-1]):
        if kind == "withdraw" and "grant" in kinds and draw.random() < 0.4:
            steps[n + 1] = ("grant", *facts)  # a change of mind, before anything was looked at in between
    steps = _with_dark_days(seed, about, _with_scenes(seed, about, steps))
    return _with_fetching(seed, about, _with_lists(seed, _with_upgrades(seed, steps)))


def _with_scenes(seed: int, about: _About, steps: list[Step]) -> list[Step]:
    """In some worlds something happens of which chance would seldom bring all parts one after the other."""
    draw = random.Random(f"scenes {seed}")
    for _ in range(draw.choice([0, 0, 0, 1, 1, 2])):
        scene = draw.choice([_outage, _spoilt_batch, _no_in_one_place, _strangers_no, _erased_meanwhile])
        place = draw.randrange(len(steps))
        steps[place:place] = scene(draw, about)
    return steps


def _with_dark_days(seed: int, about: _About, steps: list[Step]) -> list[Step]:
    """In some worlds the machine is off for hours or days, most of the time from the middle of a request on."""
    draw = random.Random(f"dark {seed}")
    if draw.random() >= DARK_SHARE:
        return steps
    word = draw.choice(["slow", "slow", "void", "down", "late"])
    answers: list[Step] = [("answers", p, ANSWERS.index(word)) for p in about.platforms]
    copies: list[Step] = [("server", draw.choice(about.some)), ("shop", draw.choice(about.sold)), ("pass", 20_500)]
    under_way: list[Step] = draw.choice([[*answers, *copies], [*copies, *answers], []])
    place = draw.randrange(len(steps))
    steps[place:place] = [*under_way, ("dark", draw.choice([1, 20, 40, 60, 90]))]
    return steps


def _outage(draw: random.Random, about: _About) -> list[Step]:
    """A platform of which nobody knows whether it took something, and that is down for days afterwards."""
    is_killed = draw.random() < 0.5  # in the middle of the request
    unknown = "slow" if is_killed else draw.choice(["cut", "slow", "void", "short"])
    answers = [ANSWERS.index(word) for word in (unknown, *["down"] * draw.choice([6, 9, 14]))]
    copies: list[Step] = [("server", draw.choice(about.some)), ("shop", draw.choice(about.sold))]
    ends: list[Step] = [("pass", 500), ("kill", 1), ("pass", 21_000)] if is_killed else [("pass", 21_000)]
    asked: list[Step] = [("answers", p, *answers) for p in about.platforms]
    return [*asked, *copies, *ends, ("age", draw.choice([2, 3, 5]))]


def _spoilt_batch(draw: random.Random, about: _About) -> list[Step]:
    """One good copy of a server's beside one that must be refused."""
    return [("mixed", draw.choice(about.some), draw.randrange(3))]


def _no_in_one_place(draw: random.Random, about: _About) -> list[Step]:
    """Consent is taken back in one dataset, and what the same person did in the other comes before and after."""
    no: Step = ("withdraw", draw.choice(about.whose), 3 + draw.randrange(6))
    return [
        ("server", draw.choice(about.some)),
        no,
        ("server", draw.choice(about.some)),
        ("shop", draw.choice(about.sold)),
    ]


def _strangers_no(draw: random.Random, about: _About) -> list[Step]:
    """A stranger says no to what the shop or its server reports, before it or behind it."""
    thing = draw.choice(about.sold)
    steps: list[Step] = [("forged", thing, 4 + draw.randrange(4)), draw.choice([("server", thing), ("shop", thing)])]
    draw.shuffle(steps)
    return steps


def _erased_meanwhile(draw: random.Random, about: _About) -> list[Step]:
    """Somebody is erased while a request about them is on its way, and more of theirs comes before that is through."""
    thing, slow = draw.choice(about.some), ANSWERS.index(draw.choice(["slow", "late"]))
    answers: list[Step] = [("answers", p, slow) for p in about.platforms]
    return [*answers, ("server", thing), ("pass", 500), ("erase_of", thing), ("server", thing), ("pass", 21_000)]


def _with_fetching(seed: int, about: _About, steps: list[Step]) -> list[Step]:
    """In some worlds the shop only names its orders, and is asked for them: how often its list of changes is read, in minutes (0:
    never); what its API answers next; and orders that change while their notice is lost."""
    draw = random.Random(f"fetching {seed}")
    if draw.random() >= FETCHED_SHARE:
        return steps
    for _ in range(draw.choice([0, 2, 4, 8])):
        answers = (draw.randrange(len(SHOP_ANSWERS)) for _ in range(draw.choice([1, 1, 3, 6])))
        steps.insert(draw.randrange(len(steps)), ("api", *answers))
    for _ in range(draw.choice([0, 0, 2, 4])):
        steps.insert(draw.randrange(len(steps)), ("unnoticed", draw.choice(about.sold), draw.randrange(4)))
    for _ in range(draw.choice([0, 4, 8])):
        steps.insert(
            draw.randrange(len(steps)), draw.choice([("shop", draw.choice(about.sold)), ("pass", 500), ("pass", 6_000)])
        )
    return [("fetched", draw.choice([0, 0, 15])), *steps]


def _with_lists(seed: int, steps: list[Step]) -> list[Step]:
    """In some worlds lists of people are brought up to date some times: who takes consent back in the middle of it (`PEOPLE`: nobody),
    and what the platform answers."""
    draw = random.Random(f"lists {seed}")
    for _ in range(draw.choice([0, 0, 2, 5])):
        answers = (draw.randrange(7) for _ in range(draw.choice([0, 1, 3])))
        steps.insert(draw.randrange(len(steps) // 3, len(steps)), ("lists", draw.randrange(PEOPLE + 4), *answers))
    return steps


def _with_upgrades(seed: int, steps: list[Step]) -> list[Step]:
    """In some worlds the folder is an older program's once or twice: its form; at which write the process that brings it to the
    present one is killed (0: not at all); whether the older one had ended in order; and whether the power is cut (0: no)."""
    draw = random.Random(f"upgrades {seed}")
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        written = draw.choice([0, 1, 3, 10, 30, 60, 100, 150])
        facts = (draw.randrange(OLDEST, SCHEMA_VERSION), written and written + draw.randrange(10), draw.randrange(2))
        steps.insert(draw.randrange(len(steps)), ("upgrade", *facts, draw.choice([0, 0, 1 + draw.randrange(1 << 16)])))
    return steps


_ALWAYS = ("browser", "server", "shop", "pass")
_WEIGHTS = {
    "browser": 16,  # a copy of the tag
    "server": 16,  # copies of the shop's server
    "shop": 8,  # an order's webhook: paid
    "news": 5,  # the same: unpaid, or cancelled
    "stale": 2,  # what a shop said before its last word, which comes late
    "forged": 5,  # a stranger's copy with what can be counted
    "bad": 3,  # what cannot be read
    "pass": 20,  # time; where it is odd, what began at its end is still on its way
    "answers": 10,  # what a platform does next
    "kill": 6,  # at the n-th line from here
    "cut": 5,  # the power, the same
    "lose": 2,  # a disk that had lied
    "stop": 2,  # in order, and a start
    "full": 3,  # the disk, for some steps
    "sync": 2,  # the next flush fails
    "jump": 4,  # the wall clock, for some minutes
    "age": 1,  # days, after which retention has its work
    "withdraw": 4,
    "grant": 2,
    "erase": 2,
    "meanwhile": 8,  # one of the others, which comes at the n-th line from here: in the middle of something
}
_MEANWHILE = {
    "browser": 3, "server": 3, "shop": 2, "news": 2, "stale": 1, "forged": 1, "withdraw": 5, "grant": 2, "erase": 2,
}  # fmt: skip


FETCHED_SHARE = 0.25
NAMESAKES_SHARE = 0.25
DARK_SHARE = 0.1


class _About(NamedTuple):
    """What a world's steps may be about."""

    some: list[int]  # things
    sold: list[int]  # those of them that a shop's webhook reports, or all of them
    whose: list[int]
    platforms: list[int]


def _about(everything: list[Thing], some: list[int]) -> _About:
    there = [thing for thing in everything if thing.number in some]
    told = {n for thing in there for n in ((0, 1) if thing.dataset == SHOP else (2,))}
    return _About(some, [t.number for t in there if t.sold] or some, sorted({t.person for t in there}), sorted(told))


def _step(draw: random.Random, kind: str, about: _About) -> Step:
    some, sold, whose, platforms = about
    match kind:
        case "browser" | "forged":
            return (kind, draw.choice(some), draw.randrange(4))
        case "news" | "stale":
            return (kind, draw.choice(sold), draw.randrange(4))
        case "shop":
            return (kind, draw.choice(sold))
        case "server":
            return (kind, *(draw.choice(some) for _ in range(draw.choice([1, 1, 2, 4]))))
        case "meanwhile":
            inner = draw.choices(list(_MEANWHILE), list(_MEANWHILE.values()))[0]
            lines = draw.choice([1, 2, 3, 4, 6, 8, 12, 20, 50]) + draw.randrange(3)
            return (kind, lines, *_step(draw, inner, about))
        case "pass":
            return (
                kind,
                draw.choice(
                    [100, 500, 1_000, 6_000, 20_500, 21_000, 21_000, 61_000, 61_000, 10 * MINUTE, HOUR + 1_000]
                ),
            )
        case "answers":
            return (
                kind,
                draw.choice(platforms),
                *(draw.randrange(len(ANSWERS)) for _ in range(draw.choice([1, 2, 5]))),
            )
        case "kill":
            return (kind, draw.choice([1, 3, 10, 30, 80, 200]) + draw.randrange(10))
        case "cut":
            return (kind, draw.choice([1, 3, 10, 30, 80, 200]) + draw.randrange(10), draw.randrange(1 << 16))
        case "lose":
            return (kind, draw.randrange(1 << 16), draw.randrange(2))
        case "jump":
            ahead = draw.choice([2 * HOUR, -2 * HOUR, 87_600 * HOUR, -262_800 * HOUR, 15 * MINUTE, -11 * MINUTE])
            return (kind, ahead, draw.randrange(1, 9) * MINUTE)
        case "withdraw" | "grant":
            return (kind, draw.choice(whose), draw.randrange(3))
        case "erase":
            return (kind, draw.choice(whose))
        case "age":
            return (kind, draw.choice([2, 5, 10, 10]))
        case "full":
            return (kind, draw.randrange(1, 4))
        case _:
            return (kind, draw.randrange(4))
