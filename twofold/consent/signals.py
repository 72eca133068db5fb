"""What senders write about consent, in every form that is common, read into our purposes.

Owns the table from their words to ours. One rule for all: what is stated but cannot be read is denied for what it
concerns, and nothing that cannot be read ever grants. Statements about one purpose are added up, the strictest wins.
Marketing consent is asked for as one thing by most shops, so what nobody says about `ad_user_data` and `personalization`
follows `marketing`.

TC string to purposes, as Google's consent mode maps it: marketing is purpose 1; ad_user_data 1 and 7; personalization 3
and 4; analytics, which that mapping leaves open, is 8 and 9. Purposes 1, 3 and 4 need consent (TCF 2.2); for 7, 8 and 9 a
legitimate interest that was shown and not objected to is enough. A purpose 1 that was not asked about counts as not
given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from twofold.consent.bits import Unreadable
from twofold.consent.gpp import OptOuts, read_gpp, read_us_privacy
from twofold.consent.state import PLATFORM, read_consent, strictest
from twofold.consent.tcf import TcString, read_tcf
from twofold.event.addressees import NO_NAMES, Addressees
from twofold.event.model import Consent
from twofold.event.refusal import describe_key

Choices = dict[str, Consent]
"""Purpose to what was chosen; a purpose that is not in it was not spoken of."""

_ADS = ("marketing", "ad_user_data", "personalization")
_FOLLOWING = ("ad_user_data", "personalization")
_YES, _NO = Consent.GRANTED, Consent.DENIED

# Their words for a purpose, as in consent banners, consent mode and shop systems. None: nothing that we send depends on it.
_WORDS_FOR: dict[str, str | None] = {
    "marketing": "marketing", "advertising": "marketing", "advertisement": "marketing", "ads": "marketing",
    "targeting": "marketing", "ad_storage": "marketing", "marketingallowed": "marketing",
    "ad_user_data": "ad_user_data",
    "personalization": "personalization", "personalisation": "personalization", "ad_personalization": "personalization",
    "analytics": "analytics", "statistics": "analytics", "performance": "analytics", "analytics_storage": "analytics",
    "measurement": "analytics", "analyticsprocessingallowed": "analytics",
    "sale_of_data": "sale_of_data", "saleofdataallowed": "sale_of_data", "sale_of_data_allowed": "sale_of_data",
    "marketing_allowed": "marketing", "analytics_processing_allowed": "analytics",
    "necessary": None, "essential": None, "functional": None, "functionality": None, "preferences": None,
    "preferencesprocessingallowed": None, "preferences_processing_allowed": None, "functionality_storage": None,
    "personalization_storage": None, "security_storage": None, "security": None, "wait_for_update": None, "region": None,
}  # fmt: skip


class Statement(Struct, frozen=True, kw_only=True):
    """All that one copy says. ``state`` is what it says as a whole, without naming a purpose."""

    state: Consent = Consent.UNSTATED
    granted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


SILENCE = Statement()


def read_statement(value: Any, *, gpc: bool = False, names: Addressees = NO_NAMES) -> Statement:
    """A copy's ``consent``: a word, true or false, or an object. ``gpc``: the browser sent Global Privacy Control. ``names``: what a
    platform that is refused may be called beside its own name."""
    if not isinstance(value, dict):
        state = read_consent(value)
        if not gpc:
            return SILENCE if state is Consent.UNSTATED else Statement(state=state)
        value = {}
    else:
        state = Consent.UNSTATED
    notes: list[str] = []
    spoken: list[Choices] = [_of_opt_outs(OptOuts(gpc=True))] if gpc else []
    for key, part in value.items():
        if part is None or part == "":
            continue
        word = str(key).strip().lower()
        if word in ("state", "status", "consent", "all"):
            state = strictest((state, read_consent(part)))
        elif word in _READERS:
            spoken.append(_read_part(word, part, names, notes))
        elif word in _WORDS_FOR:
            spoken.append(_of_word(word, part))
        elif read_consent(part) is not _YES:
            # Something was refused, or may have been, and we do not know what.
            state = Consent.DENIED
            notes.append(
                f"consent.{describe_key(str(key))} is no purpose that is known here and not granted: all denied"
            )
        else:
            notes.append(f"consent.{describe_key(str(key))} is no purpose that is known here; nothing follows from it")
    choices = _following(_added(spoken))
    return Statement(
        state=state,
        granted=tuple(sorted(p for p, c in choices.items() if c is _YES)),
        denied=tuple(sorted(p for p, c in choices.items() if c is _NO)),
        notes=tuple(notes),
    )


def _read_part(word: str, part: Any, names: Addressees, notes: list[str]) -> Choices:
    reader, concerned = _READERS[word]
    try:
        return reader(part, names)
    except Unreadable:
        notes.append(f"consent.{word} cannot be read: denied for what it is about")
        return dict.fromkeys(concerned, _NO)


def _added(spoken: list[Choices]) -> Choices:
    found: Choices = {}
    for choices in spoken:
        for purpose, choice in choices.items():
            found[purpose] = strictest((choice, found.get(purpose, Consent.UNSTATED)))
    return {p: c for p, c in found.items() if c is not Consent.UNSTATED}


def _following(choices: Choices) -> Choices:
    marketing = choices.get("marketing")
    if marketing is not None:
        for purpose in _FOLLOWING:
            choices.setdefault(purpose, marketing)
    return choices


def _of_word(word: str, part: Any) -> Choices:
    purpose = _WORDS_FOR[word]
    return {} if purpose is None else {purpose: read_consent(part)}


def _of_words(part: Any) -> Choices:
    """An object of their words. One that is not known is passed over only when it grants."""
    if not isinstance(part, dict):
        raise Unreadable("not an object")
    spoken = []
    for key, value in part.items():
        word = str(key).strip().lower()
        if word in _WORDS_FOR:
            spoken.append(_of_word(word, value))
        elif read_consent(value) is _NO:
            raise Unreadable("something was refused that is not known here")
    return _added(spoken)


def _of_google(part: Any) -> Choices:
    """Consent mode: an object of its signals, which may hold ``gcs`` and ``gcd``; or one of these as text."""
    if isinstance(part, str):
        return _of_gcd(part) if part[:1] == "1" else _of_gcs(part)
    if not isinstance(part, dict):
        raise Unreadable("neither an object nor a text")
    rest = {k: v for k, v in part.items() if k not in ("gcs", "gcd")}
    return _added([
        _of_words(rest),
        _of_gcs(part["gcs"]) if part.get("gcs") else {},
        _of_gcd(part["gcd"]) if part.get("gcd") else {},
    ])  # fmt: skip


_GCS = re.compile(r"G1([01-])([01-])[01-]?")
_GCD = re.compile(r"1\d([A-Za-z])\d([A-Za-z])\d([A-Za-z])\d([A-Za-z])\d.{0,16}")
_GCD_ORDER = ("marketing", "analytics", "ad_user_data", "personalization")
# The last word counts: what an update said, else the default. Letters as observed (S. Ahava and M. Baersch, March 2024;
# Google documents none). l: never set.
_GCD_LETTERS = {
    "l": Consent.UNSTATED,
    "p": _NO,
    "q": _NO,
    "m": _NO,
    "u": _NO,
    "t": _YES,
    "r": _YES,
    "n": _YES,
    "v": _YES,
}


def _of_gcs(part: Any) -> Choices:
    """``G1xy``: x advertising storage, y analytics storage; 1, 0 or - for not set."""
    match = _GCS.fullmatch(part.strip()) if isinstance(part, str) else None
    if match is None:
        raise Unreadable("not a gcs text")
    said = {"1": _YES, "0": _NO, "-": Consent.UNSTATED}
    return {"marketing": said[match[1]], "analytics": said[match[2]]}


def _of_gcd(part: Any) -> Choices:
    match = _GCD.fullmatch(part.strip()) if isinstance(part, str) else None
    if match is None:
        raise Unreadable("not a gcd text")
    return {p: _GCD_LETTERS.get(letter, _NO) for p, letter in zip(_GCD_ORDER, match.groups(), strict=True)}


def _of_tcf(part: Any) -> Choices:
    if not isinstance(part, str):
        raise Unreadable("not text")
    return _of_tc_string(read_tcf(part))


def _of_tc_string(tc: TcString) -> Choices:
    device = tc.allows(1)
    measuring = tc.allows(7, interest=True)
    allowed = {
        "marketing": device,
        "ad_user_data": device and measuring,
        "personalization": tc.allows(3) and tc.allows(4),
        "analytics": tc.allows(8, interest=True) and tc.allows(9, interest=True),
    }
    return {purpose: _YES if yes else _NO for purpose, yes in allowed.items()}


def _of_gpp(part: Any) -> Choices:
    if not isinstance(part, str):
        raise Unreadable("not text")
    gpp = read_gpp(part)
    spoken = [_of_opt_outs(o) for o in gpp.opt_outs]
    if gpp.tcf is not None:
        spoken.append(_of_tc_string(gpp.tcf))
    if gpp.unread:
        spoken.append({"sale_of_data": _NO})  # a law whose section we cannot read
    return _added(spoken)


def _of_opt_outs(o: OptOuts) -> Choices:
    """Sharing, in California's sense, is advertising across sites: both a sale and personalization."""
    found: Choices = {}
    if o.sale is not None:
        found["sale_of_data"] = _NO if o.sale else _YES
    if o.targeted is not None:
        found["personalization"] = _NO if o.targeted else _YES
    if o.sharing or o.gpc or o.targeted:
        found["sale_of_data"] = _NO
    if o.sharing or o.gpc:
        found["personalization"] = _NO
    return found


def _of_us_privacy(part: Any) -> Choices:
    if not isinstance(part, str):
        raise Unreadable("not text")
    return _of_opt_outs(read_us_privacy(part))


def _of_gpc(part: Any) -> Choices:
    """Global Privacy Control is a wish or nothing: only a clear no says nothing."""
    return {} if read_consent(part) is _NO and str(part).strip().lower() in ("false", "0", "no") else _of_opt_outs(
        OptOuts(gpc=True)
    )  # fmt: skip


_Reader = Callable[[Any, Addressees], Choices]
_SALE = ("sale_of_data", "personalization")
_PLATFORM = re.compile(r"[a-z0-9_]{1,20}")


def _of_platforms(part: Any, names: Addressees) -> Choices:
    """Who was refused by name, as a banner that asks for each vendor does. A yes to one platform grants no purpose."""
    if not isinstance(part, dict):
        raise Unreadable("expected an object of platforms")
    refused: Choices = {}
    for name, word in part.items():
        told = str(name).strip().lower()
        platforms = names.refused_by(told) or (told,)
        if not all(_PLATFORM.fullmatch(one) for one in platforms):
            raise Unreadable("expected names such as meta or ga4")
        if read_consent(word) is _NO:
            refused |= {f"{PLATFORM}{one}": _NO for one in platforms}
    return refused


def _alone(reader: Callable[[Any], Choices]) -> _Reader:
    """A reader that no platform's name says anything to."""
    return lambda part, _names: reader(part)


_READERS: Mapping[str, tuple[_Reader, tuple[str, ...]]] = {
    "purposes": (_alone(_of_words), _ADS),
    "platforms": (_of_platforms, _ADS),
    "shopify": (_alone(_of_words), (*_ADS, "analytics", "sale_of_data")),
    "customerprivacy": (_alone(_of_words), (*_ADS, "analytics", "sale_of_data")),
    "google": (_alone(_of_google), (*_ADS, "analytics")),
    "gcs": (_alone(_of_gcs), ("marketing", "analytics")),
    "gcd": (_alone(_of_gcd), _GCD_ORDER),
    "tcf": (_alone(_of_tcf), (*_ADS, "analytics")),
    "gpp": (_alone(_of_gpp), (*_ADS, "analytics", "sale_of_data")),
    "us_privacy": (_alone(_of_us_privacy), _SALE),
    "usprivacy": (_alone(_of_us_privacy), _SALE),
    "gpc": (_alone(_of_gpc), _SALE),
}  # word -> (reader, what it is about when it cannot be read)
