"""Google Ads through the Data Manager API: an event, a request, its answer at once and the one that comes minutes later.

Owns Google's words. A conversion action is named by its id (setting `events`); a request is of one action. The whole request is
refused for one bad event, whose place the answer names. 200 says "taken for processing" and gives a number under which the result
is told later, by counts of reasons and without places. The access token lives an hour, in memory only; what it is made of stands in
the settings. Retractions are not here: they are another API's (`uploadConversionAdjustments`).

Marks as in docs/destinations.md: [doc] official page or type package, [code] seen in public integrations, [inferred] concluded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from twofold.consent.regions import EEA_AND_LIKE
from twofold.destinations import parts
from twofold.destinations.contract import (
    AnswerOutcome,
    AnswerVerdict,
    Destination,
    Grant,
    GrantAnswer,
    LaterAnswer,
    LaterResult,
    Limits,
    Option,
    PlatformAnswer,
    RefusedEvent,
    Request,
    Suppressed,
    Target,
    Terms,
)
from twofold.event.addressees import Names
from twofold.event.model import Content, Event
from twofold.event.scalars import read_lifetime_s

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # [doc]

LIMITS: Final = Limits(
    batch=500,  # 2,000 [doc], one enumeration says 10,000
    request_bytes=4 << 20,  # ours: nothing is documented
    age_s=89 * 86_400,  # [code: live]; the action's click window may be shorter
    idempotency_s=30 * 86_400,  # every event has a transactionId: a repeat is reported as DUPLICATE_TRANSACTION_ID
)

SOURCES: Final[Mapping[str, str]] = {  # values [doc], which is which [inferred]
    "website": "WEB", "app": "APP", "physical_store": "IN_STORE", "phone_call": "PHONE", "chat": "MESSAGE",
    "business_messaging": "MESSAGE",
}  # fmt: skip

IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {"em": ("google.em", "sent"), "ph": ("e164",)}
MAX_IDENTIFIERS: Final = 10  # of one event [doc]

_COOKIE = re.compile(r"GCL\.\d+\.(.+)")  # [inferred]
_REFERENCE = re.compile(rb'\{"destinationReferences":\["([0-9]+)"\]')
_PLACE = re.compile(r"events(?:\.events)?\[(\d{1,5})\]")

OPTIONS: Final[Mapping[str, Option]] = {
    "login_account": Option(
        meaning="Customer id of the manager account that the token's user is in. Default: the account itself.",
        pattern=r"\d{1,20}",
    ),
    "client_id": Option(
        meaning="OAuth client id; with `client_secret` and `refresh_token` access tokens are fetched by themselves."
    ),
    "client_secret": Option(meaning="OAuth client secret.", secret=True),
    "refresh_token": Option(meaning="Refresh token with the scope `datamanager`.", secret=True),
    "token_url": Option(meaning="Where access tokens are fetched. Default: Google's own.", pattern=r"https?://\S+"),
    "user_project": Option(
        meaning="Cloud project for quota, where user credentials ask for one (`x-goog-user-project`)."
    ),
    "transaction_prefix": Option(
        meaning="Put before an order number of digits alone, which Google refuses. Default: `W-`. Your tag must send the same text.",
        pattern=r"[A-Za-z][A-Za-z0-9_-]{0,20}|",
    ),
    "merchant_id": Option(meaning="Merchant Center id; with it the goods leave as cart data.", pattern=r"\d{1,20}"),
    "feed_label": Option(meaning="Feed label of the Merchant Center account."),
    "feed_language": Option(
        meaning="Feed language of the Merchant Center account, two letters.", pattern="[a-z]{2}|[A-Z]{2}"
    ),
    "unstated": Option(
        meaning="What is said of consent to ads where the shopper said nothing: `omit` (the default), `granted` or `denied`.",
        pattern="omit|granted|denied",
    ),
    "device": Option(
        meaning="`on` sends the user agent, and the address of shoppers who are known to be outside of the EEA, the United Kingdom and "
        "Switzerland, as Google asks.",
        pattern="on|off",
    ),
}


# --- one event to bytes ---------------------------------------------------------------------------------------


def build(event: Event, action: str, terms: Terms) -> bytes | Suppressed:
    """One event of one conversion action, whose id is its reference."""
    if not re.fullmatch(r"[0-9]{1,20}", action):
        return Suppressed("no_conversion_action")
    clicks, people = ad_identifiers(event), _people(event)
    if not people and clicks.keys() <= {"sessionAttributes"}:
        return Suppressed("no_identifier")  # NO_IDENTIFIERS_PROVIDED
    data, options = event.custom_data, terms.options
    value = parts.amount(data.value) if data.currency else None
    return parts.encode(
        parts.filled(
            {
                "destinationReferences": [action],
                "transactionId": transaction_id(event, options.get("transaction_prefix", "W-")),
                "eventTimestamp": f"{parts.moment_of(event)}Z",
                "eventSource": SOURCES.get(event.action_source, "OTHER"),
                "currency": data.currency if value is not None else None,
                "conversionValue": value,
                "adIdentifiers": clicks,
                "userData": {"userIdentifiers": people} if people else None,
                "consent": _consent(event, options.get("unstated", "omit")),
                "eventDeviceInfo": _device(event) if options.get("device") == "on" else None,
                "cartData": _cart(event, clicks, options) if options.get("merchant_id") else None,
            }
        )
    )


def transaction_id(event: Event, prefix: str) -> str:
    """The order's number, by which a tag's copy and ours are one; of what is no order, the event's id."""
    number = event.custom_data.order_id or event.event_id
    return (
        f"{prefix}{number}" if number.isascii() and number.isdigit() else number
    )  # digits alone are refused [code: live]


def ad_identifiers(event: Event) -> dict[str, str]:
    """One click id, the best there is, exactly as it came; without any, what the landing page's address said of the campaign."""
    given = event.click_ids
    gclid = given.get("gclid") or _of_cookie(given.get("_gcl_aw") or given.get("FPGCLAW"))
    for name, value in (("gclid", gclid), ("gbraid", given.get("gbraid")), ("wbraid", given.get("wbraid"))):
        if value:
            return {name: value}
    dclid = given.get("dclid") or _of_cookie(given.get("_gcl_dc"))
    if dclid:
        return {"dclid": dclid}
    session = {name: given[name] for name in ("gad_source", "gad_campaignid") if name in given}
    if not session:
        return {}
    return {"sessionAttributes": base64.urlsafe_b64encode(msgspec.json.encode(session)).decode().rstrip("=")}


def _of_cookie(value: str | None) -> str | None:
    found = _COOKIE.fullmatch(value or "")
    return found[1] if found else None


def _people(event: Event) -> list[dict[str, str]]:
    found = [{"emailAddress": h} for h in parts.hexes(event, "em", IDENTIFIERS["em"])]
    found += [{"phoneNumber": h} for h in parts.hexes(event, "ph", IDENTIFIERS["ph"])]
    return found[:MAX_IDENTIFIERS]


def _consent(event: Event, unstated: str) -> dict[str, str] | None:
    said = {
        "adUserData": parts.allows(event, "ad_user_data"),
        "adPersonalization": parts.allows(event, "personalization"),
    }
    if all(value is None for value in said.values()):
        return None if unstated == "omit" else dict.fromkeys(said, f"CONSENT_{unstated.upper()}")
    return {flag: "CONSENT_GRANTED" if value else "CONSENT_DENIED" for flag, value in said.items()}


def _device(event: Event) -> dict[str, Any]:
    country = (event.region or "")[:2]
    elsewhere = bool(country) and country not in EEA_AND_LIKE
    return parts.filled(
        {
            "userAgent": event.user_data.client_user_agent,
            "ipAddress": event.user_data.client_ip_address if elsewhere else None,
        }
    )


def _cart(event: Event, clicks: Mapping[str, str], options: Mapping[str, str]) -> dict[str, Any] | None:
    """Not with gbraid or wbraid, with which it is not supported [doc]."""
    items = [_item(c) for c in event.custom_data.contents]
    if not items or "gbraid" in clicks or "wbraid" in clicks:
        return None
    return parts.filled(
        {
            "merchantId": options["merchant_id"],
            "merchantFeedLabel": options.get("feed_label"),
            "merchantFeedLanguageCode": options.get("feed_language"),
            "items": items,
        }
    )


def _item(content: Content) -> dict[str, Any]:
    return parts.filled({
        "merchantProductId": content.id, "quantity": content.quantity, "unitPrice": parts.amount(content.item_price),
    })  # fmt: skip


# --- frozen bytes to one request ------------------------------------------------------------------------------


def group(payload: bytes) -> bytes:
    """The conversion action."""
    found = _REFERENCE.match(payload)
    return found[1] if found else b""


def request(payloads: Sequence[bytes], target: Target, test_event_code: str | None) -> Request:
    """All events of one conversion action. A test code of any text turns `validateOnly` on: checked, and nothing is stored."""
    action = group(payloads[0]).decode()
    account = _account(target.remote_dataset)
    head: dict[str, Any] = {
        "destinations": [{
            "reference": action,
            "loginAccount": _account(target.options.get("login_account") or target.remote_dataset),
            "operatingAccount": account,
            "productDestinationId": action,
        }],
        "encoding": "HEX",
    }  # fmt: skip
    if test_event_code:
        head["validateOnly"] = True
    return Request(
        url=f"{target.endpoint}/{target.version}/events:ingest",
        headers={"Content-Type": "application/json", **_headers(target)},
        body=msgspec.json.encode(head)[:-1] + b',"events":[' + b",".join(payloads) + b"]}",
    )


def _headers(target: Target) -> dict[str, str]:
    project = target.options.get("user_project")
    return {"Authorization": f"Bearer {target.token}", **({"x-goog-user-project": project} if project else {})}


def _account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number.replace("-", "")}


# --- an access token ------------------------------------------------------------------------------------------


def ask_for_token(target: Target) -> Request | None:
    """None where the settings have an access token of their own and nothing to refresh it with."""
    options = target.options
    if not options.get("refresh_token"):
        return None
    form = {
        "grant_type": "refresh_token",
        "client_id": options.get("client_id", ""),
        "client_secret": options.get("client_secret", ""),
        "refresh_token": options["refresh_token"],
    }
    return Request(
        url=options.get("token_url") or TOKEN_URL,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode(form).encode(),
    )


def read_token(answer: PlatformAnswer) -> GrantAnswer:
    """A token, or why there is none: revoked (`invalid_grant`) needs a person, all else may pass."""
    silent = parts.silence(answer)
    if silent is not None:
        return GrantAnswer(verdict=silent)
    tree, status = parts.read_object(answer) or {}, answer.status or 0
    token = tree.get("access_token")
    if status == 200 and isinstance(token, str) and token and token.isascii() and token.isprintable():
        return GrantAnswer(token=token, seconds=read_lifetime_s(tree.get("expires_in")))
    error = tree.get("error")
    if isinstance(error, str) and 400 <= status < 500 and status != 429:
        code = error if re.fullmatch(r"[a-z_]{1,40}", error) else f"http-{status}"
        outcome = AnswerOutcome.CREDENTIALS
        return GrantAnswer(
            verdict=AnswerVerdict(
                outcome=outcome, code=f"token-{code}", note=parts.texts(tree.get("error_description"))
            )
        )
    outcome = AnswerOutcome.THROTTLED if status == 429 else AnswerOutcome.TRANSIENT
    return GrantAnswer(verdict=AnswerVerdict(outcome=outcome, code=f"token-http-{status}"))


# --- one answer to its meaning --------------------------------------------------------------------------------

INVALID: Final = frozenset({
    "REQUIRED_FIELD_MISSING", "INVALID_FORMAT", "INVALID_HEX_ENCODING", "INVALID_BASE64_ENCODING", "INVALID_SHA256_FORMAT",
    "INVALID_POSTAL_CODE", "INVALID_COUNTRY_CODE", "INVALID_ENUM_VALUE", "INVALID_NUMBER_FORMAT", "INVALID_CURRENCY_CODE",
    "INVALID_EVENT", "INVALID_COUPON_CODE", "INVALID_MERCHANT_ID", "CUSTOM_VARIABLE_VALUE_CONTAINS_PII", "FIELD_VALUE_TOO_LONG",
    "EVENT_TIME_INVALID", "INVALID_AD_IDENTIFIER_FOR_ACCOUNT", "EVENT_SOURCE_AND_DESTINATION_MISMATCH",
    "NO_IDENTIFIERS_PROVIDED", "TOO_MANY_USER_IDENTIFIERS",
})  # fmt: skip
OUR_ACCOUNT: Final = frozenset({
    "TERMS_AND_CONDITIONS_NOT_SIGNED", "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "NOT_ALLOWLISTED", "INVALID_DESTINATION",
    "INVALID_CONVERSION_ACTION_ID", "INVALID_CONVERSION_ACTION_TYPE", "CONVERSION_ACTION_TOO_RECENTLY_CREATED",
    "PERMISSION_DENIED", "UNAUTHENTICATED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
})  # fmt: skip
_BY_REASON: Final[Mapping[str, AnswerOutcome]] = {
    **dict.fromkeys(INVALID, AnswerOutcome.INVALID),
    **dict.fromkeys(OUR_ACCOUNT, AnswerOutcome.CREDENTIALS),
    "INVALID_ARGUMENT": AnswerOutcome.INVALID,
    "TOO_MANY_EVENTS": AnswerOutcome.TOO_LARGE,
    "RESOURCE_EXHAUSTED": AnswerOutcome.THROTTLED,
    "INTERNAL_ERROR": AnswerOutcome.TRANSIENT,
    "INTERNAL": AnswerOutcome.TRANSIENT,
    "UNAVAILABLE": AnswerOutcome.TRANSIENT,
    "DEADLINE_EXCEEDED": AnswerOutcome.TRANSIENT,
}
_HOUR_MS: Final = 3_600_000
# Of several reasons the one that is not the events' fault counts.
_HEAVIEST: Final = (
    AnswerOutcome.CREDENTIALS, AnswerOutcome.THROTTLED, AnswerOutcome.TOO_LARGE, AnswerOutcome.TRANSIENT, AnswerOutcome.INVALID,
)  # fmt: skip


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """An answer at once. The reasons win over the HTTP status; the places are those of the refused events."""
    silent = parts.silence(answer)
    if silent is not None:
        return silent
    status, tree = answer.status or 0, parts.read_object(answer)
    if 200 <= status < 300:
        return _judge_success(tree, status)
    error = tree.get("error") if tree is not None else None
    details = _details(error) if isinstance(error, dict) else []
    reasons = list(dict.fromkeys(reason for reason, _, _ in details))
    outcomes = {_outcome(reason) for reason in reasons} - {None}
    outcome: AnswerOutcome | None = next((o for o in _HEAVIEST if o in outcomes), None)
    if outcome is None:
        said = error.get("status") if isinstance(error, dict) else None
        rest = AnswerOutcome.INVALID if said == "INVALID_ARGUMENT" else AnswerOutcome.UNKNOWN
        outcome = _BY_REASON.get(str(said)) or parts.by_status(answer, rest=rest)
    refused = {place: reason for reason, place, _ in details if place is not None and place < sent}
    return AnswerVerdict(
        outcome=outcome,
        code=next((r for r in reasons if _outcome(r) is outcome), f"http-{status}"),
        wait_ms=_wait_ms(answer, error),
        note=parts.texts(*(text for _, _, text in details), error.get("message") if isinstance(error, dict) else ""),
        refused=tuple(RefusedEvent(n, refused[n]) for n in sorted(refused)) if outcome is AnswerOutcome.INVALID else (),
    )


def _judge_success(tree: dict[str, Any] | None, status: int) -> AnswerVerdict:
    number = tree.get("requestId") if tree is not None else None
    if not isinstance(number, str) or not re.fullmatch(r"[A-Za-z0-9_.:/+=-]{1,200}", number):
        return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{status}", note="the answer has no requestId")
    warnings = parts.objects(tree.get("fieldWarnings") if tree else None)
    return AnswerVerdict(
        outcome=AnswerOutcome.ACCEPTED,
        note=parts.texts(*(f"{w.get('field')}: {w.get('reason')}" for w in warnings)),
        later=number,
    )


def _outcome(reason: str) -> AnswerOutcome | None:
    return AnswerOutcome.CREDENTIALS if reason.startswith("DESTINATION_ACCOUNT_") else _BY_REASON.get(reason)


def _wait_ms(answer: PlatformAnswer, error: Any) -> int | None:
    """Retry-After; else an hour where the limit of a day is reached, which stands beside the reason by its name [doc]. That of a
    minute is tried again as any other."""
    after = parts.retry_after_ms(answer)
    if after is not None or not isinstance(error, dict):
        return after
    limits = (parts.text(_object(d.get("metadata")).get("quota_limit")) for d in parts.objects(error.get("details")))
    return _HOUR_MS if any(limit and "PerDay" in limit for limit in limits) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _details(error: dict[str, Any]) -> list[tuple[str, int | None, str]]:
    """Reason, place of the event and words of everything that the answer says is wrong."""
    found: list[tuple[str, int | None, str]] = []
    for detail in parts.objects(error.get("details")):
        found += [_violation(v) for v in parts.objects(detail.get("fieldViolations"))]
        if _is_reason(detail.get("reason")):
            found.append((detail["reason"], None, ""))
    return found


def _violation(violation: dict[str, Any]) -> tuple[str, int | None, str]:
    reason, field = violation.get("reason"), str(violation.get("field") or "")
    place = _PLACE.search(field)
    text = parts.texts(f"{field[:80]}: {violation.get('description')}")
    return (str(reason) if _is_reason(reason) else "INVALID_ARGUMENT"), (int(place[1]) if place else None), text


def _is_reason(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9_]{1,99}", value) is not None


# --- what is told later ---------------------------------------------------------------------------------------

STATES: Final[Mapping[str, str]] = {
    "SUCCESS": "success", "PARTIAL_SUCCESS": "partial", "FAILED": "failed", "PROCESSING": "processing",
}  # fmt: skip
_WORST: Final = ("processing", "failed", "partial", "success")


def ask_later(number: str, target: Target) -> Request:
    return Request(
        method="GET",
        url=f"{target.endpoint}/{target.version}/requestStatus:retrieve?requestId={quote(number, safe='')}",
        headers={"Accept": "application/json", **_headers(target)},
        body=b"",
    )


def read_later(answer: PlatformAnswer) -> LaterResult | None:
    """The state of a request and how many events met which reason. None: nothing was said, ask again."""
    tree = parts.read_object(answer) if answer.status == 200 else None
    told = parts.objects(tree.get("requestStatusPerDestination")) if tree is not None else []
    states = [STATES.get(str(one.get("requestStatus")), "processing") for one in told]
    if not states:
        return None
    counts: dict[str, int] = {}
    for reason, count in (pair for one in told for pair in _counts(one)):
        counts[reason] = counts.get(reason, 0) + count
    return LaterResult(state=next(s for s in _WORST if s in states), counts=counts)


def _counts(told: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for kind, inner in (("errorInfo", "errorCounts"), ("warningInfo", "warningCounts")):
        info = told.get(kind)
        for one in parts.objects(info.get(inner)) if isinstance(info, dict) else []:
            count = str(one.get("recordCount", ""))  # a text, as all 64-bit numbers of Google's JSON
            if _is_reason(one.get("reason")) and count.isascii() and count.isdigit() and len(count) < 10:
                yield re.sub(r"^PROCESSING_(ERROR|WARNING)_(REASON_)?", "", one["reason"]), int(count)


GOOGLE_ADS: Final = Destination(
    platform="google_ads",
    title="Google Ads (Data Manager)",
    called=Names(
        parts=("googleads", "adwords", "googledatamanager", "googleenhancedconversions"),
        refused_by=("google", "youtube"),
    ),
    build=build,
    request=request,
    classify=classify,
    limits=LIMITS,
    endpoint="https://datamanager.googleapis.com",
    version="v1",
    version_form=r"v\d+",
    names={},
    needs_names=True,
    identifiers=IDENTIFIERS,
    options=OPTIONS,
    group=group,
    grant=Grant(request=ask_for_token, read=read_token),
    later=LaterAnswer(request=ask_later, read=read_later, first_s=600, last_s=3 * 86_400),
    left_out={
        "fn": "an address needs postal code and country in the clear beside it",
        "ln": "an address needs postal code and country in the clear beside it",
        "zp": "Google wants it in the clear",
        "country": "only as a part of an address",
        "client_user_agent": "leaves only with the option device on",
        "client_ip_address": "leaves only with the option device on, of shoppers outside of the EEA and its like",
        "event_id": "the order's number is the transactionId",
        "contents": "leave only with the option merchant_id, and not with gbraid or wbraid",
        "fbp": "Meta's own",
        "fbc": "Meta's own",
    },
    sources=(
        "developers.google.com/data-manager/api (reference, understand-errors), type package google-ads-datamanager",
        "superdesigndev/treg 150, jitsucom/jitsu 1449 (code, live)",
    ),
    notes=(
        "`remote_dataset` is the customer id of the account that owns the conversion actions, `events` gives each event its action: "
        '`events = { Purchase = "987654321" }`. An event without one does not leave.',
        "Prerequisites at Google: customer data terms accepted, enhanced conversions on, the API enabled in the cloud project, the "
        "refresh token granted for the scope `datamanager`. Missing account flags stay silent.",
        "200 means taken for processing. Minutes later Google tells how many events met which reason; it stands beside the attempts "
        "of each delivery of that request (`twofold deliveries show ID`) as `told`. It names no event.",
        "`validateOnly` (a test code of any text) looks at no click and not at the rule of digits: green there is not green live.",
        "A service account (signed JWT) is not built; the cookie `_gcl_gb` is not read, as nothing says which of gbraid and wbraid it "
        "holds.",
    ),
)
