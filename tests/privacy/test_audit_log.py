"""The trail of what was shared: it says what left, outlives the sent bytes, and cannot be changed unseen."""

from __future__ import annotations

import asyncio

import apsw
import pytest
from subjects import Person, done, erased, erasing, made

from tests.store.copies import DAY, HOLD, NOW, SERVER, assert_sums_hold, claim, opened
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent
from twofold.matching.subject import SubjectRequest
from twofold.privacy.export import actions_with, find_subject, receipt, shared_rows, subject_rows
from twofold.privacy.retention import Days, Retention
from twofold.report.verify import verify

ANNA, BORIS = Person(1), Person(2)


def sent(folder, later_days=0, days=None):
    """Two purchases sent to two destinations, one attempt failed first; then retention so many days later."""

    async def main():
        async with opened(folder, destinations=("meta-1", "meta-2")) as store:
            bought = ANNA.bought()
            bought.consent = Consent.GRANTED
            await store.append([ANNA.thanks(), bought, BORIS.bought()])
            for name in ("meta-1", "meta-2"):
                first = await claim(store, NOW + HOLD, destination=name)
                again = [
                    done(d, DeliveryState.WAITING, outcome="transient", status=500, due_at=NOW + HOLD) for d in first
                ]
                await store.settle(again, NOW + HOLD)
                await store.settle([done(d) for d in await claim(store, NOW + HOLD, destination=name)], NOW + HOLD)
            retention = Retention(store, days or Days())
            while await retention.step(NOW + HOLD + later_days * DAY):
                pass

    asyncio.run(main())
    return folder


def test_it_says_what_left(tmp_path):
    """To whom, when, which keys, on which consent, tried how often."""
    sent(tmp_path)
    (action,) = actions_with(tmp_path, "order_id", ANNA.order)
    to_first, to_second = shared_rows(tmp_path, [action], 0)
    assert [to_first["destination"], to_second["destination"]] == ["meta-1", "meta-2"]
    assert set(to_first["keys"]) == {"em", "ph", "external_id", "fbp", "fbc", "client_ip_address", "client_user_agent"}
    assert to_first["consent"] == "granted"
    assert [a["outcome"] for a in to_first["attempts"]] == ["transient", "accepted"]
    assert (to_first["state"], to_first["order_id"]) == ("delivered", ANNA.order)


def test_it_outlives_the_sent_bytes_until_its_own_days_are_over(tmp_path):
    """After payload_days the bytes are gone and the trail is whole; after audit_days the trail is gone; verify holds."""
    for days, payload, keys in ((20, True, True), (40, False, True), (366, False, False)):
        folder = tmp_path / str(days)
        folder.mkdir()
        sent(folder, days)
        found = list(shared_rows(folder, actions_with(folder, "order_id", BORIS.order), 0))
        assert [bool(r["payload_bytes"]) for r in found] == [payload] * 2
        assert [bool(r["keys"]) and bool(r["attempts"]) for r in found] == [keys] * 2
        assert_sums_hold(folder)


TAMPERED = [
    ("a key struck out", "update frozen set keys = 'em'"),
    ("consent written in", "update frozen set consent = 'granted' where consent != 'granted'"),
    ("an attempt removed", "delete from attempt where id = 2"),
    ("a time moved", "update attempt set started_at = started_at + 1 where id = 3"),
    ("an answer turned", "update attempt set outcome = 'accepted' where id = 1"),
]


@pytest.mark.parametrize("sql", [sql for _, sql in TAMPERED], ids=[n for n, _ in TAMPERED])
def test_a_sealed_trail_cannot_be_changed_unseen(tmp_path, sql):
    """`verify` names the attempts that are not what was sealed."""
    sent(tmp_path)
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.execute(sql)
    assert db.changes() > 0
    db.close()
    broken = [c for c in verify(tmp_path) if not c.holds]
    assert any(c.name == "what was shared is as it was sealed" and "attempts 1 to" in c.note for c in broken)


def test_an_erased_persons_trail_says_no_name(tmp_path):
    """What was shared stays provable after the erasure, and the seal over it holds."""

    async def main():
        async with erasing(tmp_path, NOW + HOLD) as (store, eraser):
            await store.append([ANNA.bought()])
            await store.settle([done(d) for d in await claim(store, NOW + HOLD)], NOW + HOLD)
            await Retention(store, Days()).step(NOW + HOLD)
            return await erased(eraser, SubjectRequest(emails=(ANNA.email,), order_ids=(ANNA.order,)))

    number = asyncio.run(main())
    (row,) = shared_rows(tmp_path, None, 10)
    assert set(row["keys"]) == {"em", "ph", "external_id", "client_ip_address", "client_user_agent"}
    assert row["payload_bytes"] == 0
    assert row["order_id"].startswith("erased-")
    paper = receipt(tmp_path, number)
    assert paper is not None
    assert paper["counts"]["events"] == 1
    assert paper["named"] == "em=1,order=1"
    assert paper["journal"]["position"] == 1
    assert len(paper["log"]["chain"]) == 32
    assert_sums_hold(tmp_path)


def test_an_export_holds_all_of_one_person_and_nothing_of_another(tmp_path):
    """Every event, action, delivery and order of hers; no identifier of his in any line."""
    import msgspec

    folder = sent(tmp_path)
    found = find_subject(folder, SubjectRequest(emails=(ANNA.email,)))
    lines = list(subject_rows(folder, found))
    text = msgspec.json.encode(lines)
    assert [line["what"] for line in lines] == ["event", "event", "action", "shared", "shared"]
    for value in (ANNA.bought().user_data.em[0].hex, ANNA.fbp, ANNA.order):
        assert value.encode() in text
    for value in (*(h.hex for h in BORIS.bought().user_data.em), BORIS.order, BORIS.checkout):
        assert value.encode() not in text


def test_sealing_is_not_on_the_way_of_an_event(tmp_path):
    """Settling writes no entry of the log; the next step of retention seals everything tried until then."""

    async def main():
        async with opened(tmp_path) as store:
            await store.append([made(f"e{n}", SERVER, ANNA.user("em"), name="Lead", value=None) for n in range(50)])
            await store.settle([done(d) for d in await claim(store, NOW)], NOW)
            before = await store.transact(lambda e: e.script("select count(*) from audit"))
            await Retention(store, Days()).step(NOW)
            after = await store.transact(lambda e: e.script("select kind, facts from audit"))
            return before, after

    before, ((kind, facts),) = asyncio.run(main())
    assert before == [(0,)]
    assert kind == "shared"
    assert '"first":1,"last":50,"rows":50' in facts


def test_a_request_for_a_copy_is_answered_from_its_digests(tmp_path):
    """What a shop brought as values is on disk as digests only, and yet finds the person; answered, it is closed."""
    from twofold.privacy.export import find_requested, open_requests
    from twofold.privacy.runner import Eraser

    async def main():
        async with opened(tmp_path) as store:
            eraser = Eraser(store, lambda: NOW)
            await store.append([*ANNA.copies(), *BORIS.copies()])
            number = await eraser.ask(SubjectRequest(kind="export", emails=(ANNA.email,)), "shopify")
            waiting = [r["id"] for r in open_requests(tmp_path)]
            found = find_requested(tmp_path, number)
            await eraser.note("export", {}, number)
            return number, waiting, sorted(found.rows), open_requests(tmp_path), find_requested(tmp_path, number)

    number, waiting, positions, still, again = asyncio.run(main())
    assert (waiting, positions, still, again) == ([number], [1, 2, 3], [], None)
