"""The snippets of platforms, tag managers and plugins, by what of them stands in a page: tables.

Owns the patterns only. A snippet's forms are those of its platform's own instructions and of public pages (seen November
2026); the plugins are those of WordPress and PrestaShop by their folders. Dates on which something ends: Shopify's pages on
script tags (checked 2026-09), Google's page on Universal Analytics (answer/11583528).
"""

from __future__ import annotations

import re

from msgspec import Struct

_QUOTED = r"""["'`]([^"'`\n]{1,60})["'`]"""


class Snippet(Struct, frozen=True, kw_only=True):
    """One platform's own script. ``loader``: its address; ``accounts`` and ``events``: calls in code, the last group counts."""

    platform: str
    title: str
    loader: re.Pattern[str]
    accounts: re.Pattern[str]
    events: re.Pattern[str]
    ends: str = ""
    legacy: str = ""  # why it should go


def _call(name: str, verb: str, rest: str) -> re.Pattern[str]:
    return re.compile(rf"""\b{name}\s*\(\s*["'](?:{verb})["']\s*,\s*{rest}""")


_NUMBER = r"""["']?(\d{5,20})"""
SNIPPETS: tuple[Snippet, ...] = (
    Snippet(
        platform="meta", title="Meta's pixel", loader=re.compile(r"connect\.facebook\.net/[\w-]{2,10}/fbevents\.js"),
        accounts=_call("fbq", "init", _NUMBER),
        events=re.compile(rf"""\bfbq\s*\(\s*["'](?:track|trackCustom|trackSingle|trackSingleCustom)["']\s*,\s*(?:["']?\d{{5,20}}["']?\s*,\s*)?{_QUOTED}"""),
    ),
    Snippet(
        platform="meta", title="Meta's conversion pixel of before 2017", loader=re.compile(r"connect\.facebook\.net/[\w-]{2,10}/fbds\.js"),
        accounts=re.compile(r"""_fbq\.push\(\s*\[\s*["']addPixelId["']\s*,\s*["'](\d{5,20})"""),
        events=re.compile(rf"""_fbq\.push\(\s*\[\s*["']track["']\s*,\s*{_QUOTED}"""),
        legacy="It is the snippet that today's pixel replaced; no page of Meta's describes it any more.",
    ),
    Snippet(
        platform="ga4", title="Google tag", loader=re.compile(r"/gtag/js\?(?:[^\s\"'<>]*&)?id=((?:G|GT|AW|DC)-[\w-]{4,20})"),
        accounts=_call("gtag", "config", r"""["']((?:G|GT)-[A-Z0-9]{4,16})"""), events=_call("gtag", "event", _QUOTED),
    ),
    Snippet(
        platform="google_ads", title="Google Ads tag", loader=re.compile(r"www\.googleadservices\.com/pagead/conversion(?:_async)?\.js"),
        accounts=re.compile(r"""["'](AW-\d{6,14})(?:/[\w-]{1,40})?["']"""),
        events=re.compile(r"""["']send_to["']\s*:\s*["'](AW-\d{6,14}/[\w-]{4,40})["']"""),
    ),
    Snippet(
        platform="universal_analytics", title="Universal Analytics", loader=re.compile(r"google-analytics\.com/(?:analytics|ga|urchin)\.js"),
        accounts=re.compile(r"""["'](UA-\d{4,12}-\d{1,4})["']"""), events=_call("ga", "send", rf"""["']event["']\s*,\s*{_QUOTED}"""),
        ends="2024-07-01", legacy="Google has stopped processing it; what still loads it measures nothing.",
    ),
    Snippet(
        platform="tiktok", title="TikTok's pixel", loader=re.compile(r"analytics\.tiktok\.com/i18n/pixel/"),
        accounts=re.compile(r"""\bttq\.load\s*\(\s*["']([A-Z0-9]{16,24})"""), events=re.compile(rf"""\bttq\.track\s*\(\s*{_QUOTED}"""),
    ),
    Snippet(
        platform="pinterest", title="Pinterest's tag", loader=re.compile(r"s\.pinimg\.com/ct/core\.js"),
        accounts=_call("pintrk", "load", r"""["'](\d{8,20})"""), events=_call("pintrk", "track", _QUOTED),
    ),
    Snippet(
        platform="snap", title="Snap's pixel", loader=re.compile(r"sc-static\.net/scevent(?:\.min)?\.js"),
        accounts=_call("snaptr", "init", r"""["']([0-9a-f-]{30,40})"""), events=_call("snaptr", "track", _QUOTED),
    ),
    Snippet(
        platform="linkedin", title="LinkedIn's insight tag", loader=re.compile(r"snap\.licdn\.com/li\.lms-analytics/insight"),
        accounts=re.compile(r"""_linkedin_partner_id\s*=\s*["'](\d{4,12})"""),
        events=re.compile(r"""\blintrk\s*\(\s*["']track["']\s*,\s*\{[^}]{0,80}?conversion_id["']?\s*:\s*["']?(\d{4,14})"""),
    ),
    Snippet(
        platform="reddit", title="Reddit's pixel", loader=re.compile(r"redditstatic\.com/ads/(?:[\w./-]*)pixel\.js"),
        accounts=_call("rdt", "init", r"""["'](\w{2,24})"""), events=_call("rdt", "track", _QUOTED),
    ),
    Snippet(
        platform="microsoft", title="Microsoft's UET tag", loader=re.compile(r"bat\.bing\.(?:com|net)/bat\.js"),
        accounts=re.compile(r"""\bti\s*:\s*["'](\d{5,14})"""), events=re.compile(rf"""uetq\.push\s*\(\s*["']event["']\s*,\s*{_QUOTED}"""),
    ),
    Snippet(
        platform="x", title="X's pixel", loader=re.compile(r"static\.ads-twitter\.com/(?:uwt|oct)\.js"),
        accounts=_call("twq", "init|config", r"""["'](\w{4,12})"""), events=_call("twq", "track|event", _QUOTED),
    ),
)  # fmt: skip

AGENT = re.compile(r"""["']?agent["']?\s*:\s*["']([\w.-]{2,40})["']""")
"""What a snippet names itself to Meta; it is copied into each call."""
SERVER_CONTAINER = re.compile(
    r"""["']?(?:server_container_url|transport_url)["']?\s*:\s*["'](?:https?:)?//([\w.:-]{3,100})"""
)
GOOGLE_HOSTS = re.compile(r"(?:www\.)?(?:googletagmanager|google-analytics|google)\.com")

MANAGERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Google Tag Manager", re.compile(r"\b(GTM-[A-Z0-9]{4,12})\b")),
    ("Tealium", re.compile(r"tags\.tiqcdn\.com/utag/([\w./-]{3,60})/utag")),
    ("Adobe Launch", re.compile(r"assets\.adobedtm\.com/([\w./-]{5,80}?)(?:\.min)?\.js")),
    ("Segment", re.compile(r"cdn\.segment\.com/(?:analytics\.js/v1|v1/projects)/([\w-]{10,40})")),
    ("Ensighten", re.compile(r"nexus\.ensighten\.com/([\w./-]{3,60}?)/Bootstrap")),
    ("Matomo Tag Manager", re.compile(r"/js/container_([A-Za-z0-9]{6,12})\.js")),
)


class Plugin(Struct, frozen=True):
    """``official``: the platform's own. ``words``: what stands in comments or ids before what it writes."""

    slug: str
    title: str
    platform: str
    official: bool = False
    words: tuple[str, ...] = ()


PLUGINS: tuple[Plugin, ...] = (
    Plugin("facebook-for-woocommerce", "Meta for WooCommerce", "meta", True, ("woocommerce facebook integration", "facebook-for-woocommerce", "woocommerce-")),
    Plugin("official-facebook-pixel", "Meta pixel for WordPress", "meta", True, ("official-facebook-pixel", "meta pixel event code")),
    Plugin("pixelyoursite", "PixelYourSite", "any", False, ("pixelyoursite", "pys-js", "pys-")),
    Plugin("pixelyoursite-pro", "PixelYourSite Pro", "any", False, ()),
    Plugin("duracelltomi-google-tag-manager", "GTM4WP", "any", False, ("google tag manager for wordpress", "gtm4wp")),
    Plugin("google-listings-and-ads", "Google for WooCommerce", "google_ads", True, ("google-listings-and-ads", "gla-gtag")),
    Plugin("woocommerce-google-analytics-integration", "WooCommerce Google Analytics", "ga4", False, ("woocommerce-google-analytics-integration",)),
    Plugin("woocommerce-google-adwords-conversion-tracking-tag", "Pixel Manager for WooCommerce", "any", False, ("pixel manager for woocommerce", "wpm-js", "pmw-")),
    Plugin("tiktok-for-business", "TikTok for WooCommerce", "tiktok", True, ("tiktok-for-business", "tiktok-pixel")),
    Plugin("pinterest-for-woocommerce", "Pinterest for WooCommerce", "pinterest", True, ("pinterest-for-woocommerce",)),
    Plugin("snapchat-for-woocommerce", "Snapchat for WooCommerce", "snap", True, ("snapchat-for-woocommerce",)),
    Plugin("google-site-kit", "Site Kit by Google", "ga4", True, ("site kit", "google_gtagjs")),
    Plugin("ps_facebook", "PrestaShop Facebook", "meta", True, ("ps_facebook",)),
    Plugin("pspixel", "PrestaShop Pixel", "meta", False, ("pspixel",)),
    Plugin("ps_googleanalytics", "PrestaShop Google Analytics", "ga4", False, ("ps_googleanalytics",)),
)  # fmt: skip

PLUGIN_PATH = re.compile(r"/(?:wp-content/(?:mu-)?plugins|modules|bundles)/([\w.-]{2,60})/")
APP_BLOCK = re.compile(r"cdn\.shopify\.com/extensions/[0-9a-f-]{36}/(?:[0-9.]+/)?([\w.-]{2,80}?)(?:-\d+)?/assets/")
THEME_FILE = re.compile(
    r"/cdn/shop/t/\d+/assets/([\w.-]{2,100})|/s/files/(?:\d+/)+t/\d+/assets/([\w.-]{2,100})|/wp-content/themes/[\w.-]+/([\w./-]{2,100})"
)
SPEAKS = re.compile(
    r"pixel|fbq|facebook|(?<!a)capi\b|conversion|track(?:er|ing)|analytics|gtm|tag-?manager|tiktok|pinterest|snapchat",
    re.I,
)
"""Names of files that may send events."""
OUR_TAG = re.compile(r"/twofold(?:\.[0-9a-f]+)?\.js")
ORDER_STATUS = re.compile(r"Shopify\.(?:checkout\s*=|Checkout\.OrderStatus\b)|/checkouts/[\w/-]{1,200}/thank[_-]you")
SCRIPTS_END = "2026-08-26"
"""The day on which Shopify stopped running additional scripts on the page of an order."""
