"""One order to the gateway, signed. Standard library only; `twofold.client` does the same with retries."""

import hashlib
import hmac
import json
import os
import time
import urllib.request


def send(address: str, secret: str, order: dict) -> int:
    body = json.dumps(order).encode()
    now = str(int(time.time()))
    signature = hmac.new(secret.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Twofold-Signature": f"t={now},v1={signature}"}
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=10) as answer:
        return answer.status


if __name__ == "__main__":
    with open(os.environ["ORDER"], encoding="utf-8") as file:
        print(send(os.environ["ADDRESS"], os.environ["OWN_SECRET"], json.load(file)))
