"""The tag's normal forms against the server's, over values of eight scripts, in a real browser."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from running_shop import TAG, Shop, Visitor, until

from tests.messy_values import EMAILS, IDS, NAMES, PLACES, ZIPS
from twofold.matching.normalise import FORMS

pytestmark = pytest.mark.browser

ODD = [
    "عَلِی\u200cرِضا", "\u200cعلی", "علی\u200c", "علی\u200c\u200cرضا", "a\u200db", "ක්\u200dෂ", "ශ\u200d්රී", "👩\u200d👧",
    "ﬀ", "ﬓ", "ײַ", "ﻻ", "ｶﾞ", "ﾡ", "￥5", "\u2060Ann", "ΟΔΟΣ", "ΑΣ-ΒΣ", "e-\u0301", "가-\u11a8", "ºª", "x^y`z", "a$b+c<d=e>f|g~h", "№5", "①",
]  # fmt: skip
# What programs write when they know nothing; some of it is also a name.
NOTHING = [
    "undefined", "null", "NULL", "none", "None", "(null)", "[object Object]", "0", "n/a", "N/A", "NaN", "nan", "nil", "false",
    "true", "unknown", "guest", "anonymous", "000", "0-0", "Nan", "null.", "not null", "10",
]  # fmt: skip
ASKED = [
    *(("fn", v) for v in NAMES + ODD),
    *(("ct", v) for v in PLACES + ODD),
    *(("zp", v) for v in ZIPS),
    *(("em", v) for v in EMAILS),
    *(("external_id", v) for v in IDS + ODD),
    *((k, v) for k in ("fn", "ct", "zp", "external_id") for v in NOTHING),
]


A_PAGE = 40  # events; more at once than the tag keeps would be lost


def test_the_tag_hashes_what_the_server_would(shop: Shop, visitor: Visitor) -> None:
    """Of each value both make the same hash, or none."""
    asked = [(k, v) for k, v in ASKED if v.strip()]
    tab = visitor.open(TAG)
    for start in range(0, len(asked), A_PAGE):
        rows = list(enumerate(asked[start : start + A_PAGE], start=start + 1))
        tab.evaluate(
            "(rows) => rows.forEach(([n, [k, v]]) => { fbq('init', n, {[k]: v}); fbq('trackSingle', n, 'Lead'); })",
            rows,
        )
        done = start + len(rows)
        until(tab, lambda done=done: len(shop.events) == done)
    got = {int(e["dataset"]): e["user_data"] for e in shop.events}
    differing = [
        (key, value, FORMS[key](value))
        for n, (key, value) in enumerate(asked, start=1)
        if got[n].get(key) != expected(key, value)
    ]
    assert differing == []


def expected(key: str, value: str) -> str | None:
    """By the server's rule; 64 hexadecimal digits are a hash that is ready."""
    form = FORMS[key](value)
    if form is None or re.fullmatch("[0-9a-f]{64}", form):
        return form
    return sha256(form.encode()).hexdigest()
