"""Documented forms in SQL, for the texts whose form is beyond doubt; NULL sends a text to `event` instead.

Each must answer exactly what `normalise` answers, or NULL. They cover ASCII of the usual shape only: DuckDB's lower()
and white space differ from Unicode's. Phone numbers use the plans of `event.phones`, whose patterns RE2 understands.
"""

from __future__ import annotations

from collections.abc import Iterable

from twofold.event.scalars import HASHES_OF_NOTHING, NO_ID, SAYS_NOTHING
from twofold.matching.phones import Plan, plan_of

_ALREADY = "[0-9a-f]{64}"

_EMAIL = r" *[A-Za-z0-9._%+'\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+ *"
PHONE_COLUMNS = (_DIGITS, _NATIONAL) = ("_twofold_digits", "_twofold_national")
_ASCII = r"[\x00-\x7F]*"
_DAY = "(0[1-9]|[12][0-9]|3[01])"
_MONTH = "(0[1-9]|1[0-2])"
_DATE = f"(19|20)[0-9]{{2}}{_MONTH}{_DAY}"
_ISO_DATE = f"(19|20)[0-9]{{2}}-{_MONTH}-{_DAY}"
_NUMBER = r"[0-9(+][0-9 ().\-/]*"
_ABROAD = r"(\+|00)[1-9][0-9 ().\-/]*"


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


_NOTHING = ", ".join(sorted({quoted(word.lower()) for word in NO_ID if len(word) < 32}))
_SPACE = "' ' || " + " || ".join(
    f"chr({code})" for code in (*range(9, 14), *range(28, 32))
)  # what str.strip() takes off
_NO_NAME = ", ".join(sorted({quoted("".join(filter(str.isalnum, word.lower()))) for word in ("", "0", *SAYS_NOTHING)}))
_NOTHING_HASHED = ", ".join(sorted(quoted(made) for made in HASHES_OF_NOTHING if len(made) == 64))


def is_hash(text: str) -> str:
    """SQL: is ``text`` a whole SHA-256 in small letters?"""
    return f"(regexp_full_match({text}, {quoted(_ALREADY)}) AND {text} NOT IN ({_NOTHING_HASHED}))"


def hash_expression(field: str, text: str, country: str, regions: Iterable[str]) -> str:
    """SQL for the hash of ``text``, an expression; NULL where it is empty or where `event` must decide."""
    form = short_form(field, text, country, regions)
    if form == "NULL":
        return f"CASE WHEN {is_hash(text)} THEN {text} END"
    return f"CASE WHEN {is_hash(text)} THEN {text} ELSE sha256({form}) END"


def _is_nothing(text: str) -> str:
    """SQL: may ``text`` be a word of a program that knew nothing? The rule itself is in `event.scalars`."""
    word = f"lower(trim({text}, {_SPACE})) IN ({_NOTHING}) OR trim({text}, '0-' || {_SPACE}) = ''"
    return f"({word} OR {_may_be_a_place(text)})"


def _may_be_a_place(text: str) -> str:
    """SQL: has ``text`` a sign of a template's place?"""
    return f"regexp_matches({text}, '[{{}}%<\\[]|__')"


def short_form(field: str, text: str, country: str, regions: Iterable[str]) -> str:
    """SQL for the form of ``text`` (an expression, not NULL), or NULL. ``country`` is an expression for a code or ''."""
    if field in ("fn", "ln", "ct"):
        plain = f"length({text}) < 32 AND regexp_full_match({text}, {quoted(_ASCII)}) AND NOT {_may_be_a_place(text)}"
        bare = f"lower(regexp_replace({text}, '[^A-Za-z0-9]+', '', 'g'))"
        return f"CASE WHEN {plain} THEN CASE WHEN {bare} NOT IN ({_NO_NAME}) THEN {bare} END END"
    if field == "em":
        short = f"strpos({text}, '@') <= 65 AND regexp_full_match({text}, {quoted(_EMAIL)})"
        return f"CASE WHEN {short} THEN replace(lower({text}), ' ', '') END"
    if field == "external_id":
        plain = f"regexp_full_match({text}, '[!-Z^-~][!-~]{{0,30}}')"  # no list that went through a form field
        return f"CASE WHEN {plain} AND NOT {_is_nothing(text)} THEN lower({text}) END"
    if field == "db":
        return (
            f"CASE WHEN regexp_full_match({text}, {quoted(_DATE)}) THEN {text} "
            f"WHEN regexp_full_match({text}, {quoted(_ISO_DATE)}) THEN replace({text}, '-', '') END"
        )
    if field == "zp":
        return (
            f"CASE WHEN regexp_full_match({text}, '[0-9]{{5}}') THEN {text} "
            f"WHEN {country} = 'us' AND regexp_full_match({text}, '[0-9]{{5}}-[0-9]{{4}}') THEN left({text}, 5) END"
        )
    if field == "ph":
        return _phone(text, country, regions)
    return "NULL"


def with_phone_columns(source: str, text: str, country: str, regions: Iterable[str]) -> str:
    """``source``, a table expression, with the columns that the form of a phone number is computed from.

    In steps, because an expression that is named twice is computed twice.
    """
    national = " ".join(f"WHEN {country} = {quoted(r.lower())} THEN {_national(p)}" for r, p in _plans(regions))
    digits = (
        f"CASE WHEN regexp_full_match({text}, {quoted(_NUMBER)}) THEN regexp_replace({text}, '[^0-9]+', '', 'g') END"
    )
    inside = f"CASE {national} END" if national else "NULL::VARCHAR"
    return f"(SELECT *, {inside} AS {_NATIONAL} FROM (SELECT *, {digits} AS {_DIGITS} FROM {source}))"


def _phone(text: str, country: str, regions: Iterable[str]) -> str:
    here = " ".join(f"WHEN {country} = {quoted(r.lower())} THEN {_checked(p)}" for r, p in _plans(regions))
    abroad = (
        f"CASE WHEN contains({text}, '(0') THEN NULL "
        f"WHEN starts_with({text}, '0') THEN CASE WHEN length({_DIGITS}) BETWEEN 9 AND 22 THEN substr({_DIGITS}, 3) END "
        f"WHEN length({_DIGITS}) BETWEEN 7 AND 20 THEN {_DIGITS} END"
    )
    return (
        f"CASE WHEN {_DIGITS} IS NULL THEN NULL WHEN regexp_full_match({text}, {quoted(_ABROAD)}) THEN {abroad} "
        f"WHEN starts_with({text}, '+') OR starts_with({text}, '00') OR length({_DIGITS}) NOT BETWEEN 7 AND 20 THEN NULL "
        f"ELSE {f'CASE {here} END' if here else 'NULL'} END"
    )


def _plans(regions: Iterable[str]) -> list[tuple[str, Plan]]:
    found = ((region, plan_of(region.upper())) for region in regions)
    return [(region, plan) for region, plan in found if plan is not None and _fits_re2(plan)]


def _national(plan: Plan) -> str:
    """`Plan._national` in SQL, except that a prefix which may rewrite what follows is left to the long way."""
    code, general = quoted(plan.code), quoted(plan.general.pattern)
    trunk = quoted(f"^(?:{plan.trunk.pattern})") if plan.trunk else None
    after_code = f"substr({_DIGITS}, {len(plan.code) + 1})"
    clear = f"NOT regexp_full_match({_DIGITS}, {general}) AND regexp_full_match({after_code}, {general})"
    if trunk:
        clear += f" AND NOT regexp_matches({after_code}, {trunk})"
    cases = f"WHEN starts_with({_DIGITS}, {code}) THEN CASE WHEN {clear} THEN {after_code} END"
    if plan.trunk and trunk:
        rest = f"regexp_replace({_DIGITS}, {trunk}, '')"
        kept = f"regexp_full_match({_DIGITS}, {general}) AND NOT regexp_full_match({rest}, {general})"
        stripped = "NULL" if plan.trunk.groups else f"CASE WHEN {kept} THEN {_DIGITS} ELSE {rest} END"
        cases += f" WHEN regexp_matches({_DIGITS}, {trunk}) THEN {stripped}"
    return f"CASE {cases} ELSE {_DIGITS} END"


def _checked(plan: Plan) -> str:
    """`Plan.read` in SQL, over the national number."""
    lengths = ", ".join(map(str, sorted(plan.lengths))) or "-1"
    foreign = quoted(f"^(?:{plan.foreign.pattern})")
    return (
        f"CASE WHEN length({_NATIONAL}) IN ({lengths}) AND NOT regexp_matches({_DIGITS}, {foreign}) "
        f"AND (starts_with({_DIGITS}, '0') OR regexp_full_match({_NATIONAL}, {quoted(plan.valid.pattern)})) "
        f"THEN {quoted(plan.code)} || {_NATIONAL} END"
    )


def _fits_re2(plan: Plan) -> bool:
    """RE2 has no looking ahead; a pattern that never fits is written with it."""
    patterns = (plan.foreign, plan.general, plan.valid, *([plan.trunk] if plan.trunk else []))
    return not any("(?=" in p.pattern or "(?!" in p.pattern or "(?<" in p.pattern for p in patterns)
