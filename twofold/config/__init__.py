"""The configuration: `settings` is the table of names, units, defaults and help; `read` reads a file; `check` refuses.

Owns what an operator writes. No room below reads it: each is passed what it needs by `policies`.
"""

from twofold.config.audiences import AudienceSettings
from twofold.config.datasets import (
    PURPOSES,
    SENSITIVE,
    ConsentSettings,
    DatasetSettings,
    OrderSettings,
    PrivacySettings,
    TrustSettings,
)
from twofold.config.money import AccountSettings, ImportSettings
from twofold.config.read import load_settings, settings_from
from twofold.config.settings import (
    ConsoleSettings,
    DestinationSettings,
    RetentionSettings,
    ServerSettings,
    Settings,
    describe_settings,
)
from twofold.config.sources import SOURCE_TYPES, SourceSettings, can_ask, secrets_of

__all__ = [
    "PURPOSES",
    "SENSITIVE",
    "SOURCE_TYPES",
    "AccountSettings",
    "AudienceSettings",
    "ConsentSettings",
    "ConsoleSettings",
    "DatasetSettings",
    "DestinationSettings",
    "ImportSettings",
    "OrderSettings",
    "PrivacySettings",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "SourceSettings",
    "TrustSettings",
    "can_ask",
    "describe_settings",
    "load_settings",
    "secrets_of",
    "settings_from",
]
