"""The code by which the WordPress plugin is paired: all values of a source in one line, with the secret of its webhooks.

Owns its form: ``twofold1.``, the values as JSON in base64url, a dot and eight digits by which a typing error is found.
plugins/wordpress/twofold/includes/pairing.php reads it. It is a secret as a whole.
"""

from __future__ import annotations

import base64
from hashlib import sha256

import msgspec

from twofold.config import Settings, secrets_of
from twofold.setup.connect.wiring import Wired

CLICKS = (
    "WordPress > WooCommerce > Twofold (plugin: make plugin, then Plugins > Add New > Upload Plugin): paste the code"
)


def pairing_code(settings: Settings, wired: Wired) -> str:
    """For the settings in which the source is."""
    source = wired.source
    values = {
        "tag": f"{settings.server.address}{settings.server.tag_path}/twofold.js",
        "dataset": source.dataset,
        "shop": source.shop,
        "ids": source.event_id or "secret",
        "webhook": wired.address,
        "secret": secrets_of(source)[0],
    }
    part = base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")
    return f"twofold1.{part}.{sha256(part.encode()).hexdigest()[:8]}"
