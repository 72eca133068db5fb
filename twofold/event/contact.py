"""What contact data looks like: the one list of patterns, of values and of the names of fields that hold them.

Owns recognising, also in disguise (encoded once or more, full-width, as HTML, spelt out, in base64); what is done about it
is the caller's. A name of a person is private, the name of a product, a list or a campaign is not: "first_name" and
"customer_name", but not "product_name", "first_order" or "card_value". A bare "name" may be either, so it counts as private.
"""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
from base64 import b64decode
from functools import lru_cache
from urllib.parse import unquote

MASK = "masked"

# What stands between an at sign and its first full stop holds no second one: else a text of encoded at signs would be read to its
# end from each of them.
EMAIL = re.compile(r"[^\s@<>\"',;:=&?/()]{1,64}(?:@|%40)(?:(?!%40)[^\s@<>\"',;:=&?/()])+\.[^\s@<>\"',;:=&?/()]+")
# A number written the international way, as people write it into a search box or a note. Without the plus it could be
# anything: an order's number, a product's.
PHONE = re.compile(r"(?<![\w+])(?:\+|%2[Bb])\d(?:(?:[ ().\-/+]|%20|%28|%29|%2[DdFf])?\d){8,14}(?!\w)")
# Written so that it can be nothing else: a link to call, the way of North America, two zeros and a country.
_PHONE_FORMS = re.compile(
    r"(?:tel:|callto:)\+?\d(?:[ ().\-/]?\d){5,14}|(?<![\w(])\(\d{3}\) ?\d{3}[ .\-]\d{4}(?!\w)"
    r"|(?<![\w+])00[1-9]\d{0,2}[ ()\-/](?:[ ().\-/]?\d){6,12}(?!\w)"
)
# For a platform's words, of which nothing rests on a number: whatever could be somebody's, or a secret.
ANYBODYS = re.compile(
    r"[^\s,;:\"'<>=@]{1,64}(?:@|%40)[^\s,;:\"'<>]+"  # e-mail addresses; bounded, so that no text makes it slow
    r"|\+?\d[\d\s().-]{5,}\d"  # phone numbers, ids, dates
    r"|[\w|+/.-]{24,}",  # tokens, hashes, click ids
    re.ASCII,
)
_DOT = r"\s*(?:\.|[(\[{<]\s*(?:dot|punkt|punto|point)\s*[)\]}>]|\s(?:dot|punkt|punto)\s)\s*"
_AT = r"\s*[(\[{<]\s*(?:at|@|ät|arroba|chez)\s*[)\]}>]\s*"
_SPELT_OUT = re.compile(
    rf"[\w.+\-]{{2,64}}(?:{_AT}[\w\-]{{2,63}}(?:{_DOT}\w{{2,24}}){{1,3}}"  # mary (at) example.com
    rf"|\s+@\s+[\w\-]{{2,63}}(?:{_DOT}\w{{2,24}}){{1,3}}"  # mary @ example.com
    r"|\s+(?:at|ät|arroba)\s+[\w\-]{2,63}(?:\s+(?:dot|punkt|punto)\s+\w{2,24}){1,3})",  # mary at example dot com
    re.I,
)
_ESCAPED = re.compile(r"\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{16,400}")
_WORD = re.compile(r"(?:&#?\w{1,12};|[^\s\"'<>,;()\[\]{}|])+")
# Without one of these no text holds an address or a number, plain or encoded.
_SIGNS = re.compile(r"[@%&+\\(\[{<]|[^\x00-\x7f]|tel:|callto:|(?<!\w)00[1-9]")
_MAYBE_SPELT = re.compile(r"[(\[{<]\s*(?:at|@|ät|arroba|chez)\b|\s(?:@|at|ät|arroba)\s", re.I)
_MOST = 8_192  # characters of one text that are searched for what is disguised


def mask_text(text: str) -> str:
    """The text without e-mail addresses and phone numbers; the text itself when it holds none."""
    if _SIGNS.search(text) is None:
        masked = text
    else:
        masked = EMAIL.sub(MASK, text) if "@" in text or "%40" in text else text
        masked = _PHONE_FORMS.sub(MASK, PHONE.sub(MASK, masked))
    if len(text) > _MOST:
        return masked
    if _MAYBE_SPELT.search(masked):
        masked = _SPELT_OUT.sub(MASK, masked)
    return _WORD.sub(lambda m: MASK if is_disguised(m[0]) else m[0], masked) if len(text) >= 6 else masked


def mask_id(text: str) -> str:
    """The same for an id, which is never a sentence: of what is spelt out only an at sign with space around it is looked for."""
    return MASK if has_sign(text) and _is_contact(text, _decoded(text)) else text


def names_somebody(text: str) -> bool:
    """True for an id, a code or a short name that must not be kept in the clear: it holds contact data or an at sign,
    written out or encoded. The one question for every text that is kept as it came, but need not be."""
    if "@" in text:
        return True
    if not has_sign(text):
        return False
    plain = _decoded(text)
    return "@" in plain or _is_contact(text, plain)


def holds_at(text: str) -> bool:
    """True for an at sign, also an encoded one: twice in one address inside another's query."""
    return "@" in text or (has_sign(text) and "@" in _decoded(text))


def holds_contact(text: str) -> bool:
    """True when there is an e-mail address or a phone number in the text, also in disguise."""
    return mask_text(text) != text


def has_sign(text: str) -> bool:
    """A quick look: False means that no id of these characters holds contact data."""
    # Eight looks in C for a letter; the expression above takes ten times as long, and this runs for every event.
    return "@" in text or "%" in text or "+" in text or "&" in text or "\\" in text or "(" in text or not text.isascii()


def mask_agent(agent: str) -> str:
    """A user agent without contact data. All have brackets and words, few have one of the signs looked for here."""
    if "@" in agent or "+" in agent or "%" in agent or "&" in agent or "\\" in agent or not agent.isascii():
        return mask_text(agent)
    return agent


def is_disguised(word: str) -> bool:
    """True for one word that holds contact data once it is decoded."""
    if _SIGNS.search(word) is not None:
        plain = _decoded(word)
        if plain != word and _shows_contact(plain):
            return True
    return len(word) >= 16 and any(_is_packed(packed) for packed in _BASE64.findall(word))


def _is_packed(word: str) -> bool:
    """An address in base64. The alphabet and the length are those of many ids, so what comes out must be one whole."""
    bare = word.replace("-", "+").replace("_", "/")
    try:
        plain = b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode("ascii").strip()
    except (binascii.Error, ValueError):
        return False
    return plain.isprintable() and EMAIL.search(plain) is not None


def _is_contact(text: str, plain: str) -> bool:
    """``plain``: the text, decoded."""
    if _shows_contact(plain) or PHONE.search(text) is not None or EMAIL.search(text) is not None:
        return True
    return "@" in plain and _SPELT_OUT.search(plain) is not None


def _shows_contact(plain: str) -> bool:
    return EMAIL.search(plain) is not None or PHONE.search(plain) is not None or _PHONE_FORMS.search(plain) is not None


def _decoded(text: str) -> str:
    """The text as somebody would read it who decodes what can be decoded."""
    for _ in range(4):
        before = text
        if "%" in text:
            text = unquote(text)
        if "&" in text:
            text = html.unescape(text)
        if "\\" in text:
            text = _ESCAPED.sub(lambda m: chr(int(m[1] or m[2], 16)), text)
        if text == before:
            break
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKC", _WHOLE_WORDS.sub(" ", text)) if c not in _INVISIBLE)


# Signs that are whole words, of which no address is made: NFKC writes up to eighteen letters for one, and a text of them would cost
# twenty times what another of its length does.
_WHOLE_WORDS = re.compile("[\ufdf0-\ufdff\u3300-\u33ff]")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")

# -- names of fields

_PERSON = (
    r"(?:first|last|full|given|family|middle|maiden|sur|nick|user|customer|client|buyer|shopper|billing|shipping|delivery|"
    r"contact|recipient|receiver|sender|member|guest|owner|account|cardholder|holder|login|your|my|person|patient|"
    r"student|child|kid|parent|partner|spouse|employee|subscriber|visitor|lead|passenger|traveller|traveler|attendee)"
)
_PRIVATE = re.compile(
    rf"(?:^|_){_PERSON}_?names?\d*(?:_|$)|(?:^|_)(?:fname|lname|surname|username|fullname|nickname|vorname|nachname|"
    r"apellidos?|prenom|cognome|familienname)\d*(?:_|$)|"
    # words that are private only where nothing stands beside them
    r"^(?:name|names|first|last|nom|nombre|nome|pass|pin|card|auth|clave|mdp|session|handy|mobil)\d*$|"
    r"(?:^|_)(?:nombre|nom|nome|name)_(?:cliente|client|kunde|completo|famille|usuario|utente)(?:_|$)|"
    r"(?:^|_)(?:street|strasse|rue|calle|addr|address|adresse|direccion|indirizzo)(?:_?(?:line_?)?\d)?$|"
    r"(?:^|_)(?:dob|birth|birth_?(?:day|date|place|year|month)|naissance|geburts\w*)\d*(?:_|$)|"
    r"(?:^|_)(?:zip|zip_?code|post_?code|postal(?:_?code)?|plz|pin_?code)\d*$|"
    r"(?:^|_)(?:password|passwd|passwort|kennwort|passphrase|passcode|pwd|contrase\w*|token|secret|ssn|iban|jwt|otp|"
    r"api_?key|access_?key|passport|session_?(?:id|key|token)|sid|auth_?(?:key|code|token))\d*(?:_|$)|"
    r"(?:^|_)(?:credit_?card|debit_?card|cc_?number|card_?(?:no|number|num|id|holder|code|cvc|cvv|token|pan)|cvc|cvv)\d*"
    r"(?:_|$)|"
    r"(?:^|_)(?:e_?mails?|mail|mail_?address|correo|courriel)\d*$|(?:^|_)e_?mail_(?:address|addr|id|hash|\d+)(?:_|$)|"
    r"password|passwd|accesstoken|apikey|creditcard|firstname|lastname|fullname|emailaddress|phonenumber"
)
_CALLED = re.compile(
    r"(?:^|_)(?:phones?|tel|telefono?|telephone|mobile|mobile_?(?:no|number|phone)|mobil|handy|msisdn|whatsapp|fax|cell)\d*"
    r"(?:_?(?:no|number|num|\d+))?$"
)
_FLAGS = frozenset({"", "0", "1", "true", "false", "yes", "no", "on", "off"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4_096)  # a site's fields are few; names that a stranger makes up push each other out
def name_kind(key: str) -> str:
    """``private`` for the name of a field that holds something of a person, ``phone`` where it holds a number to call
    unless it is a flag; empty for every other."""
    flat = _flat(key)
    return "private" if _PRIVATE.search(flat) else "phone" if _CALLED.search(flat) else ""


def is_private(key: str, value: object) -> bool:
    """True when what stands in a field of this name is somebody's."""
    kind = name_kind(key)
    return bool(kind) and (kind == "private" or not is_flag(value))


def is_flag(value: object) -> bool:
    """True for what says only whether: "mobile" may be a property of a page."""
    return str(value).lower() in _FLAGS


def _flat(key: str) -> str:
    """Words in lower case, an underscore between."""
    return _BETWEEN.sub("_", _HUMP.sub("_", key[:200]).lower()).strip("_")
