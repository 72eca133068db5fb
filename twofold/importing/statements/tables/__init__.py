"""Tables beside the money: what GA4 counted, rates of exchange, what things cost, what buyers answered.

Each file is one form. `site_days` adds up what a counter of the site says of one day; `rows` walks a table of which
each row is one thing by itself.
"""

from twofold.importing.statements.contract import StatementFormat
from twofold.importing.statements.tables.costs import Costs
from twofold.importing.statements.tables.ecb import Ecb
from twofold.importing.statements.tables.ga4_api import Ga4Api
from twofold.importing.statements.tables.ga4_bigquery import Ga4BigQuery
from twofold.importing.statements.tables.ga4_csv import Ga4Csv
from twofold.importing.statements.tables.nbg import Nbg
from twofold.importing.statements.tables.own_rates import OwnRates
from twofold.importing.statements.tables.survey import SurveyTable

FORMATS: tuple[StatementFormat, ...] = (
    Ga4Csv(), Ga4Api(), Ga4BigQuery(), Ecb(), Nbg(), OwnRates(), Costs(), SurveyTable(),
)  # fmt: skip
