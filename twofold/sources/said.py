"""What a shop system, or the buyer, says of an order's source: landing page, referring site, campaign, an answer.

Owns how each becomes a touch of its own kind. It is the shop's opinion (30 days, last non-direct, or whatever its system does): kept
beside our own signs, never mixed with them.
"""

from __future__ import annotations

from collections.abc import Mapping

from twofold.touch.model import Touch, TouchKind
from twofold.touch.source import clean_text, host_of, parameters_of, path_of, read_parameters

UTM_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
_UTM = ("source", "medium", "campaign", "content", "term", "utm_id")


def shop_says(
    at: int,
    *,
    landing: str | None = None,
    referring: str | None = None,
    told: Mapping[str, str | None] | None = None,
    device: str = "",
) -> Touch | None:
    """A touch of kind ``shop_says``; None where nothing is said. ``told``: utm fields that the shop read itself.

    A landing page may lack its host; of it only the path is kept, and not where it can hold a token.
    """
    pairs = parameters_of(landing) if landing else {}
    found = read_parameters(pairs)
    texts = dict(zip(_UTM, found.texts, strict=True))
    given = read_parameters({**pairs, **{f"utm_{k.removeprefix('utm_')}": v for k, v in (told or {}).items() if v}})
    texts = {name: texts[name] or given.texts[n] for n, name in enumerate(_UTM)}
    referrer = host_of(referring) if referring else ""
    ids = tuple(a or b for a, b in zip(found.ids, given.ids, strict=True))
    path = path_of(landing)
    if not (any(texts.values()) or found.click or any(ids) or referrer or path):
        return None
    return Touch(
        at=at,
        kind=TouchKind.SHOP_SAYS,
        click=found.click,
        campaign_id=ids[0],
        adset_id=ids[1],
        ad_id=ids[2],
        referrer=referrer,
        landing="" if _may_hold_a_token(path) else path,
        device=device or "unknown",
        **texts,
    )


def survey_says(at: int, answer: str | None) -> Touch | None:
    """The buyer's answer to "how did you hear about us?", as a touch of kind ``survey``."""
    text = clean_text(answer) if answer else ""
    return Touch(at=at, kind=TouchKind.SURVEY, source=text) if text else None


def _may_hold_a_token(path: str) -> bool:
    return any(part in path for part in ("/account", "/checkouts", "/wallets", "/orders", "/cart/c/", "@", "%40"))
