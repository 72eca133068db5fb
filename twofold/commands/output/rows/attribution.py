"""Lines about where orders came from."""

from __future__ import annotations

from twofold.commands.output.rows.row import Row, Text


class ExplainedSource(Row, kw_only=True, tag="explained_source"):
    """Where a visit to one address came from. ``url`` is the page without its query, since a click id names a person.
    ``touch`` is false where the visit only goes on; ``rule`` says why, or which rule gave the channel; ``lists`` is the
    date of the lists; ``findings`` are faults of the address, each with what to do."""

    url: Text
    touch: bool
    rule: Text
    lists: Text
    findings: list[Text]
    channel: Text | None = None
    source: Text | None = None
    medium: Text | None = None
    campaign: Text | None = None
    platform: Text | None = None
    conflict: bool | None = None
    click_ids: list[Text] | None = None
    campaign_id: Text | None = None
    adset_id: Text | None = None
    ad_id: Text | None = None
    referrer_host: Text | None = None


COMMANDS = {"explain-source": (ExplainedSource,)}
"""Every command of this family with ``--json`` and the lines it prints."""
