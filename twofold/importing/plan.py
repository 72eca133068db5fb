"""What the operator asked for, checked against the configuration, as what the readers and the store need.

Owns every option of the command and the sentence for each that does not fit. Reads nothing but the settings.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.orders import SPARE_S
from twofold.config import DatasetSettings, ImportSettings, Settings, SourceSettings
from twofold.errors import ConfigError
from twofold.event.model import Channel, Tier
from twofold.event.vocabulary import MAX_AGE_S, MAX_AGE_STORE_S
from twofold.importing.readers.formats import ORDER_FORMATS, SALE_FORMATS
from twofold.importing.readers.layout import Format, ReadOptions, fold_word
from twofold.importing.readers.mapping import format_from
from twofold.importing.readers.sales_table import CHANNELS, SALES
from twofold.importing.readers.values import read_currency
from twofold.importing.zone import zone_of_file
from twofold.policies import policies_of
from twofold.sources.chat_ids import route
from twofold.sources.contract import SourceOptions
from twofold.sources.own.webhook import ACTION_SOURCES

AUTO = "auto"


class Plan(Struct, frozen=True, kw_only=True):
    """The command's options as they were typed."""

    path: Path
    dataset: str
    sales: bool = False  # a table of sales and steps instead of orders
    format: str = AUTO
    mapping: str = ""
    source: str = ""
    channel: str = ""  # of a file of sales that has no column for it
    currency: str = ""
    timezone: str = ""
    decimal: str = ""
    dates: str = ""
    encoding: str = ""
    sheet: str = ""
    dry_run: bool = False
    foretell: bool = False  # of a dry run: the folder is looked at, to say what is new in it
    ledger_only: bool = False
    restart: bool = False
    report: Path | None = None


class Wanted:
    """A plan that fits the configuration. Raises `ConfigError` when it does not."""

    def __init__(self, settings: Settings, plan: Plan, now_ms: int) -> None:
        self.plan = plan
        self.now_ms = now_ms
        self._settings = settings
        self._dataset = self._find_dataset()
        self._mapping = self._find_mapping()
        self.known = SALE_FORMATS if plan.sales else ORDER_FORMATS
        self.form = self._find_format()
        self.options = self._read_options()
        if plan.report is not None and plan.report.resolve() == plan.path.resolve():
            raise ConfigError("--report: expected another file than the one that is imported")

    @property
    def reading_key(self) -> str:
        """Stands for everything that changes how the same file is read."""
        plan, options = self.plan, self.options
        return repr((plan.sales, plan.source, plan.currency, str(options.zone), str(options.home), plan.decimal, plan.dates, plan.encoding,
                     plan.sheet, plan.channel, plan.ledger_only, self._mapping))  # fmt: skip

    def source_of(self, sender: str) -> tuple[str, str]:
        """(the source's name in the ledger, the configured shop): those of its webhooks, so that ids agree."""
        named = self.plan.source
        fitting = [s for s in self._sources() if named in (s.shop, s.type) or (not named and s.type == sender)]
        if len(fitting) == 1:
            return fitting[0].type, fitting[0].shop
        return named or sender, ""

    def source_options(self, sender: str) -> SourceOptions:
        """As the collector gives them to the same source for a webhook."""
        name, shop = self.source_of(sender)
        found = next((s for s in self._sources() if (s.type, s.shop) == (name, shop)), None)
        if found is None:
            return SourceOptions(currency=self.options.currency)
        return SourceOptions(
            shop=shop,
            event_id=found.event_id or "secret",
            fields=found.fields,
            stages=found.stages,
            currency=self.options.currency or found.currency,
        )

    def origin_of(self, sender: str) -> Origin:
        """A file that the operator imports is trusted like an authenticated server."""
        policy = policies_of(self._settings)[self.plan.dataset]
        return Origin(
            dataset=self.plan.dataset,
            channel=Channel.SERVER,
            sender=sender,
            tier=Tier.T2,
            received_at=self.now_ms,
            policy=policy,
            shop=self.source_of(sender)[1],
        )

    def _sources(self) -> list[SourceSettings]:
        return [source for source in self._settings.source if source.dataset == self.plan.dataset]

    def _find_dataset(self) -> DatasetSettings:
        found = next((d for d in self._settings.dataset if d.id == self.plan.dataset), None)
        if found is None:
            known = ", ".join(d.id for d in self._settings.dataset) or "(none configured)"
            raise ConfigError(f"--dataset: expected one of {known}, got {self.plan.dataset or 'none'}")
        return found

    def _find_mapping(self) -> ImportSettings | None:
        mappings = {m.name: m for m in self._settings.imports}
        name = self.plan.mapping or (self.plan.format if self.plan.format in mappings else "")
        if name and name not in mappings:
            raise ConfigError(f"--mapping: expected one of {', '.join(mappings) or '(none configured)'}, got {name!r}")
        return mappings.get(name)

    def _find_format(self) -> Format | None:
        if self._mapping is not None:
            return format_from(self._mapping.name, self._mapping.columns, self._mapping.values, sales=self.plan.sales)
        if self.plan.channel and fold_word(self.plan.channel) not in CHANNELS:
            raise ConfigError(f"--channel: expected one of {', '.join(sorted(CHANNELS))}, got {self.plan.channel!r}")
        if self.plan.format == AUTO:
            return replace(SALES, needs=("placed_at",)) if self.plan.channel else None
        found = next((f for f in self.known if f.name == self.plan.format), None)
        if found is None:
            known = ", ".join([AUTO, *(f.name for f in self.known), *(m.name for m in self._settings.imports)])
            raise ConfigError(f"--format: expected one of {known}, got {self.plan.format!r}")
        return found

    def _read_options(self) -> ReadOptions:
        plan, mapping = self.plan, self._mapping
        given = {name: getattr(plan, name) or (getattr(mapping, name) if mapping else "")
                 for name in ("currency", "timezone", "decimal", "dates")}  # fmt: skip
        currency = read_currency(given["currency"]) if given["currency"] else ""
        if currency is None:
            raise ConfigError(f"--currency: expected three letters (ISO 4217), got {given['currency']!r}")
        for name, choices in (("decimal", (".", ",")), ("dates", ("dmy", "mdy"))):
            if given[name] and given[name] not in choices:
                raise ConfigError(f"--{name}: expected {' or '.join(choices)}, got {given[name]!r}")
        now_s = self.now_ms // 1000
        return ReadOptions(
            zone=zone_of_file(given["timezone"], self._settings),
            home=zone_of_file("", self._settings),
            zone_given=bool(given["timezone"]),
            currency=currency,
            decimal=given["decimal"],
            dates=given["dates"],
            words={
                field: {fold_word(theirs): fold_word(ours) for theirs, ours in words.items()}
                for field, words in (mapping.values if mapping else {}).items()
            },
            young_after=now_s - MAX_AGE_S + SPARE_S,
            young_store_after=now_s - MAX_AGE_STORE_S + SPARE_S,
            channel=fold_word(plan.channel),
            action_sources=ACTION_SOURCES,
            route=route,
        )
