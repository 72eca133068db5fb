"""Who may do what: tokens with their datasets and scopes, and the proof that belongs to a token.

Owns the question only; what an endpoint answers is in `answers`. A token made in Events Manager carries nothing but
``read_ads_dataset_quality``, and with it sends events to its dataset and reads that dataset's quality (published
live transcripts, September 2026; Meta for Developers, "Secure Graph API calls").
"""

from __future__ import annotations

import hashlib
import hmac
import re

from starlette.requests import Request

from twofold.sandbox.settings import SandboxSettings
from twofold.sandbox.wire.answers import RefusalKind, Refused

MIN_TOKEN = 8  # characters, when no tokens are configured
READ_QUALITY = "read_ads_dataset_quality"
SEND_EVENTS = frozenset({READ_QUALITY, "ads_management", "business_management"})

_DATASET = re.compile(r"\d{1,32}")


def may_enter(settings: SandboxSettings, token: str | None) -> bool:
    """Whether the token is one that the sandbox knows, or long enough when it knows none."""
    if token is None:
        return False
    return token in settings.tokens if settings.tokens else len(token) >= MIN_TOKEN


def may_write(settings: SandboxSettings, token: str, dataset: str) -> bool:
    datasets = settings.tokens.get(token, ())
    return not datasets or dataset in datasets


def has_scope(settings: SandboxSettings, token: str, wanted: frozenset[str]) -> bool:
    """True when the token has one of the wanted scopes; a token without listed scopes has all."""
    scopes = settings.scopes.get(token)
    return scopes is None or not wanted.isdisjoint(scopes)


def check_access(
    settings: SandboxSettings,
    token: str | None,
    proof: str | None,
    dataset: str,
    wanted: frozenset[str],
) -> None:
    """Raises `Refused` for the first thing that is missing: token, dataset, scope, proof."""
    if not may_enter(settings, token):
        raise Refused(RefusalKind.BAD_TOKEN)
    if not _DATASET.fullmatch(dataset) or not may_write(settings, token or "", dataset):
        raise Refused(RefusalKind.WRONG_DATASET, subject=dataset)
    if not has_scope(settings, token or "", wanted):
        raise Refused(RefusalKind.NO_PERMISSION)
    if settings.app_secret:
        check_proof(settings.app_secret, token or "", proof)


def check_proof(app_secret: str, token: str, proof: str | None) -> None:
    """``appsecret_proof`` is the lower-case hex HMAC-SHA256 of the token under the app secret."""
    if proof is None:
        raise Refused(RefusalKind.PROOF_MISSING)
    expected = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), proof.encode()):
        raise Refused(RefusalKind.PROOF_WRONG)


def query_credentials(request: Request) -> tuple[str | None, str | None]:
    """Token and proof of a read: the query's, else the Authorization header's."""
    authorization = request.headers.get("authorization", "")
    bearer = authorization[7:].strip() if authorization[:7].lower() == "bearer " else None
    return request.query_params.get("access_token") or bearer, request.query_params.get("appsecret_proof")
