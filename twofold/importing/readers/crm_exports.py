"""Deals and opportunities exported from HubSpot, Pipedrive and Salesforce: what was won is an order, the rest is none.

Owns their headers, as exports in public repositories have them; accounts rename and translate columns, so they are
compared without case, spaces and signs, and what was recognised is told. Names, ids and words are those that the
webhooks of the same systems give, so that a file and a webhook tell of one order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twofold.importing.readers.layout import Format, Found, Group, Skipped, fold_word
from twofold.importing.readers.orders import State, build_order
from twofold.ledger.model import Paid, Sale

WON, LOST, OPEN = "won", "lost", "open"
# status or stage, folded -> what it means; anything else is a stage on the way
STAGES = {
    "won": WON, "closed won": WON, "closedwon": WON, "lost": LOST, "closed lost": LOST, "closedlost": LOST,
    "open": OPEN, "deleted": LOST,
}  # fmt: skip

_PERSON = {
    "email": ("Person - Email", "Person - Email - Work", "Contact Email", "Contact: Email", "Email", "E-mail"),
    "phone": ("Person - Phone", "Person - Phone - Mobile", "Person - Phone - Work", "Contact Phone", "Contact: Phone",
              "Phone", "Phone Number", "Mobile"),
    "first_name": ("Person - First name", "Contact First Name", "First Name"),
    "last_name": ("Person - Last name", "Contact Last Name", "Last Name"),
    "name": ("Deal - Contact person", "Person - Name", "Contact Name", "Primary Contact"),
    "country": ("Country", "Country/Region", "Billing Country"),
    "fbc": ("fbc", "_fbc"),
    "fbp": ("fbp", "_fbp"),
    "lead_id": ("lead_id", "Facebook Lead ID", "Meta Lead ID"),
    "own_order_id": ("Order ID", "order_id", "Shop order"),
    "cancel_reason": ("Deal - Lost reason", "Lost Reason", "Closed Lost Reason", "Loss Reason"),
}  # fmt: skip


def _builder(crm: str, title: str) -> Callable[[Group], Found | Skipped]:
    def build(group: Group) -> Found | Skipped:
        stage = _stage(group)
        if stage != WON:
            return Skipped(rows=len(group.rows), reason=f"a deal that is {stage}")
        deal = group.needed("order_id", group.id("order_id"), "the deal's id", "no_id")
        order_id = group.id("own_order_id") or f"{crm}-{deal}"
        found = build_order(
            group,
            order_id=order_id,
            aliases=(f"{crm}:{deal}",),
            state=State(paid=Paid.PAID, confirmed=True, sale=Sale.CRM),
            currency=group.currency("total"),
        )
        if found.copy is not None:
            found.copy.event_id = f"Purchase.{crm}.{deal}"
            found.copy.links = [f"{crm}:{deal}"]
            found.copy.custom_data |= {"event_source": "crm", "lead_event_source": title}
            lead = group.text("lead_id").removeprefix("l:")
            if lead.isdigit() and 15 <= len(lead) <= 17:
                found.copy.user_data["lead_id"] = int(lead)
        return found

    return build


def _stage(group: Group) -> str:
    """The CRM's own yes or no where it has one, else its status, else the name of the stage."""
    for field, meaning in (("is_won", WON), ("is_lost", LOST)):
        if group.flag(field):
            return meaning
    if group.flag("is_won") is False and group.text("is_won"):
        return OPEN
    for field in ("status", "stage"):
        said = group.layout.options.words.get("status", {}).get(fold_word(group.text(field)))
        known = STAGES.get(said or fold_word(group.text(field)).split("(")[0].strip())
        if known:
            return known
    return OPEN


def _crm(name: str, title: str, columns: Mapping[str, tuple[str, ...]], needs: tuple[str, ...]) -> Format:
    return Format(
        name=name, title=f"{title} deals", sender=name, columns={**_PERSON, **columns}, needs=needs,
        build=_builder(name, title),
    )  # fmt: skip


HUBSPOT = _crm(
    "hubspot",
    "HubSpot",
    {
        "order_id": ("Record ID", "Deal ID", "Record ID - Deal"),
        "stage": ("Deal Stage",),
        "is_won": ("Is Closed Won", "Is closed won"),
        "is_lost": ("Is closed lost",),
        "placed_at": ("Close Date",),
        "updated_at": ("Last Modified Date",),
        "total": ("Amount",),
        "currency": ("Currency", "Deal Currency", "Currency Code"),
    },
    ("order_id", "stage", "placed_at", "total"),
)
PIPEDRIVE = _crm(
    "pipedrive",
    "Pipedrive",
    {
        "order_id": ("Deal - ID",),
        "status": ("Deal - Status",),
        "placed_at": ("Deal - Won time", "Deal - Won date"),
        "updated_at": ("Deal - Update time", "Deal - Last updated on"),
        "total": ("Deal - Value",),
        "currency": ("Deal - Currency", "Deal - Currency of Value"),
    },
    ("order_id", "status", "total"),
)
SALESFORCE = _crm(
    "salesforce",
    "Salesforce",
    {
        "order_id": ("Opportunity ID", "Opportunity: ID", "Opportunity ID 18"),
        "stage": ("Stage", "StageName"),
        "is_won": ("Won", "IsWon"),
        "placed_at": ("Close Date", "CloseDate"),
        "updated_at": ("Last Modified Date", "LastModifiedDate"),
        "total": ("Amount",),
        "currency": ("Amount Currency", "Opportunity Currency", "CurrencyIsoCode"),
    },
    ("order_id", "stage", "placed_at", "total"),
)
