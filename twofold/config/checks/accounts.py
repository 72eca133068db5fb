"""What the settings of those may be who are asked or told: accounts, audiences, alerts.

Owns what each platform or type needs; each fault goes to `Faults`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from twofold.config.alerts import AlertSettings
from twofold.config.audiences import AUDIENCE_PLATFORMS, AUDIENCE_RULES, VALUES, AudienceSettings
from twofold.config.checks.words import expect_one_of, is_currency
from twofold.config.faults import Faults, Place
from twofold.config.money import PULLED, AccountSettings
from twofold.config.settings import Settings
from twofold.destinations.webhook import SECRET_FORM

_WHSEC = re.compile(SECRET_FORM + "|0{32}")  # or one whose variable is named as not set


def check_alert(place: Place, alert: AlertSettings, faults: Faults) -> None:
    """What each type needs, and nothing that it cannot use."""
    where = f"alert {alert.name}"
    if alert.type == "email":
        if not re.fullmatch(r"[^\s:]+:\d{1,5}", alert.smtp):
            faults.add((*place, "smtp"), f"{where}: smtp: expected server and port, as mail.example:587")
        for field in ("to", "sender"):
            if not re.fullmatch(r"[^@\s,]+@[^@\s,]+", getattr(alert, field)):
                faults.add((*place, field), f"{where}: {field}: expected one e-mail address")
        if bool(alert.smtp_user) != bool(alert.smtp_password):
            faults.add(
                (*place, "smtp_user"), f"{where}: expected smtp_user and smtp_password together, got one of them"
            )
    elif not re.fullmatch(r"https?://[^\s@]+|0{32}", alert.to):
        faults.add((*place, "to"), f"{where}: to: expected a web address, as https://hooks.example/…")
    if alert.type == "webhook" and not _WHSEC.fullmatch(alert.secret):
        faults.add((*place, "secret"), f"{where}: secret: expected whsec_ and base64 of 24 to 64 bytes")
    if alert.quiet and not all(hour < "24" for hour in alert.quiet.split("-")):
        faults.add((*place, "quiet"), f"{where}: quiet: expected hours such as 22:00-07:00, got {alert.quiet}")
    if alert.quiet and any(word[3:] > "59" for word in alert.quiet.split("-")):
        faults.add((*place, "quiet"), f"{where}: quiet: expected hours such as 22:00-07:00, got {alert.quiet}")


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "meta": ("id", "token"),
    "google_ads": ("id", "token", "developer_token"),
    "tiktok": ("id", "token"),
    "ga4": ("id", "token"),
    "stripe": ("token",),
    "shopify": ("id", "token"),
    "bog": ("id", "client_id", "client_secret", "currency"),
    "tbc": ("id", "client_id", "client_secret", "currency"),
}
"""What must be set beside the platform's name; for rates nothing."""


def check_account(place: Place, a: AccountSettings, faults: Faults, *, for_lists: bool) -> None:
    """``for_lists``: audiences are told by it, and nothing is pulled by itself; those need no developer token."""
    where = f"account {a.name}"
    expect_one_of((*place, "platform"), f"{where}: platform", a.platform, PULLED, faults)
    for name in _NEEDED.get(a.platform, ()):
        if not getattr(a, name) and not (for_lists and name == "developer_token"):
            faults.add((*place, name), f"{where}: {name}: expected a value for {a.platform}, got none")
    if bool(a.client_id) != bool(a.client_secret):
        faults.add((*place, "client_id"), f"{where}: client_id: expected client_id and client_secret, got one of them")
    if a.currency and not is_currency(a.currency):
        faults.add((*place, "currency"), f"{where}: currency: expected three letters (ISO 4217), got {a.currency!r}")
    if a.pull and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", a.pull):
        faults.add((*place, "pull"), f"{where}: pull: expected a time of the day as 05:30, got {a.pull!r}")
    if a.endpoint and not re.fullmatch(r"https?://[^\s?#]+", a.endpoint):
        faults.add((*place, "endpoint"), f"{where}: endpoint: expected an address as https://…, got {a.endpoint!r}")
    if re.search(r"[\s/?#]", a.id):
        faults.add((*place, "id"), f"{where}: id: expected the id alone, got {a.id!r}")
    try:
        ZoneInfo(a.timezone)
    except (KeyError, ValueError, OSError):
        faults.add((*place, "timezone"), f"{where}: timezone: expected a name as Asia/Tbilisi, got {a.timezone!r}")


_LIST_IDS = {"meta": r"\d{1,20}", "google_ads": r"\d{1,20}", "tiktok": r"[A-Za-z0-9_-]{1,64}"}
"""How a list's id looks; of TikTok's no rule was found."""


def check_audience(place: Place, a: AudienceSettings, settings: Settings, ids: list[str], faults: Faults) -> None:
    where = f"audience {a.name}"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", a.name):
        faults.add((*place, "name"), f"audience.name: expected letters, digits, - and _, got {a.name!r}")
    expect_one_of((*place, "dataset"), f"{where}: dataset", a.dataset, ids, faults)
    expect_one_of((*place, "rule"), f"{where}: rule", a.rule, AUDIENCE_RULES, faults)
    if a.value not in VALUES:
        expect_one_of((*place, "value"), f"{where}: value", a.value, VALUES, faults)
    if bool(a.least) != (a.rule == "high_margin"):
        text = f"{where}: least: expected an amount for high_margin and none for another rule, got {a.least!r}"
        faults.add((*place, "least"), text)
    accounts = {account.name: account.platform for account in settings.account}
    for account, number in a.lists.items():
        at, platform = (*place, "lists", account), accounts.get(account, "")
        if platform not in AUDIENCE_PLATFORMS:
            usable = [name for name, of in accounts.items() if of in AUDIENCE_PLATFORMS]
            expect_one_of(at, f"{where}: lists", account, usable, faults)
            continue
        if not re.fullmatch(_LIST_IDS[platform], number):
            faults.add(at, f"{where}: lists.{account}: expected the id of a list at {platform}, got {number!r}")
        if platform == "google_ads" and not a.terms_accepted:
            text = f"{where}: terms_accepted: expected true for a list at google_ads, which takes nobody without, got false"
            faults.add((*place, "terms_accepted"), text)
        if a.value and platform != "meta":
            text = f"{where}: value: expected lists at meta alone, as no other is told what a person is worth, got {account}"
            faults.add((*place, "value"), text)
