"""Reports of advertising platforms: whatever their form, to spend of one ad and day.

`sums` adds up the rows of one ad and day and holds totals against them; `report` is what the table reports share; each
other file is one form of one platform, or the operator's own table.
"""

from twofold.importing.statements.advertising.google_ads import GoogleAds
from twofold.importing.statements.advertising.google_ads_api import GoogleAdsApi
from twofold.importing.statements.advertising.meta_ads import MetaAds
from twofold.importing.statements.advertising.meta_insights import MetaInsights
from twofold.importing.statements.advertising.own_spend import OwnSpend
from twofold.importing.statements.advertising.tiktok_ads import TikTokAds
from twofold.importing.statements.advertising.tiktok_report import TikTokReport
from twofold.importing.statements.contract import StatementFormat

FORMATS: tuple[StatementFormat, ...] = (
    MetaAds(), MetaInsights(), GoogleAds(), GoogleAdsApi(), TikTokAds(), TikTokReport(), OwnSpend(),
)  # fmt: skip
