"""Redacted rows: what is taken out is out, what proves the journal stays, and a digest that is kept tells nothing."""

from __future__ import annotations

from hashlib import blake2b

import apsw
import pytest
from subjects import Person, erased, erasing, made

from tests.store.copies import BROWSER, NOW, appended, copy
from twofold.event.model import Hashed, decode_event, encode
from twofold.matching.subject import SubjectRequest
from twofold.privacy.redact import RetainedPart, site_of, without_part, without_person
from twofold.store.journal import SALT

ANNA = Person(1)

# url -> what may stay of it when the person goes
SITES = [
    ("https://shop.example/orders/abc123/thanks?key=wc_order_x#top", "https://shop.example/"),
    ("https://user:word@shop.example:8443/a", "https://shop.example:8443/"),
    ("/orders/abc123", None),
    ("https://[broken", None),
    (None, None),
]


@pytest.mark.parametrize(("url", "kept"), SITES)
def test_of_an_address_only_the_site_stays(url, kept):
    """No path, no query, no credentials; what is no address is gone."""
    assert site_of(url) == kept


def test_a_person_leaves_money_and_goods_behind():
    """Every field that can point to somebody is empty; value, currency, goods, times and name are untouched."""
    event = made("e", BROWSER, ANNA.user("em", "fbp", "fbc"), order="O-1", ids=("sku-1",), lines=("sku-1",), visitor="v",
                 links=("cart:c",), url="https://shop.example/a?b=c")  # fmt: skip
    event.custom_data.other = {"note": "call me"}
    event.app_data = {"device": "x"}
    event.click_ids = {"gclid": "g"}
    new = without_person(event, lambda text: text)
    kept = encode(new)
    for gone in (b"fbp", b"fbc", b"em", b"203.0.113.9", b"cart", b"call me", b"device", b"gclid", b"b=c", b'"visitor"'):
        assert gone not in kept
    assert (new.custom_data.value, new.custom_data.currency, new.custom_data.content_ids) == (
        event.custom_data.value,
        "EUR",
        ("sku-1",),
    )
    assert (new.event_time, new.received_at, new.event_name, new.event_id) == (event.event_time, NOW, "Purchase", "e")


STAYS = {
    "device_time", "shop", "region", "order_vouched", "consent_required", "destinations", "granted", "denied", "opt_out", "bot", "held_back", "messaging_channel",
    "advanced_measurement_table", "data_processing_options", "data_processing_options_country", "data_processing_options_state",
}  # fmt: skip
"""Of the fields that may be empty: which country or state, which shop, what was agreed to, which platforms may be told, and what was found about
the copy."""


def test_every_other_field_is_a_persons():
    """Also one that is new: whoever adds a field says here whether it stays."""
    event = made("e", BROWSER, ANNA.user("em"), visitor="v", url="https://shop.example/a?b=c")
    empty = [
        f for f in event.__struct_fields__ if not getattr(event, f) and f not in ("user_data", "custom_data", "tier")
    ]
    for name in empty:
        setattr(event, name, {"of": "somebody"})
    event.referrer_url = "https://shop.example/a?b=c"
    new = without_person(event, lambda text: text)
    assert {name for name in empty if getattr(new, name) == {"of": "somebody"}} == STAYS


GOES = {
    RetainedPart.ADDRESS: {"user_data", "locale"},
    RetainedPart.CLICK_IDS: {"user_data", "click_ids", "visitor", "event_source_url", "referrer_url"},
    RetainedPart.CONTACT: {"user_data", "forms"},
}


@pytest.mark.parametrize("part", RetainedPart)
def test_a_part_is_more_than_match_keys(part):
    """The browser's language goes with its address and agent, its ids with the click ids, hashes of other rules with the others."""
    clicked = "https://shop.example/?fbclid=abc"
    event = made("e", BROWSER, ANNA.user("em", "fbp", "fbc"), visitor="v", url=clicked)
    event.locale, event.referrer_url, event.click_ids = "ka-GE", clicked, {"gclid": "g"}
    event.forms = (Hashed("e164", "a" * 64),)
    new = without_part(event, part)
    assert {name for name in event.__struct_fields__ if getattr(new, name) != getattr(event, name)} == GOES[part]


# part, and which of these keys remain of em, fbp, fbc, client_ip_address, client_user_agent
PARTS = [
    (RetainedPart.ADDRESS, {"em", "fbp", "fbc"}),
    (RetainedPart.CLICK_IDS, {"em", "client_ip_address", "client_user_agent"}),
    (RetainedPart.CONTACT, {"fbp", "fbc", "client_ip_address", "client_user_agent"}),
]


@pytest.mark.parametrize(("part", "kept"), PARTS)
def test_each_part_takes_its_own_fields(part, kept):
    """One part leaves the others' fields alone; a campaign's name survives the click id beside it."""
    event = made("e", BROWSER, ANNA.user("em", "fbp", "fbc"), url="https://shop.example/?utm_source=x&fbclid=abc")
    user = without_part(event, part).user_data
    assert {f for f in user.__struct_fields__ if getattr(user, f)} == kept
    url = without_part(event, part).event_source_url
    assert url == ("https://shop.example/?utm_source=x" if part is RetainedPart.CLICK_IDS else event.event_source_url)


def test_a_kept_digest_cannot_be_tried_with_the_right_guess(tmp_path):
    """Whoever knows every byte that stood there cannot show it by what is kept: the salt is gone with the body."""
    import asyncio

    event = copy("e", em="a")

    async def main():
        async with erasing(tmp_path) as (store, eraser):
            await store.append([event])
            before = (await store.transact(lambda e: e.script("select plain_body(body), chain, salt from event")))[0]
            await erased(eraser, SubjectRequest(emails=("a" * 64,)))
            after = (
                await store.transact(
                    lambda e: e.script(
                        "select plain_body(e.body), e.chain, e.salt, r.digest from event e join redaction r using (position)"
                    )
                )
            )[0]
            return before, after

    (body, chain, salt), (now, kept, left, digest) = asyncio.run(main())
    assert len(salt) == SALT
    assert (kept, left) == (chain, None)
    assert blake2b(body, digest_size=16, salt=salt).digest() == digest
    assert blake2b(body, digest_size=16).digest() != digest
    assert not decode_event(now).user_data.em


def test_a_journal_of_an_older_version_still_verifies(tmp_path):
    """Rows written before there was a salt have none: they follow, and can be redacted."""
    from twofold.report.verify import verify
    from twofold.store.bodies import plain_body
    from twofold.store.journal import GENESIS, body_digest, link

    appended(tmp_path, [copy("a"), copy("b")])
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    before = GENESIS
    for position, verdict, action, body in db.execute(
        "select position, verdict, action, body from event order by position"
    ).fetchall():
        before = link(before, position, verdict, action, body_digest(plain_body(body), b""))
        db.execute("update event set chain = ?, salt = null where position = ?", (before, position))
    db.execute("delete from meta where name = 'watermark'")
    db.close()
    (tmp_path / "watermark").unlink()  # such a folder had none
    assert all(c.holds for c in verify(tmp_path))
    appended(tmp_path, [copy("c")])
    assert all(c.holds for c in verify(tmp_path))
