"""Every answer of the Graph paths: the success shape, the error envelope, and the one table of refusals.

Owns status, code, subcode, type and English title of each refusal. Codes and 2804xxx subcodes are Meta's where a
public source names them (Meta for Developers, error codes and Conversions API pages; RudderStack fixtures; issues of
the official SDKs; all read September 2026). **Subcodes 99xxxxx are this sandbox's own**: Meta's were not found, so
only the envelope and code 100 can be relied on there. Meta localises titles and messages; never match on them.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

DEFAULT_VERSION = "v25.0"  # echoed when a request names none
GENERIC = "Invalid parameter"  # Meta's message for nearly every event fault


class RefusalKind(StrEnum):
    """Why a request was refused; each member's answer is in `TABLE`."""

    BAD_TOKEN = "bad_token"
    NO_PERMISSION = "no_permission"
    THROTTLED = "throttled"
    WRONG_DATASET = "wrong_dataset"
    PROOF_MISSING = "proof_missing"
    PROOF_WRONG = "proof_wrong"
    UNKNOWN_PATH = "unknown_path"
    WRONG_METHOD = "wrong_method"
    FULL = "full"
    FIELD_UNKNOWN = "field_unknown"
    PARAMETER_INVALID = "parameter_invalid"
    DATA_MISSING = "data_missing"
    DATA_EMPTY = "data_empty"
    DATA_NOT_LIST = "data_not_list"
    SYNTAX = "syntax"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    WRONG_TYPE = "wrong_type"
    BAD_TEXT = "bad_text"
    NAME_MISSING = "name_missing"
    NAME_INVALID = "name_invalid"
    TIME_MISSING = "time_missing"
    TIME_INVALID = "time_invalid"
    TIME_FUTURE = "time_future"
    TIME_OLD = "time_old"
    SOURCE_MISSING = "source_missing"
    SOURCE_INVALID = "source_invalid"
    ID_INVALID = "id_invalid"
    USER_DATA_INSUFFICIENT = "user_data_insufficient"
    NOT_HASHED = "not_hashed"
    LEAD_ID_INVALID = "lead_id_invalid"
    CLICK_ID_INVALID = "click_id_invalid"
    VALUE_MISSING = "value_missing"
    VALUE_INVALID = "value_invalid"
    CURRENCY_MISSING = "currency_missing"
    CURRENCY_INVALID = "currency_invalid"
    OS_VERSION_MISSING = "os_version_missing"
    APP_DATA_MISSING = "app_data_missing"
    EXTINFO_MISSING = "extinfo_missing"
    EXTINFO_INVALID = "extinfo_invalid"
    TRACKING_FLAG_INVALID = "tracking_flag_invalid"
    LDU_INCOMPLETE = "ldu_incomplete"
    CHANNEL_MISSING = "channel_missing"
    CHANNEL_INVALID = "channel_invalid"
    MESSAGING_ARGUMENT = "messaging_argument"
    MESSAGING_NAME = "messaging_name"
    MESSAGING_ID_MISSING = "messaging_id_missing"
    IG_SID_MISSING = "ig_sid_missing"
    IG_ACCOUNT_MISSING = "ig_account_missing"
    IG_NOT_LINKED = "ig_not_linked"
    CTWA_INVALID = "ctwa_invalid"
    CTWA_MISMATCH = "ctwa_mismatch"
    APPEND_INVALID = "append_invalid"
    ATTRIBUTION_INVALID = "attribution_invalid"


class Origin(StrEnum):
    """Where the numbers of one row come from; the table in docs/sandbox.md shows it."""

    META = "Meta's"  # named by a public source
    INFERRED = "Meta's number, meaning inferred"
    OURS = "ours"


class Answer(Struct, frozen=True):
    """One row: HTTP status, code, subcode or None, English title, developer message, error type, retry hint."""

    status: int
    code: int
    subcode: int | None
    title: str = ""
    message: str = GENERIC
    type: str = "OAuthException"
    transient: bool = False
    inferred: bool = False

    @property
    def origin(self) -> Origin:
        if self.subcode is not None and self.subcode in OWN_SUBCODES:
            return Origin.OURS
        return Origin.INFERRED if self.inferred else Origin.META


OWN_SUBCODES = range(9_900_000, 10_000_000)
_NO_OBJECT = (
    "Unsupported post request. Object with ID '{subject}' does not exist, cannot be loaded due to missing permissions, "
    "or does not support this operation"
)

# fmt: off
TABLE: dict[RefusalKind, Answer] = {
    RefusalKind.BAD_TOKEN: Answer(401, 190, None, message="Invalid OAuth access token - Cannot parse access token"),
    # The token is good, but has not the scope that this edge needs.
    RefusalKind.NO_PERMISSION: Answer(400, 100, None, message="(#100) Missing Permission"),
    # 80004 is the throttling code of ads calls, which events count as; the events edge itself has no limit of its own.
    RefusalKind.THROTTLED: Answer(400, 80004, None, message="(#80004) There have been too many calls to this ad-account. Wait a bit and try again.", transient=True, inferred=True),
    RefusalKind.WRONG_DATASET: Answer(400, 100, 33, message=_NO_OBJECT, type="GraphMethodException"),
    # Messages of Graph's app-secret settings as generally seen; Meta's page names no code.
    RefusalKind.PROOF_MISSING: Answer(400, 100, None, message="API calls from the server require an appsecret_proof argument", type="GraphMethodException", inferred=True),
    RefusalKind.PROOF_WRONG: Answer(400, 100, None, message="Invalid appsecret_proof provided in the API argument", type="GraphMethodException", inferred=True),
    RefusalKind.UNKNOWN_PATH: Answer(400, 2500, None, message="Unknown path components: {subject}"),
    # Only POST exists on this edge; the object is then "not found", as with a wrong id.
    RefusalKind.WRONG_METHOD: Answer(400, 100, 33, message=_NO_OBJECT.replace("post", "{method}"), type="GraphMethodException", inferred=True),
    RefusalKind.FIELD_UNKNOWN: Answer(400, 100, None, message="(#100) Tried accessing nonexisting field ({subject})", inferred=True),
    RefusalKind.PARAMETER_INVALID: Answer(400, 100, 9900004, "Invalid Query Parameter"),
    # Ours: the sandbox keeps everything in memory and says so instead of dropping.
    RefusalKind.FULL: Answer(503, 2, None, message="The sandbox holds as many events as it may; POST /sandbox/reset empties it", transient=True, inferred=True),
    RefusalKind.DATA_MISSING: Answer(400, 100, None, message="(#100) The parameter data is required"),
    RefusalKind.DATA_EMPTY: Answer(400, 100, None, message="(#100) param data must be non-empty."),
    RefusalKind.DATA_NOT_LIST: Answer(400, 100, None, message="(#100) param data must be an array.", inferred=True),
    RefusalKind.SYNTAX: Answer(400, 100, 9900001, "Request Not Readable"),
    RefusalKind.TOO_LARGE: Answer(413, 100, 9900002, "Request Too Large"),
    RefusalKind.TOO_MANY: Answer(400, 100, 9900003, "Too Many Events"),
    RefusalKind.WRONG_TYPE: Answer(400, 100, 9900006, "Parameter Of Wrong Type"),
    RefusalKind.BAD_TEXT: Answer(400, 100, 9900007, "Text Not Storable"),
    RefusalKind.NAME_MISSING: Answer(400, 100, 9900010, "Missing Event Name"),
    RefusalKind.NAME_INVALID: Answer(400, 100, 9900011, "Invalid Event Name"),
    RefusalKind.TIME_MISSING: Answer(400, 100, 9900012, "Missing Event Time"),
    RefusalKind.TIME_INVALID: Answer(400, 100, 9900013, "Invalid Event Time"),
    RefusalKind.TIME_FUTURE: Answer(400, 100, 9900014, "Event Timestamp In The Future"),
    RefusalKind.TIME_OLD: Answer(400, 100, 2804003, "Event Timestamp Too Old"),
    RefusalKind.SOURCE_MISSING: Answer(400, 100, 9900015, "Missing Action Source"),
    RefusalKind.SOURCE_INVALID: Answer(400, 100, 9900016, "Invalid Action Source"),
    RefusalKind.ID_INVALID: Answer(400, 100, 9900017, "Invalid Event ID"),
    # The English title of 2804050 was not found; this one is ours.
    RefusalKind.USER_DATA_INSUFFICIENT: Answer(400, 100, 2804050, "Insufficient Customer Information Parameters"),
    RefusalKind.NOT_HASHED: Answer(400, 100, 2804016, "User Parameter Not Hashed"),
    RefusalKind.CLICK_ID_INVALID: Answer(400, 100, 2804001, "Click ID Incorrectly Formatted"),
    RefusalKind.LEAD_ID_INVALID: Answer(400, 100, 9900101, "Invalid Lead ID"),
    # 2804009 is inferred to mean a Purchase without value; its title was not found.
    RefusalKind.VALUE_MISSING: Answer(400, 100, 2804009, "Missing Value for Purchase Event", inferred=True),
    RefusalKind.VALUE_INVALID: Answer(400, 100, 9900018, "Invalid Value"),
    RefusalKind.CURRENCY_MISSING: Answer(400, 100, 2804010, "Missing Currency for Purchase Event"),
    RefusalKind.CURRENCY_INVALID: Answer(400, 100, 9900019, "Invalid Currency"),
    RefusalKind.OS_VERSION_MISSING: Answer(400, 100, 2804043, "Missing OS Version in Extinfo"),
    # Meta's page demands these for app events; how it refuses was not found.
    RefusalKind.APP_DATA_MISSING: Answer(400, 100, 9900020, "Missing App Data"),
    RefusalKind.EXTINFO_MISSING: Answer(400, 100, 9900021, "Missing Extinfo"),
    RefusalKind.EXTINFO_INVALID: Answer(400, 100, 9900022, "Invalid Extinfo"),
    RefusalKind.TRACKING_FLAG_INVALID: Answer(400, 100, 9900023, "Invalid Tracking Flag"),
    # Seen in 2020 on offline events without country and state; that it is this rule is inferred.
    RefusalKind.LDU_INCOMPLETE: Answer(400, 100, 2804030, "Limited Data Use Selection Required", inferred=True),
    RefusalKind.CHANNEL_MISSING: Answer(400, 100, 2804063, "Missing Messaging Channel"),
    RefusalKind.CHANNEL_INVALID: Answer(400, 100, 9900102, "Invalid Messaging Channel"),
    RefusalKind.MESSAGING_ARGUMENT: Answer(400, 100, 2804064, "Messaging Event Invalid Argument"),
    RefusalKind.MESSAGING_NAME: Answer(400, 100, 2804066, "Messaging Event Invalid Event Type"),
    RefusalKind.MESSAGING_ID_MISSING: Answer(400, 100, 9900103, "Messaging Event Missing Identifier"),
    RefusalKind.IG_SID_MISSING: Answer(400, 100, 2804075, "Messaging Event Missing Instagram Scoped ID"),
    RefusalKind.IG_ACCOUNT_MISSING: Answer(400, 100, 2804079, "Messaging Event Missing Instagram Account ID"),
    # Titles of these three were found in part only.
    RefusalKind.IG_NOT_LINKED: Answer(400, 100, 2804133, "No Instagram Account Linked To Dataset"),
    RefusalKind.CTWA_INVALID: Answer(400, 100, 2804087, "Messaging Event Invalid Ctwa Clid"),
    RefusalKind.CTWA_MISMATCH: Answer(400, 100, 2804072, "Messaging Event Page ID And Ctwa Clid Mismatch"),
    RefusalKind.APPEND_INVALID: Answer(400, 100, 9900104, "Invalid Original Event Data"),
    RefusalKind.ATTRIBUTION_INVALID: Answer(400, 100, 9900105, "Invalid Attribution Data"),
}
# fmt: on


class Refused(Exception):
    """One request was refused: nothing of it is kept but a line in the refused list.

    ``blame`` is the field path inside the request, ``detail`` a sentence without personal data.
    """

    def __init__(
        self,
        kind: RefusalKind,
        detail: str = "",
        *,
        blame: tuple[str, ...] = (),
        index: int | None = None,
        subject: str = "",
    ) -> None:
        super().__init__(detail or kind.value)
        self.kind = kind
        self.answer = TABLE[kind]
        self.detail = detail
        self.blame = blame
        self.index = index
        self.subject = subject
        self.event_name: str = ""  # of the invalid event, when it has one
        self.action_source: str = ""


def new_trace_id() -> str:
    """Meta's trace ids are text that starts with A."""
    return "A" + secrets.token_urlsafe(17)


def graph_response(status: int, body: Any, *, trace: str, version: str = DEFAULT_VERSION) -> Response:
    """A JSON answer with the headers that every Graph answer carries."""
    headers = {
        "x-fb-trace-id": trace,
        "x-fb-request-id": secrets.token_hex(12),
        "facebook-api-version": version,
        "cache-control": "private, no-cache, no-store, must-revalidate",
        "access-control-allow-origin": "*",
    }
    return Response(msgspec.json.encode(body), status, headers=headers, media_type="application/json")


def success_body(count: int, trace: str) -> dict[str, Any]:
    """Both official SDKs read these three fields; the Python one fails without ``messages`` or ``fbtrace_id``."""
    return {"events_received": count, "messages": [], "fbtrace_id": trace}


def error_body(refused: Refused, trace: str, *, method: str = "post") -> dict[str, Any]:
    """Meta's error envelope of one refusal."""
    answer = refused.answer
    message = answer.message.replace("{subject}", refused.subject).replace("{method}", method.lower())
    error: dict[str, Any] = {"message": message, "type": answer.type, "code": answer.code}
    if answer.subcode is not None:
        error["error_subcode"] = answer.subcode
    error["is_transient"] = answer.transient
    if answer.title:
        error["error_user_title"] = answer.title
        error["error_user_msg"] = refused.detail or answer.title
    if refused.blame:
        error["error_data"] = {"blame_field_specs": [list(refused.blame)]}
    error["fbtrace_id"] = trace
    return {"error": error}


def scripted_error_body(code: int, subcode: int | None, message: str, transient: bool, trace: str) -> dict[str, Any]:
    """The envelope for a code that a test asks for by number."""
    error: dict[str, Any] = {"message": message or GENERIC, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return {"error": {**error, "is_transient": transient, "fbtrace_id": trace}}
