"""The classes of senders: what each is, whose work it is, and what goes wrong with it most often.

Owns the closed list and its words. How a sender is put into a class is said where it is seen: `pages`, `browser`, `journal`.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct


class SenderClass(StrEnum):
    """What sort of software makes the copies."""

    THEME = "theme"  # a snippet or a file of the shop's own pages
    THEME_APP = "theme_app"  # an app's block, a plugin, or a script of a third party that stands in the page
    SCRIPT_TAG = "script_tag"  # a script that an app had the shop add
    CUSTOM_PIXEL = "custom_pixel"  # written into the shop's customer events by hand
    APP_PIXEL = "app_pixel"  # an app's pixel in the shop's customer events
    PARTNER_APP = "partner_app"  # the platform's own app: Meta's, Google's
    TAG_MANAGER = "tag_manager"
    SERVER_CONTAINER = "server_container"  # a tag manager on a server
    TAG = "tag"  # our own
    WEBHOOK = "webhook"  # the shop's server, by its webhooks
    SDK = "sdk"  # a server by a platform's library, or by plain requests
    IMAGE = "image"  # a pixel without script
    UNKNOWN = "unknown"


class Responsible(Struct, frozen=True):
    """``role``: whose work this class is. ``risk``: what goes wrong with it most often."""

    title: str
    role: str
    risk: str


_APP = "Several tools send Purchase: each app adds one of its own, under ids of its own."
RESPONSIBLE: MappingProxyType[SenderClass, Responsible] = MappingProxyType(
    {
        SenderClass.THEME: Responsible("Theme code", "technical owner", "An old pixel beside the official app: one order is told twice."),
        SenderClass.THEME_APP: Responsible("App or plugin in the page", "operations owner", _APP),
        SenderClass.SCRIPT_TAG: Responsible("App's script tag", "operations owner", f"{_APP} Shopify stops running script tags on 2027-03-01."),
        SenderClass.CUSTOM_PIXEL: Responsible("Custom pixel in customer events", "tracking owner", "A custom pixel beside an app's events tells them again."),
        SenderClass.APP_PIXEL: Responsible("App's pixel in customer events", "tracking owner", "An app's events beside a custom pixel are told twice."),
        SenderClass.PARTNER_APP: Responsible("Platform's own app", "media and store owner", "Its level of data sharing, and a wrong business or dataset behind it."),
        SenderClass.TAG_MANAGER: Responsible("Tag manager", "data owner", "It makes ids anew, so that its copies do not merge."),
        SenderClass.SERVER_CONTAINER: Responsible("Server container", "data owner", "It makes ids anew, so that its copies do not merge."),
        SenderClass.TAG: Responsible("Twofold's tag", "technical owner", "It stands behind another snippet, or on some pages only."),
        SenderClass.WEBHOOK: Responsible("Shop's webhook", "technical owner", "The shop switches a topic off after failures, and nobody hears of it."),
        SenderClass.SDK: Responsible("Server by a platform's library", "technical owner", "It makes ids of its own, or tells an order a second time."),
        SenderClass.IMAGE: Responsible("Pixel without script", "technical owner", "It carries no id, so that nothing merges with it."),
        SenderClass.UNKNOWN: Responsible("Unknown", "data owner", "Nobody answers for it: somebody else may use the dataset's number."),
    }
)  # fmt: skip
