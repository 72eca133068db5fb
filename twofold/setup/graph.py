"""What Meta answers about a token: is it alive, may it write to the dataset, what else may it do, and whose the dataset is.

Owns these questions and how their answers read. Sources: Graph API, "Handle errors", "Debug-Token", read November 2026;
Marketing API, "Ads Pixel" (`owner_business`), "System User Assigned Ads Pixels", "Business Owned Pixels"; meta.md 1.2 and 1.7.
A token made in Events Manager carries one scope and answers hardly anything but events: what it may not say is no fault.
Nothing here changes anything at Meta: an empty list of events is refused before it is looked at, and says what the token may.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec import Struct

from twofold.pulling.exchange import Answer, Exchange, Unreached

SENDS = frozenset({"read_ads_dataset_quality", "ads_management", "business_management"})
"""Any one of these lets a token send events to a dataset that it was given."""
_EXPIRED, _PERMISSION = frozenset({190, 102, 463, 467}), frozenset({3, 10, 200})
_MAX_PAGES = 20


class Access(Struct, frozen=True, kw_only=True):
    """The one answer that counts. ``works`` None: it could not be told."""

    works: bool | None
    said: str
    mend: str = ""
    ahead_s: float | None = None  # how far our clock is ahead of Meta's


class Token(Struct, frozen=True, kw_only=True):
    """What the token says of itself."""

    valid: bool
    scopes: tuple[str, ...]
    expires_at: int  # Unix s; 0: never
    user: str = ""
    datasets: tuple[str, ...] = ()  # to which it is limited, where it says so


class Dataset(Struct, frozen=True, kw_only=True):
    id: str
    name: str = ""
    business: str = ""  # whose it is
    business_id: str = ""


class Graph(Struct, frozen=True, kw_only=True):
    """One token at one API."""

    exchange: Exchange
    endpoint: str
    version: str
    token: str
    app_secret: str = ""

    def try_dataset(self, dataset: str) -> Access:
        """Whether this token may send to this dataset, from the refusal that an empty list of events gets."""
        form = {**self._credentials(), "data": "[]"}
        try:
            answer = self.exchange.post(f"{self._base}/{dataset}/events", form, form=True)
        except Unreached as err:
            return Access(
                works=None, said=f"{self.endpoint} cannot be reached: {err}", mend="check address, DNS and firewall"
            )
        code, subcode, message = error_of(answer)
        ahead_s = _ahead(answer, self.exchange.now)
        if code in _EXPIRED:
            return Access(
                works=False, said="Meta does not know the token, or it has ended", mend=NEW_TOKEN, ahead_s=ahead_s
            )
        if (code, subcode) == (100, 33):
            said = f"there is no dataset {dataset} for this token"
            return Access(works=False, said=said, mend=NEW_TOKEN, ahead_s=ahead_s)
        if code in _PERMISSION or (code == 100 and "permission" in message.lower()):
            return Access(
                works=False, said=f"the token may not send to dataset {dataset}", mend=NEW_TOKEN, ahead_s=ahead_s
            )
        if code == 100 or answer.status == 200:
            return Access(works=True, said="the token may send to the dataset", ahead_s=ahead_s)
        return Access(
            works=None,
            said=f"Meta answered {answer.status}, code {code or 'none'}, which tells neither",
            ahead_s=ahead_s,
        )

    def about_token(self) -> Token | None:
        """What the token says of itself; None where it may not ask."""
        found = self._get("/debug_token", input_token=self.token).get("data")
        if not isinstance(found, dict) or not isinstance(found.get("is_valid"), bool):
            return None
        granular = found.get("granular_scopes")
        targets = (
            [t for g in granular if isinstance(g, dict) for t in g.get("target_ids") or ()]
            if isinstance(granular, list)
            else []
        )
        return Token(
            valid=found["is_valid"], scopes=tuple(map(str, found.get("scopes") or ())),
            expires_at=found["expires_at"] if isinstance(found.get("expires_at"), int) else 0,
            user=str(found.get("user_id") or ""), datasets=tuple(map(str, targets)),
        )  # fmt: skip

    def about_dataset(self, dataset: str) -> Dataset | None:
        """Its name and the business that owns it; None where the token may not see it."""
        for fields in (WITH_OWNER, NAMED):
            found = self._get(f"/{dataset}", fields=fields)
            if str(found.get("id")) == dataset:
                return _dataset(found)
        return None

    def sees(self, node: str) -> bool:
        """Whether the token may read this node, such as an ad account (`act_…`); False also where it could not be asked."""
        return bool(self._get(f"/{node}", fields="id,name").get("id"))

    def datasets(self) -> list[Dataset]:
        """Every dataset that this token was given; empty where it may not ask. First those of the system user, then those
        of the businesses that it may see."""
        about = self.about_token()
        found: dict[str, Dataset] = {}
        if about is not None and about.user:
            for one in self._pages(f"/{about.user}/assigned_ads_pixels"):
                found.setdefault(one.id, one)
        for business in self._list("/me/businesses", fields="id,name"):
            for edge in ("owned_pixels", "client_pixels"):
                for one in self._pages(f"/{business.get('id')}/{edge}"):
                    found.setdefault(one.id, one)
        return list(found.values())

    @property
    def _base(self) -> str:
        return f"{self.endpoint}/{self.version}"

    def _credentials(self) -> dict[str, str]:
        proof = (
            hmac.new(self.app_secret.encode(), self.token.encode(), hashlib.sha256).hexdigest()
            if self.app_secret
            else ""
        )
        return {"access_token": self.token, **({"appsecret_proof": proof} if proof else {})}

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        try:
            answer = self.exchange.get(f"{self._base}{path}", {**self._credentials(), **query})
        except Unreached:
            return {}
        return answer.document() if answer.status == 200 else {}

    def _list(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            page = self._get(path, **query, **after)
            data, paging = page.get("data"), page.get("paging")
            paging = paging if isinstance(paging, dict) else {}
            yield from (one for one in data if isinstance(one, dict)) if isinstance(data, list) else ()
            cursors = paging.get("cursors")
            if not isinstance(cursors, dict) or not paging.get("next") or not isinstance(cursors.get("after"), str):
                return
            after = {"after": cursors["after"]}

    def _pages(self, path: str) -> Iterator[Dataset]:
        found = list(self._list(path, fields=WITH_OWNER)) or list(self._list(path, fields=NAMED))
        yield from (_dataset(one) for one in found if one.get("id"))


WITH_OWNER, NAMED = "id,name,owner_business", "id,name"
"""A token that may not see the owner is refused the whole question: then it is asked again without."""
NEW_TOKEN = "Events Manager > Data sources > your dataset > Settings > Conversions API > Generate access token"


def error_of(answer: Answer) -> tuple[int, int, str]:
    """Code, subcode and the developer's text of Graph's error; zeros where there is none."""
    error = answer.document().get("error")
    if not isinstance(error, dict):
        return 0, 0, ""
    code, subcode = error.get("code"), error.get("error_subcode")
    return (
        code if isinstance(code, int) else 0,
        subcode if isinstance(subcode, int) else 0,
        str(error.get("message", "")),
    )


def _dataset(found: dict[str, Any]) -> Dataset:
    business = found.get("owner_business")
    return Dataset(
        id=str(found.get("id")), name=str(found.get("name") or ""),
        business=str(business.get("name") or business.get("id") or "") if isinstance(business, dict) else "",
        business_id=str(business.get("id") or "") if isinstance(business, dict) else "",
    )  # fmt: skip


def _ahead(answer: Answer, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return None
