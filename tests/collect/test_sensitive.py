"""Sensitive data: what is held back, what only sounds like it, and 120 addresses and fields with contact data in them."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.collect.policy import DatasetPolicy, PrivacyRules
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.event.scrub import scrub_custom, scrub_url
from twofold.event.sensitive import CATEGORIES, category_of

ALL = frozenset(CATEGORIES)

SENSITIVE = [
    ("hiv-test-kit", "health"), ("HIV_status", "health"), ("/collections/diabetes-socks", "health"), ("Chemotherapy scarf", "health"),
    ("birth control pills", "health"), ("erectileDysfunction", "health"), ("pregnancy+test", "health"), ("diagnosis", "health"),
    ("medical_condition", "health"), ("Schwangerschaftstest", "health"), ("test-de-grossesse", "health"), ("prueba de embarazo", "health"),
    ("тест на беременность", "health"), ("gebelik-testi", "health"), ("დიაბეტი", "health"), ("%D0%B0%D0%B1%D0%BE%D1%80%D1%82", "health"),
    ("antidépresseur", "health"), ("antide\u0301presseur", "health"), ("depressionen", "health"),
    ("credit-score", "finance"), ("monthly_income", "finance"), ("payday-loans", "finance"), ("bankruptcy help", "finance"),
    ("schuldnerberatung", "finance"), ("salary", "finance"), ("surendettement", "finance"),
    ("child_age", "minors"), ("kids account", "minors"), ("for users under 13", "minors"), ("menores de 13", "minors"),
    ("religion", "beliefs"), ("catholic wedding", "beliefs"), ("trade-union", "beliefs"), ("politicalParty", "beliefs"),
    ("asylum lawyer", "beliefs"), ("Gewerkschaftsmitglied", "beliefs"), ("immigration status", "beliefs"),
    ("sexual_orientation", "sexuality"), ("sex-toys", "sexuality"), ("gay cruise", "sexuality"), ("lesbienne", "sexuality"),
    ("transgender flag", "sexuality"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "category"), SENSITIVE)
def test_what_is_sensitive(text, category):
    """A condition, a treatment or a status by its name, however the words are joined or encoded."""
    assert category_of(text, ALL) == category


HARMLESS = [
    "health food", "health-and-beauty", "sensitive skin cream", "Cancer zodiac necklace", "crab and cancer", "hearing aids",
    "first aid kit", "Christian Dior", "christian", "Union Jack mug", "european union", "loan words dictionary", "trans-siberian",
    "transport", "transparent", "gaylord hotel", "Essex", "Sussex", "unisex t-shirt", "sextant", "middlesex", "kids shoes",
    "children's books", "baby monitor", "school bag", "minor scale", "blood orange", "heart-shaped box", "stress ball",
    "pressure cooker", "mental arithmetic", "weight plates", "protein", "vitamin c", "massage oil", "pill organiser",
    "debt of honour", "income of ideas", "credit card holder", "mortgage", "party dress", "political map of the world",
    "buddha statue", "christmas", "easter", "cross necklace", "star of david", "analytics", "canal", "shampoo", "therapist chair",
    "insulinpen", "orientation week", "queen size", "gender reveal", "male/female adapter", "parkinson's law", "autisme",
]  # fmt: skip
# Two that the lists do take although a reader would not: kept here so that the price is known.
KNOWN_FALSE_ALARMS = {"parkinson's law": "health", "autisme": "health"}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_sounds_like_it(text):
    """Ordinary goods keep their names; the exceptions are listed."""
    assert category_of(text, ALL) == KNOWN_FALSE_ALARMS.get(text)


def test_only_the_wanted_categories():
    assert category_of("hiv test", frozenset({"finance"})) is None
    assert category_of("hiv test", frozenset()) is None


def event(rules: PrivacyRules, *, name: str = "ViewContent", url: str | None = None, **custom: Any) -> Event:
    origin = Origin(
        dataset="1",
        channel=Channel.SERVER,
        sender="test",
        tier=Tier.T2,
        received_at=1_790_000_000_000,
        policy=DatasetPolicy(id="1", privacy=rules),
    )
    raw = RawEvent(
        event_name=name,
        event_time=1_790_000_000,
        event_id="1",
        action_source="website",
        event_source_url=url,
        user_data={"external_id": "c-1"},
        custom_data={"value": 5, "currency": "EUR", **custom},
    )
    found = run(raw, origin)
    assert isinstance(found, Event), found
    return found


DEFAULT = PrivacyRules()


def test_a_sensitive_property_is_held_back_and_named_by_kind():
    """Left out wherever the word stands, in the key, the value or inside; money and the rest stay."""
    found = event(
        DEFAULT,
        content_name="HIV self test",
        hiv_status="positive",
        tags=["new", "sex toys"],
        quiz={"answers": {"a": "depression"}},
        color="red",
    )
    assert found.custom_data.other == {"color": "red"}
    assert (str(found.custom_data.value), found.custom_data.currency) == ("5", "EUR")
    text = " ".join(found.warnings)
    assert "custom_data.content_name is about health; held back" in text
    assert "positive" not in text
    assert "hiv" not in text


ADDRESSES = [
    ("https://shop.example/p/hiv-test?size=1", "https://shop.example/"),
    ("https://shop.example/p/hiv-test?utm_source=fb&fbclid=AbC&q=1", "https://shop.example/?fbclid=AbC&utm_source=fb"),
    ("https://shop.example/p/hiv-test?utm_campaign=hiv&fbclid=AbC", "https://shop.example/?fbclid=AbC"),
    ("https://shop.example/search?q=payday+loan", "https://shop.example/"),
    ("https://hiv-tests.example/", "https://hiv-tests.example/"),  # the shop's own name is what it is
    ("https://shop.example/p/red-shoes?size=41", "https://shop.example/p/red-shoes?size=41"),
    ("https://shop.example/?fbclid=hivTestgayXyz", "https://shop.example/?fbclid=hivTestgayXyz"),  # letters, not words
]


@pytest.mark.parametrize(("url", "expected"), ADDRESSES)
def test_a_sensitive_address_is_cut_to_its_site(url, expected):
    """Click ids stay, because they name nothing; a campaign stays unless it names it too."""
    assert event(DEFAULT, url=url).event_source_url == expected


def test_the_operator_decides():
    """Allowed properties are kept whatever they are called, and a category that is not listed is not looked for."""
    allowed = PrivacyRules(allow_custom=frozenset({"diagnosis"}))
    assert event(allowed, diagnosis="flu").custom_data.other == {"diagnosis": "flu"}
    none = PrivacyRules(sensitive=frozenset())
    assert event(none, diagnosis="flu", url="https://s.example/hiv").custom_data.other == {"diagnosis": "flu"}


def test_an_event_name_is_only_warned_about():
    found = event(DEFAULT, name="HivTestOrdered")
    assert found.event_name == "HivTestOrdered"
    assert "event_name is about health" in found.warnings[0]


def test_core_setup_leaves_the_site_and_documented_parameters():
    """Address without path and query, no own properties; what is documented stays, and what is allowed."""
    rules = PrivacyRules(core_setup=True, allow_custom=frozenset({"margin"}))
    found = event(
        rules, url="https://shop.example/p/1?fbclid=AbC", content_name="Mug", color="red", margin=2, search_string="mug"
    )
    assert found.event_source_url == "https://shop.example/"
    assert found.custom_data.other == {"content_name": "Mug", "margin": 2, "search_string": "mug"}
    assert found.user_data.fbc == "fb.1.1790000000000.AbC", "the click was read before"


# -- 120 addresses and fields: what a shop's pages and plug-ins really put there. {} is where a secret of a person stands.

MAIL, PHONE, NAME = "jane.doe@mail.example", "+1 650 555 1212", "Janina"
URL_FIELDS = [
    # by the parameter's name
    *((f"https://shop.example/thanks?{key}={{}}&a=1", NAME) for key in (
        "email", "e-mail", "e_mail", "mail", "EMAIL", "Email", "customer_email", "customer%5Bemail%5D", "userEmail", "email_address",
        "login_email", "contact.email", "phone", "phone_number", "phoneNumber", "tel", "telephone", "mobile", "msisdn", "billing_phone",
        "telefon", "telefono", "handy", "name", "first_name", "firstname", "firstName", "fname", "last_name", "lastName", "lname",
        "fullname", "username", "vorname", "nachname", "nombre", "apellido", "apellidos", "prenom", "nom", "cognome", "password",
        "passwd", "pwd", "pass", "passwort", "kennwort", "contrasena", "mdp", "token", "access_token", "accessToken", "reset_token",
        "auth", "jwt", "otp", "pin", "api_key", "apikey", "secret", "client_secret", "session_id", "sid", "ssn", "card", "card_number",
        "creditcard", "iban", "dob", "birthday", "birthdate", "birth_date", "geburtsdatum", "naissance", "address", "address1",
        "shipping_address", "street", "strasse", "addr", "adresse", "indirizzo", "direccion", "zip", "zipcode_zip", "postcode",
        "postal_code", "plz",
    )),
    # by what stands there
    ("https://shop.example/?q={}", MAIL), ("https://shop.example/?q={}", "jane.doe%40mail.example"),
    ("https://shop.example/?r=https%3A%2F%2Fx%2F%3Fe%3D{}", "jane.doe%2540mail.example"), ("https://shop.example/?utm_content={}", MAIL),
    ("https://shop.example/?{}", MAIL), ("https://shop.example/u/{}/orders", MAIL), ("https://shop.example/u/{}/orders", "jane.doe%40mail.example"),
    ("https://shop.example/#/login?user={}", NAME), ("https://{}:pw@shop.example/", NAME), ("https://shop.example/?q={}", "%2B1%20650%20555%201212"),
    ("https://shop.example/?q={}", "+16505551212"), ("https://shop.example/call/{}", "+1-650-555-1212"), ("https://shop.example/?fbclid=A&note={}", MAIL),
]  # fmt: skip
CUSTOM_FIELDS = [
    ({"email": "{}"}, NAME), ({"customer_phone": "{}"}, NAME), ({"note": "write to {}"}, MAIL), ({"note": "call {} today"}, PHONE),
    ({"a": {"b": ["{}"]}}, MAIL), ({"{}": 1}, MAIL), ({"firstName": "{}"}, NAME), ({"shipping": {"street": "{}"}}, NAME),
    ({"coupon_code": "{}"}, MAIL), ({"vorname": "{}"}, NAME), ({"auth": "{}"}, NAME), ({"tags": ["new", "{}"]}, "+49 170 1234567"),
    ({"search_string": "{}"}, MAIL), ({"content_name": "for {}"}, MAIL), ({"reset_token": "{}"}, NAME), ({"nombre": "{}"}, NAME),
    ({"card_holder": "{}"}, NAME), ({"comment": "{} or +44 20 7946 0958"}, MAIL), ({"x_iban": "{}"}, NAME),
]  # fmt: skip


def test_there_are_a_hundred_and_twenty_of_them():
    assert len(URL_FIELDS) + len(CUSTOM_FIELDS) >= 120


@pytest.mark.parametrize(("template", "secret"), URL_FIELDS, ids=[t[20:50] for t, _ in URL_FIELDS])
def test_no_contact_data_stays_in_an_address(template, secret):
    clean, scrubbed = scrub_url(template.replace("{}", secret))
    assert scrubbed or "#" in template
    assert secret not in clean
    assert "jane" not in clean.lower()
    assert "6505551212" not in "".join(c for c in clean if c.isdigit())
    assert clean.startswith("https://shop.example/")


def filled(value: Any, secret: str) -> Any:
    if isinstance(value, dict):
        return {k.replace("{}", secret): filled(v, secret) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, secret) for v in value]
    return value.replace("{}", secret) if isinstance(value, str) else value


@pytest.mark.parametrize(("template", "secret"), CUSTOM_FIELDS, ids=[next(iter(t)) for t, _ in CUSTOM_FIELDS])
def test_no_contact_data_stays_in_a_property(template, secret):
    clean, scrubbed = scrub_custom(filled(template, secret))
    assert scrubbed
    assert secret not in str(clean)
    assert "7946" not in str(clean)


KEPT = [
    "https://shop.example/p/1?color=red&size=4", "https://shop.example/?utm_source=mail&utm_campaign=first%20name",
    "https://shop.example/?fbclid=IwAR0-Name_x", "https://shop.example/?variant=40123456789012&page=2",
    "https://shop.example/?q=red+shoes+42", "https://shop.example/?gclid=Cj0K+abc", "https://shop.example/p/c%2B%2B-book",
    "https://shop.example/?discount=10%2B5", "https://shop.example/?sort=price-ascending&filter.v.option=blue",
]  # fmt: skip


@pytest.mark.parametrize("url", KEPT)
def test_what_is_useful_stays(url):
    assert scrub_url(url) == (url, False)
