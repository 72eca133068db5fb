"""Who pays and who bought, as digests that only this folder can make: the same for an order's buyer and a bank line's payer.

Owns one function, `counterpart_digests`. Whoever holds contact data in the clear (the edge of an order, the reader of a
statement) calls it with the folder's ring (`store.secret.folder_ring`) and keeps what it answers; the plain values are
then forgotten. Two texts are the same person's when a digest of theirs is the same: ``email:`` and ``phone:`` are made of
the documented normal form, ``customer:`` of the shop's own number, ``account:`` of the letters and digits of an account,
``name:`` of the words of a name, Georgian and Cyrillic letters written in Latin ones, in alphabetical order, so that
"BERIDZE GIORGI" on a statement is the "გიორგი ბერიძე" of the order.

``email``, ``phone`` and ``customer`` are the digests by which a request for erasure finds a person: the same keyed digest of
the same hash. That is why they begin with a hash, and why a value that comes hashed already (SHA-256 of the documented
form) is as good as a plain one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from hashlib import sha256

from twofold.matching.normalise import compose, normalise_email, normalise_external_id, normalise_phone
from twofold.matching.subject import Keyring

SUBJECT_KINDS = {"email": "em", "phone": "ph", "customer": "external_id"}
"""Kinds of digests and what a request for erasure calls the same."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NOT_IN_ACCOUNT = re.compile(r"[\W_]+")

# National romanisation of Georgian without its apostrophes, and the passport's of Russian: what banks print.
_GEORGIAN = dict(
    zip("აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ", ["a", "b", "g", "d", "e", "v", "z", "t", "i", "k", "l", "m", "n", "o", "p", "zh", "r", "s", "t", "u", "p", "k", "gh", "q", "sh", "ch", "ts", "dz", "ts", "ch", "kh", "j", "h"], strict=True)
)  # fmt: skip
_CYRILLIC = dict(
    zip("абвгдежзийклмнопрстуфхцчшщыэюяієґ", ["a", "b", "v", "g", "d", "e", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "i", "e", "iu", "ia", "i", "ie", "g"], strict=True)
)  # fmt: skip
_LATIN = {"ß": "ss", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
_LETTERS = str.maketrans({**_GEORGIAN, **_CYRILLIC, **_LATIN, "ъ": "", "ь": "", "y": "i"})
_DOUBLED = re.compile(r"(.)\1+")
_APOSTROPHES = re.compile("['`´ʹʼ\u2018\u2019\u2032]")
_WORDS = re.compile(r"[^\W\d_]+")


def counterpart_digests(
    ring: Keyring,
    *,
    name: str = "",
    account: str = "",
    phone: str = "",
    email: str = "",
    customer: str = "",
    country: str = "",
) -> tuple[str, ...]:
    """``kind:hex`` of each value that says something, sorted; empty for nobody.

    ``country``: ISO 3166 alpha-2, for a phone number that is written locally. ``customer``: the shop's own number of the
    buyer. Nothing can be learnt from a digest without the ring, and a value that is none (no address, too few digits)
    makes none.
    """
    found = []
    for kind, text, form in (
        ("email", email, normalise_email),
        ("phone", phone, lambda text: normalise_phone(text, country or None)),
        ("customer", customer, normalise_external_id),
    ):
        hashed = _hash_of(text, form) if text else None
        if hashed:
            found.append(f"{kind}:{ring.digest(SUBJECT_KINDS[kind], hashed).hex()}")
    if words := name_words(name):
        found.append(f"name:{ring.digest('name', ' '.join(words)).hex()}")
    if plain := _NOT_IN_ACCOUNT.sub("", compose(account)).upper():
        found.append(f"account:{ring.digest('account', plain).hex()}")
    return tuple(sorted(found))


def name_words(name: str) -> list[str]:
    """The words of a name in Latin letters, each once, in order of the alphabet.

    ``y`` is read as ``i`` and a doubled letter as one: Dmitry, Dmitriy and Дмитрий are one spelling.
    """
    text = _APOSTROPHES.sub("", compose(name)).lower()
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    latin = bare.translate(_LETTERS)
    return sorted({_DOUBLED.sub(r"\1", word) for word in _WORDS.findall(latin)})


def _hash_of(text: str, form: Callable[[str], str | None]) -> str | None:
    if _SHA256.fullmatch(text):
        return text.lower()
    normal = form(text)
    return sha256(normal.encode("utf-8", "surrogatepass")).hexdigest() if normal else None
