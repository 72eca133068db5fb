"""The formats of statements that are known, and how a file finds its own.

Start reading here. Owns the closed tuples and the choice; what a format is to the importer is `contract`'s, its words are in
its own file. An own table is the format that an [[import]] of its kind describes anew, column by column (`mapped`).
"""

from __future__ import annotations

import re
from pathlib import Path

from twofold.errors import ConfigError, FileRefused
from twofold.importing.readers.tables import Survey
from twofold.importing.statements import payouts
from twofold.importing.statements.advertising.google_ads import GoogleAds
from twofold.importing.statements.advertising.google_ads_api import GoogleAdsApi
from twofold.importing.statements.advertising.meta_ads import MetaAds
from twofold.importing.statements.advertising.meta_insights import MetaInsights
from twofold.importing.statements.advertising.own_spend import HEADERS as SPEND_COLUMNS
from twofold.importing.statements.advertising.own_spend import OwnSpend
from twofold.importing.statements.advertising.tiktok_ads import TikTokAds
from twofold.importing.statements.advertising.tiktok_report import TikTokReport
from twofold.importing.statements.banks import BANK_FORMATS
from twofold.importing.statements.banks.columns import ANY, FIELDS, OUR_WORDS
from twofold.importing.statements.banks.table import BankTable
from twofold.importing.statements.contract import StatementFormat
from twofold.importing.statements.couriers.parcels import COLUMNS as PARCEL_COLUMNS
from twofold.importing.statements.couriers.parcels import PARCELS
from twofold.importing.statements.couriers.remittances import COLUMNS as REMITTANCE_COLUMNS
from twofold.importing.statements.couriers.remittances import REMITTANCE
from twofold.importing.statements.mapped import OwnTable
from twofold.importing.statements.payouts.own_table import COLUMNS as PAYOUT_COLUMNS
from twofold.importing.statements.payouts.own_table import KIND_WORDS
from twofold.importing.statements.payouts.own_table import OWN as OWN_PAYOUTS
from twofold.importing.statements.tables.costs import HEADERS as COST_COLUMNS
from twofold.importing.statements.tables.costs import RULES, Costs
from twofold.importing.statements.tables.ecb import Ecb
from twofold.importing.statements.tables.ga4_api import Ga4Api
from twofold.importing.statements.tables.ga4_bigquery import Ga4BigQuery
from twofold.importing.statements.tables.ga4_csv import HEADERS as GA4_COLUMNS
from twofold.importing.statements.tables.ga4_csv import Ga4Csv
from twofold.importing.statements.tables.nbg import Nbg
from twofold.importing.statements.tables.own_rates import HEADERS as RATE_COLUMNS
from twofold.importing.statements.tables.own_rates import OwnRates
from twofold.importing.statements.tables.survey import HEADERS as SURVEY_COLUMNS
from twofold.importing.statements.tables.survey import SurveyTable
from twofold.ledger.model import ParcelState

STATE_WORDS = tuple(state.value for state in ParcelState)

FORMATS: tuple[StatementFormat, ...] = (
    MetaAds(),
    MetaInsights(),
    GoogleAds(),
    GoogleAdsApi(),
    TikTokAds(),
    TikTokReport(),
    Ga4Api(),
    Ga4BigQuery(),
    Ecb(),
    Nbg(),
    *payouts.FORMATS,
    *BANK_FORMATS,
)
"""Every format, of every kind. One line a format."""

OWN_TABLES: tuple[OwnTable, ...] = (
    OwnTable(form=OwnSpend(), fields=SPEND_COLUMNS, needs=("day", "spend|invoiced")),
    OwnTable(form=Ga4Csv(), fields=GA4_COLUMNS, needs=("purchases|revenue|gross_revenue",)),
    OwnTable(form=OwnRates(), fields=RATE_COLUMNS, needs=("day", "currency", "rate")),
    OwnTable(form=Costs(), fields=COST_COLUMNS, needs=("sku|rule", "since", "amount|percent"), words={"rule": tuple(sorted(RULES))}),
    OwnTable(form=OWN_PAYOUTS, fields=PAYOUT_COLUMNS, needs=("gross|net", "at|batch_date"), words={"kind": KIND_WORDS}),
    OwnTable(form=BankTable(ANY), fields=FIELDS, needs=("booked_at|value_at", "amount|debit|credit"), words=OUR_WORDS),
    OwnTable(form=REMITTANCE, fields=REMITTANCE_COLUMNS, needs=("parcel|order", "collected|net"), words={"status": STATE_WORDS}),
    OwnTable(form=PARCELS, fields=PARCEL_COLUMNS, needs=("parcel|order", "status|due|taken", "at"), words={"status": STATE_WORDS}),
    OwnTable(form=SurveyTable(), fields=SURVEY_COLUMNS, needs=("order", "at", "answer")),
)  # fmt: skip
"""By kind the table in our own words; an [[import]] of that kind names its columns anew. One line a kind."""

SAMPLE_BYTES = 64 << 10

_OTHERS = (
    (re.compile(rb"!(?:Type|Account|Option|Clear):?", re.I), "a QIF file"),
    (re.compile(rb"01,[^,\r\n]*,[^,\r\n]*,\d{6},[^\r\n]*\r?\n02,"), "a BAI2 file"),
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"<!doctype html|<html", re.I), "a page of a website (HTML)"),
)
"""How files begin that are met and not read: whoever is told what he has knows what to fetch instead."""


def formats_of(kind: str) -> tuple[StatementFormat, ...]:
    """Those that `twofold import KIND` knows."""
    return tuple(form for form in (*FORMATS, *(table.form for table in OWN_TABLES)) if form.kind == kind)


def own_table(kind: str) -> OwnTable | None:
    """The table that an [[import]] of this kind describes."""
    return next((table for table in OWN_TABLES if table.form.kind == kind), None)


def named_format(kind: str, name: str, mappings: tuple[str, ...] = ()) -> StatementFormat:
    """The format that --format names. Raises `ConfigError` listing those of the kind."""
    known = formats_of(kind)
    found = next((form for form in known if form.name == name), None)
    if found is None:
        listed = ", ".join(["auto", *(form.name for form in known), *mappings])
        raise ConfigError(f"--format: expected one of {listed}, got {name!r}")
    return found


def _other_format(sample: bytes) -> str:
    """What a file is that is not read, where its beginning says so."""
    text = sample.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((name for sign, name in _OTHERS if sign.match(text)), "")


def recognise(path: Path, survey: Survey, kind: str, mappings: tuple[str, ...] = ()) -> StatementFormat:
    """The format of the kind that shows most signs. Raises `FileRefused` when none does, or when two show equally many."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    known = formats_of(kind)
    signs = sorted(((form.recognises(path, survey, sample), form.name) for form in known), reverse=True)
    if not signs or not signs[0][0]:
        titles = ", ".join(form.title for form in known) or "no format of this kind"
        others = f" or --mapping {', '.join(mappings)}" if mappings else ", or describe the columns in an [[import]]"
        other = _other_format(sample)
        if other:
            raise FileRefused(
                f"{path.name}: expected the signs of {titles}; got {other}, which is not read. "
                "Have the file written in one of these"
            )
        raise FileRefused(
            f"{path.name}: expected the signs of {titles}; got none of them. Name the format with --format{others}"
        )
    best = [name for count, name in signs if count == signs[0][0]]
    if len(best) > 1:
        raise FileRefused(
            f"{path.name}: fits {' and '.join(sorted(best))} equally well; name one of them with --format"
        )
    return next(form for form in known if form.name == best[0])
