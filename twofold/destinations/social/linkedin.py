"""LinkedIn, Conversions API: an event's payload, a request, and what an answer says.

Owns LinkedIn's words. An event is of one conversion rule, whose id the setting `events` has. A batch with one bad event stores
nothing; the refusal names the places.

Marks as in docs/destinations.md: [doc] official page, [code] seen in public integrations, [inferred] concluded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twofold.destinations import parts
from twofold.destinations.contract import (
    AnswerOutcome,
    AnswerVerdict,
    Destination,
    Limits,
    PlatformAnswer,
    RefusedEvent,
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.model import Event

LIMITS: Final = Limits(
    batch=500,  # 5,000 [doc]
    request_bytes=2_000_000,  # not documented [inferred]
    age_s=89 * 86_400,  # 90 days [doc]
    idempotency_s=0,  # of two copies by the API nothing is said
)

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {"em": ("meta", "sent")}  # trimmed, lower-case: Meta's form [doc]

_IPV4: Final = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}", re.ASCII)
_RULE = re.compile(r"[0-9]{1,20}")


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, rule: str, _terms: Terms) -> bytes | Suppressed:
    """One element of ``elements``, of one rule."""
    if not _RULE.fullmatch(rule):
        return Suppressed("no_conversion_action")
    people = _people(event)
    if not people:
        return Suppressed("no_identifier")
    data = event.custom_data
    made: dict[str, Any] = {
        "conversion": f"urn:lla:llaPartnerConversion:{rule}",
        "conversionHappenedAt": parts.happened_s(event) * 1000,
        "eventId": event.event_id,
    }
    if data.value is not None and data.currency:  # both or none [doc]
        made["conversionValue"] = {"currencyCode": data.currency, "amount": parts.amount_text(data.value)}
    made["user"] = {"userIds": people}
    return parts.encode(made)


def _people(event: Event) -> list[dict[str, str]]:
    """An address of the network is told beside what names somebody, and never alone [doc]."""
    email = parts.one_hex(event, "em", IDENTIFIERS["em"])
    named = [{"idType": "SHA256_EMAIL", "idValue": email}] if email else []
    if click := event.click_ids.get("li_fat_id"):
        named.append({"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": click})
    address = event.user_data.client_ip_address
    if named and address and _is_ipv4(address):
        named.append({"idType": "PLAINTEXT_IP_ADDRESS", "idValue": address})
    return named


def _is_ipv4(text: str) -> bool:
    return _IPV4.fullmatch(text) is not None  # a quarter of what a value of its own costs


# --- frozen bytes to one request ------------------------------------------------------------------------------


def request(payloads: Sequence[bytes], target: Target, _test_event_code: str | None) -> Request:
    """One POST, always in the form for several. LinkedIn has no test mode."""
    return Request(
        url=f"{target.endpoint}/rest/conversionEvents",
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {target.token}",
            "LinkedIn-Version": target.version,
            "X-Restli-Protocol-Version": "2.0.0",
            "X-RestLi-Method": "BATCH_CREATE",
        },
        body=b'{"elements":[' + b",".join(payloads) + b"]}",
    )


# --- one answer to its meaning --------------------------------------------------------------------------------

STATUSES: Final[dict[int, AnswerOutcome]] = parts.STATUSES | {
    400: AnswerOutcome.INVALID,
    422: AnswerOutcome.INVALID,
    426: AnswerOutcome.MISDIRECTED,  # the version is dead [code]
}
_CODE = re.compile(r"[A-Z][A-Z_]{0,39}")
_INDICES = re.compile(r"indices \[([0-9, ]{1,4000})\]")  # [code]
_INDEX = re.compile(r"\bIndex: (\d{1,5})\b")  # [code]


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """A yes has a status of each event; a no names places in its message."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer)
    if 200 <= status < 300:
        return AnswerVerdict(outcome=_yes(tree, status, sent), code=f"http-{status}")
    told, message = (tree or {}).get("code"), (tree or {}).get("message")
    code = told if isinstance(told, str) and _CODE.fullmatch(told) else f"http-{status}"
    outcome = AnswerOutcome.MISDIRECTED if code == "VERSION_MISSING" else parts.by_status(answer, statuses=STATUSES)
    return AnswerVerdict(
        outcome=outcome,
        code=code,
        note=parts.texts(message),
        wait_ms=parts.retry_after_ms(answer),
        refused=_named(message, code, sent) if outcome is AnswerOutcome.INVALID else (),
    )


def _yes(tree: dict[str, Any] | None, status: int, sent: int) -> AnswerOutcome:
    elements = (tree or {}).get("elements")
    if not isinstance(elements, list):
        return AnswerOutcome.ACCEPTED if status == 201 and sent == 1 else AnswerOutcome.AMBIGUOUS
    statuses = [one.get("status") for one in elements if isinstance(one, dict)]
    good = [one for one in statuses if type(one) is int and 200 <= one < 300]
    return AnswerOutcome.ACCEPTED if len(good) == len(elements) == sent else AnswerOutcome.PARTIAL


def _named(message: Any, code: str, sent: int) -> tuple[RefusedEvent, ...]:
    """The events whose places stand in the message."""
    if not isinstance(message, str):
        return ()
    listed = (number for found in _INDICES.findall(message) for number in found.split(",") if number.strip().isdigit())
    return parts.refused_at(map(int, (*listed, *_INDEX.findall(message))), code, sent)


LINKEDIN: Final = Destination(
    platform="linkedin",
    title="LinkedIn",
    called=Names(parts=("linkedin",)),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://api.linkedin.com",
    version="202610",
    version_form=r"20\d{4}",
    sunsets={"202511": "2026-11-16"},
    needs_names=True,
    identifiers=IDENTIFIERS,
    left_out={
        **dict.fromkeys(("fn", "ln", "country"), "LinkedIn wants it in the clear"),
        "external_id": "LinkedIn wants it in the clear",
        **dict.fromkeys(("ph", "db", "ge", "ct", "st", "zp"), "LinkedIn has no place for it"),
        "client_ip_address": "leaves beside an e-mail or a click, and as IPv4 alone",
        "client_user_agent": "LinkedIn has no place for it",
        "fbc": "Meta's own",
        "fbp": "Meta's own",
        "action_source": "the conversion rule says it",
        "event_source_url": "LinkedIn has no place for it",
        "referrer_url": "LinkedIn has no place for it",
        "order_id": "LinkedIn has one id of an event, and that is `event_id`",
        "limited_use": "LinkedIn has no word for it; keep such events here by `purposes`",
        **dict.fromkeys(("contents", "content_ids", "content_type", "num_items"), "LinkedIn has no place for it"),
    },
    sources=(
        "learn.microsoft.com/linkedin/marketing (Conversions API, conversion events, deduplication, versions)",
        "RudderStack transformer, Segment action-destinations (code)",
    ),
    notes=(
        "Each event needs the id of a conversion rule whose method is Conversions API and that is tied to campaigns: "
        '`events = { Purchase = "1234567" }`. The rule says what kind of conversion it is.',
        "`token` is an OAuth access token with the scopes `rw_conversions` and `r_ads`, of a person with a role on the ad account. It "
        "ends after 60 days; name its day in `token_ends`. It is not renewed by itself: LinkedIn gives refresh tokens to approved partners only.",
        "A version lives about twelve months: set `version` when LinkedIn names a newer one. LinkedIn says 403 to an unknown rule's id, too.",
        "LinkedIn keeps the Insight Tag's copy and drops ours where both have the same `event_id`, each with a rule of its own. Of two "
        "copies of ours nothing is documented: after a time-out an event is not sent again by itself, it stands among the dead as "
        "`ambiguous`, and `twofold revive` has it sent again.",
        "LinkedIn has no test mode: a test event code changes nothing there, and such an event counts.",
        "LinkedIn has no word for consent or limited use: denied purposes keep an event here.",
    ),
)
