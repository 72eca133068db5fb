"""IAB's Global Privacy Platform string: which sections it has, and what the United States' ones opt out of.

Owns the header and the places of the three opt-outs in each section (IAB Tech Lab, GPP string 1.0 and its section
specifications, read September 2026), and the older four-character US Privacy string. Everything else that those
sections say (notices, sensitive data, children, agreements) is left alone. European consent inside it is `tcf`'s.
"""

from __future__ import annotations

from msgspec import Struct

from twofold.consent.bits import Bits, Unreadable
from twofold.consent.tcf import TcString, read_tcf

TCF_EU, US_PRIVACY = 2, 6


class _Layout(Struct, frozen=True):
    """Where a section's opt-outs stand, in bits from its beginning; None where the law knows no such opt-out."""

    name: str
    sale: int
    sharing: int | None
    targeted: int | None
    versions: tuple[int, ...] = (1,)


def _state(name: str, before: int = 3) -> _Layout:
    """The common shape: the version, so many fields of two bits, the sale, the targeted advertising."""
    sale = 6 + 2 * before
    return _Layout(name, sale, None, sale + 2)


# California has no targeted advertising but sharing; Utah and Iowa have one notice more; the newest four begin with two
# fields about the industry's agreement.
_LAYOUTS = {
    7: _Layout("usnat", 18, 20, 22, (1, 2)),
    8: _Layout("usca", 12, 14, None),
    9: _state("usva"), 10: _state("usco"), 11: _state("usut", 4), 12: _state("usct"), 13: _state("usfl"),
    14: _state("usmt"), 15: _state("usor"), 16: _state("ustx"), 17: _state("usde"), 18: _state("usia", 4),
    19: _state("usne"), 20: _state("usnh"), 21: _state("usnj"), 22: _state("ustn"), 23: _state("usmn"),
    24: _state("usmd", 5), 25: _state("usin", 5), 26: _state("usky", 5), 27: _state("usri", 5),
}  # fmt: skip
_GPC_SEGMENT = 1
_MAX_SECTION = 1_000


class OptOuts(Struct, frozen=True, kw_only=True):
    """True: opted out. False: asked, and did not. None: not applicable or not said."""

    sale: bool | None = None
    sharing: bool | None = None
    targeted: bool | None = None
    gpc: bool = False  # the browser's Global Privacy Control was on


class GppString(Struct, frozen=True, kw_only=True):
    """``sections``: ids as listed. ``unread``: those we have no layout for."""

    sections: tuple[int, ...]
    tcf: TcString | None = None
    opt_outs: tuple[OptOuts, ...] = ()
    unread: tuple[int, ...] = ()


def read_gpp(text: str) -> GppString:
    """A GPP string with its sections. Raises `Unreadable` when the header or a known section is damaged."""
    header, *bodies = text.strip().split("~")
    ids = _section_ids(Bits(header))
    if len(ids) != len(bodies):
        raise Unreadable("the header lists other sections than there are")
    tcf: TcString | None = None
    found: list[OptOuts] = []
    unread: list[int] = []
    for number, body in zip(ids, bodies, strict=True):
        if number == TCF_EU:
            tcf = read_tcf(body)
        elif number == US_PRIVACY:
            found.append(read_us_privacy(body))
        elif number in _LAYOUTS:
            found.append(_us_section(_LAYOUTS[number], body))
        else:
            unread.append(number)
    return GppString(sections=tuple(ids), tcf=tcf, opt_outs=tuple(found), unread=tuple(unread))


def read_us_privacy(text: str) -> OptOuts:
    """The US Privacy string: version 1, notice given, opted out of sale, service provider agreement; ``1YNN``."""
    given = text.strip().upper()
    if len(given) != 4 or given[0] != "1" or set(given[1:]) - set("YN-"):
        raise Unreadable("not a US Privacy string")
    return OptOuts(sale={"Y": True, "N": False}.get(given[2]))


def _section_ids(bits: Bits) -> list[int]:
    if bits.integer(6) != 3 or bits.integer(6) != 1:
        raise Unreadable("not a GPP header of version 1")
    ids: list[int] = []
    last = 0
    for _ in range(bits.integer(12)):
        is_range = bits.flag()
        first = last + bits.fibonacci()
        last = first + bits.fibonacci() if is_range else first
        if last > _MAX_SECTION:
            raise Unreadable("a section number that no section has")
        ids.extend(range(first, last + 1))
    return ids


def _us_section(layout: _Layout, body: str) -> OptOuts:
    core, *others = body.split(".")
    text = Bits(core).text
    if int(text[:6], 2) not in layout.versions:
        raise Unreadable(f"{layout.name} in a version that is not known here")
    return OptOuts(
        sale=_choice(text, layout.sale),
        sharing=_choice(text, layout.sharing),
        targeted=_choice(text, layout.targeted),
        gpc=any(_is_gpc(Bits(segment)) for segment in others),
    )


def _choice(text: str, at: int | None) -> bool | None:
    """Two bits: 0 not applicable, 1 opted out, 2 did not opt out; 3 is no value."""
    if at is None:
        return None
    value = text[at : at + 2]
    if len(value) < 2 or value == "11":
        raise Unreadable("an opt-out that is neither yes nor no")
    return {"00": None, "01": True, "10": False}[value]


def _is_gpc(bits: Bits) -> bool:
    return bits.integer(2) == _GPC_SEGMENT and bits.flag()
