"""Which signs make a touch, and which touches make the path of an order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attribution.rule_models import steps_of
from tests.strategies import law
from twofold.attribution.paths import DAY_S, path_of, touches_from
from twofold.touch.model import Touch, TouchKind
from twofold.touch.visits import Seen

MINUTE = 60
NOON = 20_000 * DAY_S + 12 * 3600


def seen(minutes: float, who: str = "a", kind: TouchKind = TouchKind.VISIT, click: str = "", **told: str) -> Seen:
    touch = Touch(at=NOON + int(minutes * MINUTE), kind=kind, click=click.partition("=")[0], **told)  # type: ignore[arg-type]
    return Seen(who, (click, *sorted(told.items())), touch)


def minutes_of(*signs: Seen) -> list[float]:
    return [(t.at - NOON) / MINUTE for t in touches_from(signs)]


def test_a_pause_of_thirty_minutes_begins_another() -> None:
    assert minutes_of(seen(0), seen(29), seen(58), seen(88)) == [0, 88]
    assert minutes_of(seen(0), seen(29.99)) == [0]
    assert minutes_of(seen(0), seen(30)) == [0, 30]


def test_another_campaign_or_click_begins_one_at_once() -> None:
    assert minutes_of(seen(0, source="google", medium="cpc"), seen(5, source="facebook", medium="paid")) == [0, 5]
    assert minutes_of(seen(0, click="gclid=1"), seen(5, click="gclid=2"), seen(9, click="gclid=2")) == [0, 5]
    assert minutes_of(seen(0), seen(5, source="google", medium="cpc"), seen(9)) == [0, 5]
    assert minutes_of(seen(0, source="google", medium="cpc"), seen(5, referrer="blog.example")) == [0]


def test_midnight_means_nothing_and_people_are_apart() -> None:
    assert minutes_of(seen(11.9 * 60), seen(12.1 * 60)) == [11.9 * 60]
    assert minutes_of(seen(0, who="a"), seen(5, who="b")) == [0, 5]


def test_what_shop_and_buyer_say_is_no_touch() -> None:
    assert (
        minutes_of(
            seen(0, kind=TouchKind.SHOP_SAYS, source="google"), seen(1, kind=TouchKind.SURVEY, source="a friend")
        )
        == []
    )


def test_the_window_holds_both_its_ends() -> None:
    touches = touches_from([seen(n * DAY_S / MINUTE) for n in range(-9, 2)])
    assert [(t.at - NOON) // DAY_S for t in path_of(touches, NOON)] == [-7, -6, -5, -4, -3, -2, -1, 0]
    assert [(t.at - NOON) // DAY_S for t in path_of(touches, NOON, click_days=1)] == [-1, 0]


def test_a_chat_obeys_the_smaller_window() -> None:
    chats = [seen(-n * DAY_S / MINUTE, kind=TouchKind.CHAT, source="messenger") for n in (2, 5, 8)]
    touches = touches_from(chats)
    assert len(path_of(touches, NOON, click_days=30, chat_days=7)) == 2
    assert len(path_of(touches, NOON, click_days=3, chat_days=7)) == 1


def test_repeats() -> None:
    touches = touches_from([seen(n * 60) for n in range(5)])
    keys = ["a", "a", "b", "a", "b"]
    assert [step.key for step in steps_of(touches, keys, NOON)] == keys
    assert [step.key for step in steps_of(touches, keys, NOON, "collapse")] == ["a", "b", "a", "b"]
    assert [step.key for step in steps_of(touches, keys, NOON, "unique")] == ["a", "b"]


SIGNS = st.lists(
    st.builds(seen, st.integers(0, 200), st.sampled_from("ab"), st.sampled_from([TouchKind.VISIT, TouchKind.CHAT]),
              st.sampled_from(["", "gclid=1", "gclid=2"])),
    max_size=8,
)  # fmt: skip


@law
@given(SIGNS, st.randoms(use_true_random=False))
def test_the_order_of_signs_means_nothing(signs: list[Seen], random: object) -> None:
    """And a sign that is told twice is told once."""
    shuffled = signs + signs[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert touches_from(shuffled) == touches_from(signs)
