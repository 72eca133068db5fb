"""What other software makes of the same contact values: Meta's four tools as they are, other platforms as documented.

A profile is a table from our field names to functions of (text, `Given`) that answer a `Form`. `normalise` holds the
documented form, which is what we send; a profile exists to explain a difference, and to send a second spelling beside
the first where a merchant wants that. Nothing here hashes; `match_keys` does.

Read in this order: `contract` (what an answer is), `meta_python`, `meta_node`, `meta_builder`, `meta_pixel` (value for
value what the originals do, oddities included), `platforms` (the others, by their documentation).
"""

from __future__ import annotations

from typing import Final

from twofold.matching.profiles import meta_builder, meta_node, meta_pixel, meta_python, platforms
from twofold.matching.profiles.contract import Form, FormOutcome, Given, Profile

__all__ = ["META_PROFILES", "PROFILES", "Form", "FormOutcome", "Given", "Profile", "form"]

META_PROFILES: Final[dict[str, Profile]] = {
    "meta_python": meta_python.PROFILE,
    "meta_node": meta_node.PROFILE,
    "meta_builder": meta_builder.PROFILE,
    "meta_pixel": meta_pixel.PROFILE,
}
PROFILES: Final[dict[str, Profile]] = META_PROFILES | platforms.PROFILES
"""Name to profile, closed. The documented form of Meta is rule ``meta`` and no profile."""


def form(profile: str, field: str, text: str, given: Given) -> Form:
    """What ``profile`` does with ``text`` in ``field``; a field it does not send is dropped. Unknown names: KeyError."""
    function = PROFILES[profile].get(field)
    return function(text, given) if function else Form.dropped("not a field of this platform")
