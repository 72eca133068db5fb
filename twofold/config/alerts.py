"""The settings of one address that is told when something begins to be wrong.

Owns the table `[[alert]]`; which combinations are refused is `check`'s.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class AlertSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[
        str,
        Meta(
            description="`webhook` (signed, Standard Webhooks), `slack`, `teams` (addresses that take their messages) or "
            "`email`.",
            pattern="^(webhook|slack|teams|email)$",
        ),
    ]
    to: Annotated[
        str, Meta(description="Web address, or e-mail address. One with a secret in it belongs into `env:NAME`.")
    ]
    name: Annotated[str, Meta(description="For the log and `twofold alert test`. Empty: its type.", max_length=40)] = ""
    secret: Annotated[
        str,
        Meta(
            description="Of a `webhook`: what it is signed with, `whsec_` and base64 of 24 to 64 bytes, as `env:NAME`."
        ),
    ] = ""
    quiet: Annotated[
        str,
        Meta(
            description="Hours without messages, in `chain.timezone`, e.g. `22:00-07:00`. What still stands afterwards is told "
            "then.",
            pattern=r"^([0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9])?$",
        ),
    ] = ""
    review: Annotated[
        str,
        Meta(
            description="When the week's review is sent, in `chain.timezone`, e.g. `monday 08:00`. Empty: never by itself.",
            pattern=r"^((mon|tues|wednes|thurs|fri|satur|sun)day ([01][0-9]|2[0-3]):[0-5][0-9])?$",
        ),
    ] = ""
    smtp: Annotated[
        str, Meta(description="Of an `email`: server and port, e.g. `mail.example:587`. STARTTLS where offered.")
    ] = ""
    smtp_user: Annotated[str, Meta(description="Who logs in there; never without STARTTLS.")] = ""
    smtp_password: Annotated[str, Meta(description="As `env:NAME`.")] = ""
    sender: Annotated[str, Meta(description="From which address the mail comes.")] = ""
