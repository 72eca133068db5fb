"""What the operator asked for when a statement is imported, checked against the configuration.

Owns every option of `twofold import KIND` and the sentence for each that does not fit. Reads nothing but the settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from twofold.config import ImportSettings, Settings
from twofold.errors import ConfigError
from twofold.importing.readers.layout import fold_word
from twofold.importing.readers.values import read_currency
from twofold.importing.statements.contract import StatementFormat, StatementOptions
from twofold.importing.statements.formats import named_format, own_table
from twofold.importing.statements.mapped import by_field, check_mapping
from twofold.importing.zone import zone_of_file

AUTO = "auto"


class StatementPlan(Struct, frozen=True, kw_only=True):
    """The command's options as they were typed."""

    kind: str  # one of `contract.KINDS`
    path: Path
    format: str = AUTO
    mapping: str = ""
    source: str = ""
    account: str = ""
    currency: str = ""
    timezone: str = ""
    decimal: str = ""
    dates: str = ""
    encoding: str = ""
    sheet: str = ""
    since: str = ""
    until: str = ""
    dry_run: bool = False
    foretell: bool = False  # of a dry run: the folder is looked at, to say what is new in it
    report: Path | None = None
    columns: Mapping[str, str] = {}  # beside those of a mapping, for what was fetched
    fetched_at: int = 0  # ms; what was fetched is read anew each time: a platform may come back to what it said before


class Expected(Struct, frozen=True):
    """What every line of the file must be, where the operator said so: else nothing of the file is kept."""

    account: str = ""
    currency: str = ""
    since: str = ""
    until: str = ""


class WantedStatement:
    """A plan that fits the configuration. Raises `ConfigError` when it does not."""

    def __init__(self, settings: Settings, plan: StatementPlan, now_ms: int) -> None:
        self.plan = plan
        self.money = settings.money
        self.datasets = [d.id for d in settings.dataset]
        self.countries = tuple(dict.fromkeys(d.country for d in settings.dataset if d.country))
        self._settings = settings
        self._mapping = self._find_mapping()
        self.mappings = tuple(m.name for m in settings.imports if m.kind == plan.kind)
        self.form = self._find_format()
        self.options = self._options(now_ms)
        self.expected = Expected(plan.account, self._currency(plan.currency), self._day("since"), self._day("until"))
        if plan.report is not None and plan.report.resolve() == plan.path.resolve():
            raise ConfigError("--report: expected another file than the one that is imported")

    @property
    def reading_key(self) -> str:
        """Stands for everything that changes how the same file is read."""
        options = self.options
        return repr((
            self.plan.kind, self.plan.format, self._mapping, options.zone_name, options.currency, options.decimal,
            options.dates, options.encoding, options.sheet, options.account, options.source, self.money.text,
            self.plan.fetched_at,
        ))  # fmt: skip

    def _find_mapping(self) -> ImportSettings | None:
        mappings = {m.name: m for m in self._settings.imports}
        name = self.plan.mapping or (self.plan.format if self.plan.format in mappings else "")
        if not name:
            return None
        found = mappings.get(name)
        if found is None or found.kind != self.plan.kind:
            fitting = ", ".join(m.name for m in mappings.values() if m.kind == self.plan.kind) or "(none configured)"
            got = f"{name!r}" if found is None else f"{name!r}, whose kind is {found.kind}"
            raise ConfigError(f"--mapping: expected one of {fitting}, got {got}")
        return found

    def _find_format(self) -> StatementFormat | None:
        plan = self.plan
        if self._mapping is not None:
            table = own_table(plan.kind)
            if table is None:
                raise ConfigError(f"import {self._mapping.name}: no table of the kind {plan.kind} can be mapped")
            check_mapping(
                self._mapping.name, table, self._mapping.columns, self._mapping.values, self._mapping.unit
            )  # fmt: skip
            return table.form
        return None if plan.format == AUTO else named_format(plan.kind, plan.format, self.mappings)

    def _options(self, now_ms: int) -> StatementOptions:
        plan, mapping, table = self.plan, self._mapping, own_table(self.plan.kind)
        given = {name: getattr(plan, name) or (getattr(mapping, name) if mapping else "")
                 for name in ("currency", "timezone", "decimal", "dates", "source", "account")}  # fmt: skip
        for name, choices in (("decimal", (".", ",")), ("dates", ("dmy", "mdy"))):
            if given[name] and given[name] not in choices:
                raise ConfigError(f"--{name}: expected {' or '.join(choices)}, got {given[name]!r}")
        zone = zone_of_file(given["timezone"], self._settings)
        return StatementOptions(
            zone=zone,
            zone_name=zone.key,
            zone_given=bool(given["timezone"]),
            currency=self._currency(given["currency"]),
            decimal=given["decimal"],
            dates=given["dates"],
            encoding=plan.encoding,
            sheet=plan.sheet,
            account=given["account"],
            source=given["source"] or (mapping.name if mapping else ""),
            words={
                field: {fold_word(theirs): fold_word(ours) for theirs, ours in words.items()}
                for field, words in (by_field(table, mapping.values) if mapping and table else {}).items()
            },
            columns=by_field(table, mapping.columns) if mapping and table else dict(plan.columns),
            unit=mapping.unit if mapping else "",
            now=now_ms // 1000,
        )

    def _currency(self, text: str) -> str:
        code = read_currency(text) if text else ""
        if code is None:
            raise ConfigError(f"--currency: expected three letters (ISO 4217), got {text!r}")
        return code

    def _day(self, name: str) -> str:
        text: str = getattr(self.plan, name)
        if text and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ConfigError(f"--{name}: expected a day as 2026-03-10, got {text!r}")
        return text
