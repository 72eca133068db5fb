"""A browser token for Twofold, made by the shop's server. Python 3.8 or later, standard library only."""

import base64
import hashlib
import hmac
import json
import time


def browser_token(secret, dataset, life_s=3600, **bound):
    """A token for the page that is being rendered. ``bound`` may hold names, order, value, currency and visitor."""
    claims = {"dataset": dataset, "exp": int(time.time()) + life_s, **bound}
    body = _base64url(json.dumps(claims, separators=(",", ":")).encode())
    return body + "." + _base64url(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest())


def _base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


if __name__ == "__main__":
    import sys

    # python browser_token.py SECRET '{"dataset": "1234567890", "order": "1001", "value": 42.5, "currency": "EUR"}'
    print(browser_token(sys.argv[1], **json.loads(sys.argv[2])))
