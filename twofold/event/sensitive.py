"""Words that tell what nobody may be targeted by: health, money trouble, children, beliefs, sexuality.

Owns the lists and how a text is searched. Source of the categories: Meta, "About prohibited information" and the business
tools' rules of 2025 (health, financial status, data about children under 13, religion, politics, ethnicity, sexuality).
The lists are ours, kept short and exact on purpose: whole words and phrases that name a condition, a treatment or a
status. What merely sounds like it stays out, because a false alarm costs a shop its product names: "health food",
"sensitive skin", "hearing aids", "cancer" (a sign of the zodiac too), "Christian" (a first name), "loan words".

Languages: English first, then the plainest words in German, French, Spanish, Italian, Russian, Turkish and Georgian.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

CATEGORIES = ("health", "finance", "minors", "beliefs", "sexuality")

# A space stands for anything that is neither letter nor digit; a trailing * for any ending.
_WORDS: dict[str, str] = {
    "health": """
        hiv, hiv aids, chemotherap*, oncolog*, cancer treatment, cancer patient*, breast cancer, prostate cancer, tumour*,
        tumor*, diabet*, insulin, depression, antidepressant*, anxiety disorder, panic attack*, bipolar disorder,
        schizophreni*, autis*, adhd, epilep*, dementia, alzheimer*, parkinson, parkinsons, multiple sclerosis, hepatitis,
        herpes, chlamydia, gonorrh*, syphilis, std test*, sti test*, abortion*, miscarriage*, infertility, ivf,
        pregnancy test*, contracepti*, morning after pill*, birth control, erectile dysfunction, viagra, sildenafil,
        cialis, tadalafil, ozempic, wegovy, mounjaro, semaglutide, tirzepatide, methadone, opioid*, addiction treatment,
        addiction clinic, rehab clinic, alcoholism, eating disorder*, anorexia, bulimia, suicid*, self harm, psychiatr*,
        psychotherap*, dialysis, endometriosis, incontinence, hemorrhoid*, haemorrhoid*, prescription drug*,
        prescription medication*, hormone replacement, gender dysphoria, medical history, medical condition*,
        health condition*, diagnosis, medication*,
        schwangerschaftstest*, abtreibung*, antidepressiv*, depressionen, chemotherapie, krebstherapie, hämorrhoiden,
        potenzmittel, erektionsstörung*, demenz, schizophrenie, verhütungsmittel, rezeptpflichtig*,
        avortement*, vih, antidépresseur*, diabète, test de grossesse, dysfonction érectile, chimiothérapie,
        aborto*, disfunción eréctil, prueba de embarazo, antidepresivo*, quimioterapia, disfunzione erettile,
        test di gravidanza, chemioterapia, вич, аборт*, диабет*, тест на беременность, антидепрессант*, kürtaj,
        gebelik testi, diyabet*, აბორტი, დიაბეტი, შაქრიანი დიაბეტი
    """,
    "finance": """
        credit score*, credit history, credit rating, bad credit, payday loan*, loan application*, debt consolidation,
        debt relief, debt settlement, debt collector*, bankruptc*, foreclosure*, mortgage application*, mortgage arrears,
        annual income, monthly income, household income, net worth, low income, unemployment benefit*, food stamps,
        welfare benefit*, salary, financial hardship,
        schufa, privatinsolvenz, schuldnerberatung, kreditantrag, haushaltseinkommen, nettoeinkommen, schulden,
        surendettement, faillite personnelle, crédit conso*, revenu annuel, bancarrota, historial crediticio,
        préstamo rápido, prestamo rapido, ingresos anuales, sovraindebitamento, микрозайм*, банкротств*, kredi notu
    """,
    "minors": """
        under 13, under thirteen, child age, childs age, age of child, child birthday, kids account, child account, coppa,
        parental consent, student id, school name, unter 13, alter des kindes, moins de 13 ans, menores de 13,
        edad del niño, minori di 13, до 13 лет
    """,
    "beliefs": """
        religio*, catholic*, protestant*, muslim*, islamic*, jewish, judaism, hinduism, buddhism, atheis*, church donation*,
        political donation*, political party, political view*, political opinion*, party membership, trade union*,
        union member*, ethnicit*, ethnic origin, ethnic group, racial origin, asylum, immigration status, citizenship,
        refugee*, gewerkschaft*, parteimitglied*, konfession, staatsangehörigkeit, ethnische herkunft, syndicat*,
        syndiqué*, parti politique, musulman*, sindicato*, afiliación política, partito politico, профсоюз*,
        вероисповедание, политическая партия
    """,
    "sexuality": """
        gay, lesbian*, bisexual*, transgender*, transsexual*, lgbt, lgbtq, lgbtqia, homosexual*, sexual orientation,
        gender identity, sex life, sexual*, sex toy*, dildo*, vibrator*, fetish*, bdsm, porn*, escort service*, schwul*,
        lesbisch*, sexspielzeug*, sexualität, lesbienne*, jouet sexuel, orientation sexuelle, juguete sexual,
        orientación sexual, orientamento sessuale, гей, лесбиянк*, сексуальн*
    """,
}
assert tuple(_WORDS) == CATEGORIES

MAX_TEXT = 4_096  # characters looked at
_BEGINNING = 4  # characters


@lru_cache(maxsize=16_384)  # a shop's pages and products repeat; a text that is new costs 2 us
def category_of(text: str, categories: frozenset[str]) -> str | None:
    """The first of ``categories`` that a word or phrase in the text belongs to; None for most texts.

    Case, accents that were typed apart, percent-encoding and what stands between words do not matter; ``camelCase`` and
    ``snake_case`` are words side by side.
    """
    pattern = _pattern(categories)
    if pattern is None or not text:
        return None
    flat = _flat(text[:MAX_TEXT])
    if _beginnings(categories).isdisjoint([word[:_BEGINNING] for word in flat.split(" ")]):
        return None  # nearly every text: the search of all words would take ten times as long
    match = pattern.search(flat)
    return match.lastgroup if match else None


_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def _flat(text: str) -> str:
    """Words in lower case, one space around each."""
    plain = unquote(unquote(text)) if "%" in text else text
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    if not plain.islower():
        plain = _HUMP.sub(" ", plain)
    return f" {_BETWEEN.sub(' ', plain).lower()} "


@lru_cache(maxsize=64)
def _beginnings(categories: frozenset[str]) -> frozenset[str]:
    """How a text's word must begin for a word or phrase of the lists to begin there."""
    words = [w.strip() for c in CATEGORIES if c in categories for w in " ".join(_WORDS[c].split()).split(", ")]
    first = [w.rstrip("*").split(" ")[0] for w in words]
    assert all(len(f) >= _BEGINNING for f, w in zip(first, words, strict=True) if w == f"{f}*"), (
        "too short for any ending"
    )
    return frozenset(f[:_BEGINNING] for f in first)


@lru_cache(maxsize=64)
def _pattern(categories: frozenset[str]) -> re.Pattern[str] | None:
    parts = []
    for category in CATEGORIES:
        if category in categories:
            words = " ".join(_WORDS[category].split()).split(", ")
            alternatives = "|".join(re.escape(w.rstrip("*")) + (r"\w*" if w[-1] == "*" else "") for w in words)
            parts.append(f"(?P<{category}> (?:{alternatives}) )")
    return re.compile("|".join(parts)) if parts else None
