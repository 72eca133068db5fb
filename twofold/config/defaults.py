"""What follows from other settings, and the one form of what is compared with what browsers and platforms write.

Owns sites, countries, paths and the names of what has none. What is no such form at all is a fault here; every other fault is
`check`'s.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from twofold.config.datasets import DatasetSettings
from twofold.config.faults import Faults, Place
from twofold.config.settings import DestinationSettings, Settings
from twofold.config.sources import SourceSettings, secrets_of, stands_in_path
from twofold.destinations import BY_PLATFORM

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OTHER_COUNTRIES = {"UK": "GB", "EL": "GR"}  # widely written, not in the standard


def with_defaults(settings: Settings, faults: Faults) -> Settings:
    """The settings with what follows from others, and in the form in which they are compared."""
    destinations = []
    for d in settings.destination:
        destinations.append(destination_with_defaults(d))
    sources = [
        msgspec.structs.replace(s, path=_path_of(s), endpoint=s.endpoint.strip().rstrip("/")) for s in settings.source
    ]
    accounts = [
        msgspec.structs.replace(
            a,
            name=a.name or "-".join(filter(None, (a.platform, a.id))),
            endpoint=a.endpoint.rstrip("/"),
            currency=a.currency.strip().upper(),
        )
        for a in settings.account
    ]
    datasets = [_dataset(("dataset", n), d, faults) for n, d in enumerate(settings.dataset)]
    path = settings.server.tag_path.strip("/")
    return msgspec.structs.replace(
        settings,
        server=msgspec.structs.replace(
            settings.server, tag_path=f"/{path}" if path else "", address=settings.server.address.strip().rstrip("/")
        ),
        dataset=tuple(datasets),
        destination=tuple(destinations),
        source=tuple(sources),
        account=tuple(accounts),
        alert=tuple(msgspec.structs.replace(a, name=a.name or a.type) for a in settings.alert),
    )


def destination_with_defaults(d: DestinationSettings) -> DestinationSettings:
    """With what the platform has by itself; one that nobody knows stays as it is, and is a fault."""
    remote = d.remote_dataset or d.dataset
    known = BY_PLATFORM.get(d.platform)
    endpoint = d.endpoint or (known.endpoint if known else "")
    return msgspec.structs.replace(
        d,
        remote_dataset=remote,
        name=d.name or f"{d.platform}-{remote}",
        endpoint=endpoint.rstrip("/"),
        version=d.version or (known.version if known else ""),
        purposes=d.purposes if d.purposes is not None else known.purposes if known else (),
    )


def site_of(text: str) -> str:
    """A site as browsers write it in ``Origin``: lower case, without the scheme's own port, other letters encoded.

    Raises `ValueError` with what was expected for anything that no browser would ever send.
    """
    if "*" in text:
        raise ValueError("expected each site by itself, patterns with * are not understood")
    parts = urlsplit(text.strip())
    if not re.fullmatch(r"https?://[^/\s?#@]+", text.strip(), re.I) or not parts.hostname:
        raise ValueError("expected scheme and host, as https://shop.example")
    try:
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        port = parts.port
    except (UnicodeError, ValueError):
        raise ValueError("expected scheme and host, as https://shop.example") from None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def _dataset(place: Place, d: DatasetSettings, faults: Faults) -> DatasetSettings:
    where = f"dataset {d.id}"
    origins = []
    for origin in d.origins:
        try:
            origins.append(site_of(origin))
        except ValueError as err:
            faults.add((*place, "origins"), f"{where}: origins: {err}, got {origin!r}")
    consent = msgspec.structs.replace(
        d.consent,
        require_in=tuple(_country(c) for c in d.consent.require_in),
        limited_in=tuple(r.strip().upper().replace("_", "-") for r in d.consent.limited_in),
    )
    trust = msgspec.structs.replace(
        d.trust,
        value_caps={c.strip().upper(): cap for c, cap in d.trust.value_caps.items()},
        currencies=tuple(c.strip().upper() for c in d.trust.currencies),
    )
    country = _country(d.country) if d.country else ""
    return msgspec.structs.replace(d, origins=tuple(origins), consent=consent, trust=trust, country=country)


def _country(text: str) -> str:
    code = text.strip().upper()
    return _OTHER_COUNTRIES.get(code, code)


def _path_of(source: SourceSettings) -> str:
    path = source.path.strip() or f"/webhooks/{source.type}/{source.shop}"
    if not source.path.strip() and stands_in_path(source):
        path += f"/{next(iter(secrets_of(source)), '')}"
    return path if path.startswith("/") else f"/{path}"
