"""One person's digests, however the name, the number and the address were written; and the erasure's own digests."""

from __future__ import annotations

import hashlib

import pytest

from twofold.matching.counterparts import counterpart_digests, name_words
from twofold.matching.subject import Keyring, SubjectRequest, wanted_of

RING = Keyring(b"k" * 32)

SAME_NAMES = [
    ("Giorgi Beridze", "BERIDZE GIORGI"),
    ("გიორგი ბერიძე", "BERIDZE GIORGI"),
    ("ᲒᲘᲝᲠᲒᲘ ᲑᲔᲠᲘᲫᲔ", "Giorgi Beridze"),
    ("ნინო წერეთელი", "Tsereteli, Nino"),
    ("ნინო ჭყონია", "NINO CHQONIA"),
    ("ნინო წერეთელი", "Ts'ereteli Nino"),
    ("Дмитрий Щербаков", "SHCHERBAKOV DMITRII"),
    ("Дмитрий Щербаков", "Shcherbakov Dmitry"),
    ("Юлия Королёва", "KOROLEVA IULIIA"),
    ("Юлия Королева", "Yuliya Koroleva"),
    ("Zoë Müller-Groß", "MULLER GROSS ZOE"),
    ("Ｇｉｏｒｇｉ Beridze", "giorgi  beridze"),
]


@pytest.mark.parametrize(("ours", "banks"), SAME_NAMES)
def test_a_name_is_the_same_in_another_script_and_order(ours, banks):
    """What the shop's buyer typed and what the bank printed are one digest."""
    assert counterpart_digests(RING, name=ours) == counterpart_digests(RING, name=banks)
    assert len(counterpart_digests(RING, name=ours)) == 1


OTHER_NAMES = [("Giorgi Beridze", "Giorgi Beridzeli"), ("Nino Beridze", "Giorgi Beridze"), ("Ana Lomi", "Anal Omi")]


@pytest.mark.parametrize(("one", "other"), OTHER_NAMES)
def test_other_people_have_other_digests(one, other):
    """A neighbour is somebody else."""
    assert counterpart_digests(RING, name=one) != counterpart_digests(RING, name=other)


def test_numbers_addresses_and_accounts_are_read_as_people_write_them():
    """Blanks, capitals and the country's own way of writing change nothing."""
    one = counterpart_digests(
        RING,
        email=" Anna@Example.com",
        phone="+995 555 00 00 07",
        account="GE29 NB00 0000 0101 9049 17",
        customer=" 77",
    )
    other = counterpart_digests(
        RING,
        email="anna@example.com",
        phone="0555 000 007",
        account="ge29nb0000000101904917",
        customer="77",
        country="GE",
    )
    assert one == other
    assert [d.partition(":")[0] for d in one] == ["account", "customer", "email", "phone"]


def test_a_hash_of_the_documented_form_is_as_good_as_the_value():
    """A sender that hashes tells the same buyer."""
    hashed = hashlib.sha256(b"anna@example.com").hexdigest()
    assert counterpart_digests(RING, email=hashed.upper()) == counterpart_digests(RING, email="Anna@example.com ")


def test_nobody_has_no_digest():
    """What names nobody would be everybody's."""
    assert counterpart_digests(RING) == ()
    assert counterpart_digests(RING, name=" -- ", account="/", phone="12", email="none", customer="undefined") == ()


def test_a_request_for_erasure_has_the_same_digests():
    """So that a buyer is found by what the request left on disk, and by nothing else."""
    request = SubjectRequest(
        emails=("Anna@example.com",), phones=("0555 000 007",), external_ids=("C-77",), country="GE"
    )
    wanted = {digest.hex() for _, digest in wanted_of(request, RING)}
    digests = counterpart_digests(RING, email="anna@example.com", phone="+995555000007", customer="c-77")
    assert {d.partition(":")[2] for d in digests} <= wanted
    assert len(digests) == 3


def test_without_the_ring_nothing_fits():
    """Another folder's digests are other digests, and no plain word is in any."""
    mine = counterpart_digests(RING, name="Giorgi Beridze", email="giorgi@example.com")
    theirs = counterpart_digests(Keyring(b"l" * 32), name="Giorgi Beridze", email="giorgi@example.com")
    assert not set(mine) & set(theirs)
    assert not any("giorgi" in d for d in mine)


def test_words_are_sorted_and_each_stands_once():
    """Dmitry, Dmitriy and a doubled letter are one spelling."""
    assert name_words("Anna Anna van der Berg") == ["ana", "berg", "der", "van"]
